"""Byte strings of rows, wherever they lie, and how they are put together row by row without an object for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s, Raw
from ozone_recon.columnar.kernels import lean_kernel

T = TypeVar("T", bound=np.generic)


class ByteSlices(NamedTuple):
    """A byte string for each row: that of row i is `data[starts[i]:ends[i]]`."""

    data: Bytes
    starts: Int64s
    ends: Int64s

    def at(self, rows: Int64s) -> ByteSlices:
        """Those of these rows, in their order."""
        return ByteSlices(self.data, self.starts[rows], self.ends[rows])

    def only(self, rows: NDArray[np.bool_]) -> ByteSlices:
        """The same in these rows, and nothing in the others."""
        return ByteSlices(self.data, self.starts, np.where(rows, self.ends, self.starts))

    def to_read(self) -> ByteSlices:
        """The same as kernels get them: always read-only, so that numba compiles one version."""
        return ByteSlices(_read_only(self.data), _read_only(self.starts), _read_only(self.ends))


Part = ByteSlices | bytes
"""What rows are put together from: cells, or a text that is the same in all rows."""


def slices_at(column: ByteColumn, rows: Int64s) -> ByteSlices:
    """These items of a column, in their order."""
    return ByteSlices(column.data, column.offsets[rows], column.offsets[rows + 1])


def slices_of_texts(column: ByteColumn) -> ByteSlices:
    """All items of a column."""
    return ByteSlices(column.data, column.offsets[:-1], column.offsets[1:])


def same_slices(text: Raw, rows: int) -> ByteSlices:
    """The same text in so many rows."""
    return ByteSlices(np.frombuffer(text, np.uint8), np.zeros(rows, np.int64), np.full(rows, len(text), np.int64))


def slices_of_rows(numbers: NDArray[T]) -> ByteSlices:
    """The bytes of each row of a table of numbers."""
    rows, width = len(numbers), numbers.shape[1] * numbers.itemsize
    starts = np.arange(rows) * width
    return ByteSlices(np.ascontiguousarray(numbers).view(np.uint8).ravel(), starts, starts + width)


def joined(parts: Sequence[Part]) -> ByteColumn:
    """In each row, what the parts have there, one behind the other; one or more are cells, all of as many rows."""
    cells: list[ByteSlices] = []
    texts = [b""]
    for part in parts:
        if isinstance(part, bytes):
            texts[-1] += part
        else:
            cells.append(part)
            texts.append(b"")
    offsets = np.zeros(len(cells[0].starts) + 1, np.int64)
    np.cumsum(sum((one.ends - one.starts for one in cells), start=sum(map(len, texts))), out=offsets[1:])
    data = np.empty(offsets[-1], np.uint8)
    at = offsets[:-1].copy()
    *before, last = (np.frombuffer(text, np.uint8) for text in texts)
    behind = [last[:0]] * (len(cells) - 1) + [last]
    for text, one, end in zip(before, cells, behind, strict=True):
        put_slices(text, *one.to_read(), end, data, at)
    return ByteColumn(offsets, data)


def last_at(cells: ByteSlices, byte: int) -> Int64s:
    """Where in `data` each cell has this byte last; the position before the cell where it has none."""
    at = np.empty(len(cells.starts), np.int64)
    find_last(*cells.to_read(), byte, at)
    return at


def _read_only(array: NDArray[T]) -> NDArray[T]:
    view = np.ascontiguousarray(array).view()
    view.setflags(write=False)
    return view


@lean_kernel
def put_slices(
    before: Bytes, source: Bytes, starts: Int64s, ends: Int64s, behind: Bytes, target: Bytes, at: Int64s
) -> None:
    """Copies `before`, the cell of each row, and `behind` to `target[at[row]:]`, and moves `at[row]` past them.

    `target` has room for all.
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
    """Fills in `at` for each cell."""
    for row in range(len(at)):
        found = ends[row] - 1
        while found >= starts[row] and data[np.uint64(found)] != byte:
            found -= 1
        at[row] = found
