"""Reads an OM checkpoint, a RocksDB directory; all access to its rows goes through `Checkpoint`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Literal, TypeVar

from ozone_recon.columnar.byte_column import Rows
from ozone_recon.errors import CheckpointError, DecodeError, Unsupported
from ozone_recon.sources.checkpoint.files import read_manifest_of
from ozone_recon.sources.rocksdb.files import DatabaseFiles
from ozone_recon.sources.rocksdb.library import RocksDbLibrary

T = TypeVar("T")

BATCH_BYTES = 8 << 20
"""Bytes of rows per batch, enough to amortise the cost of starting one."""


class Checkpoint:
    """A checkpoint's column families and rows; never writes into its directory.

    `DatabaseFiles` reads the files. Where that is Unsupported, RocksDB itself (`RocksDbLibrary`, two to three times
    slower) reads the whole database or the rest of a column family. `reader` names the readers used so far and the
    reason. `taken_at` is when the checkpoint was written, in milliseconds since 1970.
    """

    def __init__(self, path: Path, reader: Literal["any", "files", "rocksdb"] = "any") -> None:
        self._path, self._wanted = path, reader
        self._library: RocksDbLibrary | None = None
        self._opening = Lock()
        self._rows: DatabaseFiles | RocksDbLibrary
        self.reader = "files"
        if reader == "rocksdb":
            self._rows, self.reader = RocksDbLibrary(path), "rocksdb"
        else:
            try:
                self._rows = DatabaseFiles(path, self._rocksdb)
            except Unsupported as error:
                self._rows = self._rocksdb(error)
        self.column_families: tuple[str, ...] = self._rows.column_families
        self.sequence_number: int = self._rows.sequence_number
        self.taken_at = (path / "CURRENT").stat().st_mtime_ns // 1_000_000

    @classmethod
    def open(cls, path: Path) -> Checkpoint:
        """Opens the database in `path`; CheckpointError when it is damaged or no database."""
        return cls(path)

    def scan(
        self, column_family: str, use: Callable[[Rows], T], threads: int = 2, batch_bytes: int = BATCH_BYTES
    ) -> Iterator[T]:
        """Yields `use(rows)` for each batch of about `batch_bytes` of rows, in key order; runs on `threads` threads.

        A batch is empty when all its rows are deleted.
        """
        return self._rows.scan(column_family, use, threads, batch_bytes)

    def get(self, column_family: str, key: bytes) -> bytes | None:
        """One row's value, or None when there is no such row."""
        return self._rows.get(column_family, key)

    def close(self) -> None:
        """Closes the database."""
        self._rows.close()
        if self._library and self._library is not self._rows:
            self._library.close()

    def _rocksdb(self, error: Unsupported) -> RocksDbLibrary:
        """Opens RocksDB's own reader, for the data that `DatabaseFiles` does not support."""
        if self._wanted == "files":
            raise CheckpointError(f"{self._path} contains {error}, which only RocksDB itself can read") from error
        with self._opening:
            if not self._library:
                self._library, self.reader = RocksDbLibrary(self._path), f"rocksdb: {error}"
        return self._library

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def family_ids(path: Path) -> dict[str, int]:
    """Maps column family names to ids for the database in `path`; CheckpointError when it is no database."""
    try:
        manifest = read_manifest_of(path, any_files=True)
    except (OSError, DecodeError) as error:
        raise CheckpointError(f"{path} cannot be read as a RocksDB database: {error}") from error
    return {family.name: family.id for family in manifest.families.values()}
