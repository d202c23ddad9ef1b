"""A generation and what has changed since, as the contents of the next one: no row that stayed is decoded again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np

from ozone_recon.build.changes_file import read_rows, write_rows
from ozone_recon.build.contents import DIRECTORY_TABLE
from ozone_recon.build.runs import find_rows, last_key, rows_up_to, slice_rows, take_rows
from ozone_recon.build.stored_rows import stored_directories, stored_keys
from ozone_recon.columnar.byte_column import ByteColumn, Rows
from ozone_recon.columnar.byte_slices import joined, slices_at
from ozone_recon.columnar.changes import NO_ROWS, ChangedRows, Changes
from ozone_recon.columnar.search import find, first_after
from ozone_recon.columnar.sorted_search import order_with, search
from ozone_recon.decode.om.key_columns import decode_directories, decode_keys
from ozone_recon.decode.om.key_columns_reference import KeyTable
from ozone_recon.insights.om.key_rows import section, start_of_group
from ozone_recon.model.key_columns import BadRow, DirectoryColumns, KeyColumns
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import CHANGED, COLUMNAR_TABLES, OM_TABLES

Run = TypeVar("Run", KeyColumns, DirectoryColumns)

_CHUNK: Final = 1 << 16
_RAW_CHUNK: Final = 1 << 13
"""Rows of a table that are read at a time, decoded or as they are: these have kilobytes."""
_NO_KEY: Final = bytes.fromhex("0a0012001a0020002801300340004800")
_NO_DIRECTORY: Final = bytes.fromhex("0a0010001800300038004000")
"""Values without content, with which the key of a row that is gone goes through the decoder."""


class MergedContents:
    """What the database holds that a generation was made of, now that some rows have changed."""

    def __init__(self, base: Generation, changes: Changes, taken_at: int) -> None:
        """`taken_at` (ms) is when the changes were read."""
        self.sequence_number = changes.last_sequence
        self.taken_at = taken_at
        self.column_families: Sequence[str] = sorted({*OM_TABLES, *base.about.counts})
        self._base = base
        self._changes = changes

    def rows(self, name: str) -> Iterator[Rows]:
        """A table that is kept as it is."""
        table, changed = self._base.table(f"om/{name}"), self._changed(name)
        for chunk in table.chunks(("key", "value"), _RAW_CHUNK):
            keys = chunk.bytes("key")
            came = first_after(changed.keys, keys[len(keys) - 1])
            yield _rows_with(Rows(keys, chunk.bytes("value")), changed.part(0, came))
            changed = changed.part(came, len(changed))
        yield _rows_with(Rows(ByteColumn.of(()), ByteColumn.of(())), changed)

    def count(self, name: str) -> int:
        """How many rows a table had that we do not know: a change does not say whether its row is a new one."""
        return self._base.about.counts.get(name, 0)

    def keys(self, table: KeyTable) -> Iterator[KeyColumns]:
        """KeyTable or fileTable."""
        low, high = section(self._base, file_table=table == "fileTable")
        first, end = start_of_group(self._base, low), start_of_group(self._base, high)
        stored = stored_keys(self._base, first, end, _CHUNK)
        return _merged(stored, self._changed(table), lambda rows: decode_keys(rows, table), _NO_KEY)

    def directories(self) -> Iterator[DirectoryColumns]:
        """DirectoryTable."""
        stored = stored_directories(self._base, _CHUNK)
        return _merged(stored, self._changed(DIRECTORY_TABLE), decode_directories, _NO_DIRECTORY)

    def bad(self, name: str) -> tuple[int, Sequence[BadRow]]:
        """How many rows of a decoded table were bad and have not changed, and the first of them."""
        samples = [row for row in self._base.about.bad_samples if row.table == name]
        changed = self._changed(name).keys
        kept = [row for row in samples if find(changed, row.key) is None]
        return self._base.about.counts.get(name, 0) - self._good(name) - len(samples) + len(kept), kept

    def write_changed(self, build: GenerationBuild) -> None:
        """Write, of the tables that are kept decoded, the raw rows that are not as in the generation's checkpoint."""
        for name in COLUMNAR_TABLES:
            changed, earlier = self._changed(name), CHANGED + name
            if earlier in self._base:
                changed = read_rows(self._base.table(earlier)).followed_by(changed)
            if len(changed):
                write_rows(build, CHANGED + name, changed)

    def _good(self, name: str) -> int:
        if name == DIRECTORY_TABLE:
            return self._base.table("directories").rows
        low, high = section(self._base, file_table=name == "fileTable")
        return start_of_group(self._base, high) - start_of_group(self._base, low)

    def _changed(self, name: str) -> ChangedRows:
        return self._changes.families.get(name, NO_ROWS)


def _merged(
    stored: Iterator[Run], changed: ChangedRows, decode: Callable[[Rows], Run], nothing: bytes
) -> Iterator[Run]:
    """Known rows, but for those that have changed as they are now; the last batch tells which of them are bad."""
    gone = decode(Rows(changed.keys, _repeated(nothing, len(changed))))
    put = np.flatnonzero(~changed.deleted)
    new = decode(Rows(joined([slices_at(changed.keys, put)]), joined([slices_at(changed.values, put)])))
    bad = new.bad
    for run in stored:
        key = last_key(run)
        old, came = rows_up_to(gone, *key), rows_up_to(new, *key)
        yield _with(run, slice_rows(gone, 0, old), slice_rows(new, 0, came))
        gone, new = slice_rows(gone, old, len(gone)), slice_rows(new, came, len(new))
    yield replace(new, bad=bad)


def _with(run: Run, gone: Run, new: Run) -> Run:
    """A run without the rows that have these keys, and with these rows."""
    if not len(gone):
        return run
    kept = np.ones(len(run) + len(new), np.bool_)
    there = find_rows(run, gone)
    kept[there[there >= 0]] = False
    order = order_with(find_rows(run, new), len(run))
    return take_rows(run, new, order[kept[order]])


def _rows_with(rows: Rows, changed: ChangedRows) -> Rows:
    """Rows, but for those that have changed as they are now."""
    if not len(changed):
        return rows
    found = search(changed.keys, rows.keys)
    kept = np.append(np.ones(len(rows), np.bool_), ~changed.deleted)
    kept[found[found >= 0]] = False
    order = order_with(found, len(rows))
    order = order[kept[order]]
    both = zip((rows.keys, rows.values), (changed.keys, changed.values), strict=True)
    return Rows(*(joined([slices_at(ByteColumn.joined(columns), order)]) for columns in both))


def _repeated(text: bytes, rows: int) -> ByteColumn:
    return ByteColumn(np.arange(rows + 1) * len(text), np.frombuffer(text * rows, np.uint8))
