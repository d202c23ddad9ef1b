"""What a generation is built from: the rows of an OM database, from its files or known already."""

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
        """RocksDB's, at that moment."""
        ...

    @property
    def taken_at(self) -> int:
        """That moment, ms since 1970."""
        ...

    @property
    def column_families(self) -> Sequence[str]:
        """Those there are."""
        ...

    def rows(self, name: str) -> Iterator[Rows]:
        """A table that is kept as it is."""
        ...

    def count(self, name: str) -> int:
        """How many rows a table has that we do not know."""
        ...

    def keys(self, table: KeyTable) -> Iterator[KeyColumns]:
        """KeyTable or fileTable."""
        ...

    def directories(self) -> Iterator[DirectoryColumns]:
        """DirectoryTable."""
        ...

    def bad(self, name: str) -> tuple[int, Sequence[BadRow]]:
        """How many rows of a decoded table are bad that its batches do not tell of, and the first of them."""
        ...


class Scanned(Protocol):
    """What there must be of a checkpoint."""

    @property
    def sequence_number(self) -> int:
        """RocksDB's."""
        ...

    @property
    def taken_at(self) -> int:
        """When it was taken, ms since 1970."""
        ...

    @property
    def column_families(self) -> Sequence[str]:
        """Those there are."""
        ...

    def scan(self, name: str, use: Callable[[Rows], T], /, *, threads: int) -> Iterator[T]:
        """What `use` makes of each batch of rows, in key order."""
        ...


class CheckpointContents:
    """What a checkpoint holds, read on some threads."""

    def __init__(self, checkpoint: Scanned, threads: int) -> None:
        self.sequence_number = checkpoint.sequence_number
        self.taken_at = checkpoint.taken_at
        self.column_families = checkpoint.column_families
        self._scan = partial(checkpoint.scan, threads=threads)

    def rows(self, name: str) -> Iterator[Rows]:
        """A table that is kept as it is."""
        return self._scan(name, lambda rows: rows)

    def count(self, name: str) -> int:
        """How many rows a table has that we do not know."""
        return sum(self._scan(name, len))

    def keys(self, table: KeyTable) -> Iterator[KeyColumns]:
        """KeyTable or fileTable."""
        return self._scan(table, partial(decode_keys, table=table))

    def directories(self) -> Iterator[DirectoryColumns]:
        """DirectoryTable."""
        return self._scan(DIRECTORY_TABLE, decode_directories)

    def bad(self, name: str) -> tuple[int, Sequence[BadRow]]:
        """None: its batches tell of all."""
        return 0, ()
