"""Compiled protobuf reader with the rules of `wire.protobuf.fields`: reads fields of a byte array without objects.

A returned offset below 0 means a malformed message; nothing is read at or after `end`. Arrays are indexed by unsigned
offsets, because numba would otherwise check each index for Python's negative indexing.
"""

from __future__ import annotations

import numpy as np

from ozone_recon.columnar.byte_column import Bytes
from ozone_recon.columnar.kernels import inlined_part, kernel_part


@inlined_part
def read_varint(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The signed 64-bit number that starts at byte `at`, and the offset after it."""
    if at < end and data[np.uint64(at)] < 0x80:
        return int(data[np.uint64(at)]), at + 1
    value = 0
    shift = 0
    while at < end and shift < 70:
        byte = int(data[np.uint64(at)])
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, -1


@inlined_part
def read_field(data: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """Reads the field whose tag starts at byte `at`; returns its tag, its value, and the offset after it.

    The value is a signed number for a varint, the start of the content for a length-delimited field (which ends at the
    offset after it), 0 for a skipped field.
    """
    tag, at = read_varint(data, at, end)
    if at < 0 or not 1 <= tag >> 3 < 1 << 29:
        return 0, 0, -1
    wire_type = tag & 7
    if wire_type == 0:
        value, at = read_varint(data, at, end)
        return tag, value, at
    if wire_type == 2:
        length, at = read_varint(data, at, end)
        if at < 0 or length < 0 or length > end - at:
            return 0, 0, -1
        return tag, at, at + length
    if wire_type == 3:
        return tag, 0, skip_group(data, at, end)
    return tag, 0, skip_fixed(at, end, wire_type)


@inlined_part
def skip_fixed(at: int, end: int, wire_type: int) -> int:
    """The offset after a fixed-size value; -1 for any other wire type."""
    if wire_type == 1 and end - at >= 8:
        return at + 8
    if wire_type == 5 and end - at >= 4:
        return at + 4
    return -1


@kernel_part
def skip_group(data: Bytes, at: int, end: int) -> int:
    """The offset after the group whose content starts at byte `at`."""
    depth = 1
    while depth > 0:
        tag, at = read_varint(data, at, end)
        if at < 0 or not 1 <= tag >> 3 < 1 << 29:
            return -1
        wire_type = tag & 7
        if wire_type == 3:
            depth += 1
        elif wire_type == 4:
            depth -= 1
        elif wire_type == 0:
            _, at = read_varint(data, at, end)
        elif wire_type == 2:
            length, at = read_varint(data, at, end)
            at = -1 if at < 0 or length < 0 or length > end - at else at + length
        else:
            at = skip_fixed(at, end, wire_type)
        if at < 0:
            return -1
    return at


@inlined_part
def to_int32(value: int) -> int:
    """The low 32 bits as a signed number, as protobuf reads an int32 or an enum."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000
