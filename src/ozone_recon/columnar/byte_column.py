"""Byte strings and database rows as columns (Arrow's binary layout): the format of bulk data between stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Raw = bytes | memoryview
"""Bytes to decode. A slice of a memoryview is not copied, but keeps the whole underlying buffer alive."""


@dataclass(frozen=True, slots=True)
class ByteColumn:
    """A column of byte strings laid end to end: item i is `data[offsets[i]:offsets[i + 1]]`.

    `offsets` is non-decreasing and has n + 1 entries for n items. It need not start at 0, so a slice of a column shares
    the column's data.
    """

    offsets: Int64s
    data: Bytes

    @classmethod
    def of(cls, items: Iterable[bytes]) -> ByteColumn:
        """Builds a column from `items`, in their order."""
        strings = list(items)
        offsets = np.zeros(len(strings) + 1, np.int64)
        np.cumsum([len(item) for item in strings], out=offsets[1:])
        return cls(offsets, np.frombuffer(b"".join(strings), np.uint8))

    @classmethod
    def joined(cls, columns: Sequence[ByteColumn]) -> ByteColumn:
        """Concatenates `columns`."""
        lengths = [np.diff(column.offsets) for column in columns]
        data = [column.data[column.offsets[0] : column.offsets[-1]] for column in columns]
        offsets = np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum()
        return cls(offsets, np.concatenate([np.empty(0, np.uint8), *data]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> bytes:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.items())

    def slice(self, start: int, stop: int) -> ByteColumn:
        """The items from `start` to `stop` (exclusive); shares this column's data."""
        return ByteColumn(self.offsets[start : stop + 1], self.data)

    def items(self) -> list[bytes]:
        """All items as `bytes`; for a page of results, not for a whole table."""
        bounds = self.offsets.tolist()
        first = bounds[0]
        data = self.data[first : bounds[-1]].tobytes()
        return [data[a - first : b - first] for a, b in pairwise(bounds)]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one RocksDB column family in byte order of their keys: row i is (keys[i], values[i])."""

    keys: ByteColumn
    values: ByteColumn

    def __len__(self) -> int:
        return len(self.keys)
