"""Pages of tables that are kept as raw rows: where some rows cannot be decoded, the next ones fill the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.search import page

T = TypeVar("T")

RowsAfter = Callable[[bytes, int | None], Int64s]
"""The first rows, at most so many (None for all), that are asked for and whose keys are greater than this one."""
STEP: Final = 1024
"""Rows that are looked at at a time, at least, after one that cannot be decoded."""


def filled_page(
    keys: ByteColumn, rows_after: RowsAfter, read: Callable[[Int64s], tuple[Int64s, T]], after: bytes, limit: int | None
) -> T:
    """What the first `limit` readable rows say, all for None; `read` gives those it can read, and what they say.

    Of rows that cannot be read nothing is said: the build has counted and reported them.
    """
    most, rows = limit, rows_after(after, limit)
    good, found = read(rows)
    if limit is None or len(good) == len(rows):
        return found
    while len(good) < limit and len(rows) == most:
        most = max(limit, STEP)
        rows = rows_after(keys[int(rows[-1])], most)
        good = np.append(good, read(rows)[0])
    return read(good[:limit])[1]


def rows_with(keys: ByteColumn, prefix: bytes) -> RowsAfter:
    """All rows whose keys have this prefix, in byte order of their keys."""
    return lambda after, limit: np.arange(*page(keys, prefix, after, limit))
