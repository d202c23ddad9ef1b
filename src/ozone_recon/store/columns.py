"""A column in files: written once by appending, then mapped into memory or read piece by piece.

Numbers are one file of little-endian values, `<column>.<type>`. Byte strings are two: `<column>.data`, all of them
end to end, and `<column>.offsets`, one i8 more than there are strings, from 0 to the size of the data.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.errors import StoreError
from ozone_recon.store.disk import require_space, writing

Array = NDArray[Any]

BYTES = "bytes"
NUMBERS = ("i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "f8", "f4")
_BUFFER = 1 << 17


def dtype_of(kind: str) -> np.dtype[Any]:
    """The numpy type of a schema's number type."""
    if kind not in NUMBERS:
        raise StoreError(f"column type {kind!r} is none of {', '.join((*NUMBERS, BYTES))}")
    return np.dtype("<" + kind)


def column_files(column: str, kind: str, rows: int) -> dict[str, int]:
    """The files of a column and their sizes; the size of a data file is in its offsets and given as -1."""
    if kind == BYTES:
        return {f"{column}.offsets": 8 * (rows + 1), f"{column}.data": -1}
    return {f"{column}.{kind}": dtype_of(kind).itemsize * rows}


class NumberWriter:
    """Appends numbers of one type to a file, holding back at most a small buffer."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.dtype = dtype_of(kind)
        self._checksum = xxhash.xxh3_64()
        with writing(path):
            self._file = open(path, "xb", buffering=_BUFFER)  # noqa: SIM115 - closed by close

    def append(self, values: Array) -> None:
        """Add values, which must have exactly the column's type."""
        data = np.ascontiguousarray(values).data
        self._checksum.update(data)
        with writing(self.path):
            self._file.write(data)

    def checksums(self) -> dict[str, str]:
        """The checksum of what was appended, by the file's name."""
        return {self.path.name: self._checksum.hexdigest()}

    def close(self) -> None:
        """Write what is held back; the file is then whole, but not yet synced."""
        with writing(self.path):
            self._file.close()


class BytesWriter:
    """Appends byte strings to a pair of files."""

    def __init__(self, directory: Path, column: str) -> None:
        self._offsets = NumberWriter(directory / f"{column}.offsets", "i8")
        self._data = NumberWriter(directory / f"{column}.data", "u1")
        self._size = 0
        self._offsets.append(np.zeros(1, np.int64))

    def append(self, values: ByteColumn) -> None:
        """Add all strings of a column."""
        first, last = int(values.offsets[0]), int(values.offsets[-1])
        self._data.append(values.data[first:last])
        self._offsets.append(values.offsets[1:] + (self._size - first))
        self._size += last - first

    def checksums(self) -> dict[str, str]:
        """The checksums of what was appended, by the files' names."""
        return self._offsets.checksums() | self._data.checksums()

    def close(self) -> None:
        """Write what is held back to both files."""
        with contextlib.closing(self._data):
            self._offsets.close()


def map_file(path: Path, dtype: np.dtype[Any], count: int) -> Array:
    """The first `count` numbers of a file as a read-only array backed by the file itself."""
    if count == 0:
        empty = np.empty(0, dtype)
        empty.flags.writeable = False
        return empty
    try:
        with open(path, "rb") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), count * dtype.itemsize, access=mmap.ACCESS_READ), dtype)
    except (FileNotFoundError, ValueError) as damage:
        raise StoreError(f"{path} is missing or cut short: its generation must be built anew") from damage


def map_bytes(directory: Path, column: str, rows: int) -> ByteColumn:
    """A column of byte strings, backed by its files."""
    offsets = map_file(directory / f"{column}.offsets", np.dtype("<i8"), rows + 1)
    return ByteColumn(offsets, map_file(directory / f"{column}.data", np.dtype("u1"), int(offsets[-1])))


def make_array(path: Path, kind: str, count: int) -> Array:
    """A new file of `count` zeros as a writable array backed by it, its disk space taken beforehand.

    Without that, a full disk would end the process (SIGBUS) at the first write to a page that has no place.
    """
    dtype = dtype_of(kind)
    size = count * dtype.itemsize
    require_space(path.parent, size)
    with writing(path), open(path, "x+b") as file:
        if size == 0:
            return np.empty(0, dtype)
        os.posix_fallocate(file.fileno(), 0, size)
        return np.frombuffer(mmap.mmap(file.fileno(), size), dtype)


class ColumnReader:
    """Reads ranges of one column into fresh, writable arrays, so that memory holds one range and not the file."""

    def __init__(self, directory: Path, column: str, kind: str) -> None:
        self._kind = kind
        names = [f"{column}.offsets", f"{column}.data"] if kind == BYTES else [f"{column}.{kind}"]
        with contextlib.ExitStack() as stack:
            self._files = [stack.enter_context(open(directory / name, "rb", buffering=0)) for name in names]
            self._close = stack.pop_all()

    def numbers(self, start: int, stop: int) -> Array:
        """Rows start to stop of a column of numbers."""
        return self._read(0, dtype_of(self._kind), start, stop)

    def strings(self, start: int, stop: int) -> ByteColumn:
        """Rows start to stop of a column of byte strings, offsets from 0."""
        offsets: Int64s = self._read(0, np.dtype("<i8"), start, stop + 1)
        data: Bytes = self._read(1, np.dtype("u1"), int(offsets[0]), int(offsets[-1]))
        offsets -= offsets[0]
        return ByteColumn(offsets, data)

    def close(self) -> None:
        """Close the files."""
        self._close.close()

    def _read(self, which: int, dtype: np.dtype[Any], start: int, stop: int) -> Array:
        array = np.empty(stop - start, dtype)
        left = array.view(np.uint8).data
        position = start * dtype.itemsize
        while left:
            read = os.preadv(self._files[which].fileno(), [left], position)
            if read == 0:
                raise StoreError(f"{self._files[which].name} ends before row {stop}: delete its generation and rebuild")
            left = left[read:]
            position += read
        return array


def checksum_of(path: Path) -> str:
    """The checksum of a file's content, read in pieces."""
    checksum, buffer = xxhash.xxh3_64(), bytearray(1 << 20)
    with open(path, "rb", buffering=0) as file:
        while read := file.readinto(buffer):
            checksum.update(memoryview(buffer)[:read])
    return checksum.hexdigest()


def ranges(rows: int, step: int) -> Iterator[tuple[int, int]]:
    """Cut `rows` rows into consecutive ranges of at most `step`."""
    for start in range(0, rows, step):
        yield start, min(start + step, rows)
