"""Injects faults into a simulated cluster, and repairs them."""

from __future__ import annotations

import numpy as np

from ozone_recon.demo.datanodes.datanode import SimulatedDatanode
from ozone_recon.demo.plan import REPLICATIONS, THREE
from ozone_recon.demo.refusal import Refused
from ozone_recon.demo.world import World
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import ContainerState


class Faults:
    """Injects and repairs faults."""

    def __init__(self, world: World) -> None:
        self._world, self._scm = world, world.scm

    def datanode(self, name: str) -> SimulatedDatanode:
        """The datanode with this name, `dn-3` or `dn-03`; raises Refused when there is none."""
        digits = name.removeprefix("dn-")
        if digits.isdecimal() and 0 < int(digits) <= len(self._scm.datanodes):
            return self._scm.datanodes[int(digits) - 1]
        raise Refused(f"there is no datanode {name}; the datanodes are dn-1 to dn-{len(self._scm.datanodes)}")

    def run(self, name: str, *, on: bool) -> None:
        """Stops or starts a datanode."""
        self.datanode(name).running = on

    def leave(self, name: str, op_state: str) -> None:
        """Begins decommissioning or maintenance; `op_state` is DECOMMISSIONING or ENTERING_MAINTENANCE."""
        datanode = self.datanode(name)
        if datanode.details.op_state != "IN_SERVICE":
            raise Refused(f"{datanode.name} is already {datanode.details.op_state}")
        self._scm.leave(datanode, op_state, self._world.clock.now)

    def quasi_close(self, count: int) -> None:
        """Quasi-closes up to `count` open containers, each with one replica lost."""
        now = self._world.clock.now
        for container in self._some_open(count):
            self._scm.finalize(container, now, ContainerState.QUASI_CLOSED)
            last = self._scm.datanodes[self._scm.containers.holders(container)[-1]]
            last.replicas.remove(container)
            self._scm.containers.release(container, last.number)

    def _some_open(self, count: int) -> tuple[int, ...]:
        found = [one for one in self._scm.open_containers(THREE) if self._scm.containers.blocks(one)]
        if not found:
            raise Refused("there is no open RATIS/THREE container with blocks")
        return tuple(found[:count])

    def force_close(self) -> None:
        """Closes all quasi-closed containers."""
        now = self._world.clock.now
        for container in self._scm.containers.of_state(ContainerState.QUASI_CLOSED, 1, len(self._scm.containers)):
            self._scm.close(int(container), ContainerState.CLOSED, now)

    def corrupt(self, count: int) -> None:
        """Makes replicas unhealthy, as when a datanode finds data that it cannot read."""
        for datanode, container in self._some_replicas(count):
            datanode.replicas.enter(container, ReplicaState.UNHEALTHY)
            self._scm.replication.enqueue((container,))

    def mismatch(self, count: int) -> None:
        """Makes replicas mismatch the others of their containers."""
        for datanode, container in self._some_replicas(count):
            datanode.replicas.damage(container)

    def repair(self) -> None:
        """Repairs all mismatched replicas."""
        for datanode in self._scm.datanodes:
            datanode.replicas.repair()

    def _some_replicas(self, count: int) -> list[tuple[SimulatedDatanode, int]]:
        """Chooses one replica each of up to `count` closed RATIS/THREE containers."""
        there = self._scm.containers
        wanted = there.column("state") == ContainerState.CLOSED
        wanted &= there.column("replication") == REPLICATIONS.index(THREE)
        ids = 1 + np.flatnonzero(wanted)
        chosen = self._world.chance.sample(ids.tolist(), min(count, len(ids)))
        return [(self._scm.datanodes[there.holders(container)[0]], container) for container in chosen]
