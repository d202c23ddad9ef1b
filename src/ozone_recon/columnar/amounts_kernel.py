"""Compiled saturating sums of amounts (see `amounts`)."""

from __future__ import annotations

from ozone_recon.columnar.amounts import MAX_AMOUNT
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.kernels import inlined_part, lean_kernel


@inlined_part
def plus(one: int, other: int) -> int:
    """The saturating sum of two amounts."""
    total = one + other
    return total if total >= 0 else MAX_AMOUNT


@lean_kernel
def add_runs(values: Int64s, starts: Int64s, target: Int64s, sums: Int64s) -> None:
    """Adds run n of `values`, `starts[n]` up to `starts[n + 1]`, to `sums[target[n]]`; skips negative targets."""
    for run in range(starts.size):
        at = target[run]
        if at >= 0:
            stop = starts[run + 1] if run + 1 < starts.size else values.size
            total = sums[at]
            for row in range(starts[run], stop):
                total = plus(total, values[row])
            sums[at] = total
