"""Rows of an answer as JSON straight from columns: a page of a thousand is written without an object for each.

The bytes are those that orjson writes of the same values: numbers and odd texts are its own, texts of plain ASCII need
nothing but quotes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import orjson

from ozone_recon.insights.key_rows import texts_at
from ozone_recon.model.cells import Cells, cells_at, cells_of, joined, same_cells
from ozone_recon.model.columns import ByteColumn, Bytes, Int64s
from ozone_recon.store.columns import Array

COMMA, QUOTE, BACKSLASH = b',"\\'
DAY = 86_400_000
MINUTES = ByteColumn.of(b"%02d:%02d:" % divmod(minute, 60) for minute in range(1440))
SECONDS = ByteColumn.of(b"%02d." % second for second in range(60))
MILLISECONDS = ByteColumn.of(b'%03dZ"' % millisecond for millisecond in range(1000))
"""The parts of a time of day, by their numbers."""


def rows_json(fields: Mapping[str, Cells]) -> orjson.Fragment:
    """A list of objects: the names of their fields, in order, and each one's JSON in every row."""
    return orjson.Fragment(b"[%s]" % objects(fields, b",").data[:-1].tobytes())


def objects(fields: Mapping[str, Cells], behind: bytes = b"") -> ByteColumn:
    """Each row as an object, with `behind` behind it; where a cell is empty, the field (not the first) is left out."""
    rows = len(next(iter(fields.values())).starts)
    parts: list[Cells] = []
    for name, cells in fields.items():
        label = same_cells(b'%s"%s":' % (b"," if parts else b"{", name.encode()), rows)
        there = cells.starts < cells.ends
        parts += label if there.all() else label.only(there), cells
    return joined([*parts, same_cells(b"}" + behind, rows)])


def scalars(values: Array) -> Cells:
    """Numbers, true and false."""
    data = np.frombuffer(orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY), np.uint8)
    commas = np.flatnonzero(data == COMMA)
    if not len(values):
        return Cells(data, commas, commas)
    return Cells(data, np.append(1, commas + 1), np.append(commas, len(data) - 1))


def times(values: Int64s) -> Cells:
    """Times in milliseconds since 1970 as strings: ISO 8601 in UTC."""
    days, day = np.unique(values // DAY, return_inverse=True)
    of_day = values % DAY
    shown = np.datetime_as_string(days.view("datetime64[D]"))
    parts = (
        cells_at(ByteColumn.of(f'"{date}T'.encode() for date in shown.tolist()), day),
        cells_at(MINUTES, of_day // 60_000),
        cells_at(SECONDS, of_day // 1000 % 60),
        cells_at(MILLISECONDS, of_day % 1000),
    )
    return cells_of(joined(parts))


def texts(*parts: Cells) -> Cells:
    """A string for each row, its parts one behind the other; what is not UTF-8 is replaced."""
    quotes = same_cells(b'"', len(parts[0].starts))
    column = joined([quotes, *parts, quotes])
    if not _is_plain(column.data, 2 * len(column)):
        found = texts_at(joined(parts), np.arange(len(column)))
        column = ByteColumn.of(map(orjson.dumps, found))
    return cells_of(column)


def chosen(values: Sequence[object], index: Int64s) -> Cells:
    """In each row, the one of a few values (anything that is JSON) that has this index."""
    return cells_at(ByteColumn.of(map(orjson.dumps, values)), index)


def _is_plain(data: Bytes, quotes: int) -> bool:
    """Whether all is ASCII that stands for itself in a JSON string, but for so many quotes."""
    odd = (data < 0x20) | (data > 0x7E) | (data == BACKSLASH)
    return not odd.any() and np.count_nonzero(data == QUOTE) == quotes
