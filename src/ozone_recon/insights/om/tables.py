"""Counts the rows of every OM table, and the bytes in tables of open and deleted keys (OmTableInsight)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.amounts import sum_amounts, sum_column
from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.search import find
from ozone_recon.decode.om.key_infos import KeyInfoMatches, decode_key_infos
from ozone_recon.insights.om.multipart_parts import BATCH, Parts, parts_of_uploads
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import COLUMNAR_TABLES, OM_TABLES, Schema

NAME: Final = "OmTableInsight"
TABLES: Final[dict[str, Schema]] = {
    # One row for each column family, in byte order of its name.
    "om_tables": {
        "name": "bytes",
        "rows": "i8",
        "keys": "i8",  # keys in its rows: versions in deletedTable, parts in multipartInfoTable
        "size": "i8",  # bytes of these keys; 0 for other tables
        "replicated_size": "i8",  # replicated bytes of these keys
        "bad": "i8",  # rows that cannot be decoded: included in `rows` only
    },
}
KEYS_IN_VALUES: Final[dict[str, Callable[[ByteColumn], KeyInfoMatches]]] = {
    "openKeyTable": decode_key_infos,
    "openFileTable": decode_key_infos,
    "deletedTable": partial(decode_key_infos, repeated=True),
    "deletedDirectoryTable": decode_key_infos,
}


class TableCounts(NamedTuple):
    """A row of `om_tables`."""

    rows: int = 0
    keys: int = 0
    size: int = 0
    replicated_size: int = 0
    bad: int = 0


def rebuild(build: GenerationBuild) -> None:
    """Writes `om_tables` from the tables of the build."""
    counted = {name: _count(build, name) for name in OM_TABLES}
    names = sorted(counted, key=str.encode)
    columns = np.array([counted[name] for name in names], np.int64).T
    with build.create("om_tables", TABLES["om_tables"]) as writer:
        writer.append(
            name=ByteColumn.of(name.encode() for name in names),
            **dict(zip(TableCounts._fields, columns, strict=True)),
        )


def table_counts(generation: Generation, name: str) -> TableCounts:
    """Returns the counts of one column family; all 0 for an unknown one."""
    table = generation.table("om_tables")
    row = find(table.bytes("name"), name.encode())
    if row is None:
        return TableCounts()
    return TableCounts(*(int(table[column][row]) for column in TableCounts._fields))


def _count(build: GenerationBuild, name: str) -> TableCounts:
    if name in COLUMNAR_TABLES:
        return TableCounts(rows=_columnar_rows(build, name))
    table = build.table(f"om/{name}")
    if name == "multipartInfoTable":
        return _sum_of([TableCounts(rows=table.rows), *(_keys_of(parts, 0) for parts in parts_of_uploads(build))])
    if name not in KEYS_IN_VALUES:
        return TableCounts(rows=table.rows)
    decode, chunks = KEYS_IN_VALUES[name], table.chunks(["value"], BATCH)
    return _sum_of([_keys_of(decode(chunk.bytes("value")), len(chunk)) for chunk in chunks])


def _sum_of(counts: Iterable[TableCounts]) -> TableCounts:
    return TableCounts(*map(sum_amounts, zip(TableCounts(), *counts, strict=True)))


def _columnar_rows(build: GenerationBuild, name: str) -> int:
    if name == "directoryTable":
        return build.table("directories").rows
    groups = build.table("groups")
    files = int(np.searchsorted(groups["file_table"], np.uint8(1)))
    in_key_table = int(groups["first_row"][files])
    return in_key_table if name == "keyTable" else build.table("keys").rows - in_key_table


def _keys_of(keys: KeyInfoMatches | Parts, rows: int) -> TableCounts:
    return TableCounts(rows, len(keys.size), sum_column(keys.size), sum_column(keys.replicated_size), keys.bad)
