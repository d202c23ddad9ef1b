"""Merges columns sorted by id with newer rows, and stores integers in the narrowest type that holds them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.search import lookup

Numbers = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

_NARROWEST_FIRST: Final = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32)


class IdMerge(NamedTuple):
    """The row positions after a merge in which newer rows replace those with the same id and are inserted otherwise."""

    before: Bools
    """Mask of the merged rows that have an old row."""
    now: Int64s
    """Position of each newer row."""

    @classmethod
    def of(cls, old: Numbers, newer: Int64s) -> Self:
        """Plans the merge of two strictly ascending id columns."""
        known, at = lookup(old, newer)
        now = at + np.cumsum(~known) - ~known
        before = np.ones(len(old) + np.count_nonzero(~known), np.bool_)
        before[now[~known]] = False
        return cls(before, now)

    def column(self, old: Numbers | Bools | int, newer: Numbers | Bools | int) -> Int64s:
        """Merges one column."""
        values = np.zeros(len(self.before), np.int64)
        values[self.before] = old
        values[self.now] = newer
        return values


def narrowed(values: Numbers | Bools) -> Numbers:
    """Returns the values in the narrowest integer type that holds them all."""
    least, most = int(values.min(initial=0)), int(values.max(initial=0))
    for kind in _NARROWEST_FIRST:
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return values.astype(kind)
    return values.astype(np.int64)


def last_of_each(ids: Int64s) -> Int64s:
    """Returns the last row of each distinct id, sorted by id."""
    rows: Int64s = np.argsort(ids, kind="stable")
    is_last = np.append(np.diff(ids[rows]) != 0, True)[: len(rows)]
    return rows[np.flatnonzero(is_last)]
