"""Applies changes to a generation: a merge of its decoded rows with the changed rows, batch by batch.

Both are sorted by database key, so each batch takes the changes up to its last key. Unchanged rows are copied as
columns; only changed rows are decoded.
"""

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
"""Rows per batch of a columnar and of a raw table; a raw row may have kilobytes."""
_EMPTY_KEY_INFO: Final = bytes.fromhex("0a0012001a0020002801300340004800")
_EMPTY_DIRECTORY_INFO: Final = bytes.fromhex("0a0010001800300038004000")
"""Encoded messages with empty fields, used to decode the keys of changed rows."""


class MergedContents:
    """The contents of a generation's database after changes (`Contents`)."""

    def __init__(self, base: Generation, changes: Changes, taken_at: int) -> None:
        """`taken_at` is when the changes were read, in ms since 1970."""
        self.sequence_number = changes.last_sequence
        self.taken_at = taken_at
        self.column_families: Sequence[str] = sorted({*OM_TABLES, *base.about.counts})
        self._base = base
        self._changes = changes

    def rows(self, name: str) -> Iterator[Rows]:
        """Yields the merged rows of a raw table."""
        table, changed = self._base.table(f"om/{name}"), self._changed(name)
        for chunk in table.chunks(("key", "value"), _RAW_CHUNK):
            keys = chunk.bytes("key")
            new_end = first_after(changed.keys, keys[len(keys) - 1])
            yield _merge_rows(Rows(keys, chunk.bytes("value")), changed.part(0, new_end))
            changed = changed.part(new_end, len(changed))
        yield _merge_rows(Rows(ByteColumn.of(()), ByteColumn.of(())), changed)

    def count(self, name: str) -> int:
        """The number of rows that an unknown table had: a change does not show whether its row is new."""
        return self._base.about.counts.get(name, 0)

    def keys(self, table: KeyTable) -> Iterator[KeyColumns]:
        """Yields the merged rows of keyTable or fileTable."""
        low, high = section(self._base, file_table=table == "fileTable")
        first, end = start_of_group(self._base, low), start_of_group(self._base, high)
        stored = stored_keys(self._base, first, end, _CHUNK)
        return _merge_runs(stored, self._changed(table), lambda rows: decode_keys(rows, table), _EMPTY_KEY_INFO)

    def directories(self) -> Iterator[DirectoryColumns]:
        """Yields the merged rows of directoryTable."""
        stored = stored_directories(self._base, _CHUNK)
        return _merge_runs(stored, self._changed(DIRECTORY_TABLE), decode_directories, _EMPTY_DIRECTORY_INFO)

    def bad(self, name: str) -> tuple[int, Sequence[BadRow]]:
        """The number of bad rows of a columnar table that have not changed, and samples of them."""
        samples = [row for row in self._base.about.bad_samples if row.table == name]
        changed = self._changed(name).keys
        keep = [row for row in samples if find(changed, row.key) is None]
        return self._base.about.counts.get(name, 0) - self._good(name) - len(samples) + len(keep), keep

    def write_changed(self, build: GenerationBuild) -> None:
        """Writes the raw rows of the columnar tables that differ from the generation's checkpoint (`changed/…`)."""
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


def _merge_runs(
    stored: Iterator[Run], changed: ChangedRows, decode: Callable[[Rows], Run], empty_value: bytes
) -> Iterator[Run]:
    """Merges stored rows with changed rows; the last batch has the bad ones among the changed rows."""
    removed = decode(Rows(changed.keys, _repeat(empty_value, len(changed))))
    present = np.flatnonzero(~changed.deleted)
    new = decode(Rows(joined([slices_at(changed.keys, present)]), joined([slices_at(changed.values, present)])))
    bad = new.bad
    for run in stored:
        key = last_key(run)
        removed_end, new_end = rows_up_to(removed, *key), rows_up_to(new, *key)
        yield _merge_run(run, slice_rows(removed, 0, removed_end), slice_rows(new, 0, new_end))
        removed, new = slice_rows(removed, removed_end, len(removed)), slice_rows(new, new_end, len(new))
    yield replace(new, bad=bad)


def _merge_run(run: Run, removed: Run, new: Run) -> Run:
    """Removes the rows with the keys of `removed` from a run, then inserts the rows of `new`."""
    if not len(removed):
        return run
    keep = np.ones(len(run) + len(new), np.bool_)
    row = find_rows(run, removed)
    keep[row[row >= 0]] = False
    order = order_with(find_rows(run, new), len(run))
    return take_rows(run, new, order[keep[order]])


def _merge_rows(rows: Rows, changed: ChangedRows) -> Rows:
    """Merges raw rows with changed rows."""
    if not len(changed):
        return rows
    row = search(changed.keys, rows.keys)
    keep = np.append(np.ones(len(rows), np.bool_), ~changed.deleted)
    keep[row[row >= 0]] = False
    order = order_with(row, len(rows))
    order = order[keep[order]]
    both = zip((rows.keys, rows.values), (changed.keys, changed.values), strict=True)
    return Rows(*(joined([slices_at(ByteColumn.joined(columns), order)]) for columns in both))


def _repeat(text: bytes, rows: int) -> ByteColumn:
    return ByteColumn(np.arange(rows + 1) * len(text), np.frombuffer(text * rows, np.uint8))
