"""Writes the tables of a cluster generation from the state in memory, a few blocks of containers at a time.

Sizes, block counts and sequence ids of containers are computed from their replicas, as SCM does in
AbstractContainerReportHandler: the replicas are reported continuously, SCM's own values only when we query them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.search import lookup
from ozone_recon.insights.cluster.replica_history import SeenReplicas
from ozone_recon.insights.cluster.scm_containers import ContainerBlock, ScmContainers
from ozone_recon.insights.cluster.tables import (
    CONTAINERS,
    DATANODES,
    HEALTH,
    OP_STATES,
    PIPELINES,
    POSSIBLY_MISSING,
    REPLICAS,
    TABLES,
)
from ozone_recon.insights.om.key_rows import write_replications
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.columns import dtype_of
from ozone_recon.store.generation import GenerationBuild
from ozone_recon.store.schema import Schema
from ozone_recon.store.table import TableWriter

BLOCKS: Final = 4
"""Blocks of containers written at a time."""
_NUMBERS: Final = ("state", "sequence_id", "number_of_keys", "used_bytes", "data_checksum", "replica_index")
_REPLICA_COLUMNS: Final = (*_NUMBERS, "present", "is_empty", "first_seen", "last_seen")
_NEEDS_REPLICAS: Final = (ContainerState.CLOSING, ContainerState.QUASI_CLOSED, ContainerState.CLOSED)
_UNCOUNTED: Final = (ReplicaState.UNHEALTHY, ReplicaState.INVALID, ReplicaState.DELETED)


class WrittenTables(NamedTuple):
    """Results computed while writing the tables."""

    open_replicas: Int64s
    """The number of replicas of open containers of each datanode."""
    possibly_missing: Int64s
    """Containers that lack replicas, which datanodes that have yet to report may hold."""


class DatanodeRow(NamedTuple):
    """A row of `datanodes`."""

    uuid: str
    host: str = ""
    location: str = ""
    health: str = ""
    op_state: str = ""
    record: bytes = b""


def write_containers(
    build: GenerationBuild,
    containers: ScmContainers,
    replicas: Mapping[str, SeenReplicas],
    datanodes: Sequence[DatanodeRow],
    pipelines: Mapping[str, bytes],
    confirmed_missing: Int64s | None = None,
) -> WrittenTables:
    """Writes all tables but `cluster`.

    `datanodes` must contain every datanode that has `replicas`; `pipelines` are the records of the existing ones. While
    datanodes have yet to report, `confirmed_missing` has the containers whose replicas none of these holds; otherwise
    it is None.
    """
    blocks = containers.blocks()
    _write_names(build, containers, datanodes, pipelines)
    join = _ReplicaJoin(replicas, datanodes, containers.replications, confirmed_missing)
    with (
        build.create(CONTAINERS, TABLES[CONTAINERS]) as containers_out,
        build.create(REPLICAS, TABLES[REPLICAS]) as replicas_out,
    ):
        for first in range(0, len(blocks), BLOCKS):
            join.write(_joined(blocks[first : first + BLOCKS]), containers_out, replicas_out)
        containers_out.end(first_replica=replicas_out.rows)
    with build.create("origins", TABLES["origins"]) as out:
        out.append(uuid=_texts(join.origins))
    return WrittenTables(join.open_replicas, np.concatenate([np.empty(0, np.int64), *join.possibly_missing]))


def _write_names(
    build: GenerationBuild,
    containers: ScmContainers,
    datanodes: Sequence[DatanodeRow],
    pipelines: Mapping[str, bytes],
) -> None:
    with build.create(DATANODES, TABLES[DATANODES]) as out:
        out.append(
            uuid=_texts(row.uuid for row in datanodes),
            host=_texts(row.host for row in datanodes),
            location=_texts(row.location for row in datanodes),
            health=np.array([_index(HEALTH, row.health) for row in datanodes], np.uint8),
            op_state=np.array([_index(OP_STATES, row.op_state) for row in datanodes], np.uint8),
            record=ByteColumn.of(row.record for row in datanodes),
        )
    ids = tuple(dict.fromkeys((*containers.pipelines, *pipelines)))
    with build.create(PIPELINES, TABLES[PIPELINES]) as out:
        out.append(id=_texts(ids), record=ByteColumn.of(pipelines.get(one, b"") for one in ids))
    with build.create("owners", TABLES["owners"]) as out:
        out.append(name=_texts(containers.owners))
    write_replications(build, containers.replications)


class _ReplicaJoin:
    """Joins containers with their replicas, a range of ids at a time, and carries the counts from range to range."""

    def __init__(
        self,
        replicas: Mapping[str, SeenReplicas],
        datanodes: Sequence[DatanodeRow],
        replications: Sequence[ReplicationConfig],
        confirmed_missing: Int64s | None,
    ) -> None:
        self.possibly_missing: list[Int64s] = []
        self.origins: dict[str, int] = {}
        self.open_replicas = np.zeros(len(datanodes), np.int64)
        self._alive = np.array([row.health != "DEAD" for row in datanodes], np.bool_)
        self._replicas = [(n, replicas[row.uuid]) for n, row in enumerate(datanodes) if row.uuid in replicas]
        self._origins = {
            n: np.array([self.origins.setdefault(one, len(self.origins)) for one in known.origins], np.int64)
            for n, known in self._replicas
        }
        is_ec = [one.kind == "EC" for one in replications]
        self._data = np.array([one.data if ec else 0 for ec, one in zip(is_ec, replications, strict=True)], np.int64)
        """The number of data replicas (EC), else 0."""
        self._required = np.array([one.required_nodes for one in replications], np.int64)
        self._confirmed_missing = confirmed_missing

    def write(self, containers: dict[str, Int64s], containers_out: TableWriter, replicas_out: TableWriter) -> None:
        ids = containers["container_id"]
        row, replicas = self._replicas_of(ids)
        _set_sizes(containers, row, replicas, self._data[containers["replication"]], self._alive)
        if self._confirmed_missing is not None:
            self._mark_possibly_missing(containers, row, replicas, self._confirmed_missing)
        first = replicas_out.rows + np.searchsorted(row, np.arange(len(ids)))
        is_open = replicas["present"] & (containers["state"][row] == ContainerState.OPEN)
        self.open_replicas += np.bincount(replicas["datanode"][is_open], minlength=len(self.open_replicas))
        _append(
            containers_out,
            TABLES[CONTAINERS],
            containers | {"id": ids, "blocks": containers["number_of_keys"], "first_replica": first},
        )
        _append(replicas_out, TABLES[REPLICAS], replicas | {"blocks": replicas["number_of_keys"]})

    def _mark_possibly_missing(
        self, containers: dict[str, Int64s], row: Int64s, replicas: dict[str, Int64s], confirmed_missing: Int64s
    ) -> None:
        """Marks the containers whose missing replicas may be on datanodes that have yet to report."""
        ids = containers["container_id"]
        live = np.bincount(row[replicas["present"] & self._alive[replicas["datanode"]]], minlength=len(ids))
        lacking = (live < self._required[containers["replication"]]) & np.isin(containers["state"], _NEEDS_REPLICAS)
        possibly_missing = lacking & (containers["suppressed"] == 0) & ~np.isin(ids, confirmed_missing)
        containers["suppressed"][possibly_missing] = POSSIBLY_MISSING
        self.possibly_missing.append(ids[possibly_missing])

    def _replicas_of(self, ids: Int64s) -> tuple[Int64s, dict[str, Int64s]]:
        """Returns the replicas of these containers, sorted by container, then datanode: rows of `ids`, and columns."""
        cuts = [(n, known, *_cut(known, ids)) for n, known in self._replicas]
        there, at = lookup(ids, _concatenated(known.container_id[a:b] for _, known, a, b in cuts).astype(np.int64))
        order = np.flatnonzero(there)
        order = order[np.argsort(at[order], kind="stable")]
        columns = {
            name: _concatenated(getattr(known, name)[a:b] for _, known, a, b in cuts)[order]
            for name in _REPLICA_COLUMNS
        }
        columns["origin"] = _concatenated(self._origins[n][known.origin[a:b]] for n, known, a, b in cuts)[order]
        lengths = [b - a for _, _, a, b in cuts]
        columns["datanode"] = np.repeat(np.array([n for n, *_ in cuts], np.int32), lengths)[order]
        return at[order], columns


def _cut(known: SeenReplicas, ids: Int64s) -> tuple[int, int]:
    """Returns the range of a datanode's replicas between the first and last of `ids`."""
    column = known.container_id
    return int(np.searchsorted(column, ids[0])), int(np.searchsorted(column, ids[-1], side="right"))


def _set_sizes(
    containers: dict[str, Int64s], row: Int64s, replicas: dict[str, Int64s], data: Int64s, alive: np.ndarray[Any, Any]
) -> None:
    """Sets the size, block count and sequence id of each container from its replicas.

    An open container takes the minimum of its replicas, any other one the maximum. For EC only replica 1 and the parity
    replicas count: they are as large as the largest.
    """
    index, ec = replicas["replica_index"], data[row]
    counted = np.flatnonzero(
        replicas["present"]
        & alive[replicas["datanode"]]
        & ~np.isin(replicas["state"], _UNCOUNTED)
        & ((ec == 0) | (index == 1) | (index > ec))
    )
    if not len(counted):
        return
    starts = np.flatnonzero(np.append(True, np.diff(row[counted]) != 0))
    owners = row[counted][starts]
    grows = containers["state"][owners] == ContainerState.OPEN
    for name in ("used_bytes", "number_of_keys"):
        values = replicas[name][counted]
        least, most = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        containers[name][owners] = np.where(grows, least, most)
    newest = np.maximum.reduceat(replicas["sequence_id"][counted], starts)
    containers["sequence_id"][owners] = np.maximum(containers["sequence_id"][owners], newest)


def _joined(blocks: Sequence[ContainerBlock]) -> dict[str, Int64s]:
    names = ContainerBlock.__dataclass_fields__
    return {name: _concatenated(getattr(block, name) for block in blocks).astype(np.int64) for name in names}


def _concatenated(parts: Iterator[Any]) -> Any:
    """Concatenates columns."""
    arrays = list(parts)
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)


def _append(out: TableWriter, schema: Schema, columns: dict[str, Int64s]) -> None:
    out.append(**{name: columns[name].astype(dtype_of(kind)) for name, kind in schema.items()})


def _texts(texts: Any) -> ByteColumn:
    return ByteColumn.of(text.encode(errors="surrogateescape") for text in texts)


def _index(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else 0
