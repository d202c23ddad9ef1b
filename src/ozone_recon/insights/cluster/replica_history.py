"""Which datanodes have which replicas, and had them: what their reports say, added up. Times are ms since 1970.

There may be ten million replicas, so each datanode's are columns of the narrowest numbers that hold them, some 50 bytes
for a replica. They are never changed: a report makes new ones, which take the place of the old, so that who reads them
meanwhile is not disturbed.
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
    """The replicas that a datanode has reported, by ascending container id, with the fields of ReplicaColumns.

    Those that are not `present` have gone since, by deletion or without a word: they are as they were last reported.
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
_STANDING: Final = ("present", "state", "replica_index", "is_empty", "data_checksum")
"""What the health of its container depends on, but for the sequence ids of open ones."""
_EMPTY: Final[dict[str, Any]] = {name: np.empty(0, np.uint8) for name in _COLUMNS} | {"present": np.empty(0, np.bool_)}
_NONE: Final = SeenReplicas(**_EMPTY, origins=())


class ReplicaHistory:
    """The replicas of all datanodes, by their UUIDs."""

    def __init__(self, gone_kept: int = 5000) -> None:
        """`gone_kept` is how many replicas that have gone are kept of a datanode; the last ones seen are."""
        self._gone_kept = gone_kept
        self._datanodes: dict[str, SeenReplicas] = {}

    def add(self, reports: DatanodeReports, at: int) -> bool:
        """Adds a datanode's reports of its containers, which came at this time.

        Whether anything is new that the health of a container depends on.
        """
        uuid = reports.datanode.uuid
        before = replicas = self._datanodes.get(uuid, _NONE)
        if reports.containers is not None:
            replicas = _merged(replicas, reports.containers, at, whole=True)
        for increment in reports.increments:
            replicas = _merged(replicas, increment, at, whole=False)
        self._datanodes[uuid] = replicas = _without_oldest(replicas, self._gone_kept)
        return not all(
            np.array_equal(getattr(before, name), getattr(replicas, name)) for name in ("container_id", *_STANDING)
        )

    def restore(self, replicas: Mapping[str, SeenReplicas]) -> None:
        """Takes what was known before as it was."""
        self._datanodes |= replicas

    def retire(self, datanode: str) -> None:
        """Says that a datanode is no more: it had its replicas."""
        replicas = self.of_datanode(datanode)
        self._datanodes[datanode] = replace(replicas, present=np.zeros(len(replicas), np.bool_))

    def all(self) -> dict[str, SeenReplicas]:
        """The replicas of each datanode that has or had some."""
        return self._datanodes.copy()

    def of_datanode(self, datanode: str) -> SeenReplicas:
        """The replicas of a datanode; none when it is not known."""
        return self._datanodes.get(datanode, _NONE)


def _merged(old: SeenReplicas, report: ReplicaColumns, at: int, *, whole: bool) -> SeenReplicas:
    """What there is when this is reported; `whole` when there is nothing else any more."""
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
    present = column(0 if whole else old.present, 1).astype(np.bool_)
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


def _without_oldest(replicas: SeenReplicas, gone_kept: int) -> SeenReplicas:
    """The same, and of those that have gone only so many, the last ones seen."""
    gone = np.flatnonzero(~replicas.present)
    if len(gone) <= gone_kept:
        return replicas
    kept = np.ones(len(replicas), np.bool_)
    kept[gone[np.argsort(replicas.last_seen[gone], kind="stable")[: len(gone) - gone_kept]]] = False
    return replace(replicas, **{name: getattr(replicas, name)[kept] for name in _COLUMNS})
