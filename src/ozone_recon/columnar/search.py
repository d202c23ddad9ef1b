"""Binary search in sorted columns: single keys in a column of byte strings, many ids in a column of integers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Int64s

Integers = NDArray[np.integer[Any]]


def lookup(ascending: Integers, wanted: Integers) -> tuple[NDArray[np.bool_], Int64s]:
    """Looks up each wanted number in an ascending column; returns whether it is there, and its (first) index.

    The index of an absent number is where it would be inserted; it may be `len(ascending)`.
    """
    at = np.searchsorted(ascending, wanted)
    present = at < len(ascending)
    present[present] = ascending[at[present]] == wanted[present]
    return present, at


def first_at_or_after(column: ByteColumn, key: bytes, low: int = 0, high: int | None = None) -> int:
    """The index of the first item >= `key` among items `low` to `high`; `high` if there is none."""
    return bisect_left(column, key, low, len(column) if high is None else high)


def first_after(column: ByteColumn, key: bytes, low: int = 0, high: int | None = None) -> int:
    """The index of the first item > `key` among items `low` to `high`; `high` if there is none."""
    return bisect_right(column, key, low, len(column) if high is None else high)


def find(column: ByteColumn, key: bytes, low: int = 0, high: int | None = None) -> int | None:
    """The index of `key` among items `low` to `high`, or None."""
    stop = len(column) if high is None else high
    at = bisect_left(column, key, low, stop)
    return at if at < stop and column[at] == key else None


def prefix_range(column: ByteColumn, prefix: bytes, low: int = 0, high: int | None = None) -> tuple[int, int]:
    """The range of the items that begin with `prefix`: (first, end), `end` exclusive."""
    start = first_at_or_after(column, prefix, low, high)
    end = after_prefix(prefix)
    if end is None:
        return start, len(column) if high is None else high
    return start, first_at_or_after(column, end, start, high)


def after_prefix(prefix: bytes) -> bytes | None:
    """The smallest key greater than all keys with this prefix; None if there is none."""
    shortest = prefix.rstrip(b"\xff")
    return shortest[:-1] + bytes([shortest[-1] + 1]) if shortest else None


def page(column: ByteColumn, prefix: bytes, after: bytes, limit: int | None = None) -> tuple[int, int]:
    """The range of the first `limit` items (None: all) that begin with `prefix` and are > `after`: (first, end)."""
    start, end = prefix_range(column, prefix)
    start = first_after(column, after, start, end)
    return start, end if limit is None else min(end, start + limit)
