"""What waits to be deleted: keys in deletedTable, directories in deletedDirectoryTable, and how much they hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ozone_recon.decode.om_keys import DeletedDirectoryKey
from ozone_recon.decode.om_values import decode_key_info
from ozone_recon.decode.whole_keys import WholeKeys, decode_deleted_keys
from ozone_recon.errors import DecodeError
from ozone_recon.insights.directory_paths import DirectoryPaths
from ozone_recon.insights.filled_pages import filled_page, rows_with
from ozone_recon.insights.key_rows import shown
from ozone_recon.insights.namespace_nodes import Kind
from ozone_recon.insights.om_tables import table_counts
from ozone_recon.model.byte_search import page
from ozone_recon.model.cells import cells_at, joined
from ozone_recon.model.columns import ByteColumn, Int64s
from ozone_recon.model.om import KeyInfo
from ozone_recon.store.generation import Generation

UInt64s = NDArray[np.uint64]


class DeletedKeyRows(NamedTuple):
    """Rows of deletedTable: all versions of a key that were deleted together.

    The sizes are bytes of all versions, and what they take on disks; `keys.row` says which row a version is in.
    """

    db_key: ByteColumn
    bucket_id: Int64s
    size: UInt64s
    replicated_size: UInt64s
    keys: WholeKeys

    def __len__(self) -> int:
        return len(self.db_key)


class DeletedDirectory(NamedTuple):
    """A row of deletedDirectoryTable; the sizes are of all files that are still below it.

    `path` is `volume/bucket/…` without a leading slash, as it was when the directory was deleted if what it was in is
    gone as well.
    """

    db_key: str
    name: str
    path: str
    size: int
    replicated_size: int
    info: KeyInfo


class PendingBytes(NamedTuple):
    """Bytes on disks that deletion will free at OM: of deleted directories' files, and of deleted keys."""

    directories: int
    keys: int


def list_deleted_keys(generation: Generation, prefix: bytes, after: bytes, limit: int | None) -> DeletedKeyRows:
    """Rows with this prefix in byte order of their database keys, from the first one greater than `after`."""
    table = generation.table("om/deletedTable")
    keys, values = table.bytes("key"), table.bytes("value")

    def read(rows: Int64s) -> tuple[Int64s, DeletedKeyRows]:
        return read_deleted_keys(keys, values, rows)

    return filled_page(keys, rows_with(keys, prefix), read, after, limit)


def read_deleted_keys(keys: ByteColumn, values: ByteColumn, rows: Int64s) -> tuple[Int64s, DeletedKeyRows]:
    """Which of these rows can be decoded, and what they say."""
    good, found = decode_deleted_keys(cells_at(values, rows))
    versions = np.searchsorted(found.keys.row, np.arange(len(good) + 1))

    def sums(of_version: Int64s) -> UInt64s:
        # What is added up may pass 2^63, but no answer has sums beyond 2^64.
        before = np.append(np.uint64(0), of_version.view(np.uint64).cumsum())
        total: UInt64s = before[versions[1:]] - before[versions[:-1]]
        return total

    size, replicated_size = sums(found.keys.size), sums(found.keys.replicated_size)
    db_key = joined([cells_at(keys, rows[good])])
    return rows[good], DeletedKeyRows(db_key, found.bucket_id, size, replicated_size, found.keys)


def list_deleted_directories(generation: Generation, after: bytes, limit: int | None) -> list[DeletedDirectory]:
    """Rows in byte order of their database keys, from the first one greater than `after`."""
    table = generation.table("om/deletedDirectoryTable")
    keys, values = table.bytes("key"), table.bytes("value")
    places = generation.table("namespace")
    tree = DirectoryPaths(generation)
    found: list[DeletedDirectory] = []
    for row in range(*page(keys, b"", after)):
        if len(found) == limit:
            break
        try:
            key, info = DeletedDirectoryKey.parse(keys[row]), decode_key_info(values[row])
        except DecodeError:
            continue  # The build has counted and reported it.
        parent = tree.path_of(key.parent_id)
        place = tree.place_of(key.object_id)
        gone = place is not None and places["kind"][place] == Kind.DELETED
        size, replicated_size = (
            int(places[column][place]) if gone else 0 for column in ("all_size", "all_replicated_size")
        )
        path = f"{info.volume}/{info.bucket}/{info.key}" if parent is None else parent + shown(key.name)
        found.append(
            DeletedDirectory(
                keys[row].decode("utf-8", "replace"), shown(key.name), shown(path), size, replicated_size, info
            )
        )
    return found


def pending_bytes(generation: Generation) -> PendingBytes:
    """How much deletion will free, as far as OM knows."""
    places = generation.table("namespace")
    deleted = places["kind"] == Kind.DELETED
    return PendingBytes(
        directories=int(np.sum(places["all_replicated_size"], where=deleted)),
        keys=table_counts(generation, "deletedTable").replicated_size,
    )
