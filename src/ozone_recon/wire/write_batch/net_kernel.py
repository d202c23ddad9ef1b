"""Compiled loops of `net_changes`: parse many WriteBatches, and keep the newest change of each key in key order.

`keep_newest` is an MSD radix sort with 7-byte digits: it sorts rows by a word that packs the next 7 bytes of the key
and their number, then refines each group of equal words by the following bytes. It skips the common prefix of a group,
which saves most passes, because OM's keys share long prefixes. The rows of a group are sorted by their words with a
bottom-up merge sort over insertion-sorted runs. Changes are numbered by age: of equal keys, the greatest row is the
newest change.

Batch b is `data[starts[b]:ends[b]]`. Every length is checked against the batch's end before the bytes are read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.kernels import inlined_part, kernel_part, lean_kernel, zero
from ozone_recon.wire.rocksdb.block_kernel import read_varint32
from ozone_recon.wire.write_batch.batch import (
    DELETE,
    FAMILY_DELETE,
    FAMILY_PUT,
    FAMILY_SINGLE_DELETE,
    LOG_DATA,
    NOOP,
    PUT,
    SINGLE_DELETE,
)

Words = NDArray[np.uint64]

HEADER = 12
SMALLEST_CHANGE = 2
"""Bytes of the shortest change: a delete of the empty key in column family 0."""
WORD_BYTES = 7
"""Key bytes per word; the last byte of the word is their number."""
RUN_ROWS = 8
"""The number of rows per insertion-sorted run."""
FAMILY, KEY, KEY_END, VALUE, VALUE_END, FIELDS = 0, 1, 2, 3, 4, 5
"""Columns of the array of changes, and their number."""


@inlined_part
def _little_endian(data: Bytes, at: int, size: int) -> int:
    value = zero()
    for index in range(size):
        value |= int(np.int64(data[np.uint64(at + index)])) << (8 * index)
    return value


@inlined_part
def _read_slice(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The start and end of the length-prefixed bytes at `at`; the end is -1 when they are truncated."""
    if at < 0:
        return at, at
    size, at = read_varint32(data, at, end)
    return (at, at + size) if 0 <= at <= end - size else (at, -1)


@lean_kernel
def count_changes(data: Bytes, starts: Int64s, ends: Int64s) -> int:
    """The number of changes that the batches announce; -1 when a batch is too short for its header or count."""
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
    """Stores the family of each change and the bounds of its key and value in `data`; a deleted row's value ends at -1.

    Returns the number of changes, or -1 when the reference must raise the error: for a malformed batch, for one that
    does not continue the batch before it (the first one: the sequence number `after`), and for a record that is not a
    put, a delete or without effect. `count_changes` sizes `changes`.
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
            if tag == LOG_DATA:
                _, at = _read_slice(data, at, end)
            elif tag in (DELETE, PUT, FAMILY_DELETE, FAMILY_PUT, SINGLE_DELETE, FAMILY_SINGLE_DELETE):
                if change == last:
                    return -1
                family = zero()
                if tag in (FAMILY_DELETE, FAMILY_PUT, FAMILY_SINGLE_DELETE):
                    family, at = read_varint32(data, at, end)
                key, at = _read_slice(data, at, end)
                changes[change, FAMILY], changes[change, KEY], changes[change, KEY_END] = family, key, at
                if tag in (PUT, FAMILY_PUT):
                    changes[change, VALUE], at = _read_slice(data, at, end)
                    changes[change, VALUE_END] = at
                else:
                    changes[change, VALUE] = changes[change, VALUE_END] = -1
                change += 1
            elif tag != NOOP:
                return -1
            if at < 0:
                return -1
        if change != last:
            return -1
    return change


@kernel_part
def _common(data: Bytes, changes: Int64s, rows: Int64s, start: int, stop: int, known: int) -> int:
    """The length of the common prefix of the keys of `rows[start:stop]`, which is at least `known`."""
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
    """A sort word: the next bytes of a key, then their number, WORD_BYTES + 1 when the key continues."""
    word = np.uint64(min(end - at, WORD_BYTES + 1))
    for n in range(min(end - at, WORD_BYTES)):
        word |= np.uint64(data[np.uint64(at + n)]) << np.uint64(56 - 8 * n)
    return word


@kernel_part
def _sort(words: Words, rows: Int64s, start: int, stop: int, other_words: Words, other_rows: Int64s) -> None:
    """Sorts `words[start:stop]`, and `rows[start:stop]` with them; stable."""
    for i in range(start + 1, stop):
        if (i - start) % RUN_ROWS != 0:
            word, row = words[i], rows[i]
            j = i
            while (j - start) % RUN_ROWS != 0 and words[j - 1] > word:
                words[j], rows[j] = words[j - 1], rows[j - 1]
                j -= 1
            words[j], rows[j] = word, row
    width = RUN_ROWS
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
    """Moves the newest change of each key, in key order, to the front of `rows`; returns their number.

    `rows` are changes of one family; the other arrays are scratch space of the same length (`groups`: of half of it).
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
                if words[start] & np.uint64(0xFF) > np.uint64(WORD_BYTES):
                    groups[waiting, 0], groups[waiting, 1], groups[waiting, 2] = start, end, common + WORD_BYTES
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
