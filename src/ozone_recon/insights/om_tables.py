"""How many rows every OM table has, and how much data waits in those of open and deleted keys (OmTableInsight)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from ozone_recon.decode.key_infos import decode_key_infos
from ozone_recon.decode.om_values import decode_multipart_key_info, decode_multipart_part_info
from ozone_recon.errors import DecodeError
from ozone_recon.model.byte_search import find, prefix_range
from ozone_recon.model.columns import ByteColumn
from ozone_recon.store.generation import Generation, GenerationBuild, Table
from ozone_recon.store.schema import COLUMNAR_TABLES, OM_TABLES, Schema

NAME: Final = "OmTableInsight"
TABLES: Final[dict[str, Schema]] = {
    # One row for each column family, in byte order of their names.
    "om_tables": {
        "name": "bytes",
        "rows": "i8",
        "keys": "i8",  # keys in its rows: versions for deletedTable, parts for multipartInfoTable
        "size": "i8",  # bytes of these keys; 0 for tables without
        "replicated_size": "i8",  # bytes they take on disks
        "bad": "i8",  # rows whose value could not be decoded: they are in `rows` and in nothing else
    },
}
KEYS_IN_VALUES: Final = ("openKeyTable", "openFileTable", "deletedTable", "deletedDirectoryTable")
BATCH: Final = 1 << 14
"""Rows decoded at a time; a multipart upload may have thousands of parts in its row."""


class TableCounts(NamedTuple):
    """A row of `om_tables`."""

    rows: int = 0
    keys: int = 0
    size: int = 0
    replicated_size: int = 0
    bad: int = 0


def rebuild(build: GenerationBuild) -> None:
    """Writes `om_tables` from the tables that the build has read."""
    counted = {name: _count(build, name) for name in OM_TABLES}
    names = sorted(counted, key=str.encode)
    columns = np.array([counted[name] for name in names], np.int64).T
    with build.create("om_tables", TABLES["om_tables"]) as writer:
        writer.append(
            name=ByteColumn.of(name.encode() for name in names),
            **dict(zip(TableCounts._fields, columns, strict=True)),
        )


def table_counts(generation: Generation, name: str) -> TableCounts:
    """The counts of one column family; all 0 for one that OM does not have."""
    table = generation.table("om_tables")
    row = find(table.bytes("name"), name.encode())
    if row is None:
        return TableCounts()
    return TableCounts(*(int(table[column][row]) for column in TableCounts._fields))


def _count(build: GenerationBuild, name: str) -> TableCounts:
    if name in COLUMNAR_TABLES:
        return TableCounts(rows=_columnar_rows(build, name))
    table = build.table(f"om/{name}")
    if name in KEYS_IN_VALUES:
        return _sum_of(
            _keys_of(chunk.bytes("value"), repeated=name == "deletedTable") for chunk in table.chunks(["value"], BATCH)
        )
    if name == "multipartInfoTable":
        return _uploads(build)
    return TableCounts(rows=table.rows)


def _sum_of(counts: Iterable[TableCounts]) -> TableCounts:
    return TableCounts(*map(sum, zip(TableCounts(), *counts, strict=True)))


def _columnar_rows(build: GenerationBuild, name: str) -> int:
    if name == "directoryTable":
        return build.table("directories").rows
    groups, rows = build.table("groups"), build.table("keys").rows
    files = int(np.searchsorted(groups["file_table"], 1))
    in_key_table = int(groups["first_row"][files]) if files < groups.rows else rows
    return in_key_table if name == "keyTable" else rows - in_key_table


def _keys_of(values: ByteColumn, *, repeated: bool) -> TableCounts:
    found = decode_key_infos(values, repeated=repeated)
    return TableCounts(len(values), len(found), int(found.size.sum()), int(found.replicated_size.sum()), found.bad)


def _uploads(build: GenerationBuild) -> TableCounts:
    """Multipart uploads; their keys are the parts, in the row or (from schema version 1 on) in a table of their own."""
    parts = build.table("om/multipartPartsTable")
    return _sum_of(
        _upload(value, parts)
        for chunk in build.table("om/multipartInfoTable").chunks(["value"], BATCH)
        for value in chunk.bytes("value")
    )


def _upload(value: bytes, parts: Table) -> TableCounts:
    try:
        upload = decode_multipart_key_info(value)
    except DecodeError:
        return TableCounts(rows=1, bad=1)
    sizes = [(part.key.size, part.key.replicated_size) for part in upload.parts]
    start, stop = prefix_range(parts.bytes("key"), upload.upload_id.encode("utf-8", "surrogateescape") + b"/")
    bad = 0
    for part in parts.bytes("value").slice(start, stop):
        try:
            size = decode_multipart_part_info(part).size
        except DecodeError:
            bad += 1
        else:
            sizes.append((size, upload.replication.replicated_size(size)))
    return TableCounts(1, len(sizes), sum(size for size, _ in sizes), sum(size for _, size in sizes), bad)
