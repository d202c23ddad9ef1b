"""Keys that are being written: openKeyTable and, for FSO buckets, openFileTable."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ozone_recon.decode.key_infos import decode_key_infos
from ozone_recon.decode.om_keys import OpenFileKey, encode_text, split_id_prefix
from ozone_recon.decode.om_values import decode_key_info
from ozone_recon.errors import DecodeError
from ozone_recon.insights.directory_paths import DirectoryPaths
from ozone_recon.insights.key_rows import shown, texts_at
from ozone_recon.insights.prefixes import FSO, Prefix, is_id_key
from ozone_recon.model.byte_search import first_after, page, prefix_range
from ozone_recon.model.columns import ByteColumn, Int64s
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import Generation


class OpenKey(NamedTuple):
    """An open key. `size` is what its blocks can take so far, 0 for a multipart upload, which is no file yet.

    `path` is `volume/bucket/…` without a leading slash.
    """

    db_key: str
    path: str
    size: int
    replicated_size: int
    replication: ReplicationConfig
    creation_time: int
    modification_time: int
    is_file: bool


def list_open_keys(generation: Generation, prefix: Prefix | None, after: bytes, limit: int | None) -> list[OpenKey]:
    """Rows of openKeyTable, in byte order of their database keys, from the first one greater than `after`.

    None are left after a key of openFileTable, whose rows are listed after these.
    """
    table = generation.table("om/openKeyTable")
    if is_id_key(generation, after):
        return []
    keys, values = table.bytes("key"), table.bytes("value")

    def read(after: bytes) -> tuple[Int64s, list[OpenKey]]:
        rows = np.arange(*page(keys, prefix.text if prefix else b"", after, limit))
        paths = [key[1:].rpartition("/")[0] for key in texts_at(keys, rows)]
        return rows, _read(keys, values, rows, paths)

    return _filled(keys, read, after, limit)


def list_open_files(generation: Generation, prefix: Prefix | None, after: bytes, limit: int | None) -> list[OpenKey]:
    """Rows of openFileTable in the same order; a prefix is a directory with all that is below it, or one file.

    `after` counts only when it is a key of openFileTable.
    """
    table = generation.table("om/openFileTable")
    keys, values = table.bytes("key"), table.bytes("value")
    tree = DirectoryPaths(generation)

    def read(after: bytes) -> tuple[Int64s, list[OpenKey]]:
        if prefix is None:
            rows = np.arange(*page(keys, b"", after, limit))
        else:
            rows = _rows_below(tree, keys, prefix, after, len(keys) if limit is None else limit)
        return rows, _read(keys, values, rows, [_path_of_file(tree, keys[row], values[row]) for row in rows.tolist()])

    return _filled(keys, read, after if is_id_key(generation, after) else b"", limit)


def _filled(
    keys: ByteColumn, read: Callable[[bytes], tuple[Int64s, list[OpenKey]]], after: bytes, limit: int | None
) -> list[OpenKey]:
    """`limit` open keys, or all there are: where some rows of a page cannot be decoded, the next ones follow."""
    found: list[OpenKey] = []
    while True:
        rows, readable = read(after)
        found += readable
        if limit is None or len(rows) < limit or len(found) >= limit:
            return found[:limit]
        after = keys[int(rows[-1])]


def _rows_below(tree: DirectoryPaths, keys: ByteColumn, prefix: Prefix, after: bytes, limit: int) -> Int64s:
    """Rows of open files below a directory, jumping over directories elsewhere in the bucket."""
    if prefix.place is None or prefix.place.layout != FSO:
        return np.empty(0, np.int64)
    if not prefix.rest.strip("/"):
        return np.arange(*page(keys, prefix.place.id_prefix, after, limit))
    names = [encode_text(name) for name in (prefix.volume, prefix.bucket, *prefix.rest.split("/")) if name]
    place = tree.find(names)
    if place is None:
        parent = tree.find(names[:-1])
        if parent is None:
            return np.empty(0, np.int64)
        text = prefix.place.id_prefix + b"%d/%s/" % (tree.object_id(parent), names[-1])
        return np.arange(*page(keys, text, after, limit))
    first, last = tree.subtree(place)
    start, end = prefix_range(keys, prefix.place.id_prefix)
    start = first_after(keys, after, start, end)
    found: list[range] = []
    while start < end and limit > 0:
        parts = split_id_prefix(keys[start])
        if parts is None:
            start += 1
            continue
        stop = prefix_range(keys, parts[0], start, end)[1]
        parent = tree.place_of(int(parts[0].split(b"/")[3]))
        if parent is not None and first <= parent < last:
            found.append(range(start, min(stop, start + limit)))
            limit -= len(found[-1])
        start = stop
    return np.array([row for rows in found for row in rows], np.int64)


def _path_of_file(tree: DirectoryPaths, key: bytes, value: bytes) -> str:
    """Where an open file is; when its directory is gone, where it was when it was opened; "" for broken rows."""
    try:
        file = OpenFileKey.parse(key)
        directory = tree.path_of(file.parent_id)
        if directory is not None:
            return directory + shown(file.name)
        info = decode_key_info(value)
    except DecodeError:
        return ""
    return shown(f"{info.volume}/{info.bucket}/{info.key}")


def _read(keys: ByteColumn, values: ByteColumn, rows: Int64s, paths: list[str]) -> list[OpenKey]:
    infos = decode_key_infos(ByteColumn.of(values[row] for row in rows.tolist()))
    return [
        OpenKey(db_key, path, size, replicated_size, replication, created, modified, bool(is_file))
        for db_key, path, size, replicated_size, replication, created, modified, is_file in zip(
            texts_at(keys, rows[infos.row]),
            [paths[row] for row in infos.row.tolist()],
            infos.size.tolist(),
            infos.replicated_size.tolist(),
            infos.replications(),
            infos.creation_time.tolist(),
            infos.modification_time.tolist(),
            infos.is_file.tolist(),
            strict=True,
        )
    ]
