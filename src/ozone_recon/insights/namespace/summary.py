"""The namespace as a tree with the sums of every subtree (NSSummary).

A row of `namespace` is a place: the root, a volume, a bucket or a directory. Rows stand in depth-first pre-order, so
a place's subtree is the run of rows from its own up to its `end`. Row 0 is the root; what is not below it hangs
under roots of its own, behind `end` of row 0: directories that OM has deleted but whose contents it has not, and
what is in no object we know of. Those count nowhere but in themselves.
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
from ozone_recon.store.generation import GenerationBuild
from ozone_recon.store.schema import Schema

NAME: Final = "NSSummary"
TABLES: Final[dict[str, Schema]] = {
    "namespace": {
        "object_id": "i8",  # 0 where there is none: the root, and LEGACY directories without a marker
        "parent": "i4",  # row, -1 for the root and all that is detached from it
        "parent_id": "i8",  # of a directory: the object id it is in, or was in when it was deleted
        "end": "i4",
        "kind": "u1",  # namespace_nodes.Kind
        "name": "bytes",
        "bucket": "i4",  # row of `om/bucketTable`, -1 when it is in none
        "creation_time": "i8",
        "modification_time": "i8",
        "owner": "i4",  # row of `namespace_owners`, -1 when there is none
        "first_child": "i4",  # row of `namespace_children`; the next row's first_child ends them
        "first_run": "i4",  # row of `namespace_runs`; the next row's first_run ends them
        "files": "i8",  # directly in it, as are the next two
        "size": "i8",
        "replicated_size": "i8",
        "all_files": "i8",  # in its subtree, as are all that follow
        "all_size": "i8",
        "all_replicated_size": "i8",
        "all_directories": "i4",  # without itself
        "oldest": "i8",  # modification time of the file that was modified first; 0 when there is no file
        "newest": "i8",
    },
    # For each place in order: the rows of its children, in order of their names (PATH: with a slash behind).
    "namespace_children": {"row": "i4"},
    # For each place in order: the runs of rows of `keys` that are directly in it, in row order.
    "namespace_runs": {"first": "i8", "last": "i8"},
    # The same runs in row order, -1 being the place of keys that are no files; a run ends where the next begins.
    "namespace_cuts": {"first": "i8", "place": "i4"},
    # FSO buckets, directories and deleted directories by object id: one place for each id (namespace_nodes.collect).
    "namespace_ids": {"object_id": "i8", "row": "i4"},
    # Places whose object id stands for another place, so that nothing is in them.
    "namespace_conflicts": {"row": "i4"},
    # Of each row of `om/bucketTable` its place.
    "namespace_buckets": {"place": "i4"},
    # Of each row of `om/deletedDirectoryTable` its place, -1 for a row that has none.
    "namespace_deleted": {"place": "i4"},
    # Rows of `owners`, then those of volumes and buckets that own no key.
    "namespace_owners": {"name": "bytes"},
}


def rebuild(build: GenerationBuild) -> None:
    """Write the tables above; by `build.filesystem_paths` the slashes in keys of LEGACY buckets are directories."""
    nodes, runs, ids, deleted = collect(build)
    _write(build, "namespace_owners", name=ByteColumn.of(nodes.owners))
    schema = TABLES["namespace"]
    parent = np.concatenate(nodes.columns.pop("parent"))
    order = depth_first(parent)
    row_of = np.empty(nodes.count, np.int64)
    row_of[order] = np.arange(nodes.count)
    # Taken out one by one, so that no column is held twice for longer than it takes.
    columns: dict[str, NDArray[Any]] = {
        name: np.concatenate(nodes.columns.pop(name)).astype(schema[name], copy=False)[order]
        for name in list(nodes.columns)
    }
    parent = parent[order]
    columns["parent"] = np.where(parent == ROOT, ROOT, row_of[parent])
    runs = KeyRuns(runs.first, np.where(runs.node == NOWHERE, NOWHERE, row_of[runs.node]), runs.rows)

    columns |= _sums(build, runs, columns["parent"], columns["kind"])
    _inherit_bucket(columns)
    columns["first_child"] = _write_children(build, columns["parent"])
    columns["first_run"] = _write_runs(build, runs, nodes.count)
    stands = np.diff(ids.ids, prepend=ids.ids[:1] - 1) != 0
    _write(build, "namespace_ids", object_id=ids.ids[stands], row=row_of[ids.nodes[stands]].astype(np.int32))
    _write(build, "namespace_conflicts", row=np.sort(row_of[ids.nodes[~stands]]).astype(np.int32))
    buckets = np.flatnonzero(columns["kind"] == NodeKind.BUCKET)
    _write(build, "namespace_buckets", place=buckets[np.argsort(columns["bucket"][buckets])].astype(np.int32))
    deleted_rows = np.where(deleted == NOWHERE, NOWHERE, row_of[deleted])
    _write(build, "namespace_deleted", place=deleted_rows.astype(np.int32))
    numbers = {name: values.astype(schema[name], copy=False) for name, values in columns.items()}
    with build.create("namespace", schema) as writer:
        for start, names in _ordered_names(nodes, order):
            rows = slice(start, start + len(names))
            writer.append(name=names, **{name: values[rows] for name, values in numbers.items()})


def _sums(build: GenerationBuild, runs: KeyRuns, parent: Int64s, kind: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Every row's own sums, those of its subtree, and where that ends."""
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
    """Gives every row below a bucket, or below a detached root, the bucket of that."""
    kind, bucket, end = columns["kind"], columns["bucket"], columns["end"]
    heads = (kind == NodeKind.BUCKET) | ((columns["parent"] == ROOT) & (kind != NodeKind.ROOT))
    for row in np.flatnonzero(heads).tolist():
        bucket[row : end[row]] = bucket[row]


def _write(build: GenerationBuild, table: str, **columns: NDArray[Any] | ByteColumn) -> None:
    with build.create(table, TABLES[table]) as writer:
        writer.append(**columns)


def _write_children(build: GenerationBuild, parent: Int64s) -> Int64s:
    """Writes the children of every row, and gives where those of each begin."""
    children = np.argsort(parent, kind="stable")[np.count_nonzero(parent == ROOT) :]
    _write(build, "namespace_children", row=children.astype(np.int32))
    return np.searchsorted(parent[children], np.arange(len(parent)))


def _write_runs(build: GenerationBuild, runs: KeyRuns, rows: int) -> Int64s:
    """Writes the runs both ways, and gives where those of each row begin."""
    order = np.argsort(runs.node, kind="stable")[np.count_nonzero(runs.node == NOWHERE) :]
    _write(build, "namespace_runs", first=runs.first[order], last=runs.last[order])
    _write(build, "namespace_cuts", first=runs.first, place=runs.node.astype(np.int32))
    return np.searchsorted(runs.node[order], np.arange(rows))


def _ordered_names(nodes: NodeList, order: Int64s) -> Iterator[tuple[int, ByteColumn]]:
    """The names in the order of the rows, piece by piece, each with the row it begins at."""
    data = np.concatenate([names.data[names.offsets[0] : names.offsets[-1]] for names in nodes.names])
    lengths = np.concatenate([np.diff(names.offsets) for names in nodes.names])
    stops = np.cumsum(lengths)
    for start in range(0, nodes.count, BATCH):
        chosen = order[start : start + BATCH]
        yield start, gather(data, stops[chosen] - lengths[chosen], stops[chosen])
