"""A checkpoint read through RocksDB itself (rocksdict): what reads every database, and the judge of what we read."""

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
"""What RocksDB reads of a database's directory."""


class RocksDbLibrary:
    """A RocksDB directory, open for reading; nothing is ever written into it.

    rocksdict leaves a file of its own in any directory it opens, so it is given a directory of links instead.
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
        """What `use`, run on `threads` threads, makes of each batch of about `batch_bytes` of rows, in key order.

        The rows are those of `first` and greater keys.
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
        held = 0
        family = self._db.get_column_family(column_family)
        key = None
        for key, value in cast("Iterator[tuple[bytes, bytes]]", family.items(from_key=first)):
            keys.append(key)
            values.append(value)
            held += len(key) + len(value)
            if held >= batch_bytes:
                yield Rows(ByteColumn.of(keys), ByteColumn.of(values))
                keys, values, held = [], [], 0
        self._require_end(family, column_family, first, key)
        if keys:
            yield Rows(ByteColumn.of(keys), ByteColumn.of(values))

    def _require_end(self, family: Rdict, name: str, first: bytes, last: bytes | None) -> None:
        """CheckpointError unless `last` is the last row (None: there is none), for iteration just stops at damage.

        The rows are those from `first` on.
        """
        place = family.iter()
        at = first if last is None else last
        try:
            place.seek(at)
            if last is not None and place.valid():
                place.next()
            place.status()
        except Exception as error:
            raise CheckpointError(f"{name} of {self._path} is damaged after key {at!r}: {error}") from error
        if place.valid():
            raise CheckpointError(f"{name} of {self._path} could not be read beyond key {at!r}; is it damaged?")

    def get(self, column_family: str, key: bytes) -> bytes | None:
        """One row's value, or None when there is no such row."""
        try:
            value: bytes | None = self._db.get_column_family(column_family).get(key)
        except Exception as error:
            raise CheckpointError(f"{key!r} of {column_family} in {self._path} cannot be read: {error}") from error
        return value

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()
        self._links.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
