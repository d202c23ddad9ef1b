"""Where many sorted byte strings are in a sorted column, compiled; and the order in which new items come in there."""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.columnar.kernels import inlined_part, lean_kernel, zero


def search(wanted: ByteColumn, items: ByteColumn, low: Int64s | int = 0, high: Int64s | int | None = None) -> Int64s:
    """The item, from `low` up to `high`, that is each wanted one; -1 - the first greater one where there is none.

    What is wanted is sorted between the same bounds, and the bounds never fall; so are the items between bounds.
    """
    count = len(wanted)
    found = np.empty(count, np.int64)
    lows = np.broadcast_to(low, count).astype(np.int64)
    highs = np.broadcast_to(len(items) if high is None else high, count).astype(np.int64)
    _fill_found(*slices_of_texts(wanted).to_read(), *slices_of_texts(items).to_read(), lows, highs, found)
    return found


def order_with(found: Int64s, items: int) -> Int64s:
    """The order of items in which those that were searched have come in, each before what it was found at.

    Number n is item n, and `items` + n is the one searched at place n of `found`.
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
    """Fills in what `search` gives: a search goes on, in growing steps, from where the last one ended."""
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
        there = below < high[n] and _compared(items, starts, ends, below, wanted, start, end) == 0
        found[n] = below if there else -1 - below


@inlined_part
def _compared(
    items: Bytes, starts: Int64s, ends: Int64s, item: int, wanted: Bytes, wanted_start: int, wanted_end: int
) -> int:
    """Below, at or above zero as the item is before, equal to or after what is wanted."""
    start, length, wanted_length = starts[item], ends[item] - starts[item], wanted_end - wanted_start
    for index in range(min(length, wanted_length)):
        difference = np.int64(items[np.uint64(start + index)]) - np.int64(wanted[np.uint64(wanted_start + index)])
        if difference != 0:
            return int(difference)
    return int(length - wanted_length)
