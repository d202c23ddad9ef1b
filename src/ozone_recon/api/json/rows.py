"""Serialises rows as JSON directly from columns: a page of 1,000 rows is written without one Python object per row.

Each field becomes a column of byte slices, and one join concatenates all slices of all rows. The output equals orjson's
byte for byte: orjson formats numbers and texts that need escapes; all other texts only need quotes.
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
"""Texts of the parts of a time after its month, indexed by their value."""


def rows_json(fields: Mapping[str, ByteSlices | Sequence[Part]]) -> RawJson:
    """Serialises rows as a list of objects; `fields` maps each field name, in order, to its JSON in every row."""
    return RawJson((b"[", joined([*objects(fields), b","]).data[:-1].data, b"]"))


def objects(fields: Mapping[str, ByteSlices | Sequence[Part]]) -> Sequence[Part]:
    """Serialises each row as an object.

    The JSON of a field is a column of slices, or a sequence of parts to concatenate. An empty slice omits the field in
    that row; the first field cannot be omitted.
    """
    parts: list[Part] = []
    for name, value in fields.items():
        label = b'%s"%s":' % (b"," if parts else b"{", name.encode())
        if not isinstance(value, ByteSlices):
            parts += label, *value
        elif (present := value.starts < value.ends).all():
            parts += label, value
        else:
            parts += same_slices(label, len(present)).masked(present), value
    return [*parts, b"}"]


def lists(items: ByteColumn, parents: Int64s, rows: int, brackets: bytes = b"[]") -> Sequence[Part]:
    """Serialises for each row the list of the items whose parent it is. Items end with a comma; `parents` ascends."""
    return brackets[:1], inside(items, parents, rows), brackets[1:]


def inside(items: ByteColumn, parents: Int64s, rows: int) -> ByteSlices:
    """Does the same as `lists`, without brackets."""
    bounds = items.offsets[np.searchsorted(parents, np.arange(rows + 1))]
    return ByteSlices(items.data, bounds[:-1], np.maximum(bounds[:-1], bounds[1:] - 1))


def filled_in(template: bytes, *cells: ByteSlices) -> Sequence[Part]:
    """Replaces each `%s` of a template by a column of cells."""
    first, *others = template.split(b"%s")
    parts: list[Part] = [first]
    for cell, text in zip(cells, others, strict=True):
        parts += cell, text
    return parts


def scalars(values: Array) -> ByteSlices:
    """Serialises numbers and booleans."""
    data = np.frombuffer(orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY), np.uint8)
    # Each value lies between two of these marks; without values only the first bracket remains.
    marks = np.concatenate(([0], np.flatnonzero(data == COMMA), [len(data) - 1]))[: len(values) + 1]
    return ByteSlices(data, marks[:-1] + 1, marks[1:])


def times(values: Int64s) -> ByteSlices:
    """Serialises times in milliseconds since 1970 as ISO 8601 strings in UTC."""
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
    """Serialises a string for each row by concatenating its parts; invalid UTF-8 is replaced."""
    column = joined([b'"', *parts, b'"'])
    if not _is_plain(column.data, 2 * len(column)):
        found = texts_at(joined(parts), np.arange(len(column)))
        column = ByteColumn.of(map(orjson.dumps, found))
    return slices_of_texts(column)


def chosen(column: DictionaryColumn[T], json: Callable[[T], object]) -> ByteSlices:
    """Serialises a dictionary column: `json` converts each distinct value once."""
    return slices_at(ByteColumn.of(orjson.dumps(json(value)) for value in column.values), column.indices)


def names(column: DictionaryColumn[bytes]) -> ByteSlices:
    """Serialises a dictionary column of names; invalid UTF-8 is replaced."""
    return chosen(column, lambda name: name.decode("utf-8", "replace"))


def _is_plain(data: Bytes, quotes: int) -> bool:
    """Whether the data is UTF-8 that needs no JSON escapes and contains exactly `quotes` quotation marks."""
    if (data < SPACE).any() or (data == BACKSLASH).any() or np.count_nonzero(data == QUOTE) != quotes:
        return False
    try:
        str(data.data, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
