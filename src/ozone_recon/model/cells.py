"""Byte strings of rows, wherever they lie, and how they are put together row by row without an object for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ozone_recon.model.columns import ByteColumn, Bytes, Int64s
from ozone_recon.model.kernel import lean_kernel

T = TypeVar("T", bound=np.generic)


class Cells(NamedTuple):
    """A byte string for each row: that of row i is `data[starts[i]:ends[i]]`."""

    data: Bytes
    starts: Int64s
    ends: Int64s

    def only(self, rows: NDArray[np.bool_]) -> Cells:
        """The same in these rows, and nothing in the others."""
        return Cells(self.data, self.starts, np.where(rows, self.ends, self.starts))


def cells_at(column: ByteColumn, rows: Int64s) -> Cells:
    """These items of a column, in their order."""
    return Cells(column.data, column.offsets[rows], column.offsets[rows + 1])


def cells_of(column: ByteColumn) -> Cells:
    """All items of a column."""
    return Cells(column.data, column.offsets[:-1], column.offsets[1:])


def same_cells(text: bytes, rows: int) -> Cells:
    """The same text in so many rows."""
    return Cells(np.frombuffer(text, np.uint8), np.zeros(rows, np.int64), np.full(rows, len(text), np.int64))


def joined(parts: Sequence[Cells]) -> ByteColumn:
    """In each row, what the parts (one or more, all of as many rows) have there, one behind the other."""
    offsets = np.zeros(len(parts[0].starts) + 1, np.int64)
    np.cumsum(sum(part.ends - part.starts for part in parts), out=offsets[1:])
    data = np.empty(offsets[-1], np.uint8)
    at = offsets[:-1].copy()
    for part in parts:
        put_cells(_to_read(part.data), _to_read(part.starts), _to_read(part.ends), data, at)
    return ByteColumn(offsets, data)


def _to_read(array: NDArray[T]) -> NDArray[T]:
    """An array as a kernel gets it: always read-only, so that numba compiles one version."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


@lean_kernel
def put_cells(source: Bytes, starts: Int64s, ends: Int64s, target: Bytes, at: Int64s) -> None:
    """Copies the cell of each row to `target[at[row]:]`, and moves `at[row]` behind it; `target` has room for all."""
    for row in range(len(at)):
        to = at[row] - starts[row]
        for index in range(starts[row], ends[row]):
            target[np.uint64(to + index)] = source[np.uint64(index)]
        at[row] += ends[row] - starts[row]
