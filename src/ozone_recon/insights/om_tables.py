"""How many rows every OM table has, and how much data waits in those of open and deleted keys (OmTableInsight)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from ozone_recon.decode.distinct import Few, distinct
from ozone_recon.decode.key_infos import KeyInfos, decode_key_infos, decode_part_infos
from ozone_recon.decode.om_parts import largest_size
from ozone_recon.decode.replications import decode_replications
from ozone_recon.model.amounts import sum_amounts, sum_column
from ozone_recon.model.byte_search import find
from ozone_recon.model.cells import Cells, cells_of, joined
from ozone_recon.model.columns import ByteColumn
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import COLUMNAR_TABLES, OM_TABLES, Schema
from ozone_recon.wire.messages import Messages, read_messages

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
KEYS_IN_VALUES: Final[dict[str, Callable[[ByteColumn], KeyInfos]]] = {
    "openKeyTable": decode_key_infos,
    "openFileTable": decode_key_infos,
    "deletedTable": partial(decode_key_infos, repeated=True),
    "deletedDirectoryTable": decode_key_infos,
    "multipartInfoTable": decode_part_infos,
}
BATCH: Final = 1 << 14
"""Rows decoded at a time; a multipart upload may have thousands of parts in its row."""
PART_NUMBER: Final = 5
"""Bytes of a slash and a number, which follow the upload in a key of multipartPartsTable."""


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
    if name not in KEYS_IN_VALUES:
        return TableCounts(rows=table.rows)
    decode, chunks = KEYS_IN_VALUES[name], table.chunks(["value"], BATCH)
    counts = [_keys_of(decode(chunk.bytes("value")), len(chunk)) for chunk in chunks]
    return _sum_of(counts + _parts(build) if name == "multipartInfoTable" else counts)


def _sum_of(counts: Iterable[TableCounts]) -> TableCounts:
    return TableCounts(*map(sum_amounts, zip(TableCounts(), *counts, strict=True)))


def _columnar_rows(build: GenerationBuild, name: str) -> int:
    if name == "directoryTable":
        return build.table("directories").rows
    groups, rows = build.table("groups"), build.table("keys").rows
    files = int(np.searchsorted(groups["file_table"], np.uint8(1)))
    in_key_table = int(groups["first_row"][files]) if files < groups.rows else rows
    return in_key_table if name == "keyTable" else rows - in_key_table


def _keys_of(found: KeyInfos, rows: int) -> TableCounts:
    return TableCounts(rows, len(found), sum_column(found.size), sum_column(found.replicated_size), found.bad)


def _parts(build: GenerationBuild) -> list[TableCounts]:
    """Parts of multipart uploads that (from schema version 1 on) have a table of their own."""
    parts = build.table("om/multipartPartsTable")
    uploads: dict[bytes, ReplicationConfig] = {}
    for chunk in build.table("om/multipartInfoTable").chunks(["value"], BATCH) if parts.rows else ():
        _, (ids, few) = read_messages(cells_of(chunk.bytes("value")), _id_and_replication)
        uploads.update(zip(joined([ids]), (few.values[which] for which in few.which), strict=True))
    counts: list[TableCounts] = []
    for chunk in parts.chunks(["key", "value"], BATCH):
        keys = cells_of(chunk.bytes("key"))
        found, which = distinct(keys._replace(ends=np.maximum(keys.starts, keys.ends - PART_NUMBER)))
        said = [uploads.get(upload) for upload in found]
        good, size = read_messages(cells_of(chunk.bytes("value")), lambda part: part.int64(5, 0))
        for replication in {one for one in said if one}:
            ours = np.isin(which, [number for number, one in enumerate(said) if one == replication])
            sizes = size[ours[good]]
            sizes = sizes[(sizes >= 0) & (sizes <= largest_size(replication))]
            replicated_size = sum_column(replication.replicated_sizes(sizes))
            bad = int(ours.sum()) - len(sizes)
            counts.append(TableCounts(0, len(sizes), sum_column(sizes), replicated_size, bad))
    return counts


def _id_and_replication(uploads: Messages) -> tuple[Cells, Few[ReplicationConfig]]:
    return uploads.blob(1), decode_replications(uploads, kind=3, factor=4, ec=9)
