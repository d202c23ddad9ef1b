"""Encodes many protobuf messages of one type from columns, byte for byte as `wire.protobuf.fields` would.

A first pass computes the length of every field and a prefix sum the offset of every message; a second pass scatters
each column into one output array. A column is a varint field, or one of a few encoded byte strings chosen per row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.wire.protobuf.fields import LENGTH_DELIMITED, MAX_VARINT_BYTES, VARINT, varint

_BOUNDS: Final = tuple(np.uint64(1 << 7 * n) for n in range(1, MAX_VARINT_BYTES))
"""The smallest values that need 2, 3, … bytes."""


@dataclass(frozen=True, slots=True)
class VarintField:
    """A varint field (int32, int64, enum or bool); negative values take ten bytes."""

    field: int
    values: ArrayLike


@dataclass(frozen=True, slots=True)
class ChoiceField:
    """Already encoded fields, tags included: row r gets `choices[rows[r]]`."""

    choices: Sequence[bytes]
    rows: Int64s


def repeated(field: int, columns: Sequence[VarintField | ChoiceField], rows: int) -> bytes:
    """Encodes `rows` messages, each as the length-delimited field `field` of the enclosing message."""
    parts = [_numbers(one, rows) if isinstance(one, VarintField) else _choices(one) for one in columns]
    lengths = sum((part.lengths for part in parts), np.zeros(rows, np.int64))
    head = _varints(varint(field << 3 | LENGTH_DELIMITED), lengths.astype(np.uint64))
    ends = np.cumsum(lengths + head.lengths)
    out = np.empty(int(ends[-1]) if rows else 0, np.uint8)
    at = ends - lengths - head.lengths
    for part in (head, *parts):
        part.write(out, at)
        at = at + part.lengths
    return out.tobytes()


@dataclass(frozen=True, slots=True)
class _Varints:
    tag: bytes
    values: NDArray[np.uint64]
    lengths: Int64s

    def write(self, out: NDArray[np.uint8], at: Int64s) -> None:
        for offset, byte in enumerate(self.tag):
            out[at + offset] = byte
        at, left = at + len(self.tag), self.values
        while len(left):
            more = left > 0x7F
            out[at] = left & 0x7F | more.astype(np.uint64) << np.uint64(7)
            at, left = at[more] + 1, left[more] >> np.uint64(7)


@dataclass(frozen=True, slots=True)
class _Copies:
    data: NDArray[np.uint8]
    starts: Int64s
    lengths: Int64s

    def write(self, out: NDArray[np.uint8], at: Int64s) -> None:
        ends = np.cumsum(self.lengths)
        within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - self.lengths, self.lengths)
        out[np.repeat(at, self.lengths) + within] = self.data[np.repeat(self.starts, self.lengths) + within]


def _numbers(column: VarintField, rows: int) -> _Varints:
    values = np.broadcast_to(np.asarray(column.values), rows).astype(np.int64).view(np.uint64)
    return _varints(varint(column.field << 3 | VARINT), values)


def _varints(tag: bytes, values: NDArray[np.uint64]) -> _Varints:
    lengths = np.full(len(values), len(tag) + 1)
    for bound in _BOUNDS:
        larger = values >= bound
        if not larger.any():
            break
        lengths += larger
    return _Varints(tag, values, lengths)


def _choices(column: ChoiceField) -> _Copies:
    sizes = np.array([len(choice) for choice in column.choices], np.int64)
    starts = np.cumsum(sizes) - sizes
    data = np.frombuffer(b"".join(column.choices), np.uint8)
    return _Copies(data, starts[column.rows], sizes[column.rows])
