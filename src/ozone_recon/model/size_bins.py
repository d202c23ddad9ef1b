"""File-size bins as Recon counts them (FileSizeCountTask, ReconConstants)."""

from __future__ import annotations

import numpy as np

from ozone_recon.model.columns import Int64s

BINS = 42
"""Number of bins: upper bounds 2^10 … 2^50 and, for what is larger, Long.MAX_VALUE."""
UPPER_BOUNDS: tuple[int, ...] = (*(1 << (10 + i) for i in range(41)), (1 << 63) - 1)
"""Inclusive upper bound of each bin in bytes; sizes of 2^50 and more are in the last one, as in Recon."""
DIST_BINS = 41
"""Bins of `namespace/dist`, where the last two of ours are one."""


def bin_of(size: int) -> int:
    """The bin of a file of `size` bytes (0 or more)."""
    if size <= 1024:
        return 0
    return min((size - 1).bit_length() - 10, 40) if size < 1 << 50 else 41


def bins_of(sizes: Int64s) -> Int64s:
    """The bin of every size in a column."""
    # The exponent of a double is the bit length; it is one too many only where rounding meets a power of two, beyond
    # 2^53, and those sizes are in the last bin anyway.
    exponent: Int64s = (sizes - 1).astype(np.float64).view(np.int64) >> 52
    bins: Int64s = np.clip(exponent - 1032, 0, 40)
    bins[sizes >= 1 << 50] = 41
    return bins
