"""Byte strings as slices of a shared buffer (Arrow's string views), and their row-by-row concatenation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s, Raw
from ozone_recon.columnar.kernels import lean_kernel

T = TypeVar("T", bound=np.generic)


class ByteSlices(NamedTuple):
    """A byte string for each row: row i is `data[starts[i]:ends[i]]`. Slices may overlap and be in any order."""

    data: Bytes
    starts: Int64s
    ends: Int64s

    def take(self, rows: Int64s) -> ByteSlices:
        """The slices of the given rows, in the order of `rows`."""
        return ByteSlices(self.data, self.starts[rows], self.ends[rows])

    def masked(self, rows: NDArray[np.bool_]) -> ByteSlices:
        """These slices where `rows` is True, and empty ones elsewhere."""
        return ByteSlices(self.data, self.starts, np.where(rows, self.ends, self.starts))

    def read_only(self) -> ByteSlices:
        """Read-only arrays for a kernel; always read-only, so that numba compiles only one version."""
        return ByteSlices(_read_only(self.data), _read_only(self.starts), _read_only(self.ends))


Part = ByteSlices | bytes
"""An argument of `joined`: a slice for each row, or one text for all rows."""


def slices_at(column: ByteColumn, rows: Int64s) -> ByteSlices:
    """The given items of a column, in the order of `rows`."""
    return ByteSlices(column.data, column.offsets[rows], column.offsets[rows + 1])


def slices_of_texts(column: ByteColumn) -> ByteSlices:
    """All items of a column, as slices."""
    return ByteSlices(column.data, column.offsets[:-1], column.offsets[1:])


def same_slices(text: Raw, rows: int) -> ByteSlices:
    """The same text in `rows` rows."""
    return ByteSlices(np.frombuffer(text, np.uint8), np.zeros(rows, np.int64), np.full(rows, len(text), np.int64))


def slices_of_rows(numbers: NDArray[T]) -> ByteSlices:
    """The bytes of each row of a two-dimensional array."""
    rows, width = len(numbers), numbers.shape[1] * numbers.itemsize
    starts = np.arange(rows) * width
    return ByteSlices(np.ascontiguousarray(numbers).view(np.uint8).ravel(), starts, starts + width)


def joined(parts: Sequence[Part]) -> ByteColumn:
    """Concatenates `parts` row by row; at least one is ByteSlices, and all of those have the same number of rows."""
    columns: list[ByteSlices] = []
    texts = [b""]
    for part in parts:
        if isinstance(part, bytes):
            texts[-1] += part
        else:
            columns.append(part)
            texts.append(b"")
    offsets = np.zeros(len(columns[0].starts) + 1, np.int64)
    np.cumsum(sum((one.ends - one.starts for one in columns), start=sum(map(len, texts))), out=offsets[1:])
    data = np.empty(offsets[-1], np.uint8)
    at = offsets[:-1].copy()
    *before, last = (np.frombuffer(text, np.uint8) for text in texts)
    behind = [last[:0]] * (len(columns) - 1) + [last]
    for text, one, end in zip(before, columns, behind, strict=True):
        put_slices(text, *one.read_only(), end, data, at)
    return ByteColumn(offsets, data)


def last_at(slices: ByteSlices, byte: int) -> Int64s:
    """The position in `data` of the last `byte` of each slice; the position before the slice if it has none."""
    at = np.empty(len(slices.starts), np.int64)
    find_last(*slices.read_only(), byte, at)
    return at


def _read_only(array: NDArray[T]) -> NDArray[T]:
    view = np.ascontiguousarray(array).view()
    view.setflags(write=False)
    return view


@lean_kernel
def put_slices(
    before: Bytes, source: Bytes, starts: Int64s, ends: Int64s, behind: Bytes, target: Bytes, at: Int64s
) -> None:
    """For each row, writes `before`, the row's slice and `behind` to `target[at[row]:]`, and advances `at[row]`.

    The caller allocates `target` large enough.
    """
    for row in range(len(at)):
        to = at[row]
        for index in range(len(before)):
            target[np.uint64(to + index)] = before[np.uint64(index)]
        to += len(before) - starts[row]
        for index in range(starts[row], ends[row]):
            target[np.uint64(to + index)] = source[np.uint64(index)]
        to += ends[row]
        for index in range(len(behind)):
            target[np.uint64(to + index)] = behind[np.uint64(index)]
        at[row] = to + len(behind)


@lean_kernel
def find_last(data: Bytes, starts: Int64s, ends: Int64s, byte: int, at: Int64s) -> None:
    """Fills `at`; see `last_at`."""
    for row in range(len(at)):
        position = ends[row] - 1
        while position >= starts[row] and data[np.uint64(position)] != byte:
            position -= 1
        at[row] = position
