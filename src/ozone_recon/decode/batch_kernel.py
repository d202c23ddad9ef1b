"""Building blocks of the compiled decoders: byte string buffers, dictionary encoding, grammars of row keys."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.kernels import inlined_part, kernel_part

SLASH: Final = 47
MINUS: Final = 45
ZERO: Final = 48
_LOWEST: Final = -(1 << 63)
_LOWEST_TENTH: Final = -922337203685477580


class Strings(NamedTuple):
    """The arrays of a ByteColumn, as a kernel parameter; a kernel fills preallocated arrays from the start."""

    offsets: Int64s
    data: Bytes


class Dictionary(NamedTuple):
    """A dictionary of distinct byte strings; `slots` is a hash table (linear probing) of their indexes, -1 for free."""

    offsets: Int64s
    data: Bytes
    slots: Int64s


def strings_of(column: ByteColumn) -> Strings:
    """Read-only arrays of a column for a kernel; always read-only, so that numba compiles only one version."""
    offsets = np.ascontiguousarray(column.offsets, np.int64).view()
    data = np.ascontiguousarray(column.data, np.uint8).view()
    offsets.flags.writeable = False
    data.flags.writeable = False
    return Strings(offsets, data)


def allocate_strings(items: int, size: int) -> Strings:
    """Allocates buffers for at most `items` strings with at most `size` bytes in total."""
    offsets = np.empty(items + 1, np.int64)
    offsets[0] = 0
    return Strings(offsets, np.empty(size, np.uint8))


def allocate_dictionary(items: int, size: int) -> Dictionary:
    """Allocates a dictionary of at most `items` distinct strings with at most `size` bytes in total."""
    offsets, data = allocate_strings(items, size)
    return Dictionary(offsets, data, np.full(2 << items.bit_length(), -1, np.int64))


def as_column(strings: Strings | Dictionary, count: int) -> ByteColumn:
    """The first `count` strings of filled buffers, as a column."""
    return ByteColumn(strings.offsets[: count + 1], strings.data[: strings.offsets[count]])


@inlined_part
def copy_bytes(source: Bytes, at: int, end: int, target: Bytes, to: int) -> int:
    """Copies `source[at:end]` to `target[to:]`; returns the end of the copy in `target`."""
    for index in range(end - at):
        target[np.uint64(to + index)] = source[np.uint64(at + index)]
    return to + end - at


@inlined_part
def same_bytes(one: Bytes, at: int, end: int, other: Bytes, other_at: int) -> bool:
    """Whether `one[at:end]` equals the bytes of `other` at `other_at`; the caller checks the length of `other`."""
    different = 0
    for index in range(end - at):
        different |= one[np.uint64(at + index)] ^ other[np.uint64(other_at + index)]
    return different == 0


@kernel_part
def intern(strings: Dictionary, count: int, end: int) -> int:
    """Interns the string that follows the `count` known ones in `data` and ends at `end`; returns its index.

    The index is `count` if the string is new. The hash function is FNV-1a.
    """
    start = strings.offsets[count]
    hashed = -3750763034362895579
    for index in range(start, end):
        hashed = (hashed ^ int(strings.data[index])) * 1099511628211
    mask = len(strings.slots) - 1
    slot = (hashed ^ (hashed >> 32)) & mask
    while strings.slots[slot] >= 0:
        known = int(strings.slots[slot])
        known_start, known_end = strings.offsets[known], strings.offsets[known + 1]
        if known_end - known_start == end - start and same_bytes(
            strings.data, known_start, known_end, strings.data, start
        ):
            return known
        slot = (slot + 1) & mask
    strings.slots[slot] = count
    strings.offsets[count + 1] = end
    return count


@kernel_part
def read_id(data: Bytes, at: int, end: int) -> tuple[int, bool]:
    """Parses `data[at:end]` as an object id, written like a Java `long`; returns the id and whether it is valid."""
    first = at + 1 if at < end and data[at] == MINUS else at
    if first == end or (data[first] == ZERO and end > at + 1):
        return 0, False
    value = 0
    for index in range(first, end):
        digit = int(data[index]) - ZERO
        if not 0 <= digit <= 9 or value < _LOWEST_TENTH or (value == _LOWEST_TENTH and digit > 8):
            return 0, False
        value = value * 10 - digit
    if first > at:
        return value, True
    return -value, value != _LOWEST


@inlined_part
def find_slash(data: Bytes, at: int, end: int) -> int:
    """The position of the first `/` in `data[at:end]`; `end` if there is none."""
    while at < end and data[np.uint64(at)] != SLASH:
        at += 1
    return at


@kernel_part
def split_prefix(data: Bytes, at: int, end: int) -> int:
    """The end of the prefix `/volume/bucket/` of `data[at:end]`; -1 if there is none (`om.keys.split_prefix`)."""
    if at == end or data[at] != SLASH:
        return -1
    volume_end = find_slash(data, at + 1, end)
    bucket_end = find_slash(data, min(volume_end + 1, end), end)
    if volume_end == at + 1 or bucket_end <= volume_end + 1 or bucket_end == end:
        return -1
    return bucket_end + 1


@kernel_part
def split_id_prefix(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The end of the prefix `/volumeId/bucketId/parentId/` of `data[at:end]`, or -1; and the parent id."""
    parent_id = 0
    for _ in range(3):
        if at == end or data[at] != SLASH:
            return -1, 0
        id_end = find_slash(data, at + 1, end)
        parent_id, good = read_id(data, at + 1, id_end)
        if not good:
            return -1, 0
        at = id_end
    return (at + 1, parent_id) if at < end else (-1, 0)


@inlined_part
def is_name(data: Bytes, at: int, end: int) -> bool:
    """Whether `data[at:end]` is a valid name of a file or directory: not empty and without `/`."""
    return at < end and find_slash(data, at, end) == end
