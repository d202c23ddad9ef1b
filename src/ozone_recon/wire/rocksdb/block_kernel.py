"""Compiled loops of `block_rows`: parse many uncompressed data blocks, and merge their rows.

Keys in a block are prefix-compressed: each entry shares a number of bytes with the key before it. `measure_blocks`
validates the blocks and sizes the output; `read_blocks` then writes out the keys of a run, which are sorted;
`merge_runs` merges two runs, and is called until one is left; `pick_live` keeps the newest row of each key.

All blocks lie in one array; block b is `data[starts[b]:stops[b]]`. Every length is checked against the block's end
before the bytes are read. A fault ends the pass with the code -1 - b, where b is the block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.kernels import inlined_part, kernel_part, lean_kernel, zero

Trailers = NDArray[np.uint64]


@inlined_part
def read_varint32(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """A varint of at most 32 bits, and the offset after it; -1 when it does not end before `end`."""
    value = zero()
    shift = zero()
    while at < end and shift < 35:
        byte = int(np.int64(data[at]))
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at if value <= 0xFFFFFFFF else -1
        shift += 7
    return value, -1


@kernel_part
def _entries_end(data: Bytes, start: int, stop: int) -> int:
    """The end of the entries of a block; -1 when its restart offsets do not fit."""
    if stop - start < 4 or start < 0 or stop > data.size:
        return -1
    restarts = int(np.int64(data[stop - 4])) | int(np.int64(data[stop - 3])) << 8
    restarts |= int(np.int64(data[stop - 2])) << 16 | int(np.int64(data[stop - 1])) << 24
    end = stop - 4 - 4 * restarts
    return end if end >= start else -1


@lean_kernel
def measure_blocks(data: Bytes, starts: Int64s, stops: Int64s, sizes: Int64s) -> int:
    """Stores the number of rows and the bytes of their user keys in `sizes`; -1 - b when block b is malformed."""
    rows = zero()
    key_bytes = zero()
    for b in range(starts.size):
        end = _entries_end(data, starts[b], stops[b])
        if end < 0:
            return -1 - b
        at = starts[b]
        length = zero()
        while at < end:
            shared, at = read_varint32(data, at, end)
            if at < 0:
                return -1 - b
            own, at = read_varint32(data, at, end)
            if at < 0:
                return -1 - b
            size, at = read_varint32(data, at, end)
            if at < 0 or shared > length or own + size > end - at or shared + own < 8:
                return -1 - b
            length = shared + own
            at += own + size
            rows += 1
            key_bytes += length - 8
    sizes[0] = rows
    sizes[1] = key_bytes
    return 0


@inlined_part
def _compare(a: Bytes, a_start: int, a_stop: int, b: Bytes, b_start: int, b_stop: int) -> int:
    """Compares bytewise: negative, zero or positive when a is before, equal to or after b."""
    for i in range(min(a_stop - a_start, b_stop - b_start)):
        difference = int(np.int64(a[np.uint64(a_start + i)]) - np.int64(b[np.uint64(b_start + i)]))
        if difference != 0:
            return difference
    return (a_stop - a_start) - (b_stop - b_start)


@lean_kernel
def read_blocks(
    data: Bytes,
    starts: Int64s,
    stops: Int64s,
    low: Bytes,
    high: Bytes,
    bounded: bool,
    row: int,
    keys: Bytes,
    key_offsets: Int64s,
    trailers: Trailers,
    value_starts: Int64s,
    value_stops: Int64s,
) -> int:
    """Appends the rows of measured blocks with keys from `low` to `high` (exclusive; unbounded unless `bounded`).

    Row r has the user key `keys[key_offsets[r]:key_offsets[r + 1]]`, the value `data[value_starts[r]:value_stops[r]]`
    and the trailer sequence << 8 | type. Returns the new number of rows. `measure_blocks` must have validated the
    blocks and sized the arrays; `keys` needs 8 more bytes. Returns -1 - b when block b is out of order: each key must
    be greater than the one before it, or equal with a lower trailer.
    """
    key_at = key_offsets[row]
    before_at = key_at
    before_size = zero()
    trailer = np.uint64(0xFFFFFFFFFFFFFFFF)
    for b in range(starts.size):
        end = _entries_end(data, starts[b], stops[b])
        at = starts[b]
        edge = b == 0 or b == starts.size - 1
        while at < end:
            shared, at = read_varint32(data, at, end)
            own, at = read_varint32(data, at, end)
            size, at = read_varint32(data, at, end)
            length = shared + own
            change = length - 8 - before_size
            for i in range(min(before_size, length - 8) - shared):
                difference = int(np.int64(data[np.uint64(at + i)]) - np.int64(keys[np.uint64(before_at + shared + i)]))
                if difference != 0:
                    change = difference
                    break
            if change < 0:
                return -1 - b
            if before_at != key_at:
                for i in range(min(shared, before_size)):
                    keys[np.uint64(key_at + i)] = keys[np.uint64(before_at + i)]
            for i in range(before_size, shared):
                keys[key_at + i] = np.uint8(trailer >> np.uint64(8 * (i - before_size)) & np.uint64(0xFF))
            own_at = key_at + shared
            for i in range(own):
                keys[np.uint64(own_at + i)] = data[np.uint64(at + i)]
            at += own
            before_at = key_at
            before_size = length - 8
            before_trailer = trailer
            trailer = np.uint64(0)
            for i in range(8):
                trailer |= np.uint64(keys[key_at + before_size + i]) << np.uint64(8 * i)
            if change == 0 and trailer >= before_trailer:
                return -1 - b
            if edge and (
                _compare(keys, key_at, key_at + before_size, low, 0, low.size) < 0
                or (bounded and _compare(keys, key_at, key_at + before_size, high, 0, high.size) >= 0)
            ):
                at += size
                continue
            trailers[row] = trailer
            value_starts[row] = at
            value_stops[row] = at + size
            at += size
            key_at += before_size
            row += 1
            key_offsets[row] = key_at
    return row


@lean_kernel
def merge_runs(
    keys: Bytes,
    key_offsets: Int64s,
    trailers: Trailers,
    common: int,
    order: Int64s,
    a: int,
    b: int,
    end: int,
    out: Int64s,
) -> None:
    """Merges the runs order[a:b] and order[b:end] of rows into out[a:end], by key, the newest of equal keys first.

    All keys share their first `common` bytes.
    """
    i, j = a, b
    for at in range(a, end):
        if j >= end:
            first = True
        elif i >= b:
            first = False
        else:
            x, y = order[i], order[j]
            x_at, y_at = key_offsets[x] + common, key_offsets[y] + common
            difference = _compare(keys, x_at, key_offsets[x + 1], keys, y_at, key_offsets[y + 1])
            first = difference < 0 or (difference == 0 and trailers[x] >= trailers[y])
        if first:
            out[at] = order[i]
            i += 1
        else:
            out[at] = order[j]
            j += 1


@inlined_part
def _same(keys: Bytes, a_start: int, a_stop: int, b_start: int, b_stop: int) -> bool:
    """Whether two keys are equal; compares backwards, because adjacent keys differ near their ends."""
    size = a_stop - a_start
    if size != b_stop - b_start:
        return False
    left = size
    while left > 0 and keys[np.uint64(a_start + left - 1)] == keys[np.uint64(b_start + left - 1)]:
        left -= 1
    return left == 0


@lean_kernel
def pick_live(keys: Bytes, key_offsets: Int64s, trailers: Trailers, order: Int64s, picked: Int64s) -> int:
    """Stores the newest row of each key in `picked`, unless it is a delete.

    Returns the number of rows; -1 - type for a row of an unsupported type.
    """
    count = zero()
    for n in range(order.size):
        row = order[n]
        if n > 0:
            last = order[n - 1]
            if _same(keys, key_offsets[row], key_offsets[row + 1], key_offsets[last], key_offsets[last + 1]):
                continue
        kind = int(np.int64(trailers[row] & np.uint64(0xFF)))
        if kind == 1:
            picked[count] = row
            count += 1
        elif kind != 0 and kind != 7:
            return -1 - kind
    return count


@lean_kernel
def gather(data: Bytes, starts: Int64s, stops: Int64s, rows: Int64s, offsets: Int64s, out: Bytes) -> None:
    """Concatenates `data[starts[r]:stops[r]]` of each row into `out`, which must be large enough."""
    at = zero()
    for n in range(rows.size):
        row = rows[n]
        offsets[n] = at
        start, stop = starts[row], stops[row]
        for i in range(stop - start):
            out[np.uint64(at + i)] = data[np.uint64(start + i)]
        at += stop - start
    offsets[rows.size] = at
