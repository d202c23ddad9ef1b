"""Serialises metadata and tags directly from columns, as `json.om.pairs_json` serialises one record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from ozone_recon.api.json.rows import chosen, lists, texts
from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import Part, joined, slices_of_texts
from ozone_recon.decode.dictionary import DictionaryColumn, distinct
from ozone_recon.decode.om.key_info_columns import PairColumns
from ozone_recon.insights.om.key_rows import texts_at

Bools = NDArray[np.bool_]


def names_of(pairs: PairColumns) -> DictionaryColumn[str]:
    """Returns the names of the pairs as text, invalid UTF-8 replaced."""
    found, which = distinct(pairs.name)
    return DictionaryColumn(texts_at(found, np.arange(len(found))), which)


def pairs_json(pairs: PairColumns, names: DictionaryColumn[str], rows: int) -> Sequence[Part]:
    """Serialises for each row the pairs that have it as their parent, as an object.

    Of several pairs with the same name, the last value is used, at the position of the first.
    """
    values = texts(pairs.value)
    if _are_distinct(names.values) and _are_distinct(pairs.parent * len(names.values) + names.indices):
        return lists(joined([chosen(names, str), b":", values, b","]), pairs.parent, rows, b"{}")
    found: list[dict[str, orjson.Fragment]] = [{} for _ in range(rows)]
    for parent, name, value in zip(pairs.parent.tolist(), names.indices.tolist(), joined([values]), strict=True):
        found[parent][names.values[name]] = orjson.Fragment(value)
    return (slices_of_texts(ByteColumn.of(map(orjson.dumps, found))),)


def with_pair(pairs: PairColumns, names: DictionaryColumn[str], name: str, value: bytes | None, rows: int) -> Bools:
    """Marks the rows that have a pair of this name whose last value equals `value` (None matches any value)."""
    at = np.flatnonzero(np.isin(names.indices, [row for row, one in enumerate(names.values) if one == name]))
    found = np.zeros(rows, np.bool_)
    found[pairs.parent[at]] = [value in (None, last) for last in joined([pairs.value.take(at)])]
    return found


def _are_distinct(values: Int64s | Sequence[str]) -> bool:
    return len(np.unique(values)) == len(values)
