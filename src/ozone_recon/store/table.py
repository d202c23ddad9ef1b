"""Tables: columns of equal length, written once and then read from any thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.errors import StoreError
from ozone_recon.store.columns import (
    BYTES,
    STARTS,
    Array,
    BytesWriter,
    ColumnReader,
    NumberWriter,
    column_files,
    count_of,
    dtype_of,
    map_bytes,
    map_file,
    ranges,
)
from ozone_recon.store.disk import writing
from ozone_recon.store.lease import GenerationLease
from ozone_recon.store.schema import Schema


@dataclass(frozen=True, slots=True)
class TableChunk:
    """Consecutive rows of a table, starting at `first_row`, in new, writable arrays.

    A column of starts has one value more, the end of the last row.
    """

    first_row: int
    rows: int
    numbers: dict[str, Array]
    strings: dict[str, ByteColumn]

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, column: str) -> Array:
        return self.numbers[column]

    def bytes(self, column: str) -> ByteColumn:
        """Returns a column of byte strings; its offsets begin at 0."""
        return self.strings[column]


class Table:
    """A finished table. Its arrays are read-only and may be used from any thread."""

    def __init__(
        self, name: str, directory: Path, schema: Schema, rows: int, lease: GenerationLease | None = None
    ) -> None:
        self.name = name
        self.schema = schema
        self.rows = rows
        self._directory = directory
        self._lease = lease
        self._numbers: dict[str, Array] = {}
        self._strings: dict[str, ByteColumn] = {}

    def __len__(self) -> int:
        return self.rows

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(table_files(self._directory, self.schema, self.rows).values())

    def __getitem__(self, column: str) -> Array:
        """Returns a column of numbers or starts, memory-mapped."""
        values = self._numbers.get(column)
        if values is None:
            kind = self._kind(column, strings=False)
            values = map_file(self._directory / f"{column}.{kind}", dtype_of(kind), count_of(kind, self.rows))
            self._numbers[column] = values
        return values

    def bytes(self, column: str) -> ByteColumn:
        """Returns a column of byte strings, memory-mapped."""
        values = self._strings.get(column)
        if values is None:
            self._kind(column, strings=True)
            values = self._strings[column] = map_bytes(self._directory, column, self.rows)
        return values

    def chunks(self, columns: Iterable[str], rows: int = 1 << 20) -> Iterator[TableChunk]:
        """Reads these columns from the first row to the last, at most `rows` rows at a time.

        Unlike mapped pages, which count as this process's memory, a chunk's memory is freed with the chunk.
        """
        kinds = {column: self._kind(column) for column in columns}
        with contextlib.ExitStack() as stack:
            readers = {}
            for column, kind in kinds.items():
                readers[column] = stack.enter_context(contextlib.closing(ColumnReader(self._directory, column, kind)))
            for start, stop in ranges(self.rows, rows):
                yield TableChunk(
                    start,
                    stop - start,
                    {c: r.numbers(start, stop) for c, r in readers.items() if kinds[c] != BYTES},
                    {c: r.strings(start, stop) for c, r in readers.items() if kinds[c] == BYTES},
                )

    def read(self, columns: Iterable[str], start: int, stop: int) -> TableChunk:
        """Reads rows `start` to `stop` (exclusive) of these columns into new arrays."""
        if not 0 <= start <= stop <= self.rows:
            raise IndexError(f"table {self.name} has {self.rows} rows: rows {start} to {stop} are out of range")
        numbers: dict[str, Array] = {}
        strings: dict[str, ByteColumn] = {}
        for column in columns:
            kind = self._kind(column)
            with contextlib.closing(ColumnReader(self._directory, column, kind)) as reader:
                if kind == BYTES:
                    strings[column] = reader.strings(start, stop)
                else:
                    numbers[column] = reader.numbers(start, stop)
        return TableChunk(start, stop - start, numbers, strings)

    def _kind(self, column: str, strings: bool | None = None) -> str:
        kind = self.schema.get(column)
        if kind is None or (strings is not None and (kind == BYTES) is not strings):
            columns = ", ".join(f"{name} ({kind})" for name, kind in self.schema.items())
            raise StoreError(f"table {self.name} has no {_described(strings)} {column!r}; it has {columns}")
        return kind


class TableWriter:
    """Appends rows to a new table, with a small buffer for each column."""

    def __init__(self, name: str, directory: Path, schema: Schema, on_close: Callable[[TableWriter], None]) -> None:
        self.name = name
        self.schema = schema
        self.rows = 0
        self._directory = directory
        self._on_close = on_close
        self._numbers: dict[str, NumberWriter] = {}
        self._strings: dict[str, BytesWriter] = {}
        self._open_starts = {column for column, kind in schema.items() if kind == STARTS}
        with writing(directory):
            directory.mkdir(parents=True, exist_ok=True)
        for column, kind in schema.items():
            if kind == BYTES:
                self._strings[column] = BytesWriter(directory, column)
            else:
                self._numbers[column] = NumberWriter(directory / f"{column}.{kind}", kind)

    def append(self, **columns: Array | ByteColumn) -> None:
        """Appends rows. All columns of the schema are required, with equal lengths and exactly their types.

        A column of starts gets the starts of these rows; `end` gives the end of the last row.
        """
        if columns.keys() != self.schema.keys():
            raise StoreError(f"table {self.name} has the columns {sorted(self.schema)}, not {sorted(columns)}")
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            named = ", ".join(f"{column}: {len(values)}" for column, values in columns.items())
            raise StoreError(f"columns of different lengths for table {self.name} ({named})")
        for column, values in columns.items():
            self._check(column, values)
        for column, values in columns.items():
            if isinstance(values, ByteColumn):
                self._strings[column].append(values)
            else:
                self._numbers[column].append(values)
        self.rows += lengths.pop() if lengths else 0

    def end(self, **ends: int) -> None:
        """Appends the end of the last row to each column of starts; call it once, after all rows."""
        if ends.keys() != self._open_starts:
            raise StoreError(f"table {self.name} needs the ends of {sorted(self._open_starts)}, not {sorted(ends)}")
        for column, end in ends.items():
            self._numbers[column].append(np.array([end], np.int64))
        self._open_starts.clear()

    def close(self) -> None:
        """Finishes the table, which can be read from now on."""
        if self._open_starts:
            raise StoreError(f"table {self.name} has no ends of {sorted(self._open_starts)}: call `end` first")
        self._close_files()
        self._on_close(self)

    def abandon(self) -> None:
        """Closes the files without finishing the table."""
        # Errors are ignored: the table is abandoned because of an earlier one.
        with contextlib.suppress(OSError, StoreError):
            self._close_files()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def checksums(self) -> dict[str, str]:
        """Maps each file of the finished table to its checksum."""
        writers: tuple[NumberWriter | BytesWriter, ...] = (*self._numbers.values(), *self._strings.values())
        return {name: checksum for writer in writers for name, checksum in writer.checksums().items()}

    def _check(self, column: str, values: Array | ByteColumn) -> None:
        kind = self.schema[column]
        if isinstance(values, ByteColumn) or kind == BYTES:
            if not (isinstance(values, ByteColumn) and kind == BYTES):
                raise StoreError(f"{self.name}.{column} is {kind}, not {type(values).__name__}")
        elif values.dtype != dtype_of(kind) or values.ndim != 1:
            raise StoreError(f"{self.name}.{column} is {kind}, not {values.ndim}-dimensional {values.dtype}")

    def _close_files(self) -> None:
        with contextlib.ExitStack() as stack:
            for numbers in self._numbers.values():
                stack.callback(numbers.close)
            for strings in self._strings.values():
                stack.callback(strings.close)


def table_files(directory: Path, schema: Schema, rows: int) -> dict[str, int]:
    """Maps each file of a finished table to its size in bytes; StoreError if one is missing or has the wrong size."""
    sizes: dict[str, int] = {}
    for column, kind in schema.items():
        for name, expected in column_files(column, kind, rows).items():
            try:
                size = (directory / name).stat().st_size
            except FileNotFoundError:
                raise StoreError(f"{directory / name} is missing: delete its generation and rebuild") from None
            if expected not in (size, -1):
                raise StoreError(
                    f"{directory / name} has {size} bytes instead of {expected}: delete its generation and rebuild"
                )
            sizes[name] = size
    return sizes


def _described(strings: bool | None) -> str:
    return {True: "column of byte strings", False: "column of numbers", None: "column"}[strings]
