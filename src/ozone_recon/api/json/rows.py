"""Rows of an answer as JSON straight from columns: a page of a thousand is written without an object for each.

The bytes are those that orjson writes of the same values: numbers and odd texts are its own, other texts need quotes
and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import orjson

from ozone_recon.api.responses import RawJson
from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, Part, joined, same_slices, slices_at, slices_of_texts
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.insights.om.key_rows import texts_at
from ozone_recon.store.columns import Array

T = TypeVar("T")

COMMA, QUOTE, BACKSLASH, SPACE = b',"\\ '
DAY = 86_400_000
DAYS = ByteColumn.of(b"%02dT" % day for day in range(1, 32))
MINUTES = ByteColumn.of(b"%02d:%02d:" % divmod(minute, 60) for minute in range(1440))
SECONDS = ByteColumn.of(b"%02d." % second for second in range(60))
MILLISECONDS = ByteColumn.of(b'%03dZ"' % millisecond for millisecond in range(1000))
"""The parts of a time behind its month, by their numbers."""


def rows_json(fields: Mapping[str, ByteSlices | Sequence[Part]]) -> RawJson:
    """A list of objects: the names of their fields, in order, and each one's JSON in every row."""
    return RawJson((b"[", joined([*objects(fields), b","]).data[:-1].data, b"]"))


def objects(fields: Mapping[str, ByteSlices | Sequence[Part]]) -> Sequence[Part]:
    """Each row as an object.

    The JSON of a field is one cell, or several parts behind each other. Where the one cell is empty, the field (not
    the first) is left out.
    """
    parts: list[Part] = []
    for name, value in fields.items():
        label = b'%s"%s":' % (b"," if parts else b"{", name.encode())
        if not isinstance(value, ByteSlices):
            parts += label, *value
        elif (there := value.starts < value.ends).all():
            parts += label, value
        else:
            parts += same_slices(label, len(there)).masked(there), value
    return [*parts, b"}"]


def lists(items: ByteColumn, parents: Int64s, rows: int, brackets: bytes = b"[]") -> Sequence[Part]:
    """For each row the list of the items that have it as their parent; items have a comma behind, parents ascend."""
    return brackets[:1], inside(items, parents, rows), brackets[1:]


def inside(items: ByteColumn, parents: Int64s, rows: int) -> ByteSlices:
    """The same without brackets."""
    bounds = items.offsets[np.searchsorted(parents, np.arange(rows + 1))]
    return ByteSlices(items.data, bounds[:-1], np.maximum(bounds[:-1], bounds[1:] - 1))


def filled_in(template: bytes, *cells: ByteSlices) -> Sequence[Part]:
    """A template with cells in place of each `%s`."""
    first, *others = template.split(b"%s")
    parts: list[Part] = [first]
    for cell, text in zip(cells, others, strict=True):
        parts += cell, text
    return parts


def scalars(values: Array) -> ByteSlices:
    """Numbers, true and false."""
    data = np.frombuffer(orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY), np.uint8)
    # Each lies between two of these; without any there is the first bracket alone.
    marks = np.concatenate(([0], np.flatnonzero(data == COMMA), [len(data) - 1]))[: len(values) + 1]
    return ByteSlices(data, marks[:-1] + 1, marks[1:])


def times(values: Int64s) -> ByteSlices:
    """Times in milliseconds since 1970 as strings: ISO 8601 in UTC."""
    days, of_day = values // DAY, values % DAY
    months, month = np.unique(days.view("datetime64[D]").astype("datetime64[M]"), return_inverse=True)
    first_days = months.astype("datetime64[D]").view(np.int64)
    parts = (
        slices_at(ByteColumn.of(f'"{name}-'.encode() for name in np.datetime_as_string(months).tolist()), month),
        slices_at(DAYS, days - first_days[month]),
        slices_at(MINUTES, of_day // 60_000),
        slices_at(SECONDS, of_day // 1000 % 60),
        slices_at(MILLISECONDS, of_day % 1000),
    )
    return slices_of_texts(joined(parts))


def texts(*parts: Part) -> ByteSlices:
    """A string for each row, its parts one behind the other; what is not UTF-8 is replaced."""
    column = joined([b'"', *parts, b'"'])
    if not _is_plain(column.data, 2 * len(column)):
        found = texts_at(joined(parts), np.arange(len(column)))
        column = ByteColumn.of(map(orjson.dumps, found))
    return slices_of_texts(column)


def chosen(few: DictionaryColumn[T], json: Callable[[T], object]) -> ByteSlices:
    """In each row, its one of few values, as JSON of what `json` makes of it."""
    return slices_at(ByteColumn.of(orjson.dumps(json(value)) for value in few.values), few.indices)


def names(few: DictionaryColumn[bytes]) -> ByteSlices:
    """In each row, its one of few names as a string; what is not UTF-8 is replaced."""
    return chosen(few, lambda name: name.decode("utf-8", "replace"))


def _is_plain(data: Bytes, quotes: int) -> bool:
    """Whether all is UTF-8 that stands for itself in a JSON string, but for so many quotes."""
    if (data < SPACE).any() or (data == BACKSLASH).any() or np.count_nonzero(data == QUOTE) != quotes:
        return False
    try:
        str(data.data, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
