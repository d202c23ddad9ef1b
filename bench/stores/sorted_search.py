"""Where many sorted byte strings are in a sorted column, in compiled code: a prototype for `bench/store.py`."""

from __future__ import annotations

import numpy as np

from ozone_recon.decode.batch_kernel import Strings, to_read
from ozone_recon.model.columns import ByteColumn, Int64s
from ozone_recon.model.kernel import inlined_part, lean_kernel, zero


def search(wanted: ByteColumn, items: ByteColumn, low: Int64s, high: Int64s | int) -> Int64s:
    """The item from `low` up to `high` that is each wanted one; -1 - the first greater one where there is none."""
    found = np.empty(len(wanted), np.int64)
    fill_found(to_read(wanted), to_read(items), low, np.broadcast_to(high, len(wanted)).astype(np.int64), found)
    return found


@lean_kernel
def fill_found(wanted: Strings, items: Strings, low: Int64s, high: Int64s, found: Int64s) -> None:
    """Fills in what `search` gives. As neither bounds nor what is wanted ever fall, a search goes on from the last."""
    below = zero()
    for n in range(len(found)):
        below, above, step = max(below, low[n]), high[n], 1
        while below + step <= above and compared(items, below + step - 1, wanted, n) < 0:
            below += step
            step *= 2
        above = min(above, below + step - 1)
        while below < above:
            middle = (below + above) >> 1
            if compared(items, middle, wanted, n) < 0:
                below = middle + 1
            else:
                above = middle
        found[n] = below if below < high[n] and compared(items, below, wanted, n) == 0 else -1 - below


@inlined_part
def compared(some: Strings, one: int, others: Strings, other: int) -> int:
    """Below, at or above zero as item `one` of `some` is before, equal to or after item `other` of `others`."""
    start, end, at, stop = some.offsets[one], some.offsets[one + 1], others.offsets[other], others.offsets[other + 1]
    for index in range(min(end - start, stop - at)):
        difference = np.int64(some.data[np.uint64(start + index)]) - np.int64(others.data[np.uint64(at + index)])
        if difference != 0:
            return int(difference)
    return int((end - start) - (stop - at))
