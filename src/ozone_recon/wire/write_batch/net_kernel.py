"""Changes out of many WriteBatches at once, and the last of each key in key order: the loops of `net_changes`.

Batch b is `data[starts[b]:ends[b]]`. Whatever a batch announces is checked against its end before it is read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.kernels import inlined_part, kernel_part, lean_kernel, zero
from ozone_recon.wire.rocksdb.block_kernel import read_varint32

Words = NDArray[np.uint64]

HEADER = 12
SMALLEST_CHANGE = 2
"""Bytes of a delete of the empty key in column family 0."""
WHOLE = 7
"""Bytes of a key that fit into a word beside their number."""
SHORT = 8
"""Rows that are sorted one by one."""
FAMILY, KEY, KEY_END, VALUE, VALUE_END, FIELDS = 0, 1, 2, 3, 4, 5


@inlined_part
def _little_endian(data: Bytes, at: int, size: int) -> int:
    value = zero()
    for index in range(size):
        value |= int(np.int64(data[np.uint64(at + index)])) << (8 * index)
    return value


@inlined_part
def _read_slice(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Where the length-prefixed bytes at `at` start and end; -1 as their end when they are not all there."""
    if at < 0:
        return at, at
    size, at = read_varint32(data, at, end)
    return (at, at + size) if 0 <= at <= end - size else (at, -1)


@lean_kernel
def count_changes(data: Bytes, starts: Int64s, ends: Int64s) -> int:
    """How many changes the batches announce together; -1 when one has no header, or not the bytes for so many."""
    changes = zero()
    for b in range(len(starts)):
        if ends[b] - starts[b] < HEADER:
            return -1
        count = _little_endian(data, starts[b] + 8, 4)
        if count > (ends[b] - starts[b] - HEADER) // SMALLEST_CHANGE:
            return -1
        changes += count
    return changes


@lean_kernel
def read_changes(data: Bytes, starts: Int64s, ends: Int64s, after: int, changes: Int64s) -> int:
    """Fills in, for each change, its family and where in `data` its key and value are; -1 when the reference must say.

    That is for bytes that are no batch, for a batch that does not follow the one before it (the first one: the
    sequence number `after`), and for a record that is neither a put, a delete nor without effect (the tags are those
    of `write_batch`). A deleted row's value ends at -1. `count_changes` has told how large `changes` must be.
    """
    change = zero()
    for b in range(len(starts)):
        at, end = starts[b], ends[b]
        if _little_endian(data, at, 8) != after + change + 1:
            return -1
        last = change + _little_endian(data, at + 8, 4)
        at += HEADER
        while at < end:
            tag = data[np.uint64(at)]
            at += 1
            if tag == 0x03:
                _, at = _read_slice(data, at, end)
            elif tag <= 0x01 or tag == 0x04 or tag == 0x05 or tag == 0x07 or tag == 0x08:
                if change == last:
                    return -1
                family = zero()
                if tag != 0x00 and tag != 0x01 and tag != 0x07:
                    family, at = read_varint32(data, at, end)
                key, at = _read_slice(data, at, end)
                changes[change, FAMILY], changes[change, KEY], changes[change, KEY_END] = family, key, at
                if tag == 0x01 or tag == 0x05:
                    changes[change, VALUE], at = _read_slice(data, at, end)
                    changes[change, VALUE_END] = at
                else:
                    changes[change, VALUE] = changes[change, VALUE_END] = -1
                change += 1
            elif tag != 0x0D:
                return -1
            if at < 0:
                return -1
        if change != last:
            return -1
    return change


@kernel_part
def _common(data: Bytes, changes: Int64s, rows: Int64s, start: int, stop: int, known: int) -> int:
    """How many bytes the keys of `rows[start:stop]` begin with in common, if these are `known` or more."""
    first = changes[rows[start], KEY]
    common = int(changes[rows[start], KEY_END] - first)
    for i in range(start + 1, stop):
        key = changes[rows[i], KEY]
        common = min(common, int(changes[rows[i], KEY_END] - key))
        at = known
        while at < common and data[np.uint64(first + at)] == data[np.uint64(key + at)]:
            at += 1
        common = at
    return common


@inlined_part
def _word(data: Bytes, at: int, end: int) -> np.uint64:
    """The next bytes of a key and how many these are, WHOLE and one more when the key goes on, as they are to sort."""
    word = np.uint64(min(end - at, WHOLE + 1))
    for n in range(min(end - at, WHOLE)):
        word |= np.uint64(data[np.uint64(at + n)]) << np.uint64(56 - 8 * n)
    return word


@kernel_part
def _sort(words: Words, rows: Int64s, start: int, stop: int, other_words: Words, other_rows: Int64s) -> None:
    """Sorts `rows[start:stop]` by their `words`, these with them."""
    for i in range(start + 1, stop):
        if (i - start) % SHORT != 0:
            word, row = words[i], rows[i]
            j = i
            while (j - start) % SHORT != 0 and words[j - 1] > word:
                words[j], rows[j] = words[j - 1], rows[j - 1]
                j -= 1
            words[j], rows[j] = word, row
    width = SHORT
    while width < stop - start:
        for i in range(start, stop):
            other_words[i], other_rows[i] = words[i], rows[i]
        for low in range(start, stop, 2 * width):
            i, middle, high = low, min(low + width, stop), min(low + 2 * width, stop)
            j = middle
            for at in range(low, high):
                if j == high or (i < middle and other_words[i] <= other_words[j]):
                    words[at], rows[at] = other_words[i], other_rows[i]
                    i += 1
                else:
                    words[at], rows[at] = other_words[j], other_rows[j]
                    j += 1
        width *= 2


@lean_kernel
def keep_newest(
    data: Bytes, changes: Int64s, rows: Int64s, words: Words, other_rows: Int64s, other_words: Words, groups: Int64s
) -> int:
    """Puts the newest change of each key, in key order, to the front of `rows`; how many.

    `rows` are changes of one family; the other arrays are for its own use, and as large. Rows are sorted by the first
    few bytes in which their keys differ, then those that have these in common, a group, by the next few, and so on.
    """
    groups[0, 0], groups[0, 1], groups[0, 2] = 0, len(rows), 0
    waiting = 1
    while waiting > 0:
        waiting -= 1
        start, stop = groups[waiting, 0], groups[waiting, 1]
        common = _common(data, changes, rows, start, stop, groups[waiting, 2])
        for i in range(start, stop):
            words[i] = _word(data, changes[rows[i], KEY] + common, changes[rows[i], KEY_END])
        _sort(words, rows, start, stop, other_words, other_rows)
        while start < stop:
            end = start + 1
            newest = rows[start]
            while end < stop and words[end] == words[start]:
                newest = max(newest, rows[end])
                end += 1
            if end > start + 1:
                if words[start] & np.uint64(0xFF) > np.uint64(WHOLE):
                    groups[waiting, 0], groups[waiting, 1], groups[waiting, 2] = start, end, common + WHOLE
                    waiting += 1
                else:
                    rows[start] = newest
                    for i in range(start + 1, end):
                        rows[i] = -1
            start = end
    kept = zero()
    for i in range(len(rows)):
        if rows[i] >= 0:
            rows[kept] = rows[i]
            kept += 1
    return kept
