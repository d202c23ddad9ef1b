"""What a simulated cluster has before its day begins: closed containers, filled one after the other, by the million."""

from __future__ import annotations

from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.demo.plan import CONTAINER_SIZE, EC_3_2, THREE, Plan
from ozone_recon.demo.refusal import Refused
from ozone_recon.demo.scm.containers import share
from ozone_recon.demo.scm.scm import BlockPlace, SimulatedScm
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState

_BLOCKS_A_KEY: Final = 1.3
"""About."""
_UNKNOWN: Final = {THREE: 0.6, EC_3_2: 0.4}
"""Shares of containers that hold no key of OM's."""


class Stock:
    """Fills containers until it is sealed; no replica is there before that."""

    def __init__(self, scm: SimulatedScm, plan: Plan, now: float) -> None:
        self._scm, self._plan, self._now = scm, plan, now
        self._numbers = np.random.default_rng(plan.seed)
        self._filling: dict[ReplicationConfig, int] = {}
        self._pipelines: dict[ReplicationConfig, int] = {}
        copies = sum(kind.required_nodes * part for kind, part in _UNKNOWN.items())
        self._wanted = int(plan.datanodes * plan.containers / copies)
        self._most_blocks = max(1, int(plan.keys * _BLOCKS_A_KEY / self._wanted)) if self._wanted else 1 << 30

    def put(self, replication: ReplicationConfig, length: int) -> BlockPlace:
        """A place for a block that was written long ago."""
        containers = self._scm.containers
        container = self._filling.get(replication)
        if container is None:
            container = self._add(replication, 1)
        sequence = containers.write(container, share(replication, length))
        full = containers.used(container) >= CONTAINER_SIZE or containers.blocks(container) >= self._most_blocks
        if full:
            self._filling.pop(replication, None)
        else:
            self._filling[replication] = container
        return BlockPlace(container, self._scm.local_id(), sequence)

    def seal(self) -> None:
        """Gives every container its replicas, and adds those that are wanted beyond."""
        missing = self._wanted - len(self._scm.containers)
        for replication, part in _UNKNOWN.items():
            fitting = self._plan.fitting(replication)
            count = int(missing * part)
            if count > 0:
                first = self._add(fitting, count)
                rows = np.arange(first, first + count)
                blocks = self._numbers.integers(1, 40, count)
                self._scm.containers.fill(rows, blocks * (CONTAINER_SIZE // 40), blocks)
        for replication in self._pipelines:
            self._place(replication)
        for datanode in self._scm.datanodes:
            datanode.make_room(self._scm.containers)

    def _add(self, replication: ReplicationConfig, count: int) -> int:
        """Containers in a pipeline that is no more; the id of the first."""
        if replication not in self._pipelines:
            gone = self._scm.pipelines.make(replication, int(self._now * 1000))
            if gone is None:
                raise Refused(f"there are not enough datanodes for {replication}")
            self._scm.pipelines.close(gone)
            self._pipelines[replication] = gone.number
        # They were closed in the last months, the oldest first.
        age = max(1, 90 * 86_400 - len(self._scm.containers))
        closed = int((self._now - age) * 1000)
        return self._scm.containers.add(count, replication, self._pipelines[replication], closed, ContainerState.CLOSED)

    def _place(self, replication: ReplicationConfig) -> None:
        containers = self._scm.containers
        ids: Int64s = 1 + np.flatnonzero(containers.column("pipeline") == self._pipelines[replication])
        datanodes = self._scm.placement.spread(len(ids), replication.required_nodes, self._numbers)
        containers.place(ids, datanodes)
        order = np.argsort(datanodes, axis=None, kind="stable")
        bounds = np.searchsorted(datanodes.ravel()[order], np.arange(len(self._scm.datanodes) + 1))
        coded = replication.kind == "EC"
        for datanode, start, end in zip(self._scm.datanodes, bounds[:-1], bounds[1:], strict=True):
            row, place = np.divmod(order[start:end], replication.required_nodes)
            datanode.replicas.load(ids[row], place + 1 if coded else 0 * place, datanode.number)
