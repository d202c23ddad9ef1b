"""Holds the containers of a simulated SCM as columns, because there may be millions.

Container id n is row n - 1. `holders` are the datanodes that SCM believes to have a replica.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.demo.growing import Growing
from ozone_recon.demo.plan import REPLICATIONS
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerInfo, ContainerState

OWNER: Final = "omServiceIdDefault"
NOBODY: Final = -1
SPARE: Final = 3
"""Room for excess replicas per container."""
_WIDTH: Final = max(one.required_nodes for one in REPLICATIONS) + SPARE


class SimulatedContainers:
    """All containers ever created."""

    def __init__(self) -> None:
        self._rows = Growing(
            state="u1",
            replication="u1",
            pipeline="i4",
            used_bytes="i8",
            blocks="i8",
            entered="i8",
            sequence_id="i8",
            holders=("i4", _WIDTH),
        )
        self.pipelines: list[str] = []
        """Ids of all pipelines ever created."""

    def __len__(self) -> int:
        return self._rows.rows

    def add(self, count: int, replication: ReplicationConfig, pipeline: int, now: int, state: ContainerState) -> int:
        """Adds `count` containers without replicas; returns the id of the first."""
        kind = REPLICATIONS.index(replication)
        rows = {"state": state, "replication": kind, "pipeline": pipeline, "entered": now, "holders": NOBODY}
        return 1 + self._rows.add(count, **rows)

    def state(self, container: int) -> ContainerState:
        """The lifecycle state of a container."""
        return ContainerState(int(self._rows["state"][container - 1]))

    def enter(self, container: int, state: ContainerState, now: int) -> None:
        """Sets the lifecycle state; `now` is in milliseconds since 1970."""
        self._rows["state"][container - 1], self._rows["entered"][container - 1] = state, now

    def replication(self, container: int) -> ReplicationConfig:
        """The replication of a container."""
        return REPLICATIONS[self._rows["replication"][container - 1]]

    def pipeline(self, container: int) -> str:
        """The id of the pipeline through which a container was written."""
        return self.pipelines[int(self._rows["pipeline"][container - 1])]

    def write(self, container: int, size: int, blocks: int = 1) -> int:
        """Adds blocks, or removes them with negative numbers; `size` is per replica. Returns the sequence id."""
        row = container - 1
        self._rows["used_bytes"][row] += size
        self._rows["blocks"][row] += blocks
        if blocks > 0 and REPLICATIONS[self._rows["replication"][row]].kind != "EC":
            self._rows["sequence_id"][row] += blocks
        return int(self._rows["sequence_id"][row])

    def fill(self, containers: Int64s, used_bytes: Int64s, blocks: Int64s) -> None:
        """Sets the contents of many containers."""
        self._rows["used_bytes"][containers - 1] = used_bytes
        self._rows["blocks"][containers - 1] = self._rows["sequence_id"][containers - 1] = blocks

    def used(self, container: int) -> int:
        """The bytes of one replica."""
        return int(self._rows["used_bytes"][container - 1])

    def blocks(self, container: int) -> int:
        """The number of blocks."""
        return int(self._rows["blocks"][container - 1])

    def holders(self, container: int) -> list[int]:
        """The numbers of the datanodes that have a replica."""
        return [one for one in self._rows["holders"][container - 1].tolist() if one != NOBODY]

    def hold(self, container: int, datanode: int) -> None:
        """Adds a holder; raises ValueError when there is no room for another."""
        holders = self._rows["holders"][container - 1]
        if datanode not in holders:
            holders[holders.tolist().index(NOBODY)] = datanode

    def release(self, container: int, datanode: int) -> None:
        """Removes a holder."""
        holders = self._rows["holders"][container - 1]
        holders[holders == datanode] = NOBODY

    def column(self, name: str, containers: Int64s | None = None) -> Int64s:
        """A column (`used_bytes`, `blocks`, `sequence_id`, `state`, `entered` …) of all or of some containers."""
        column = self._rows[name]
        return column if containers is None else column[containers - 1]

    def of_state(self, state: ContainerState | None, first: int, count: int) -> Int64s:
        """At most `count` ids from `first` on, of containers in `state` (None: any)."""
        states = self._rows["state"][max(first, 1) - 1 :]
        found = np.arange(len(states)) if state is None else np.flatnonzero(states == state)
        ids: Int64s = found[:count] + max(first, 1)
        return ids

    def columns(self, ids: Int64s) -> ContainerColumns:
        """The containers as SCM lists them."""
        pipelines, which = np.unique(self._rows["pipeline"][ids - 1], return_inverse=True)
        return ContainerColumns(
            container_id=ids,
            state=self._rows["state"][ids - 1],
            used_bytes=self._rows["used_bytes"][ids - 1],
            number_of_keys=self._rows["blocks"][ids - 1],
            state_enter_time=self._rows["entered"][ids - 1],
            sequence_id=self._rows["sequence_id"][ids - 1],
            suppressed=np.zeros(len(ids), np.bool_),
            replication=self._rows["replication"][ids - 1].astype(np.int32),
            owner=np.zeros(len(ids), np.int32),
            pipeline=which.astype(np.int32),
            replications=REPLICATIONS,
            owners=(OWNER,),
            pipelines=tuple(self.pipelines[one] for one in pipelines.tolist()),
        )

    def info(self, container: int) -> ContainerInfo:
        """One container as SCM lists it."""
        return ContainerInfo(
            container_id=container,
            state=self.state(container).name,
            replication=self.replication(container),
            pipeline_id=self.pipeline(container),
            used_bytes=self.used(container),
            number_of_keys=self.blocks(container),
            state_enter_time=int(self._rows["entered"][container - 1]),
            owner=OWNER,
            sequence_id=int(self._rows["sequence_id"][container - 1]),
            suppressed=False,
        )

    def place(self, ids: Int64s, datanodes: Int64s) -> None:
        """Sets the holders of many containers: one row of datanodes per container."""
        self._rows["holders"][ids - 1, : datanodes.shape[1]] = datanodes


def share(replication: ReplicationConfig, length: int) -> int:
    """The bytes that a block of this length takes in each replica."""
    return -(-length // replication.data) if replication.kind == "EC" else length
