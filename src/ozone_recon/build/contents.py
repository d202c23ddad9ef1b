"""The contents that a generation is built from: the rows of an OM database at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from ozone_recon.columnar.byte_column import Rows
from ozone_recon.decode.om.key_columns import decode_directories, decode_keys
from ozone_recon.decode.om.key_columns_reference import KeyTable
from ozone_recon.model.key_columns import BadRow, DirectoryColumns, KeyColumns

T = TypeVar("T")
KEY_TABLES: Final[tuple[KeyTable, ...]] = ("keyTable", "fileTable")
DIRECTORY_TABLE: Final = "directoryTable"


class Contents(Protocol):
    """All rows of a database at one moment, each table in database order."""

    @property
    def sequence_number(self) -> int:
        """The RocksDB sequence number at that moment."""
        ...

    @property
    def taken_at(self) -> int:
        """That moment, in ms since 1970."""
        ...

    @property
    def column_families(self) -> Sequence[str]:
        """The names of the column families."""
        ...

    def rows(self, name: str) -> Iterator[Rows]:
        """Yields the rows of a raw table."""
        ...

    def count(self, name: str) -> int:
        """The number of rows of an unknown table."""
        ...

    def keys(self, table: KeyTable) -> Iterator[KeyColumns]:
        """Yields the rows of keyTable or fileTable."""
        ...

    def directories(self) -> Iterator[DirectoryColumns]:
        """Yields the rows of directoryTable."""
        ...

    def bad(self, name: str) -> tuple[int, Sequence[BadRow]]:
        """The number of bad rows of a columnar table that its batches do not report, and samples of them."""
        ...


class ScannableCheckpoint(Protocol):
    """The part of a checkpoint that a build reads."""

    @property
    def sequence_number(self) -> int:
        """The RocksDB sequence number."""
        ...

    @property
    def taken_at(self) -> int:
        """When the checkpoint was taken, in ms since 1970."""
        ...

    @property
    def column_families(self) -> Sequence[str]:
        """The names of the column families."""
        ...

    def scan(self, name: str, use: Callable[[Rows], T], /, *, threads: int) -> Iterator[T]:
        """Yields the result of `use` for each batch of rows, in key order."""
        ...


class CheckpointContents:
    """The contents of a checkpoint, read on `threads` threads."""

    def __init__(self, checkpoint: ScannableCheckpoint, threads: int) -> None:
        self.sequence_number = checkpoint.sequence_number
        self.taken_at = checkpoint.taken_at
        self.column_families = checkpoint.column_families
        self._scan = partial(checkpoint.scan, threads=threads)

    def rows(self, name: str) -> Iterator[Rows]:
        """Yields the rows of a raw table."""
        return self._scan(name, lambda rows: rows)

    def count(self, name: str) -> int:
        """The number of rows of an unknown table."""
        return sum(self._scan(name, len))

    def keys(self, table: KeyTable) -> Iterator[KeyColumns]:
        """Yields the rows of keyTable or fileTable."""
        return self._scan(table, partial(decode_keys, table=table))

    def directories(self) -> Iterator[DirectoryColumns]:
        """Yields the rows of directoryTable."""
        return self._scan(DIRECTORY_TABLE, decode_directories)

    def bad(self, name: str) -> tuple[int, Sequence[BadRow]]:
        """None: the batches report all bad rows."""
        return 0, ()
