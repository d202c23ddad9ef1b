"""Recon's histogram bins of file and container sizes (FileSizeCountTask, ContainerSizeCountTask, ReconConstants)."""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.kernels import lean_kernel

BINS = 42
"""The number of bins of file sizes: upper bounds 2^10 to 2^50, and Long.MAX_VALUE."""
UPPER_BOUNDS: tuple[int, ...] = (*(1 << (10 + i) for i in range(41)), (1 << 63) - 1)
"""The inclusive upper bound of each bin, in bytes; as in Recon, 2^50 itself is in the last bin."""
DIST_BINS = 41
"""The number of bins of `namespace/dist`, which joins our last two."""
CONTAINER_UPPER_BOUNDS: tuple[int, ...] = (0, *(1 << (29 + i) for i in range(22)), (1 << 63) - 1)
"""The inclusive upper bound of each bin of container sizes, in bytes; 2^50 itself is in the last bin."""


def bin_of(size: int) -> int:
    """Returns the bin of a file of `size` bytes (0 or more); the reference for `bins_of`."""
    if size <= 1024:
        return 0
    return min((size - 1).bit_length() - 10, 40) if size < 1 << 50 else 41


def bins_of(sizes: Int64s) -> Int64s:
    """Returns the bin of every file size in a column."""
    bins = np.empty(len(sizes), np.int64)
    _fill(sizes, bins)
    return bins


def container_bins_of(sizes: Int64s) -> Int64s:
    """Returns the bin of every container size in a column; negative sizes count as 0."""
    return np.searchsorted(np.array([*CONTAINER_UPPER_BOUNDS[:-2], (1 << 50) - 1]), np.maximum(sizes, 0))


@lean_kernel
def _fill(sizes: Int64s, bins: Int64s) -> None:
    for row in range(sizes.size):
        left = (max(sizes[row], 1) - 1) >> 10
        bits = 0
        while left:
            left >>= 1
            bits += 1
        bins[row] = min(bits, 40) if sizes[row] < 1 << 50 else 41
