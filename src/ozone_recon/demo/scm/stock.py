"""Creates the closed containers, possibly millions, that exist before the simulated day begins."""

from __future__ import annotations

from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.demo.plan import CONTAINER_SIZE, EC_3_2, THREE, Plan
from ozone_recon.demo.refusal import Refused
from ozone_recon.demo.scm.containers import share
from ozone_recon.demo.scm.scm import AllocatedBlock, SimulatedScm
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState

_BLOCKS_PER_KEY: Final = 1.3
"""Approximate average."""
_UNKNOWN: Final = {THREE: 0.6, EC_3_2: 0.4}
"""Shares of the replications among containers that hold no key of OM."""


class Stock:
    """Fills containers one after another; `seal` adds their replicas."""

    def __init__(self, scm: SimulatedScm, plan: Plan, now: float) -> None:
        self._scm, self._plan, self._now = scm, plan, now
        self._numbers = np.random.default_rng(plan.seed)
        self._filling: dict[ReplicationConfig, int] = {}
        self._pipelines: dict[ReplicationConfig, int] = {}
        copies = sum(kind.required_nodes * part for kind, part in _UNKNOWN.items())
        self._wanted = int(plan.datanodes * plan.containers / copies)
        self._most_blocks = max(1, int(plan.keys * _BLOCKS_PER_KEY / self._wanted)) if self._wanted else 1 << 30

    def put(self, replication: ReplicationConfig, length: int) -> AllocatedBlock:
        """Allocates a block of an old key."""
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
        return AllocatedBlock(container, self._scm.local_id(), sequence)

    def seal(self) -> None:
        """Adds the containers without keys, and gives every container its replicas."""
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
        """Adds containers of a closed pipeline; returns the id of the first."""
        if replication not in self._pipelines:
            closed_pipeline = self._scm.pipelines.make(replication, int(self._now * 1000))
            if closed_pipeline is None:
                raise Refused(f"there are not enough datanodes for {replication}")
            self._scm.pipelines.close(closed_pipeline)
            self._pipelines[replication] = closed_pipeline.number
        # They were closed in the last 90 days, the oldest first.
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
            row, position = np.divmod(order[start:end], replication.required_nodes)
            datanode.replicas.load(ids[row], position + 1 if coded else 0 * position, datanode.number)
