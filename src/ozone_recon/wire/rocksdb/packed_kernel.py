"""Checks many stored blocks of a table file at once: their checksums and their uncompressed sizes.

Block n is `data[starts[n]:stops[n]]`, followed by its trailer; the caller has checked the bounds.
"""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.kernels import kernel
from ozone_recon.wire.rocksdb.block_kernel import read_varint32
from ozone_recon.wire.rocksdb.crc32c import masked_crc32c
from ozone_recon.wire.rocksdb.sst import LZ4, LZ4HC, SNAPPY, UNPACKED, ZSTD


@kernel
def first_mismatch(data: Bytes, starts: Int64s, stops: Int64s) -> int:
    """The first block with a wrong CRC-32C; -1 when there is none."""
    for n in range(starts.size):
        stop = stops[n]
        stored = np.int64(0)
        for byte in range(4):
            stored |= np.int64(data[stop + 1 + byte]) << (8 * byte)
        if masked_crc32c(data, starts[n], stop + 1) != stored:
            return n
    return -1


@kernel
def first_unsized(data: Bytes, starts: Int64s, stops: Int64s, largest: int, sizes: Int64s) -> int:
    """Stores each block's uncompressed size in bytes; returns the first without one or above `largest`, or -1."""
    for n in range(starts.size):
        packing = data[stops[n]]
        if packing == UNPACKED:
            sizes[n] = stops[n] - starts[n]
        elif packing in (SNAPPY, LZ4, LZ4HC, ZSTD):
            sizes[n], end = read_varint32(data, starts[n], stops[n])
            if end < 0 or sizes[n] > largest:
                return n
        else:
            return n
    return -1
