"""Reads a checkpoint's table files and write-ahead logs in bulk, with no Python per row.

The rows of a column family are split into key ranges of about equal size, and each range is read on one thread: read
the overlapping blocks of every file, decompress and parse them, merge them by key (the newest row wins, deletes are
dropped), and return columns. Content that this reader does not handle (range deletions, merges, other formats) is
`Unsupported`: RocksDB itself then reads the whole database when it shows at opening, else the rows from there on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from ozone_recon.columnar.byte_column import Rows
from ozone_recon.errors import CheckpointError, DecodeError, Unsupported
from ozone_recon.sources.checkpoint.files import read_manifest_of
from ozone_recon.sources.rocksdb.library import RocksDbLibrary
from ozone_recon.sources.rocksdb.table import SstFile
from ozone_recon.sources.rocksdb.wal import LoggedRows, read_logs
from ozone_recon.wire.rocksdb.block_rows import live_rows
from ozone_recon.wire.rocksdb.block_rows_reference import Run
from ozone_recon.wire.rocksdb.manifest import ColumnFamily

T = TypeVar("T")
STEPS = 16
"""The number of steps per range at which the blocks of a file are sampled."""


@dataclass(frozen=True, slots=True)
class FamilyFiles:
    """A column family: its table files, and its rows in the write-ahead logs."""

    tables: tuple[SstFile, ...]
    logged: LoggedRows


class DatabaseFiles:
    """An open checkpoint directory; never writes into it, and yields rows in key order.

    `fallback` opens RocksDB's own reader for unsupported rows, or raises. The constructor raises Unsupported when the
    whole database needs that reader.
    """

    def __init__(self, path: Path, fallback: Callable[[Unsupported], RocksDbLibrary]) -> None:
        self._path = path
        self._fallback = fallback
        self._tables: list[SstFile] = []
        try:
            manifest = read_manifest_of(path)
            logs = read_logs(path, manifest)
            self._families = {
                family.name: FamilyFiles(self._open(family), logs.rows[family.id])
                for family in manifest.families.values()
            }
        except (OSError, ValueError) as error:
            self.close()
            raise CheckpointError(f"{path} cannot be read as a RocksDB database: {error}") from error
        except Unsupported:
            self.close()
            raise
        except DecodeError as error:
            self.close()
            raise CheckpointError(f"{path}: {error}") from error
        self.column_families = tuple(name for name in self._families if name != "default")
        self.sequence_number = max(manifest.last_sequence, logs.last_sequence)

    def _open(self, family: ColumnFamily) -> tuple[SstFile, ...]:
        opened = [SstFile(self._path / f"{file.number:06}.sst", file) for file in family.files.values()]
        self._tables += opened
        return tuple(opened)

    def scan(self, column_family: str, use: Callable[[Rows], T], threads: int, batch_bytes: int) -> Iterator[T]:
        """Yields `use(rows)` for each key range, in key order."""
        done = b""
        try:
            for end, result in self._ranges(self._families[column_family], use, threads, batch_bytes):
                yield result
                done = end
        except Unsupported as error:
            yield from self._fallback(error).scan(column_family, use, threads, batch_bytes, done)

    def _ranges(
        self, family: FamilyFiles, use: Callable[[Rows], T], threads: int, batch_bytes: int
    ) -> Iterator[tuple[bytes, T]]:
        """Yields the end of each key range, in order, and `use(rows)`."""
        cuts = _cuts(family.tables, batch_bytes)
        ranges = list(zip([b"", *cuts], [*cuts, None], strict=True))

        def read(low: bytes, high: bytes | None) -> tuple[bytes, T]:
            return high or b"", use(_read_range(family, low, high))

        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[tuple[bytes, T]]] = deque()
            try:
                for low, high in ranges:
                    waiting.append(pool.submit(read, low, high))
                    if len(waiting) > threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def get(self, column_family: str, key: bytes) -> bytes | None:
        """The newest value of `key`, or None."""
        try:
            rows = _read_range(self._families[column_family], key, key + b"\0")
        except Unsupported as error:
            return self._fallback(error).get(column_family, key)
        return rows.values[0] if len(rows) else None

    def close(self) -> None:
        """Closes all files."""
        for table in self._tables:
            table.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _cuts(tables: Sequence[SstFile], batch_bytes: int) -> list[bytes]:
    """Keys that split the rows of all tables into ranges of about `batch_bytes` uncompressed bytes."""
    step = batch_bytes / STEPS
    marks: list[bytes] = []
    for table in tables:
        index = table.index
        ends = index.sizes.cumsum() * table.expansion
        marked = np.searchsorted(ends, np.arange(step, ends[-1], step) if len(ends) else ends)
        marks += [index.last_keys[n] for n in np.unique(marked).tolist()]
    return sorted(set(sorted(marks)[STEPS - 1 :: STEPS]))


def _read_range(family: FamilyFiles, low: bytes, high: bytes | None) -> Rows:
    runs = [run for table in family.tables if (run := table.packed_blocks(low, high))]
    logged = family.logged.block(low, high)
    ends = np.concatenate([np.zeros(1, np.int64), *(run.unpacked_sizes for run in runs)]).cumsum()
    data = np.empty(int(ends[-1]) + len(logged), np.uint8)
    parts: list[Run] = []
    block = 0
    for run in runs:
        bounds = ends[block : block + len(run.unpacked_sizes) + 1]
        run.unpack(data, bounds)
        parts.append(Run(run.name, bounds[:-1].copy(), bounds[1:].copy()))
        block += len(run.unpacked_sizes)
    if logged:
        data[ends[-1] :] = np.frombuffer(logged, np.uint8)
        parts.append(Run("the write-ahead log", ends[-1:].copy(), np.array([len(data)])))
    try:
        return live_rows(data, parts, low, high)
    except Unsupported:
        raise
    except DecodeError as error:
        raise CheckpointError(f"{error}; take a new checkpoint") from error
