"""Reads a checkpoint with RocksDB itself (rocksdict): the fallback for any database, and the reference in tests."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar, cast

from rocksdict import AccessType, Options, Rdict

from ozone_recon.columnar.byte_column import ByteColumn, Rows
from ozone_recon.errors import CheckpointError

T = TypeVar("T")

FILES = ("CURRENT", "MANIFEST-*", "OPTIONS-*", "*.sst", "*.blob", "*.log")
"""The files of a database that RocksDB reads."""


class RocksDbLibrary:
    """A RocksDB directory, open for reading; never writes into it.

    rocksdict creates a file in any directory that it opens, so it opens a temporary directory of symbolic links.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._links = tempfile.TemporaryDirectory(prefix="ozone-recon-")
        try:
            for pattern in FILES:
                for file in path.glob(pattern):
                    (Path(self._links.name) / file.name).symlink_to(file.resolve())
            options = Options(raw_mode=True)
            names = Rdict.list_cf(self._links.name, options)
            families = dict.fromkeys(names, options)
            self._db = Rdict(self._links.name, options, families, AccessType.read_only(False))
        except Exception as error:
            self._links.cleanup()
            raise CheckpointError(f"{path} cannot be opened as a RocksDB database: {error}") from error
        self.column_families: tuple[str, ...] = tuple(name for name in names if name != "default")
        self.sequence_number: int = self._db.latest_sequence_number()

    def scan(
        self, column_family: str, use: Callable[[Rows], T], threads: int, batch_bytes: int, first: bytes = b""
    ) -> Iterator[T]:
        """Yields `use(rows)` for each batch of about `batch_bytes` of rows from the key `first` on, in key order.

        `use` runs on `threads` threads.
        """
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[T]] = deque()
            for rows in self._batches(column_family, batch_bytes, first):
                waiting.append(pool.submit(use, rows))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _batches(self, column_family: str, batch_bytes: int, first: bytes) -> Iterator[Rows]:
        keys: list[bytes] = []
        values: list[bytes] = []
        size = 0
        family = self._db.get_column_family(column_family)
        key = None
        for key, value in cast("Iterator[tuple[bytes, bytes]]", family.items(from_key=first)):
            keys.append(key)
            values.append(value)
            size += len(key) + len(value)
            if size >= batch_bytes:
                yield Rows(ByteColumn.of(keys), ByteColumn.of(values))
                keys, values, size = [], [], 0
        self._require_end(family, column_family, first, key)
        if keys:
            yield Rows(ByteColumn.of(keys), ByteColumn.of(values))

    def _require_end(self, family: Rdict, name: str, first: bytes, last: bytes | None) -> None:
        """CheckpointError unless `last` is the last row from `first` on (None: no rows).

        Needed because rocksdict's iteration stops silently at damage.
        """
        iterator = family.iter()
        at = first if last is None else last
        try:
            iterator.seek(at)
            if last is not None and iterator.valid():
                iterator.next()
            iterator.status()
        except Exception as error:
            raise CheckpointError(f"{name} of {self._path} is damaged after key {at!r}: {error}") from error
        if iterator.valid():
            raise CheckpointError(f"{name} of {self._path} cannot be read beyond key {at!r}: it may be damaged")

    def get(self, column_family: str, key: bytes) -> bytes | None:
        """One row's value, or None when there is no such row."""
        try:
            value: bytes | None = self._db.get_column_family(column_family).get(key)
        except Exception as error:
            raise CheckpointError(f"{key!r} of {column_family} in {self._path} cannot be read: {error}") from error
        return value

    def close(self) -> None:
        """Closes the database and removes the links."""
        self._db.close()
        self._links.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
