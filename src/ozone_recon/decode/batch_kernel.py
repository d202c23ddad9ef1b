"""What the columnar decoders share: byte strings in and out of compiled code, dictionaries, grammars of row keys."""

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
    """A ByteColumn as kernels take it; when one is being filled, `data` has room for what is to come."""

    offsets: Int64s
    data: Bytes


class Dictionary(NamedTuple):
    """Distinct byte strings being collected; `slots` is an open-addressing hash table of their indexes."""

    offsets: Int64s
    data: Bytes
    slots: Int64s


def to_read(column: ByteColumn) -> Strings:
    """A column for a kernel to read. It always goes in as read-only, so that numba compiles one version."""
    offsets = np.ascontiguousarray(column.offsets, np.int64).view()
    data = np.ascontiguousarray(column.data, np.uint8).view()
    offsets.flags.writeable = False
    data.flags.writeable = False
    return Strings(offsets, data)


def to_fill(items: int, size: int) -> Strings:
    """Room for up to `items` strings of up to `size` bytes together."""
    offsets = np.empty(items + 1, np.int64)
    offsets[0] = 0
    return Strings(offsets, np.empty(size, np.uint8))


def to_collect(items: int, size: int) -> Dictionary:
    """Room for up to `items` distinct strings of up to `size` bytes together."""
    offsets, data = to_fill(items, size)
    return Dictionary(offsets, data, np.full(2 << items.bit_length(), -1, np.int64))


def filled(strings: Strings | Dictionary, count: int) -> ByteColumn:
    """The first `count` strings that were filled in."""
    return ByteColumn(strings.offsets[: count + 1], strings.data[: strings.offsets[count]])


@inlined_part
def copy_bytes(source: Bytes, at: int, end: int, target: Bytes, to: int) -> int:
    """Copies `source[at:end]` to `target` from `to` on; where the copy ends."""
    for index in range(end - at):
        target[np.uint64(to + index)] = source[np.uint64(at + index)]
    return to + end - at


@inlined_part
def same_bytes(one: Bytes, at: int, end: int, other: Bytes, other_at: int) -> bool:
    """Whether `one[at:end]` are the bytes of `other` from `other_at` on; the caller knows that it has as many."""
    different = 0
    for index in range(end - at):
        different |= one[np.uint64(at + index)] ^ other[np.uint64(other_at + index)]
    return different == 0


@kernel_part
def collect(strings: Dictionary, count: int, end: int) -> int:
    """The index of the string that was put after the `count` strings and ends at `end`; `count` if it is a new one."""
    start = strings.offsets[count]
    mixed = -3750763034362895579
    for index in range(start, end):
        mixed = (mixed ^ int(strings.data[index])) * 1099511628211
    mask = len(strings.slots) - 1
    slot = (mixed ^ (mixed >> 32)) & mask
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
    """The object id that is all of `data[at:end]`, as Java prints a `long`, and whether it is one."""
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
    """Where the first `/` of `data[at:end]` is; `end` if there is none."""
    while at < end and data[np.uint64(at)] != SLASH:
        at += 1
    return at


@kernel_part
def split_prefix(data: Bytes, at: int, end: int) -> int:
    """Where `/volume/bucket/` ends at the start of `data[at:end]`; -1 when it is not there (om_keys.split_prefix)."""
    if at == end or data[at] != SLASH:
        return -1
    volume_end = find_slash(data, at + 1, end)
    bucket_end = find_slash(data, min(volume_end + 1, end), end)
    if volume_end == at + 1 or bucket_end <= volume_end + 1 or bucket_end == end:
        return -1
    return bucket_end + 1


@kernel_part
def split_id_prefix(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Where `/volumeId/bucketId/parentId/` ends at the start of `data[at:end]`, or -1; and the parent's id."""
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
    """Whether `data[at:end]` is the name of a file or directory: not empty, and without a `/`."""
    return at < end and find_slash(data, at, end) == end
