"""A table of a generation: columns of equal length, written once and read from many threads."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.errors import StoreError
from ozone_recon.store.columns import (
    BYTES,
    Array,
    BytesWriter,
    ColumnReader,
    NumberWriter,
    column_files,
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
    """Consecutive rows of a table, from `first_row` on, in arrays of its own (writable)."""

    first_row: int
    rows: int
    numbers: dict[str, Array]
    strings: dict[str, ByteColumn]

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, column: str) -> Array:
        return self.numbers[column]

    def bytes(self, column: str) -> ByteColumn:
        """A column of byte strings, its offsets from 0."""
        return self.strings[column]


class Table:
    """A finished table. Everything it gives is read-only and may be used from any thread."""

    def __init__(
        self, name: str, directory: Path, schema: Schema, rows: int, held: GenerationLease | None = None
    ) -> None:
        self.name = name
        self.schema = schema
        self.rows = rows
        self._directory = directory
        self._held = held
        self._numbers: dict[str, Array] = {}
        self._strings: dict[str, ByteColumn] = {}

    def __len__(self) -> int:
        return self.rows

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(table_files(self._directory, self.schema, self.rows).values())

    def __getitem__(self, column: str) -> Array:
        """A column of numbers, backed by its file."""
        found = self._numbers.get(column)
        if found is None:
            kind = self._kind(column, strings=False)
            found = map_file(self._directory / f"{column}.{kind}", dtype_of(kind), self.rows)
            self._numbers[column] = found
        return found

    def bytes(self, column: str) -> ByteColumn:
        """A column of byte strings, backed by its files."""
        found = self._strings.get(column)
        if found is None:
            self._kind(column, strings=True)
            found = self._strings[column] = map_bytes(self._directory, column, self.rows)
        return found

    def chunks(self, columns: Iterable[str], rows: int = 1 << 20) -> Iterator[TableChunk]:
        """These columns from first row to last, at most `rows` rows at a time, read rather than mapped.

        A mapped page counts as this process's memory; what is read here is gone with the chunk.
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
        """Rows start to stop (exclusive) of these columns, read rather than mapped."""
        if not 0 <= start <= stop <= self.rows:
            raise IndexError(f"rows {start} to {stop} of table {self.name}, which has {self.rows}")
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
            held = ", ".join(f"{name} ({kind})" for name, kind in self.schema.items())
            raise StoreError(f"table {self.name} has no {_described(strings)} {column!r}; it has {held}")
        return kind


class TableWriter:
    """Appends rows to a new table; holds back a small buffer for each column and nothing else."""

    def __init__(self, name: str, directory: Path, schema: Schema, on_close: Callable[[TableWriter], None]) -> None:
        self.name = name
        self.schema = schema
        self.rows = 0
        self._directory = directory
        self._on_close = on_close
        self._numbers: dict[str, NumberWriter] = {}
        self._strings: dict[str, BytesWriter] = {}
        with writing(directory):
            directory.mkdir(parents=True, exist_ok=True)
        for column, kind in schema.items():
            if kind == BYTES:
                self._strings[column] = BytesWriter(directory, column)
            else:
                self._numbers[column] = NumberWriter(directory / f"{column}.{kind}", kind)

    def append(self, **columns: Array | ByteColumn) -> None:
        """Add rows: every column of the schema, all of one length, each of exactly its type."""
        if columns.keys() != self.schema.keys():
            raise StoreError(f"table {self.name} takes {sorted(self.schema)}, not {sorted(columns)}")
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

    def close(self) -> None:
        """Finish the table; it can be read from now on."""
        self._close_files()
        self._on_close(self)

    def abandon(self) -> None:
        """Close the files and leave the table unfinished."""
        # What fails to be written now hides no news: the table is given up because of an earlier error.
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
        """Every file of the finished table and its checksum."""
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
    """The files of a finished table with their sizes in bytes; StoreError when one is not as long as its rows need."""
    found: dict[str, int] = {}
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
            found[name] = size
    return found


def _described(strings: bool | None) -> str:
    return {True: "column of byte strings", False: "column of numbers", None: "column"}[strings]
