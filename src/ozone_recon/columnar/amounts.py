"""Amounts (bytes and counts) are integers from 0 to 2^63 - 1; their sums saturate.

The rule for integers from outside:
- A decoder checks every amount that is summed later. It refuses an OM row with a negative size, or with a replicated
  size over 64 bits, and counts it as unreadable. It clamps amounts in datanode and SCM reports, because the rest of the
  report is still needed.
- Every sum is computed here or in `amounts_kernel` and saturates at MAX_AMOUNT. A sum that wrapped around would be
  negative; one over 64 bits would not fit into JSON, a Java `long` or a column.
- All other integers (ids, times, sizes that are only displayed) pass unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s

MAX_AMOUNT: Final = (1 << 63) - 1
"""Java's Long.MAX_VALUE."""
_HALF: Final = 32
_LOW: Final = (1 << _HALF) - 1


def clamp(number: int) -> int:
    """Clamps `number` to the range of amounts, 0 to MAX_AMOUNT."""
    return min(max(number, 0), MAX_AMOUNT)


def bounded(number: int) -> int:
    """Clamps a count that may be negative, as OM's own counts may be, to -MAX_AMOUNT to MAX_AMOUNT."""
    return max(-MAX_AMOUNT, min(number, MAX_AMOUNT))


def sum_amounts(amounts: Iterable[int]) -> int:
    """The sum of `amounts`."""
    return clamp(sum(amounts))


def sum_column(values: Int64s) -> int:
    """The sum of a column of amounts."""
    high, low = _halves(values)
    return clamp((int(high.sum()) << _HALF) + int(low.sum()))


def sum_runs(values: Int64s, bounds: Int64s) -> Int64s:
    """The sum of each run of a column; run n is `values[bounds[n]:bounds[n + 1]]` and may be empty."""
    high, low = (np.append(0, half.cumsum())[bounds] for half in _halves(values))
    return _joined(np.diff(high), np.diff(low))


def sum_by(index: Int64s, values: Int64s, size: int) -> Int64s:
    """Sums `values` by group: entry n of the result is the sum of the values with `index` n, for n in range(size)."""
    sums = np.zeros((2, size), np.int64)
    for of_half, half in zip(sums, _halves(values), strict=True):
        np.add.at(of_half, index, half)
    return _joined(*sums)


def add_sums(sums: Int64s, more: Int64s) -> None:
    """Adds `more` to `sums`, in place."""
    sums += more
    sums[sums < 0] = MAX_AMOUNT


def _halves(values: Int64s) -> tuple[Int64s, Int64s]:
    """Splits into the high and low 32 bits: sums of fewer than 2^31 halves cannot overflow."""
    return values >> _HALF, values & _LOW


def _joined(high: Int64s, low: Int64s) -> Int64s:
    high = high + (low >> _HALF)
    sums = high << _HALF | low & _LOW
    sums[high > MAX_AMOUNT >> _HALF] = MAX_AMOUNT
    return sums
