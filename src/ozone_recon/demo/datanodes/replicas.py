"""Holds the replicas of a simulated datanode, and builds full and incremental reports of them.

Sizes and block counts come from the container. The few replicas whose data differs are kept in a set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.demo.growing import Growing
from ozone_recon.demo.plan import REPLICATIONS
from ozone_recon.demo.scm.containers import SimulatedContainers
from ozone_recon.model.datanode_reports import ReplicaColumns, ReplicaState

_CHECKSUM: Final = 2_654_435_761
"""Knuth's multiplier: neighbouring containers get checksums far from each other."""


class SimulatedReplicas:
    """The replicas of one datanode."""

    def __init__(self) -> None:
        self._rows = Growing(container="i8", state="u1", index="u1", origin="i4")
        self._changed: dict[int, None] = {}
        """Containers whose replicas changed since the last report, in order (a dict serves as an ordered set)."""
        self._gone: dict[int, tuple[int, int]] = {}
        """Deleted and not yet reported: container → replica index and origin."""
        self._damaged: set[int] = set()
        """Containers whose replica here has a checksum different from the others."""

    def __len__(self) -> int:
        return self._rows.rows

    def __contains__(self, container: int) -> bool:
        return self._row(container) is not None

    @property
    def containers(self) -> Int64s:
        """The ids of all containers, unordered."""
        ids: Int64s = self._rows["container"].copy()
        return ids

    def in_state(self, state: ReplicaState) -> list[int]:
        """The ids of the containers whose replica is in a state."""
        found: list[int] = self._rows["container"][self._rows["state"] == state].tolist()
        return found

    def load(self, containers: Int64s, indexes: Int64s, datanode: int) -> None:
        """Adds closed replicas in bulk, without reporting them as changes."""
        rows = {"container": containers, "state": ReplicaState.CLOSED, "index": indexes, "origin": datanode}
        self._rows.add(len(containers), **rows)

    def add(self, container: int, state: ReplicaState, index: int, origin: int) -> None:
        """Adds a replica; `origin` is the number of the datanode that first wrote it."""
        self._rows.add(container=container, state=state, index=index, origin=origin)
        self._changed[container] = None
        self._gone.pop(container, None)

    def remove(self, container: int) -> None:
        """Deletes the replica of a container, if there is one."""
        row = self._row(container)
        if row is not None:
            self._gone[container] = int(self._rows["index"][row]), int(self._rows["origin"][row])
            self._rows.swap_remove(row)
            self._changed.pop(container, None)
            self._damaged.discard(container)

    def state(self, container: int) -> ReplicaState | None:
        """The state of a replica; None when there is none."""
        row = self._row(container)
        return None if row is None else ReplicaState(int(self._rows["state"][row]))

    def index(self, container: int) -> int:
        """The EC replica index; 0 for other replication, and when there is no replica."""
        row = self._row(container)
        return 0 if row is None else int(self._rows["index"][row])

    def origin(self, container: int) -> int:
        """The number of the datanode that first wrote a replica; KeyError when there is none."""
        row = self._row(container)
        if row is None:
            raise KeyError(container)
        return int(self._rows["origin"][row])

    def enter(self, container: int, state: ReplicaState) -> None:
        """Sets the state of a replica, if there is one."""
        row = self._row(container)
        if row is not None and self._rows["state"][row] != state:
            self._rows["state"][row] = state
            self._changed[container] = None

    def touch(self, container: int) -> None:
        """Marks a replica as changed."""
        self._changed[container] = None

    def damage(self, container: int) -> None:
        """Changes the checksum of a replica, so that it mismatches the others."""
        self._damaged.add(container)
        self.touch(container)

    def repair(self) -> None:
        """Undoes every `damage`."""
        for container in self._damaged:
            self.touch(container)
        self._damaged.clear()

    def report(self, containers: SimulatedContainers, uuids: Sequence[str]) -> ReplicaColumns:
        """Reports all replicas, and clears the pending changes."""
        self._changed.clear()
        self._gone.clear()
        return self._columns(np.arange(len(self)), containers, uuids)

    def changes(self, containers: SimulatedContainers, uuids: Sequence[str]) -> tuple[ReplicaColumns, ...]:
        """Reports the changes since the last report: up to one report of deletions and one of other changes."""
        rows = [row for row in map(self._row, self._changed) if row is not None]
        gone = self._gone_columns(uuids)
        reports = (gone, self._columns(np.array(rows, np.int64), containers, uuids))
        self._changed.clear()
        self._gone.clear()
        return tuple(report for report in reports if len(report))

    def one(self, container: int, containers: SimulatedContainers, uuids: Sequence[str]) -> ReplicaColumns:
        """Reports the replica of one container; no rows when there is none."""
        row = self._row(container)
        return self._columns(np.array([] if row is None else [row], np.int64), containers, uuids)

    def _row(self, container: int) -> int | None:
        found = np.flatnonzero(self._rows["container"] == container)
        return int(found[0]) if len(found) else None

    def _columns(self, rows: Int64s, containers: SimulatedContainers, uuids: Sequence[str]) -> ReplicaColumns:
        ids = self._rows["container"][rows]
        origins, origin = np.unique(self._rows["origin"][rows], return_inverse=True)
        blocks = containers.column("blocks", ids)
        state = self._rows["state"][rows]
        checksum = ids * _CHECKSUM % (1 << 32)
        coded = np.array([one.kind == "EC" for one in REPLICATIONS])[containers.column("replication", ids)]
        # EC parts have different checksums, and SCM and Recon compare all of a container's: datanodes report 0.
        checksum[coded | (state < ReplicaState.QUASI_CLOSED)] = 0
        checksum += np.isin(ids, list(self._damaged))
        return ReplicaColumns(
            container_id=ids,
            state=state,
            sequence_id=containers.column("sequence_id", ids),
            number_of_keys=blocks,
            used_bytes=containers.column("used_bytes", ids),
            replica_index=self._rows["index"][rows].astype(np.int32),
            data_checksum=checksum,
            is_empty=(blocks == 0) & (state == ReplicaState.CLOSED),
            origin=origin.astype(np.int32),
            origins=tuple(uuids[one] for one in origins.tolist()),
        )

    def _gone_columns(self, uuids: Sequence[str]) -> ReplicaColumns:
        nothing = np.zeros(len(self._gone), np.int64)
        origins = sorted({origin for _, origin in self._gone.values()})
        return ReplicaColumns(
            container_id=np.array(list(self._gone), np.int64),
            state=np.full(len(self._gone), ReplicaState.DELETED, np.uint8),
            sequence_id=nothing,
            number_of_keys=nothing,
            used_bytes=nothing,
            replica_index=np.array([index for index, _ in self._gone.values()], np.int32),
            data_checksum=nothing,
            is_empty=nothing == 0,
            origin=np.array([origins.index(origin) for _, origin in self._gone.values()], np.int32),
            origins=tuple(uuids[one] for one in origins),
        )
