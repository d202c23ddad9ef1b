"""The namespace as a tree with the sums of every subtree (NSSummary).

A row of `namespace` is a node: the root, a volume, a bucket or a directory. Rows are in depth-first pre-order, so the
subtree of a node is the range of rows from its own to its `end`. Row 0 is the root. Detached nodes are roots of their
own trees, after `end` of row 0, and count in no other node: deleted directories whose contents OM has not deleted yet,
and missing parents of existing rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.amounts_kernel import add_runs
from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.insights.namespace.legacy_paths import gather
from ozone_recon.insights.namespace.nodes import NodeKind, NodeList, collect
from ozone_recon.insights.namespace.order import ROOT, depth_first, roll_up
from ozone_recon.insights.namespace.runs import BATCH, NOWHERE, KeyRuns
from ozone_recon.store.columns import dtype_of
from ozone_recon.store.generation import GenerationBuild
from ozone_recon.store.schema import Schema

NAME: Final = "NSSummary"
TABLES: Final[dict[str, Schema]] = {
    "namespace": {
        "object_id": "i8",  # 0 for the root and for LEGACY directories without a marker
        "parent": "i4",  # row, -1 for the root and for detached nodes
        "parent_id": "i8",  # object id of a directory's parent, also after its deletion
        "end": "i4",
        "kind": "u1",  # nodes.NodeKind
        "name": "bytes",
        "bucket": "i4",  # row of `om/bucketTable`, or -1
        "creation_time": "i8",
        "modification_time": "i8",
        "owner": "i4",  # row of `namespace_owners`, or -1
        "first_child": "starts",  # in `namespace_children`
        "first_run": "starts",  # in `namespace_runs`
        "files": "i8",  # directly in the node, as the next two columns
        "size": "i8",
        "replicated_size": "i8",
        "all_files": "i8",  # in the subtree, as all further columns
        "all_size": "i8",
        "all_replicated_size": "i8",
        "all_directories": "i4",  # without itself
        "oldest": "i8",  # earliest modification time of a file; 0 if there is no file
        "newest": "i8",
    },
    # The children of each node, in node order, then in name order (PATH: with a trailing slash).
    "namespace_children": {"row": "i4"},
    # The runs of `keys` rows directly in each node, in node order, then in row order.
    "namespace_runs": {"first": "i8", "last": "i8"},
    # The same runs in row order; `first` is in `keys`, `place` is the node, or -1 for directory markers.
    "namespace_cuts": {"first": "starts", "place": "i4"},
    # FSO buckets, directories and deleted directories by object id: one node for each id (nodes.collect).
    "namespace_ids": {"object_id": "i8", "row": "i4"},
    # Nodes whose object id belongs to another node; they are empty.
    "namespace_conflicts": {"row": "i4"},
    # The node of each row of `om/bucketTable`.
    "namespace_buckets": {"place": "i4"},
    # The node of each row of `om/deletedDirectoryTable`, or -1.
    "namespace_deleted": {"place": "i4"},
    # The rows of `owners`, then further owners of volumes and buckets.
    "namespace_owners": {"name": "bytes"},
}


def rebuild(build: GenerationBuild) -> None:
    """Writes the tables above. If `build.filesystem_paths`, slashes in keys of LEGACY buckets separate directories."""
    nodes, runs, ids, deleted = collect(build)
    _write(build, "namespace_owners", name=ByteColumn.of(nodes.owners))
    schema = TABLES["namespace"]
    parent = np.concatenate(nodes.columns.pop("parent"))
    order = depth_first(parent)
    row_of = np.empty(nodes.count, np.int64)
    row_of[order] = np.arange(nodes.count)
    # Columns are popped one by one, so that at most one is in memory twice.
    columns: dict[str, NDArray[Any]] = {
        name: np.concatenate(nodes.columns.pop(name)).astype(schema[name], copy=False)[order]
        for name in list(nodes.columns)
    }
    parent = parent[order]
    columns["parent"] = np.where(parent == ROOT, ROOT, row_of[parent])
    runs = KeyRuns(runs.starts, np.where(runs.node == NOWHERE, NOWHERE, row_of[runs.node]))

    columns |= _sums(build, runs, columns["parent"], columns["kind"])
    _inherit_bucket(columns)
    children = _write_children(build, columns["parent"])
    of_nodes = _write_runs(build, runs, nodes.count)
    columns |= {"first_child": children[:-1], "first_run": of_nodes[:-1]}
    first_of_id = np.diff(ids.ids, prepend=ids.ids[:1] - 1) != 0
    _write(build, "namespace_ids", object_id=ids.ids[first_of_id], row=row_of[ids.nodes[first_of_id]].astype(np.int32))
    _write(build, "namespace_conflicts", row=np.sort(row_of[ids.nodes[~first_of_id]]).astype(np.int32))
    buckets = np.flatnonzero(columns["kind"] == NodeKind.BUCKET)
    _write(build, "namespace_buckets", place=buckets[np.argsort(columns["bucket"][buckets])].astype(np.int32))
    deleted_rows = np.where(deleted == NOWHERE, NOWHERE, row_of[deleted])
    _write(build, "namespace_deleted", place=deleted_rows.astype(np.int32))
    numbers = {name: values.astype(dtype_of(schema[name]), copy=False) for name, values in columns.items()}
    with build.create("namespace", schema) as writer:
        for start, names in _ordered_names(nodes, order):
            rows = slice(start, start + len(names))
            writer.append(name=names, **{name: values[rows] for name, values in numbers.items()})
        writer.end(first_child=int(children[-1]), first_run=int(of_nodes[-1]))


def _sums(build: GenerationBuild, runs: KeyRuns, parent: Int64s, kind: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Returns every row's own sums, its subtree's sums and its subtree's end."""
    rows = len(parent)
    own = np.zeros((3, rows), np.int64)
    oldest, newest = np.full(rows, np.iinfo(np.int64).max), np.full(rows, np.iinfo(np.int64).min)
    for chunk in build.table("keys").chunks(("size", "replicated_size", "modification_time"), BATCH):
        starts, node = runs.within(chunk.first_row, len(chunk))
        files = node != NOWHERE
        at, time = node[files], chunk["modification_time"]
        np.add.at(own[0], at, np.diff(starts, append=len(chunk))[files])
        add_runs(chunk["size"], starts, node, own[1])
        add_runs(chunk["replicated_size"], starts, node, own[2])
        np.minimum.at(oldest, at, np.minimum.reduceat(time, starts)[files])
        np.maximum.at(newest, at, np.maximum.reduceat(time, starts)[files])
    directory = ((kind == NodeKind.DIRECTORY) | (kind == NodeKind.PATH)).astype(np.int64)
    totals = np.column_stack([*own, directory, np.ones(rows, np.int64)])
    roll_up(parent, totals, oldest, newest)
    files, size, replicated_size, directories, subtree = totals.T
    return {
        "files": own[0],
        "size": own[1],
        "replicated_size": own[2],
        "all_files": files,
        "all_size": size,
        "all_replicated_size": replicated_size,
        "all_directories": directories - directory,
        "oldest": np.where(files == 0, 0, oldest),
        "newest": np.where(files == 0, 0, newest),
        "end": np.arange(rows) + subtree,
    }


def _inherit_bucket(columns: dict[str, NDArray[Any]]) -> None:
    """Copies the bucket of every bucket's node and detached root to its subtree."""
    kind, bucket, end = columns["kind"], columns["bucket"], columns["end"]
    heads = (kind == NodeKind.BUCKET) | ((columns["parent"] == ROOT) & (kind != NodeKind.ROOT))
    for row in np.flatnonzero(heads).tolist():
        bucket[row : end[row]] = bucket[row]


def _write(build: GenerationBuild, table: str, **columns: NDArray[Any] | ByteColumn) -> None:
    with build.create(table, TABLES[table]) as writer:
        writer.append(**columns)


def _write_children(build: GenerationBuild, parent: Int64s) -> Int64s:
    """Writes the children of all rows; returns the start of each row's children, then the end."""
    children = np.argsort(parent, kind="stable")[np.count_nonzero(parent == ROOT) :]
    _write(build, "namespace_children", row=children.astype(np.int32))
    return np.searchsorted(parent[children], np.arange(len(parent) + 1))


def _write_runs(build: GenerationBuild, runs: KeyRuns, rows: int) -> Int64s:
    """Writes the runs in both orders; returns the start of each row's runs, then the end."""
    order = np.argsort(runs.node, kind="stable")[np.count_nonzero(runs.node == NOWHERE) :]
    _write(build, "namespace_runs", first=runs.starts[order], last=runs.starts[order + 1])
    with build.create("namespace_cuts", TABLES["namespace_cuts"]) as writer:
        writer.append(first=runs.starts[:-1], place=runs.node.astype(np.int32))
        writer.end(first=int(runs.starts[-1]))
    return np.searchsorted(runs.node[order], np.arange(rows + 1))


def _ordered_names(nodes: NodeList, order: Int64s) -> Iterator[tuple[int, ByteColumn]]:
    """Yields the names in row order, in batches, each with its first row."""
    data = np.concatenate([names.data[names.offsets[0] : names.offsets[-1]] for names in nodes.names])
    lengths = np.concatenate([np.diff(names.offsets) for names in nodes.names])
    stops = np.cumsum(lengths)
    for start in range(0, nodes.count, BATCH):
        chosen = order[start : start + BATCH]
        yield start, gather(data, stops[chosen] - lengths[chosen], stops[chosen])
