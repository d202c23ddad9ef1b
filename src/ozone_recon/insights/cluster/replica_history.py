"""Accumulates datanodes' container reports into the present and former replicas of each datanode.

Times are ms since 1970. Sized for ten million replicas: each datanode's replicas are columns in the narrowest integer
types that hold them, about 50 bytes per replica. Columns are immutable: a report replaces them, so concurrent readers
see a consistent state.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np

from ozone_recon.columnar.search import lookup
from ozone_recon.insights.cluster.merged_ids import Bools, IdMerge, Numbers, last_of_each, narrowed
from ozone_recon.model.datanode_reports import DatanodeReports, ReplicaColumns, ReplicaState


@dataclass(frozen=True, slots=True)
class SeenReplicas:
    """The replicas that a datanode has ever reported, sorted by container id, with the fields of ReplicaColumns.

    A replica that is not `present` was deleted or is missing from the last full report; it keeps its last values.
    """

    container_id: Numbers
    first_seen: Numbers
    last_seen: Numbers
    present: Bools
    state: Numbers
    sequence_id: Numbers
    number_of_keys: Numbers
    used_bytes: Numbers
    replica_index: Numbers
    data_checksum: Numbers
    is_empty: Bools
    origin: Numbers
    origins: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.container_id)


_COLUMNS: Final = tuple(field.name for field in fields(SeenReplicas) if field.name != "origins")
_REPORTED: Final = tuple(
    field.name for field in fields(ReplicaColumns) if field.name not in ("container_id", "origin", "origins")
)
_HEALTH_COLUMNS: Final = ("present", "state", "replica_index", "is_empty", "data_checksum")
"""Columns that container health depends on, except the sequence ids of open containers."""
_EMPTY: Final[dict[str, Any]] = {name: np.empty(0, np.uint8) for name in _COLUMNS} | {"present": np.empty(0, np.bool_)}
_NONE: Final = SeenReplicas(**_EMPTY, origins=())


class ReplicaHistory:
    """The replicas of all datanodes, by UUID."""

    def __init__(self, former_limit: int = 5000) -> None:
        """`former_limit` is the number of former replicas to keep for each datanode, the most recent ones."""
        self._former_limit = former_limit
        self._datanodes: dict[str, SeenReplicas] = {}

    def add(self, reports: DatanodeReports, at: int) -> bool:
        """Applies a datanode's container reports, received `at` (ms since 1970).

        Returns whether the health of a container may have changed.
        """
        uuid = reports.datanode.uuid
        before = replicas = self._datanodes.get(uuid, _NONE)
        if reports.containers is not None:
            replicas = _merged(replicas, reports.containers, at, is_full=True)
        for increment in reports.increments:
            replicas = _merged(replicas, increment, at, is_full=False)
        self._datanodes[uuid] = replicas = _without_oldest(replicas, self._former_limit)
        return not all(
            np.array_equal(getattr(before, name), getattr(replicas, name))
            for name in ("container_id", *_HEALTH_COLUMNS)
        )

    def restore(self, replicas: Mapping[str, SeenReplicas]) -> None:
        """Adds the replicas of an earlier run."""
        self._datanodes |= replicas

    def retire(self, datanode: str) -> None:
        """Marks all replicas of a removed datanode as former ones."""
        replicas = self.of_datanode(datanode)
        self._datanodes[datanode] = replace(replicas, present=np.zeros(len(replicas), np.bool_))

    def all(self) -> dict[str, SeenReplicas]:
        """Returns the replicas of each datanode that has or had some."""
        return self._datanodes.copy()

    def of_datanode(self, datanode: str) -> SeenReplicas:
        """Returns the replicas of a datanode; none if it is unknown."""
        return self._datanodes.get(datanode, _NONE)


def _merged(old: SeenReplicas, report: ReplicaColumns, at: int, *, is_full: bool) -> SeenReplicas:
    """Merges a report into the replicas; after a full report, replicas that it lacks are former ones."""
    rows = last_of_each(report.container_id)
    deleted = report.state[rows] == ReplicaState.DELETED
    gone_id, rows = report.container_id[rows[deleted]], rows[~deleted]
    container_id = report.container_id[rows]
    merge = IdMerge.of(old.container_id, container_id)
    column = merge.column
    there, at_there = lookup(old.container_id, gone_id)
    gone = np.flatnonzero(merge.before)[at_there[there]]
    numbers = {name: column(getattr(old, name), getattr(report, name)[rows]) for name in _REPORTED}
    numbers["first_seen"] = column(old.first_seen, at)
    numbers["first_seen"][merge.before] = old.first_seen
    numbers["last_seen"] = column(old.last_seen, at)
    numbers["state"][gone] = ReplicaState.DELETED
    present = column(0 if is_full else old.present, 1).astype(np.bool_)
    present[gone] = False
    names = tuple(map(sys.intern, dict.fromkeys(old.origins + report.origins)))
    number = {name: index for index, name in enumerate(names)}
    of_old, of_new = (np.array([number[name] for name in some], np.int64) for some in (old.origins, report.origins))
    origin = column(of_old[old.origin], of_new[report.origin[rows]])
    used = np.bincount(origin, minlength=len(names)) > 0
    return SeenReplicas(
        container_id=narrowed(column(old.container_id, container_id)),
        present=present,
        is_empty=numbers.pop("is_empty").astype(np.bool_),
        origin=narrowed((np.cumsum(used) - 1)[origin]),
        origins=tuple(name for name, is_used in zip(names, used, strict=True) if is_used),
        **{name: narrowed(values) for name, values in numbers.items()},
    )


def _without_oldest(replicas: SeenReplicas, former_limit: int) -> SeenReplicas:
    """Drops all but the `former_limit` most recently seen former replicas."""
    gone = np.flatnonzero(~replicas.present)
    if len(gone) <= former_limit:
        return replicas
    retained = np.ones(len(replicas), np.bool_)
    retained[gone[np.argsort(replicas.last_seen[gone], kind="stable")[: len(gone) - former_limit]]] = False
    return replace(replicas, **{name: getattr(replicas, name)[retained] for name in _COLUMNS})
