"""Collects the nodes of the namespace, unordered, with their kinds, parents and runs of keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import joined, slices_at
from ozone_recon.decode.om.deleted_directories import decode_deleted_directories
from ozone_recon.decode.om.values import decode_bucket, decode_volume
from ozone_recon.errors import DecodeError
from ozone_recon.insights.namespace.legacy_paths import TOP, PathWalk
from ozone_recon.insights.namespace.order import ROOT
from ozone_recon.insights.namespace.runs import BATCH, NOWHERE, KeyRuns
from ozone_recon.insights.om.bucket_rows import FSO, BucketRows
from ozone_recon.model.om import BucketInfo, VolumeInfo
from ozone_recon.store.generation import GenerationBuild, Table

Int32s = NDArray[np.int32]


class NodeKind(IntEnum):
    """The kind of a node: a row of `namespace`."""

    ROOT = 0
    VOLUME = 1
    BUCKET = 2
    DIRECTORY = 3  # a row of directoryTable
    PATH = 4  # a directory in keys of a LEGACY bucket, with or without a marker
    DELETED = 5  # a row of deletedDirectoryTable
    MISSING = 6  # the parent of rows by their keys, but in no table


@dataclass(slots=True)
class NodeList:
    """The columns of the nodes so far; `parent` is a node or ROOT, `owner` a row of `owners` or -1."""

    owners: list[bytes]
    columns: dict[str, list[NDArray[Any]]] = field(init=False)
    names: list[ByteColumn] = field(default_factory=list)
    count: int = 0
    _owner_rows: dict[bytes, int] = field(init=False)

    def __post_init__(self) -> None:
        self._owner_rows = {name: row for row, name in enumerate(self.owners)}
        self.columns = {name: [] for name in ("kind", *COLUMNS)}

    def add(self, kind: NodeKind, names: ByteColumn, **columns: Int64s | Int32s | int) -> int:
        """Adds nodes of one kind; returns the number of the first. Omitted columns have the defaults of COLUMNS."""
        count, first = len(names), self.count
        self.columns["kind"].append(np.full(count, kind, np.uint8))
        self.names.append(names)
        for name, default in COLUMNS.items():
            self.columns[name].append(np.broadcast_to(np.asarray(columns.get(name, default)), count))
        self.count += count
        return first

    def owner(self, name: bytes) -> int:
        """Returns the row of an owner, adding new ones."""
        row = self._owner_rows.setdefault(name, len(self.owners))
        if row == len(self.owners):
            self.owners.append(name)
        return row


COLUMNS: Final = {
    "object_id": 0,
    "parent": ROOT,
    "parent_id": 0,
    "bucket": -1,
    "creation_time": 0,
    "modification_time": 0,
    "owner": -1,
}


class NodeIds:
    """Maps object ids to nodes; of several nodes with one id, the first wins."""

    def __init__(self, ids: Int64s, nodes: Int64s) -> None:
        order = np.argsort(ids, kind="stable")
        self.ids = ids[order]
        self.nodes = nodes[order]

    def find(self, ids: Int64s) -> Int64s:
        """Returns the node of each id, or ROOT; searches adjacent equal ids once."""
        if not len(ids) or not len(self.ids):
            return np.full(len(ids), ROOT)
        heads = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
        at = np.searchsorted(self.ids, ids[heads]).clip(max=len(self.ids) - 1)
        decoded = np.where(self.ids[at] == ids[heads], self.nodes[at], ROOT)
        return np.repeat(decoded, np.diff(heads, append=len(ids)))


class Collected(NamedTuple):
    """All nodes, the runs of keys directly in each, and the node of each object id.

    `deleted` is the node of each row of deletedDirectoryTable, or NOWHERE.
    """

    nodes: NodeList
    runs: KeyRuns
    ids: NodeIds
    deleted: Int64s


def collect(build: GenerationBuild) -> Collected:
    """Collects all nodes of the namespace; node 0 is the root.

    The children of a node are in name order (LEGACY directories: their names with a trailing slash).

    An object id belongs to the first node that has it among FSO buckets, directories and deleted directories, in that
    order, each in key order. Other directories with the same id are empty nodes. The parent of a row is the node of the
    parent's id in its key, if that node is in the bucket of the key; otherwise it is a node of kind MISSING, one for
    each pair of bucket and parent's id.
    """
    nodes = NodeList(build.table("owners").bytes("name").items())
    nodes.add(NodeKind.ROOT, ByteColumn.of([b""]))
    volumes, buckets = build.table("om/volumeTable"), build.table("om/bucketTable")
    of_bucket = _add_buckets(nodes, buckets, _add_volumes(nodes, volumes))
    directories, in_directory = build.table("directories"), build.table("directory_groups")
    rows = directories.read(
        ("name", "object_id", "parent_id", "creation_time", "modification_time", "owner"), 0, directories.rows
    )
    bucket = np.repeat(in_directory["bucket"], np.diff(in_directory["first_row"]))
    groups = build.table("groups")
    deleted = _deleted_directories(build.table("om/deletedDirectoryTable"), BucketRows(volumes, buckets))
    first = nodes.count
    first_deleted = first + directories.rows
    count = first_deleted + len(deleted.ids)
    known_ids = NodeIds(
        np.concatenate([of_bucket.ids, rows["object_id"], deleted.ids]),
        np.concatenate([of_bucket.nodes, np.arange(first, count)]),
    )
    # The bucket of each node so far; the last item, at index ROOT (-1), is for rows without a node.
    bucket_of = np.full(count + 1, -1, np.int32)
    bucket_of[of_bucket.first : first] = np.arange(buckets.rows)
    bucket_of[first:first_deleted] = bucket
    bucket_of[first_deleted:count] = deleted.buckets

    def within(bucket: Int32s, parent_ids: Int64s) -> Int64s:
        parents = known_ids.find(parent_ids)
        parents[(bucket < 0) | (bucket_of[parents] != bucket)] = ROOT
        return parents

    parent = within(bucket, rows["parent_id"])
    group_bucket, group_parent = np.asarray(groups["bucket"]), np.asarray(groups["parent_id"])
    in_files = np.asarray(groups["file_table"]) == 1
    in_bucket = np.where(group_bucket >= 0, of_bucket.first + group_bucket.astype(np.int64), ROOT)
    node = np.where(in_files, within(group_bucket, group_parent), in_bucket)
    lost, lost_node = np.unique(
        np.concatenate(
            [
                np.column_stack([bucket[parent == ROOT], rows["parent_id"][parent == ROOT]]),
                np.column_stack([group_bucket[node == ROOT], group_parent[node == ROOT]]),
            ]
        ),
        axis=0,
        return_inverse=True,
    )
    lost_node = lost_node.reshape(-1) + count
    of_directories = np.count_nonzero(parent == ROOT)
    parent[parent == ROOT], node[node == ROOT] = lost_node[:of_directories], lost_node[of_directories:]
    nodes.add(
        NodeKind.DIRECTORY, rows.bytes("name"), object_id=rows["object_id"], parent=parent, parent_id=rows["parent_id"],
        bucket=bucket, creation_time=rows["creation_time"],
        modification_time=rows["modification_time"], owner=rows["owner"],
    )  # fmt: skip
    nodes.add(
        NodeKind.DELETED, deleted.names, object_id=deleted.ids, parent_id=deleted.parent_ids, bucket=deleted.buckets
    )
    nodes.add(NodeKind.MISSING, ByteColumn.of([b""] * len(lost)), object_id=lost[:, 1], bucket=lost[:, 0])
    runs = KeyRuns(np.array(groups["first_row"]), node)
    if build.filesystem_paths and of_bucket.legacy.any():
        runs = _add_paths(nodes, build.table("keys"), runs, of_bucket.first + np.flatnonzero(of_bucket.legacy))
    return Collected(nodes, runs, known_ids, np.where(deleted.node < 0, NOWHERE, first_deleted + deleted.node))


@dataclass(frozen=True, slots=True)
class _BucketNodes:
    first: int
    ids: Int64s
    nodes: Int64s
    legacy: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _DeletedNodes:
    names: ByteColumn
    ids: Int64s
    parent_ids: Int64s
    buckets: Int64s
    node: Int64s
    """The number among these nodes of each row of the table, or -1."""


def _add_volumes(nodes: NodeList, table: Table) -> dict[bytes, int]:
    names = [key[1:] for key in table.bytes("key")]
    infos = [_volume(value) for value in table.bytes("value")]
    first = nodes.add(
        NodeKind.VOLUME,
        ByteColumn.of(names),
        parent=0,
        object_id=_column(info.object_id if info else 0 for info in infos),
        creation_time=_column(info.creation_time if info else 0 for info in infos),
        modification_time=_column(info.modification_time if info else 0 for info in infos),
        owner=_column(nodes.owner(encoded(info.owner)) if info else -1 for info in infos),
    )
    return {name: first + row for row, name in enumerate(names)}


def _add_buckets(nodes: NodeList, table: Table, volumes: dict[bytes, int]) -> _BucketNodes:
    names = [key[1:].partition(b"/") for key in table.bytes("key")]
    infos = [_bucket(value) for value in table.bytes("value")]
    ids = _column(info.object_id if info else 0 for info in infos)
    first = nodes.add(
        NodeKind.BUCKET,
        ByteColumn.of([bucket for _, _, bucket in names]),
        parent=_column(volumes.get(volume, ROOT) for volume, _, _ in names),
        object_id=ids,
        bucket=np.arange(len(names)),
        creation_time=_column(info.creation_time if info else 0 for info in infos),
        modification_time=_column(info.modification_time if info else 0 for info in infos),
        owner=_column(nodes.owner(encoded(info.owner or "")) if info else -1 for info in infos),
    )
    layouts = [info.layout if info else "" for info in infos]
    fso = np.array([layout == FSO for layout in layouts], np.bool_)
    legacy = np.array([layout == "LEGACY" for layout in layouts], np.bool_)
    return _BucketNodes(first, ids[fso], first + np.flatnonzero(fso), legacy)


def _volume(value: bytes) -> VolumeInfo | None:
    """Decodes a volume; None if that fails. The volume is still listed by its key, and the build counts the row."""
    try:
        return decode_volume(value)
    except DecodeError:
        return None


def _bucket(value: bytes) -> BucketInfo | None:
    try:
        return decode_bucket(value)
    except DecodeError:
        return None


def _deleted_directories(table: Table, buckets: BucketRows) -> _DeletedNodes:
    """Returns the rows of deletedDirectoryTable by object id; of several rows with one id, the first."""
    chunks = table.chunks(("key",), BATCH)
    decoded = [(chunk.first_row, decode_deleted_directories(chunk.bytes("key"))) for chunk in chunks]
    own, parents, volume, bucket, rows = np.concatenate(
        [
            np.empty((5, 0), np.int64),
            *((one.object_id, one.parent_id, one.volume_id, one.bucket_id, one.row + row) for row, one in decoded),
        ],
        axis=1,
    )
    ids, first_rows = np.unique(own, return_index=True)
    names = joined([slices_at(ByteColumn.joined([one.names for _, one in decoded]), first_rows)])
    node = np.full(table.rows, -1)
    node[rows[first_rows]] = np.arange(len(first_rows))
    return _DeletedNodes(names, ids, parents[first_rows], buckets.of_ids(volume[first_rows], bucket[first_rows]), node)


def _add_paths(nodes: NodeList, keys: Table, runs: KeyRuns, legacy: Int64s) -> KeyRuns:
    """Splits the runs of LEGACY buckets by directory and adds the directories as nodes."""
    legacy_runs = np.flatnonzero(np.isin(runs.node, legacy))
    first_pieces: list[Int64s] = []
    node_pieces: list[Int64s] = []
    done = 0
    for run in legacy_runs.tolist():
        first_pieces.append(runs.starts[done:run])
        node_pieces.append(runs.node[done:run])
        done = run + 1
        walk = PathWalk()
        base = nodes.count
        first, end = runs.starts[run : run + 2].tolist()
        for start in range(first, end, BATCH):
            stop = min(start + BATCH, end)
            chunk = keys.read(("name", "object_id", "creation_time", "modification_time", "owner"), start, stop)
            before = walk.directories
            paths = walk.walk(chunk.bytes("name"))
            at = np.where(paths.run_directory == TOP, runs.node[run], base + paths.run_directory)
            marked = paths.run_is_marker
            # A marker is its directory's first key in byte order, so the same batch adds the directory.
            markers, directories = paths.run_start[marked], paths.run_directory[marked] - before
            columns = {
                "object_id": chunk["object_id"], "creation_time": chunk["creation_time"],
                "modification_time": chunk["modification_time"], "owner": chunk["owner"],
            }  # fmt: skip
            marker_columns: dict[str, Int64s] = {}
            for name, values in columns.items():
                marker_columns[name] = np.full(len(paths.names), COLUMNS[name])
                marker_columns[name][directories] = values[markers]
            parent = np.where(paths.parent == TOP, runs.node[run], base + paths.parent)
            nodes.add(NodeKind.PATH, paths.names, parent=parent, **marker_columns)
            first_pieces.append(paths.run_start + start)
            node_pieces.append(np.where(marked, NOWHERE, at))
    first_pieces.append(runs.starts[done:])
    node_pieces.append(runs.node[done:])
    return KeyRuns(np.concatenate(first_pieces), np.concatenate(node_pieces))


def encoded(text: str) -> bytes:
    """Encodes a record's text as the bytes in the database."""
    return text.encode("utf-8", "surrogateescape")


def _column(values: Iterable[int]) -> Int64s:
    return np.fromiter(values, np.int64)
