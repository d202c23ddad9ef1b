"""Pipelines of a simulated cluster: datanodes that write together, from when they are made until they are closed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ozone_recon.demo.datanodes.datanode import SimulatedDatanode
from ozone_recon.demo.plan import ONE, THREE
from ozone_recon.demo.scm.placement import RackPlacement
from ozone_recon.model import scm
from ozone_recon.model.replication import ReplicationConfig

_PER_DATANODE = 2
"""How many pipelines of three a datanode is in."""


@dataclass(slots=True, eq=False)
class SimulatedPipeline:
    """A pipeline; `members` are numbers of datanodes, the first of which leads where one has to."""

    pipeline_id: str
    number: int
    """Its place among all that ever were."""
    replication: ReplicationConfig
    members: tuple[int, ...]
    created: int

    @property
    def leader(self) -> int | None:
        """Who leads; nobody does in EC."""
        return None if self.replication.kind == "EC" else self.members[0]


class SimulatedPipelines:
    """Those that are open."""

    def __init__(
        self, datanodes: Sequence[SimulatedDatanode], ids: list[str], placement: RackPlacement, chance: random.Random
    ) -> None:
        """`ids` are those of all that ever were, and are added to."""
        self._datanodes, self._ids, self._placement, self._chance = datanodes, ids, placement, chance
        self._open: dict[str, SimulatedPipeline] = {}

    def __iter__(self) -> Iterator[SimulatedPipeline]:
        return iter(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def get(self, pipeline_id: str) -> SimulatedPipeline | None:
        """The open pipeline with this id."""
        return self._open.get(pipeline_id)

    def of(self, replication: ReplicationConfig) -> list[SimulatedPipeline]:
        """Those for containers of this kind."""
        return [one for one in self if one.replication == replication]

    def make(self, replication: ReplicationConfig, now: int) -> SimulatedPipeline | None:
        """A new one; None when there are not enough datanodes for it."""
        members = self._placement.pick(replication.required_nodes)
        return None if members is None else self._add(replication, members, now)

    def _add(self, replication: ReplicationConfig, members: Sequence[int], now: int) -> SimulatedPipeline:
        identity = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        made = SimulatedPipeline(identity, len(self._ids), replication, tuple(members), now)
        self._ids.append(identity)
        self._open[identity] = made
        for member in made.members:
            self._datanodes[member].pipelines[identity] = member == made.leader
        return made

    def close(self, pipeline: SimulatedPipeline) -> None:
        """Ends one."""
        if self._open.pop(pipeline.pipeline_id, None):
            for member in pipeline.members:
                self._datanodes[member].pipelines.pop(pipeline.pipeline_id, None)

    def refill(self, now: int) -> None:
        """Makes what is missing: one of its own for each datanode that may be written to, and enough of three."""
        alone = {one.members[0] for one in self.of(ONE)}
        writable = [one.number for one in self._datanodes if one.writable]
        for number in writable:
            if number not in alone:
                self._add(ONE, (number,), now)
        wanted = max(1, len(writable) * _PER_DATANODE // THREE.factor)
        for _ in range(len(self.of(THREE)), wanted):
            if self.make(THREE, now) is None:
                return

    def record(self, pipeline: SimulatedPipeline) -> scm.Pipeline:
        """What SCM tells of one."""
        members = [self._datanodes[member].at_scm for member in pipeline.members]
        coded = pipeline.replication.kind == "EC"
        leader = None if pipeline.leader is None else self._datanodes[pipeline.leader].details.uuid
        return scm.Pipeline(
            pipeline_id=pipeline.pipeline_id,
            state="OPEN",
            replication=pipeline.replication,
            members=tuple(members),
            replica_indexes=tuple(range(1, len(members) + 1)) if coded else (0,) * len(members),
            leader=leader,
            suggested_leader=leader,
            creation_time=pipeline.created,
        )
