"""Rows by ascending id into which newer ones go, with columns of numbers that are no wider than they must be."""

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
    """Where rows are, once each newer one has taken the place of that with its id, or has come between others."""

    before: Bools
    """Which rows there were before."""
    now: Int64s
    """Where each newer row is."""

    @classmethod
    def of(cls, old: Numbers, newer: Int64s) -> Self:
        """Both ids ascend, without one twice."""
        known, at = lookup(old, newer)
        now = at + np.cumsum(~known) - ~known
        before = np.ones(len(old) + np.count_nonzero(~known), np.bool_)
        before[now[~known]] = False
        return cls(before, now)

    def column(self, old: Numbers | Bools | int, newer: Numbers | Bools | int) -> Int64s:
        """The column that was `old`, with these values in the newer rows."""
        values = np.zeros(len(self.before), np.int64)
        values[self.before] = old
        values[self.now] = newer
        return values


def narrowed(values: Numbers | Bools) -> Numbers:
    """The same values as the narrowest numbers that hold them all."""
    least, most = int(values.min(initial=0)), int(values.max(initial=0))
    for kind in _NARROWEST_FIRST:
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return values.astype(kind)
    return values.astype(np.int64)


def last_of_each(ids: Int64s) -> Int64s:
    """The last row of each id, by ascending id."""
    rows: Int64s = np.argsort(ids, kind="stable")
    is_last = np.append(np.diff(ids[rows]) != 0, True)[: len(rows)]
    return rows[np.flatnonzero(is_last)]
