"""Lists keys and directories pending deletion (deletedTable, deletedDirectoryTable), with their sizes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ozone_recon.columnar.amounts import sum_column, sum_runs
from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, slices_at, slices_of_texts
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.decode.om.deleted_directories import decode_deleted_directories
from ozone_recon.decode.om.id_prefixes import PrefixIds
from ozone_recon.decode.om.key_info_columns import KeyInfoColumns, decode_deleted_keys, stored_paths
from ozone_recon.decode.om.key_infos import decode_key_infos
from ozone_recon.insights.namespace.directory_paths import DirectoryPaths
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.om.filled_pages import filled_page, rows_with
from ozone_recon.insights.om.tables import table_counts
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import Generation


class DeletedKeyRows(NamedTuple):
    """Rows of deletedTable, each with all versions of a key that were deleted together.

    The sizes are sums over all versions, in bytes; `keys.row` is the row of each version.
    """

    db_key: ByteColumn
    bucket_id: Int64s
    size: Int64s
    replicated_size: Int64s
    keys: KeyInfoColumns

    def __len__(self) -> int:
        return len(self.db_key)


class DeletedDirectoryRows(NamedTuple):
    """Rows of deletedDirectoryTable; the sizes are sums over all files still below the directory.

    `path` is `volume/bucket/…` without a leading slash. If the parent was deleted too, it is the path at the time of
    the deletion.
    """

    db_key: ByteColumn
    name: ByteSlices
    path: ByteColumn
    size: Int64s
    replicated_size: Int64s
    replication: DictionaryColumn[ReplicationConfig]
    creation_time: Int64s
    modification_time: Int64s

    def __len__(self) -> int:
        return len(self.db_key)


class PendingBytes(NamedTuple):
    """Replicated bytes pending deletion at OM: files of deleted directories, and deleted keys."""

    directories: int
    keys: int


def list_deleted_keys(generation: Generation, prefix: bytes, after: bytes, limit: int | None) -> DeletedKeyRows:
    """Lists rows whose database keys begin with `prefix` and are greater than `after`, in key order."""
    table = generation.table("om/deletedTable")
    keys, values = table.bytes("key"), table.bytes("value")

    def read(rows: Int64s) -> tuple[Int64s, DeletedKeyRows]:
        return read_deleted_keys(keys, values, rows)

    return filled_page(keys, rows_with(keys, prefix), read, after, limit)


def read_deleted_keys(keys: ByteColumn, values: ByteColumn, rows: Int64s) -> tuple[Int64s, DeletedKeyRows]:
    """Decodes these rows; returns those that can be decoded, and their contents."""
    good, found = decode_deleted_keys(slices_at(values, rows))
    versions = np.searchsorted(found.keys.row, np.arange(len(good) + 1))
    size, replicated_size = (sum_runs(one, versions) for one in (found.keys.size, found.keys.replicated_size))
    db_key = joined([slices_at(keys, rows[good])])
    return rows[good], DeletedKeyRows(db_key, found.bucket_id, size, replicated_size, found.keys)


def list_deleted_directories(generation: Generation, after: bytes, limit: int | None) -> DeletedDirectoryRows:
    """Lists rows whose database keys are greater than `after`, in key order."""
    table, nodes = generation.table("om/deletedDirectoryTable"), generation.table("namespace")
    keys, values = table.bytes("key"), table.bytes("value")
    tree, node_of = DirectoryPaths(generation), generation.table("namespace_deleted")["place"]

    def read(rows: Int64s) -> tuple[Int64s, DeletedDirectoryRows]:
        named = decode_deleted_directories(joined([slices_at(keys, rows)]))
        infos = decode_key_infos(joined([slices_at(values, rows[named.row])]))
        name = slices_at(named.names, infos.row)
        of_parent = PrefixIds(named.volume_id, named.bucket_id, named.parent_id)
        above, known = tree.paths_of(tree.nodes_within(of_parent)[infos.row])
        rows = rows[named.row[infos.row]]
        node = node_of[rows]
        has_node = node >= 0
        return rows, DeletedDirectoryRows(
            db_key=joined([slices_at(keys, rows)]),
            name=name,
            path=joined([slices_of_texts(above), name.masked(known), stored_paths(slices_at(values, rows), ~known)]),
            size=np.where(has_node, nodes["all_size"][node], 0),
            replicated_size=np.where(has_node, nodes["all_replicated_size"][node], 0),
            replication=infos.replication(),
            creation_time=infos.creation_time,
            modification_time=infos.modification_time,
        )

    return filled_page(keys, rows_with(keys, b""), read, after, limit)


def pending_bytes(generation: Generation) -> PendingBytes:
    """Returns the bytes pending deletion at OM."""
    nodes = generation.table("namespace")
    deleted = nodes["kind"] == NodeKind.DELETED
    return PendingBytes(
        directories=sum_column(nodes["all_replicated_size"][deleted]),
        keys=table_counts(generation, "deletedTable").replicated_size,
    )
