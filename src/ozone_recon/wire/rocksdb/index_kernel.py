"""Reads index blocks of table files: the compiled twin of `sst.read_index`, which raises the errors.

Two passes over the block: the first validates and measures it, the second fills arrays of the measured sizes.
"""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.kernels import lean_kernel, zero
from ozone_recon.wire.rocksdb import sst
from ozone_recon.wire.rocksdb.block_kernel import read_varint32
from ozone_recon.wire.rocksdb.sst import LARGEST_PLACE, TRAILER, IndexFormat, SstIndex, entries_end

ROWS, KEY_BYTES, LONGEST, MEASURES = range(4)
"""The results of the first pass: number of entries, bytes of their user keys, bytes of the longest key."""


def read_index(block: bytes, format: IndexFormat) -> SstIndex:
    """Per block, in order: a user key between its last and the next one's first, its offset and its size."""
    data = np.frombuffer(block, np.uint8)
    end = entries_end(block)
    trailer = 0 if format.user_keys else 8
    measured = np.zeros(MEASURES, np.int64)
    nothing = np.empty(0, np.uint8), np.empty(0, np.uint8), np.zeros(1, np.int64), np.empty((2, 0), np.int64)
    if not scan_index(data, end, trailer, format.delta_values, measured, *nothing, False):
        return sst.read_index(block, format)
    rows, key_bytes, longest = measured.tolist()
    keys, offsets, places = np.empty(key_bytes, np.uint8), np.zeros(rows + 1, np.int64), np.empty((2, rows), np.int64)
    scan_index(
        data, end, trailer, format.delta_values, measured, np.empty(longest, np.uint8), keys, offsets, places, True
    )
    return SstIndex(ByteColumn(offsets, keys), *places)


@lean_kernel
def scan_index(
    data: Bytes,
    end: int,
    trailer: int,
    delta_values: bool,
    measured: Int64s,
    key: Bytes,
    keys: Bytes,
    offsets: Int64s,
    places: Int64s,
    fill: bool,
) -> bool:
    """Measures an index block or, with `fill`, stores its keys and places; False when it is malformed."""
    at, length, rows, key_bytes, longest = zero(), zero(), zero(), zero(), zero()
    offset, size = zero(), zero()
    while at < end:
        shared, at = read_varint32(data, at, end)
        if at < 0:
            return False
        own, at = read_varint32(data, at, end)
        if at < 0:
            return False
        if not delta_values:
            _, at = read_varint32(data, at, end)
            if at < 0:
                return False
        if shared > length or own > end - at or shared + own < trailer:
            return False
        length = shared + own
        if fill:
            for n in range(own):
                key[np.uint64(shared + n)] = data[np.uint64(at + n)]
            for n in range(length - trailer):
                keys[np.uint64(key_bytes + n)] = key[np.uint64(n)]
        at += own
        if delta_values and shared:
            delta, at = read_varint63(data, at, end)
            offset += size + TRAILER
            size += delta >> 1 ^ -(delta & 1)
        else:
            offset, at = read_varint63(data, at, end)
            if at >= 0:
                size, at = read_varint63(data, at, end)
        if at < 0 or not (0 <= offset < LARGEST_PLACE and 0 <= size < LARGEST_PLACE):
            return False
        key_bytes += length - trailer
        if fill:
            places[0, rows] = offset
            places[1, rows] = size
            offsets[rows + 1] = key_bytes
        rows += 1
        longest = max(longest, length)
    measured[ROWS] = rows
    measured[KEY_BYTES] = key_bytes
    measured[LONGEST] = longest
    return True


@lean_kernel
def read_varint63(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """A varint of at most 63 bits, and the offset after it; -1 when there is none."""
    value, shift = zero(), zero()
    while at < end and shift < 63:
        byte = int(np.int64(data[np.uint64(at)]))
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return value, -1
