"""Pages over raw tables: undecodable rows are skipped and the page is filled with the next ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.search import page

T = TypeVar("T")

RowsAfter = Callable[[bytes, int | None], Int64s]
"""Called with a key and a limit n (None for all): returns the first n matching rows with greater keys."""
STEP: Final = 1024
"""The least number of rows read at a time once a page has undecodable rows."""


def filled_page(
    keys: ByteColumn, rows_after: RowsAfter, read: Callable[[Int64s], tuple[Int64s, T]], after: bytes, limit: int | None
) -> T:
    """Returns the result of `read` for the first `limit` decodable rows after a key (None: for all).

    `read` returns the rows that it can decode, and the result. The build has counted and reported the others.
    """
    most, rows = limit, rows_after(after, limit)
    good, result = read(rows)
    if limit is None or len(good) == len(rows):
        return result
    while len(good) < limit and len(rows) == most:
        most = max(limit, STEP)
        rows = rows_after(keys[int(rows[-1])], most)
        good = np.append(good, read(rows)[0])
    return read(good[:limit])[1]


def rows_with(keys: ByteColumn, prefix: bytes) -> RowsAfter:
    """Selects all rows whose keys begin with `prefix`, in key order."""
    return lambda after, limit: np.arange(*page(keys, prefix, after, limit))
