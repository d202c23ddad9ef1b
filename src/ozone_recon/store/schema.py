"""Every table of a generation: its columns, their types, and what a row means.

A generation is a set of immutable tables. A column is one file of little-endian numbers, or, for byte strings
(type "bytes"), a file of offsets and a file of data. Row order is part of a table's meaning and said here.
Sizes are bytes, times are milliseconds since 1970, object ids are Java's signed 64 bit numbers.
"""

from __future__ import annotations

from typing import Final

Schema = dict[str, str]

OM_TABLES: Final[tuple[str, ...]] = (
    "userTable",
    "volumeTable",
    "bucketTable",
    "keyTable",
    "openKeyTable",
    "fileTable",
    "openFileTable",
    "directoryTable",
    "deletedTable",
    "deletedDirectoryTable",
    "multipartInfoTable",
    "multipartPartsTable",
    "prefixTable",
    "snapshotInfoTable",
    "snapshotRenamedTable",
    "compactionLogTable",
    "transactionInfoTable",
    "metaTable",
    "dTokenTable",
    "s3SecretTable",
    "tenantStateTable",
    "tenantAccessIdTable",
    "principalToAccessIdsTable",
)
"""The column families of an OM 2.2.0 database (OMDBDefinition)."""

COLUMNAR_TABLES: Final[tuple[str, ...]] = ("keyTable", "fileTable", "directoryTable")
"""Those kept as decoded columns; all others are kept as raw rows under `om/<name>`."""

RAW: Final[Schema] = {"key": "bytes", "value": "bytes"}
"""`om/<column family>`: rows as OM stores them, in key order."""

CHANGED: Final = "changed/"
CHANGED_ROWS: Final[Schema] = {"key": "bytes", "value": "bytes", "deleted": "u1"}
"""`changed/<column family>`, of those kept as columns: raw rows, in key order, that are not as in the checkpoint of the
generation; where `deleted` is 1 there is no such row any more."""

TABLES: Final[dict[str, Schema]] = {
    # Rows of keyTable, then rows of fileTable, each in database order (byte order of the database key).
    "keys": {
        "name": "bytes",  # database key without its group's prefix
        "size": "i8",
        "replicated_size": "i8",
        "creation_time": "i8",
        "modification_time": "i8",
        "object_id": "i8",
        "update_id": "i8",
        "owner": "i4",  # row of `owners`
        "replication": "i4",  # row of `replications`
        "first_block": "i8",  # blocks of row r: first_block[r] up to first_block[r + 1] (or the end of `blocks`)
    },
    # Runs of `keys` rows with one prefix, in row order: a bucket (keyTable) or a directory's files (fileTable).
    "groups": {
        "prefix": "bytes",  # b"/vol/bucket/" or b"/volId/bucketId/parentId/"
        "first_row": "i8",  # rows first_row[g] up to first_row[g + 1] (or the end of `keys`)
        "file_table": "u1",  # 1: fileTable, 0: keyTable
        "bucket": "i4",  # row of `om/bucketTable` (insights.bucket_rows), -1 when there is none
        "parent_id": "i8",  # object id of the directory or bucket the rows are directly in
    },
    # Every block of every row of `keys`, in row order, within a row in order of its versions.
    "blocks": {"container": "i8", "local_id": "i8", "length": "i8", "version": "i4"},
    # directoryTable in database order.
    "directories": {
        "prefix_group": "i4",  # row of `directory_groups`
        "name": "bytes",
        "object_id": "i8",
        "parent_id": "i8",
        "creation_time": "i8",
        "modification_time": "i8",
        "update_id": "i8",
        "owner": "i4",
    },
    "directory_groups": {"prefix": "bytes", "first_row": "i8", "bucket": "i4"},
    "owners": {"name": "bytes"},
    "replications": {
        "kind": "bytes",
        "factor": "i4",
        "data": "i4",
        "parity": "i4",
        "codec": "bytes",
        "chunk": "i8",
    },
}
"""What the build itself writes; an insight declares its own tables in its own module."""
