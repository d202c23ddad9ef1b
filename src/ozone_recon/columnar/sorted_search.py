"""Galloping search of many sorted byte strings in a sorted column, and the merge order of both.

Each search starts where the previous one ended, doubles its step until it has passed the key, and then bisects the last
step (Bentley and Yao, 1976). Searching m keys among n items costs O(m log(n / m)) comparisons.
"""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.columnar.kernels import inlined_part, lean_kernel, zero


def search(wanted: ByteColumn, items: ByteColumn, low: Int64s | int = 0, high: Int64s | int | None = None) -> Int64s:
    """The index of each wanted string among items `low` to `high` (exclusive); -1 - (insertion index) if absent.

    Bounds are non-decreasing. The wanted strings with the same bounds are sorted, and so are the items in the bounds.
    """
    count = len(wanted)
    found = np.empty(count, np.int64)
    lows = np.broadcast_to(low, count).astype(np.int64)
    highs = np.broadcast_to(len(items) if high is None else high, count).astype(np.int64)
    _fill_found(*slices_of_texts(wanted).read_only(), *slices_of_texts(items).read_only(), lows, highs, found)
    return found


def order_with(found: Int64s, items: int) -> Int64s:
    """The merge order of `items` items and the strings whose search results are `found`, each string before its match.

    In the result, n < `items` is item n, and `items` + n is string n.
    """
    at = np.where(found >= 0, found, -1 - found)
    return np.insert(np.arange(items), at, items + np.arange(len(found)))


@lean_kernel
def _fill_found(
    wanted: Bytes,
    wanted_starts: Int64s,
    wanted_ends: Int64s,
    items: Bytes,
    starts: Int64s,
    ends: Int64s,
    low: Int64s,
    high: Int64s,
    found: Int64s,
) -> None:
    """Fills `found`; see `search` and the head of this module."""
    below = zero()
    for n in range(len(found)):
        start, end = wanted_starts[n], wanted_ends[n]
        below, above, step = max(below, low[n]), high[n], 1
        while below + step <= above and _compared(items, starts, ends, below + step - 1, wanted, start, end) < 0:
            below += step
            step *= 2
        above = min(above, below + step - 1)
        while below < above:
            middle = (below + above) >> 1
            if _compared(items, starts, ends, middle, wanted, start, end) < 0:
                below = middle + 1
            else:
                above = middle
        is_match = below < high[n] and _compared(items, starts, ends, below, wanted, start, end) == 0
        found[n] = below if is_match else -1 - below


@inlined_part
def _compared(
    items: Bytes, starts: Int64s, ends: Int64s, item: int, wanted: Bytes, wanted_start: int, wanted_end: int
) -> int:
    """Compares an item with a wanted string: negative, 0 or positive as the item is less, equal or greater."""
    start, length, wanted_length = starts[item], ends[item] - starts[item], wanted_end - wanted_start
    for index in range(min(length, wanted_length)):
        difference = np.int64(items[np.uint64(start + index)]) - np.int64(wanted[np.uint64(wanted_start + index)])
        if difference != 0:
            return int(difference)
    return int(length - wanted_length)
