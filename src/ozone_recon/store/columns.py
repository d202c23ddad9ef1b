"""Column files: append-only writers, memory-mapped readers and range readers.

A column of numbers is one file of little-endian values, `<column>.<type>`. A column of starts has one int64 value more
than the table has rows: row r has the items `starts[r]` up to `starts[r + 1]` of another table. A column of n byte
strings is two files: `<column>.data`, the strings end to end, and `<column>.offsets`, n + 1 int64 values from 0 to the
size of the data.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.errors import StoreError
from ozone_recon.store.disk import writing

Array = NDArray[Any]

BYTES = "bytes"
STARTS = "starts"
NUMBERS = ("i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "f8", "f4")
_BUFFER = 1 << 17


def dtype_of(kind: str) -> np.dtype[Any]:
    """Returns the numpy type of a schema's number type; StoreError for an unknown one."""
    if kind == STARTS:
        return np.dtype("<i8")
    if kind not in NUMBERS:
        raise StoreError(f"unknown column type {kind!r}: expected one of {', '.join((*NUMBERS, STARTS, BYTES))}")
    return np.dtype("<" + kind)


def count_of(kind: str, rows: int) -> int:
    """Returns the number of values of a column of numbers in a table, or of consecutive rows of it."""
    return rows + 1 if kind == STARTS else rows


def column_files(column: str, kind: str, rows: int) -> dict[str, int]:
    """Maps each file of a column to its size in bytes; -1 for a data file, whose size is its last offset."""
    if kind == BYTES:
        return {f"{column}.offsets": 8 * (rows + 1), f"{column}.data": -1}
    return {f"{column}.{kind}": dtype_of(kind).itemsize * count_of(kind, rows)}


class NumberWriter:
    """Appends numbers of one type to a file, through a buffer of 128 KiB."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.dtype = dtype_of(kind)
        self._checksum = xxhash.xxh3_64()
        with writing(path):
            self._file = open(path, "xb", buffering=_BUFFER)  # noqa: SIM115 - closed by close

    def append(self, values: Array) -> None:
        """Appends values, which must have exactly the column's type."""
        data = np.ascontiguousarray(values).data
        self._checksum.update(data)
        with writing(self.path):
            self._file.write(data)

    def checksums(self) -> dict[str, str]:
        """Maps the file's name to the checksum of the appended values."""
        return {self.path.name: self._checksum.hexdigest()}

    def close(self) -> None:
        """Flushes the buffer and closes the file, without syncing it."""
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
        """Appends all strings of a column."""
        first, last = int(values.offsets[0]), int(values.offsets[-1])
        self._data.append(values.data[first:last])
        self._offsets.append(values.offsets[1:] + (self._size - first))
        self._size += last - first

    def checksums(self) -> dict[str, str]:
        """Maps both files' names to the checksums of the appended values."""
        return self._offsets.checksums() | self._data.checksums()

    def close(self) -> None:
        """Flushes and closes both files, without syncing them."""
        with contextlib.closing(self._data):
            self._offsets.close()


def map_file(path: Path, dtype: np.dtype[Any], count: int) -> Array:
    """Maps the first `count` numbers of a file as a read-only array; StoreError when the file is shorter."""
    if count == 0:
        empty = np.empty(0, dtype)
        empty.flags.writeable = False
        return empty
    try:
        with open(path, "rb") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), count * dtype.itemsize, access=mmap.ACCESS_READ), dtype)
    except (FileNotFoundError, ValueError) as damage:
        raise StoreError(f"{path} is missing or truncated: its generation must be rebuilt") from damage


def map_bytes(directory: Path, column: str, rows: int) -> ByteColumn:
    """Maps a column of byte strings."""
    offsets = map_file(directory / f"{column}.offsets", np.dtype("<i8"), rows + 1)
    return ByteColumn(offsets, map_file(directory / f"{column}.data", np.dtype("u1"), int(offsets[-1])))


class ColumnReader:
    """Reads ranges of one column into new, writable arrays: memory holds one range, not the file."""

    def __init__(self, directory: Path, column: str, kind: str) -> None:
        self._kind = kind
        names = [f"{column}.offsets", f"{column}.data"] if kind == BYTES else [f"{column}.{kind}"]
        with contextlib.ExitStack() as stack:
            self._files = [stack.enter_context(open(directory / name, "rb", buffering=0)) for name in names]
            self._close = stack.pop_all()

    def numbers(self, start: int, stop: int) -> Array:
        """Reads rows `start` to `stop` (exclusive) of a column of numbers."""
        return self._read(0, dtype_of(self._kind), start, start + count_of(self._kind, stop - start))

    def strings(self, start: int, stop: int) -> ByteColumn:
        """Reads rows `start` to `stop` (exclusive) of a column of byte strings; the offsets begin at 0."""
        offsets: Int64s = self._read(0, np.dtype("<i8"), start, stop + 1)
        data: Bytes = self._read(1, np.dtype("u1"), int(offsets[0]), int(offsets[-1]))
        offsets -= offsets[0]
        return ByteColumn(offsets, data)

    def close(self) -> None:
        """Closes the files."""
        self._close.close()

    def _read(self, file: int, dtype: np.dtype[Any], start: int, stop: int) -> Array:
        array = np.empty(stop - start, dtype)
        left = array.view(np.uint8).data
        position = start * dtype.itemsize
        while left:
            read = os.preadv(self._files[file].fileno(), [left], position)
            if read == 0:
                raise StoreError(f"{self._files[file].name} ends before row {stop}: delete its generation and rebuild")
            left = left[read:]
            position += read
        return array


def checksum_of(path: Path) -> str:
    """Returns the XXH3 checksum (64 bits, hex) of a file."""
    steps = checksum_steps(path)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return str(end.value)


def checksum_steps(path: Path) -> Generator[int, None, str]:
    """`checksum_of` in steps of at most 1 MiB; yields the number of bytes that each has read."""
    checksum, buffer = xxhash.xxh3_64(), bytearray(1 << 20)
    with open(path, "rb", buffering=0) as file:
        while read := file.readinto(buffer):
            checksum.update(memoryview(buffer)[:read])
            yield read
    return checksum.hexdigest()


def ranges(rows: int, step: int) -> Iterator[tuple[int, int]]:
    """Splits `rows` rows into consecutive ranges (start, stop) of at most `step`."""
    for start in range(0, rows, step):
        yield start, min(start + step, rows)
