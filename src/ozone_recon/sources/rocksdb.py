"""An OM checkpoint, a RocksDB directory, read through RocksDB itself (rocksdict)."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, cast

from rocksdict import AccessType, Options, Rdict

from ozone_recon.errors import CheckpointError
from ozone_recon.model.columns import ByteColumn, Rows

T = TypeVar("T")


class Checkpoint:
    """A RocksDB directory, open for reading; nothing is ever written into it.

    rocksdict leaves a file of its own in any directory it opens, so it is given a directory of links instead.
    """

    def __init__(self, path: Path) -> None:
        self._links = tempfile.TemporaryDirectory(prefix="ozone-recon-")
        for file in path.iterdir():
            if file.is_file():
                (Path(self._links.name) / file.name).symlink_to(file.resolve())
        try:
            options = Options(raw_mode=True)
            names = Rdict.list_cf(self._links.name, options)
            families = dict.fromkeys(names, options)
            self._db = Rdict(self._links.name, options, families, AccessType.read_only(False))
        except Exception as error:
            raise CheckpointError(f"{path} cannot be opened as a RocksDB database: {error}") from error
        self.column_families: tuple[str, ...] = tuple(name for name in names if name != "default")
        self.sequence_number: int = self._db.latest_sequence_number()
        self.taken_at = (path / "CURRENT").stat().st_mtime_ns // 1_000_000
        self.reader = "rocksdict"

    @classmethod
    def open(cls, path: Path) -> Checkpoint:
        """Open the database in `path`; CheckpointError when it is none or is damaged."""
        return cls(Path(path))

    def scan(
        self, column_family: str, use: Callable[[Rows], T], threads: int = 2, batch_bytes: int = 8 << 20
    ) -> Iterator[T]:
        """What `use`, run on `threads` threads, makes of each batch of about `batch_bytes` of rows, in key order."""
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[T]] = deque()
            for rows in self._batches(column_family, batch_bytes):
                waiting.append(pool.submit(use, rows))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _batches(self, column_family: str, batch_bytes: int) -> Iterator[Rows]:
        keys: list[bytes] = []
        values: list[bytes] = []
        held = 0
        rows = cast("Iterator[tuple[bytes, bytes]]", self._db.get_column_family(column_family).items())
        for key, value in rows:
            keys.append(key)
            values.append(value)
            held += len(key) + len(value)
            if held >= batch_bytes:
                yield Rows(ByteColumn.of(keys), ByteColumn.of(values))
                keys, values, held = [], [], 0
        if keys:
            yield Rows(ByteColumn.of(keys), ByteColumn.of(values))

    def get(self, column_family: str, key: bytes) -> bytes | None:
        """One row's value, or None when there is no such row."""
        value: bytes | None = self._db.get_column_family(column_family).get(key)
        return value

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()
        self._links.cleanup()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
