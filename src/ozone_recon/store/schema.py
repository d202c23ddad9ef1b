"""The schemas of the tables that a build writes: columns, types, row order and meaning.

A column is one file of little-endian numbers or, for byte strings (type "bytes"), a file of offsets and a file of data.
A column of type "starts" has the first item of each row in another table, then the end of the last row's items.
Sizes are in bytes, times in milliseconds since 1970; object ids are signed 64-bit integers, as in Java.
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
"""The tables that are stored as decoded columns; all others are stored as raw rows under `om/<name>`."""

RAW: Final[Schema] = {"key": "bytes", "value": "bytes"}
"""`om/<column family>`: the raw rows, in key order."""

CHANGED: Final = "changed/"
CHANGED_ROWS: Final[Schema] = {"key": "bytes", "value": "bytes", "deleted": "u1"}
"""`changed/<column family>`, for the columnar tables: the raw rows that differ from the generation's checkpoint, in key
order; `deleted` is 1 for rows that no longer exist."""

TABLES: Final[dict[str, Schema]] = {
    # Rows of keyTable, then rows of fileTable, each in database order (byte order of the database key).
    "keys": {
        "name": "bytes",  # the database key without its group's prefix
        "size": "i8",
        "replicated_size": "i8",
        "creation_time": "i8",
        "modification_time": "i8",
        "object_id": "i8",
        "update_id": "i8",
        "owner": "i4",  # row of `owners`
        "replication": "i4",  # row of `replications`
        "first_block": "starts",  # in `blocks`
    },
    # Runs of `keys` rows with one prefix, in row order: a bucket (keyTable) or a directory's files (fileTable).
    "groups": {
        "prefix": "bytes",  # b"/vol/bucket/" or b"/volId/bucketId/parentId/"
        "first_row": "starts",  # in `keys`
        "file_table": "u1",  # 1: fileTable, 0: keyTable
        "bucket": "i4",  # row of `om/bucketTable` (insights.om.bucket_rows), or -1
        "parent_id": "i8",  # object id of the directory or bucket that directly contains the rows
    },
    # The blocks of all rows of `keys`, in row order and, within a row, in version order.
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
    "directory_groups": {"prefix": "bytes", "first_row": "starts", "bucket": "i4"},
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
"""The tables of the build itself; each insight declares its own tables in its module."""
