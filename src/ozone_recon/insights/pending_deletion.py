"""What waits to be deleted: keys in deletedTable, directories in deletedDirectoryTable, and how much they hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ozone_recon.decode.om_keys import DeletedDirectoryKey
from ozone_recon.decode.om_values import decode_key_info, decode_repeated_key_info
from ozone_recon.errors import DecodeError
from ozone_recon.insights.directory_paths import DirectoryPaths
from ozone_recon.insights.key_rows import shown
from ozone_recon.insights.namespace_nodes import Kind
from ozone_recon.insights.om_tables import table_counts
from ozone_recon.model.byte_search import page
from ozone_recon.model.om import KeyInfo, RepeatedKeyInfo
from ozone_recon.store.generation import Generation


class DeletedKeys(NamedTuple):
    """A row of deletedTable: all versions of a key that were deleted together."""

    db_key: str
    deleted: RepeatedKeyInfo

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(key.size for key in self.deleted.keys)

    @property
    def replicated_size(self) -> int:
        """Bytes that all of them take on disks."""
        return sum(key.replicated_size for key in self.deleted.keys)


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


def list_deleted_keys(generation: Generation, prefix: bytes, after: bytes, limit: int | None) -> list[DeletedKeys]:
    """Rows with this prefix in byte order of their database keys, from the first one greater than `after`."""
    table = generation.table("om/deletedTable")
    keys, values = table.bytes("key"), table.bytes("value")
    found: list[DeletedKeys] = []
    for row in range(*page(keys, prefix, after)):
        if len(found) == limit:
            break
        try:
            deleted = decode_repeated_key_info(values[row])
        except DecodeError:
            continue  # The build has counted and reported it.
        found.append(DeletedKeys(keys[row].decode("utf-8", "replace"), deleted))
    return found


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
