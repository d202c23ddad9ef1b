"""Lists open keys (those being written): openKeyTable and, for FSO buckets, openFileTable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, last_at, slices_at, slices_of_texts
from ozone_recon.columnar.search import first_after, page, prefix_range
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.decode.om.id_prefixes import split_id_prefixes
from ozone_recon.decode.om.key_info_columns import stored_paths
from ozone_recon.decode.om.key_infos import decode_key_infos
from ozone_recon.decode.om.keys import encode_text, split_id_prefix
from ozone_recon.insights.namespace.directory_paths import DirectoryPaths
from ozone_recon.insights.om.bucket_rows import FSO
from ozone_recon.insights.om.filled_pages import filled_page, rows_with
from ozone_recon.insights.om.key_rows import SLASH
from ozone_recon.insights.om.prefixes import Prefix, is_id_key
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import Generation


class OpenKeyRows(NamedTuple):
    """Open keys. `size` is the size of the blocks allocated so far, 0 for a multipart upload.

    `path` is `volume/bucket/…` without a leading slash; it is empty if a key of openFileTable is malformed.
    """

    db_key: ByteColumn
    path: ByteColumn
    size: Int64s
    replicated_size: Int64s
    replication: DictionaryColumn[ReplicationConfig]
    creation_time: Int64s
    modification_time: Int64s
    is_file: Int64s

    def __len__(self) -> int:
        return len(self.db_key)


def list_open_keys(generation: Generation, prefix: Prefix | None, after: bytes, limit: int | None) -> OpenKeyRows:
    """Lists rows of openKeyTable whose database keys are greater than `after`, in key order.

    Returns none if `after` is a key of openFileTable, whose rows are listed after these.
    """
    table = generation.table("om/openKeyTable")
    keys, values = table.bytes("key"), table.bytes("value")

    def read(rows: Int64s) -> tuple[Int64s, OpenKeyRows]:
        names = slices_at(keys, rows)
        begins = np.minimum(names.starts + 1, names.ends)
        return _read(keys, values, rows, ByteSlices(names.data, begins, np.maximum(begins, last_at(names, SLASH))))

    remaining = 0 if is_id_key(generation, after) else limit
    return filled_page(keys, rows_with(keys, prefix.text if prefix else b""), read, after, remaining)


def list_open_files(generation: Generation, prefix: Prefix | None, after: bytes, limit: int | None) -> OpenKeyRows:
    """Lists rows of openFileTable in key order; a prefix selects everything below a directory, or one file.

    `after` is ignored unless it is a key of openFileTable.
    """
    table = generation.table("om/openFileTable")
    keys, values = table.bytes("key"), table.bytes("value")
    tree = DirectoryPaths(generation)

    def below(after: bytes, limit: int | None) -> Int64s:
        return _rows_below(tree, keys, prefix, after, len(keys) if limit is None else limit)

    def read(rows: Int64s) -> tuple[Int64s, OpenKeyRows]:
        return _read(keys, values, rows, _paths_of_files(tree, slices_at(keys, rows), slices_at(values, rows)))

    rows_after = rows_with(keys, b"") if prefix is None else below
    return filled_page(keys, rows_after, read, after if is_id_key(generation, after) else b"", limit)


def _rows_below(tree: DirectoryPaths, keys: ByteColumn, prefix: Prefix | None, after: bytes, limit: int) -> Int64s:
    """Returns the rows of open files below a directory, skipping directories elsewhere in the bucket."""
    if prefix is None or prefix.resolved is None or prefix.resolved.layout != FSO:
        return np.empty(0, np.int64)
    if not prefix.rest.strip("/"):
        return np.arange(*page(keys, prefix.resolved.id_prefix, after, limit))
    names = [encode_text(name) for name in (prefix.volume, prefix.bucket, *prefix.rest.split("/")) if name]
    node = tree.find(names)
    if node is None:
        parent = tree.find(names[:-1])
        parent_id = None if parent is None else tree.own_id(parent)
        if parent_id is None:
            return np.empty(0, np.int64)
        text = prefix.resolved.id_prefix + b"%d/%s/" % (parent_id, names[-1])
        return np.arange(*page(keys, text, after, limit))
    first, last = tree.subtree(node)
    start, end = prefix_range(keys, prefix.resolved.id_prefix)
    start = first_after(keys, after, start, end)
    found: list[range] = []
    while start < end and limit > 0:
        parts = split_id_prefix(keys[start])
        if parts is None:
            start += 1
            continue
        stop = prefix_range(keys, parts[0], start, end)[1]
        parent = tree.node_of(int(parts[0].split(b"/")[3]))
        if parent is not None and first <= parent < last:
            found.append(range(start, min(stop, start + limit)))
            limit -= len(found[-1])
        start = stop
    return np.array([row for rows in found for row in rows], np.int64)


def _paths_of_files(tree: DirectoryPaths, keys: ByteSlices, values: ByteSlices) -> ByteSlices:
    """Returns the paths of open files; for a file whose directory was deleted, its path when it was opened."""
    begins, ids = split_id_prefixes(keys)
    slash = last_at(keys, SLASH)
    good = (begins >= 0) & (begins <= slash) & (slash + 1 < keys.ends)
    name = ByteSlices(keys.data, begins, slash)
    directory, known = tree.paths_of(tree.nodes_within(ids))
    has_directory = good & known
    recorded = stored_paths(values, good & ~known)
    return slices_of_texts(
        joined([slices_of_texts(directory).masked(has_directory), name.masked(has_directory), recorded])
    )


def _read(keys: ByteColumn, values: ByteColumn, rows: Int64s, path: ByteSlices) -> tuple[Int64s, OpenKeyRows]:
    infos = decode_key_infos(joined([slices_at(values, rows)]))
    good = rows[infos.row]
    return good, OpenKeyRows(
        db_key=joined([slices_at(keys, good)]),
        path=joined([path.take(infos.row)]),
        size=infos.size,
        replicated_size=infos.replicated_size,
        replication=infos.replication(),
        creation_time=infos.creation_time,
        modification_time=infos.modification_time,
        is_file=infos.is_file,
    )
