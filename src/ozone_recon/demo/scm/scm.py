"""Models SCM: allocates blocks and manages containers, pipelines and datanodes. Times are seconds since 1970."""

from __future__ import annotations

import random
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from ozone_recon.demo.datanodes.datanode import SimulatedDatanode, make_datanodes
from ozone_recon.demo.plan import CONTAINER_SIZE, REPLICATIONS, Plan
from ozone_recon.demo.refusal import Refused
from ozone_recon.demo.scm.containers import SimulatedContainers, share
from ozone_recon.demo.scm.pipelines import SimulatedPipeline, SimulatedPipelines
from ozone_recon.demo.scm.placement import RackPlacement
from ozone_recon.demo.scm.replication import ReplicationManager
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.om import Block
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState, DeletedBlocksSummary, ScmInfo, ScmPeer

_CLOSING: Final = 2.0
"""Seconds until all datanodes have closed a container."""
_DELETING: Final = 4.0
"""Seconds until datanodes have deleted blocks."""
_RATIS_PORT: Final = 9894
_LEAVING: Final = {"DECOMMISSIONING": "DECOMMISSIONED", "ENTERING_MAINTENANCE": "IN_MAINTENANCE"}


class AllocatedBlock(NamedTuple):
    """The container, local id and sequence id of a new block."""

    container: int
    local_id: int
    sequence_id: int


@dataclass(slots=True)
class _Deletion:
    """The blocks of a container to delete; `size` is without, `replicated` with replication."""

    ready_at: float
    blocks: int = 0
    of_replica: int = 0
    size: int = 0
    replicated: int = 0


class SimulatedScm:
    """The SCM of a cluster; call `step` regularly."""

    def __init__(self, plan: Plan, chance: random.Random, now: float) -> None:
        identity = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        peer = ScmPeer("localhost", _RATIS_PORT, "LEADER", identity, "127.0.0.1")
        self.info = ScmInfo(f"CID-{uuid.UUID(int=chance.getrandbits(128), version=4)}", identity, (peer,))
        self.datanodes = make_datanodes(plan, chance, _ms(now))
        self.containers = SimulatedContainers()
        self.placement = RackPlacement(self.datanodes, chance)
        self.pipelines = SimulatedPipelines(self.datanodes, self.containers.pipelines, self.placement, chance)
        self.pipelines.refill(_ms(now))
        copies = max(6.0, plan.datanodes / 2)
        self.replication = ReplicationManager(self.datanodes, self.containers, self.placement, chance, copies)
        self._plan, self._chance = plan, chance
        self._open: dict[ReplicationConfig, list[int]] = {one: [] for one in REPLICATIONS}
        self._closing: deque[tuple[float, int, ContainerState]] = deque()
        self._deletions: dict[int, _Deletion] = {}
        self._next_local_id = _ms(now) << 16
        for datanode in self.datanodes:
            datanode.last_seen = now

    # Blocks and containers

    def allocate(self, replication: ReplicationConfig, length: int, now: float) -> AllocatedBlock:
        """Allocates a block in an open container; raises Refused when there are too few datanodes."""
        container = self._writable(replication, now)
        sequence = self.containers.write(container, share(replication, length))
        if self.containers.used(container) >= CONTAINER_SIZE:
            self.finalize(container, now)
        return AllocatedBlock(container, self.local_id(), sequence)

    def local_id(self) -> int:
        """A new unique local id."""
        self._next_local_id += 1
        return self._next_local_id

    def open_containers(self, replication: ReplicationConfig) -> tuple[int, ...]:
        """The open containers of a replication."""
        return tuple(self._open[replication])

    def _writable(self, replication: ReplicationConfig, now: float) -> int:
        found = self._open[replication]
        if len(found) < max(2, len(self.datanodes) // 4):
            self._open_one(replication, now)
        return self._chance.choice(found)

    def _open_one(self, replication: ReplicationConfig, now: float) -> None:
        """Opens another container; raises Refused when there are too few datanodes and none is open."""
        there = self.pipelines.of(replication) if replication.kind == "RATIS" else []
        pipeline = self._chance.choice(there) if there else self.pipelines.make(replication, _ms(now))
        if pipeline is None:
            if not self._open[replication]:
                raise Refused(f"there are not enough datanodes for {replication}")
            return
        container = self.containers.add(1, replication, pipeline.number, _ms(now), ContainerState.OPEN)
        for part, member in enumerate(pipeline.members, 1):
            index = part if replication.kind == "EC" else 0
            self.datanodes[member].replicas.add(container, ReplicaState.OPEN, index, member)
            self.containers.hold(container, member)
        self._open[replication].append(container)

    def finalize(self, container: int, now: float, then: ContainerState = ContainerState.CLOSED) -> None:
        """Begins to close a container; `then` is CLOSED or QUASI_CLOSED."""
        self.containers.enter(container, ContainerState.CLOSING, _ms(now))
        replication = self.containers.replication(container)
        if container in self._open[replication]:
            self._open[replication].remove(container)
        pipeline = self.pipelines.get(self.containers.pipeline(container))
        if pipeline is not None and replication.kind == "EC":
            self.pipelines.close(pipeline)
        self._closing.append((now + _CLOSING, container, then))

    def close(self, container: int, state: ContainerState, now: float) -> None:
        """Sets a closed state at once, on all running datanodes."""
        self.containers.enter(container, state, _ms(now))
        for holder in self.containers.holders(container):
            if self.datanodes[holder].running:
                self.datanodes[holder].replicas.enter(container, ReplicaState[state.name])
        self.replication.enqueue((container,))

    # Deleting

    def delete(self, blocks: Iterable[Block], now: float) -> None:
        """Schedules blocks for deletion; those in open containers wait until the container is closed."""
        for block in blocks:
            replication = self.containers.replication(block.container_id)
            deletion = self._deletions.setdefault(block.container_id, _Deletion(now + _DELETING))
            deletion.blocks += 1
            deletion.of_replica += share(replication, block.length)
            deletion.size += block.length
            deletion.replicated += replication.replicated_size(block.length)

    @property
    def deleted_blocks(self) -> DeletedBlocksSummary:
        """The blocks pending deletion."""
        there = self._deletions.values()
        return DeletedBlocksSummary(
            transactions=len(there),
            blocks=sum(one.blocks for one in there),
            size=sum(one.size for one in there),
            replicated_size=sum(one.replicated for one in there),
        )

    def _delete_blocks(self, now: float) -> None:
        for container, deletion in list(self._deletions.items()):
            state = self.containers.state(container)
            if deletion.ready_at > now or state not in (ContainerState.CLOSED, ContainerState.QUASI_CLOSED):
                continue
            del self._deletions[container]
            self.containers.write(container, -deletion.of_replica, -deletion.blocks)
            for holder in self.containers.holders(container):
                self.datanodes[holder].replicas.touch(container)
            if not self.containers.blocks(container) and state is ContainerState.CLOSED:
                self.containers.enter(container, ContainerState.DELETING, _ms(now))
                self._closing.append((now + _CLOSING, container, ContainerState.DELETED))

    def _remove(self, container: int, now: float) -> None:
        """Deletes an empty container."""
        self.containers.enter(container, ContainerState.DELETED, _ms(now))
        for holder in self.containers.holders(container):
            self.datanodes[holder].replicas.remove(container)
            self.datanodes[holder].waits_for.discard(container)
            self.containers.release(container, holder)

    # Datanodes

    def leave(self, datanode: SimulatedDatanode, op_state: str, now: float) -> None:
        """Begins decommissioning or maintenance; `op_state` is DECOMMISSIONING or ENTERING_MAINTENANCE."""
        datanode.enter(op_state)
        datanode.leaving_since = _ms(now)
        self.placement.refresh()
        self._close_pipelines(datanode, now)
        datanode.waits_for = set(datanode.replicas.containers.tolist())
        self.replication.enqueue(datanode.waits_for)

    def recommission(self, datanode: SimulatedDatanode) -> None:
        """Returns a datanode to service."""
        datanode.enter("IN_SERVICE")
        datanode.waits_for.clear()
        self.placement.refresh()
        self.replication.enqueue(datanode.replicas.containers.tolist())

    def step(self, now: float) -> None:
        """Advances to `now`."""
        for datanode in self.datanodes:
            self._update_health(datanode, now)
        while self._closing and self._closing[0][0] <= now:
            _, container, state = self._closing.popleft()
            if state is ContainerState.DELETED:
                self._remove(container, now)
            else:
                self.close(container, state, now)
        self._delete_blocks(now)
        self.pipelines.refill(_ms(now))
        self.replication.step(now)
        for datanode in self.datanodes:
            self._finish_leaving(datanode)

    def _update_health(self, datanode: SimulatedDatanode, now: float) -> None:
        if datanode.running:
            datanode.last_seen = now
        silence = now - datanode.last_seen
        health = datanode.health
        if silence > self._plan.dead:
            datanode.health = "DEAD"
        elif silence > self._plan.stale:
            datanode.health = "STALE"
        else:
            datanode.health = "HEALTHY"
        if datanode.health == health:
            return
        self.placement.refresh()
        containers: list[int] = datanode.replicas.containers.tolist()
        if datanode.health == "HEALTHY":
            self._readmit(datanode, containers)
        elif datanode.health == "STALE":
            self._close_pipelines(datanode, now)
        elif datanode.details.op_state != "IN_MAINTENANCE":
            for container in containers:
                self.containers.release(container, datanode.number)
        self.replication.enqueue(containers)

    def _readmit(self, datanode: SimulatedDatanode, containers: Iterable[int]) -> None:
        """Takes in the replicas of a datanode that is back, and updates their states."""
        for container in containers:
            state = self.containers.state(container)
            if state is ContainerState.DELETED:
                datanode.replicas.remove(container)
                continue
            self.containers.hold(container, datanode.number)
            if datanode.replicas.state(container) in (ReplicaState.OPEN, ReplicaState.CLOSING):
                datanode.replicas.enter(container, ReplicaState[state.name])

    def _close_pipelines(self, datanode: SimulatedDatanode, now: float) -> None:
        for identity in list(datanode.pipelines):
            pipeline = self.pipelines.get(identity)
            if pipeline is not None:
                self.close_pipeline(pipeline, now)

    def close_pipeline(
        self, pipeline: SimulatedPipeline, now: float, then: ContainerState = ContainerState.CLOSED
    ) -> None:
        """Closes a pipeline and its open containers."""
        self.pipelines.close(pipeline)
        for container in self.open_containers(pipeline.replication):
            if self.containers.pipeline(container) == pipeline.pipeline_id:
                self.finalize(container, now, then)

    def _finish_leaving(self, datanode: SimulatedDatanode) -> None:
        """Completes decommissioning or maintenance once all containers are replicated elsewhere."""
        then = _LEAVING.get(datanode.details.op_state)
        if then and not datanode.waits_for:
            datanode.enter(then)


def _ms(now: float) -> int:
    return int(now * 1000)
