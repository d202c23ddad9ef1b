"""Changes of an OM as they come, WriteBatches, read and netted in compiled code: a prototype for `bench/store.py`."""

from __future__ import annotations

from collections import defaultdict
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from ozone_recon.decode.batch_kernel import same_bytes
from ozone_recon.errors import DecodeError
from ozone_recon.model.columns import Bytes, Int64s
from ozone_recon.model.kernel import inlined_part, kernel_part, lean_kernel, zero
from ozone_recon.wire.block_kernel import read_varint32

DELETE, PUT, HEADER = 4, 5, 12
FAMILY, KEY, KEY_END, VALUE, VALUE_END, FOUND = 0, 1, 2, 3, 4, 5


class Changes(NamedTuple):
    """What changes leave: the last of each key, in key order within a family. The value of a deleted key is empty."""

    sequence_number: int
    families: dict[str, list[tuple[bytes, bytes]]]


def read_changes(batches: list[bytes], families: list[str]) -> Changes:
    """Reads WriteBatches, of which all but the last record of a key are skipped; family n is `families[n]`."""
    joined = b"".join(batches)
    counts = [int.from_bytes(batch[8:HEADER], "little") for batch in batches]
    found, last = np.empty((FOUND, sum(counts)), np.int64), np.empty(sum(counts), np.int64)
    slots = np.full(2 << len(last).bit_length(), -1, np.int64)
    ends = np.cumsum([len(batch) for batch in batches])
    keys = read_batches(np.frombuffer(joined, np.uint8), ends, found, last, slots)
    if keys < 0:
        raise DecodeError("a WriteBatch is cut short, or has a record that is neither put nor delete")
    changed: dict[str, list[tuple[bytes, bytes]]] = defaultdict(list)
    for family, key, key_end, value, value_end in found[:, last[:keys]].T.tolist():
        changed[families[family]].append((joined[key:key_end], joined[value:value_end]))
    for rows in changed.values():
        rows.sort(key=itemgetter(0))
    return Changes(int.from_bytes(batches[-1][:8], "little") + counts[-1] - 1, changed)


@lean_kernel
def read_batches(data: Bytes, ends: Int64s, found: Int64s, last: Int64s, slots: Int64s) -> int:
    """Fills in what each record holds, and the last record of each distinct key; how many keys, or -1 for bad bytes.

    `slots` is an open-addressing hash table of indexes into `last`.
    """
    record, keys, at = zero(), zero(), zero()
    for batch in range(len(ends)):
        at, end = at + HEADER, ends[batch]
        while at < end:
            tag = data[at]
            if record == len(last) or (tag != PUT and tag != DELETE):
                return -1
            family, at = read_varint32(data, at + 1, end)
            key, key_end = read_slice(data, at, end)
            value, at = read_slice(data, key_end, end) if tag == PUT else (key_end, key_end)
            if at < 0:
                return -1
            found[FAMILY, record], found[KEY, record], found[KEY_END, record] = family, key, key_end
            found[VALUE, record], found[VALUE_END, record] = value, at
            slot = slot_of(data, record, found, last, slots)
            if slots[slot] < 0:
                slots[slot] = keys
                keys += 1
            last[slots[slot]] = record
            record += 1
    return keys


@inlined_part
def read_slice(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Where the length-prefixed bytes at `at` start and end; the end is below 0 when they are not all there."""
    if at < 0:
        return 0, -1
    size, at = read_varint32(data, at, end)
    return (at, at + size) if 0 <= at <= end - size else (0, -1)


@kernel_part
def slot_of(data: Bytes, record: int, found: Int64s, last: Int64s, slots: Int64s) -> int:
    """The slot of a record's family and key, or the free one that they are to have."""
    start, end = found[KEY, record], found[KEY_END, record]
    mixed = -3750763034362895579 ^ found[FAMILY, record]
    for index in range(start, end):
        mixed = (mixed ^ int(data[index])) * 1099511628211
    slot = (mixed ^ (mixed >> 32)) & (len(slots) - 1)
    while slots[slot] >= 0:
        known = last[slots[slot]]
        if (
            found[FAMILY, known] == found[FAMILY, record]
            and found[KEY_END, known] - found[KEY, known] == end - start
            and same_bytes(data, start, end, data, found[KEY, known])
        ):
            break
        slot = (slot + 1) & (len(slots) - 1)
    return int(slot)
