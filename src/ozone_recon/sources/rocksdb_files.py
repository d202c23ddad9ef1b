"""A checkpoint's table files and write-ahead logs, read by us: bulk reading with no Python for a row.

A column family's rows are cut into key ranges of about equal size. A range is read on one thread: the blocks that
overlap it are taken from every file, unpacked, parsed, merged (the newest of equal keys counts, deletes drop out), and
handed on as columns. What these files may hold and we do not read (range deletions, merges, other formats) is
`Unsupported`, and RocksDB itself then reads the database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from ozone_recon.errors import CheckpointError, DecodeError
from ozone_recon.model.columns import ByteColumn, Bytes, Int64s, Rows
from ozone_recon.sources.rocksdb_table import Table
from ozone_recon.sources.rocksdb_wal import LoggedRows, read_logs
from ozone_recon.wire.block_kernel import gather, measure_blocks, merge_runs, pick_live, read_blocks
from ozone_recon.wire.manifest import ColumnFamily, read_manifest
from ozone_recon.wire.table_file import VALUE, Unsupported, entries

T = TypeVar("T")
STEPS = 16
"""A file's blocks are looked at in steps of this part of a range."""
SLACK = 8
"""Bytes that `read_blocks` needs beyond the keys."""


@dataclass(frozen=True, slots=True)
class Family:
    """A column family: its files, and the rows that only the write-ahead logs have."""

    tables: tuple[Table, ...]
    logged: LoggedRows


class Files:
    """An open checkpoint directory; nothing is written into it. Rows are yielded in key order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tables: list[Table] = []
        try:
            manifest = read_manifest((path / (path / "CURRENT").read_text().strip()).read_bytes())
            logs = read_logs(path, manifest)
            self._families = {
                family.name: Family(self._open(family), logs.rows[family.id]) for family in manifest.families.values()
            }
        except (OSError, UnicodeDecodeError) as error:
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

    def _open(self, family: ColumnFamily) -> tuple[Table, ...]:
        opened = [Table(self._path / f"{file.number:06}.sst", file) for file in family.files.values()]
        self._tables += opened
        return tuple(opened)

    def scan(self, column_family: str, use: Callable[[Rows], T], threads: int, batch_bytes: int) -> Iterator[T]:
        """What `use` makes of each key range, in key order."""
        family = self._families[column_family]
        cuts = _cuts(family.tables, batch_bytes)
        ranges = list(zip([b"", *cuts], [*cuts, None], strict=True))

        def read(low: bytes, high: bytes | None) -> T:
            return use(_read_range(family, low, high))

        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[T]] = deque()
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
        family = self._families[column_family]
        found = list(family.logged.versions(key))
        for table in family.tables:
            for block in table.blocks_with(key):
                found += [
                    (int.from_bytes(internal[-8:], "little"), value)
                    for internal, value in entries(block)
                    if internal[:-8] == key
                ]
        if not found:
            return None
        trailer, value = max(found, key=lambda version: version[0])
        return value if trailer & 0xFF == VALUE else None

    def close(self) -> None:
        """Let go of all files."""
        for table in self._tables:
            table.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _cuts(tables: Sequence[Table], batch_bytes: int) -> list[bytes]:
    """Keys that cut the rows of all tables into ranges of about `batch_bytes` unpacked bytes."""
    step = batch_bytes / STEPS
    marks: list[bytes] = []
    for table in tables:
        index = table.index
        ends = index.sizes.cumsum() * table.expansion
        marked = np.searchsorted(ends, np.arange(step, ends[-1], step) if len(ends) else ends)
        marks += [index.last_keys[n] for n in np.unique(marked).tolist()]
    return sorted(set(sorted(marks)[STEPS - 1 :: STEPS]))


def _read_range(family: Family, low: bytes, high: bytes | None) -> Rows:
    runs = [run for table in family.tables if (run := table.packed_blocks(low, high))]
    logged = family.logged.block(low, high)
    ends = np.concatenate([np.zeros(1, np.int64), *(run.unpacked_sizes for run in runs)]).cumsum()
    data = np.empty(int(ends[-1]) + len(logged), np.uint8)
    parts: list[tuple[str, Int64s, Int64s]] = []
    block = 0
    for run in runs:
        bounds = ends[block : block + len(run.unpacked_sizes) + 1]
        run.unpack(data, bounds)
        parts.append((run.name, bounds[:-1].copy(), bounds[1:].copy()))
        block += len(run.unpacked_sizes)
    if logged:
        data[ends[-1] :] = np.frombuffer(logged, np.uint8)
        parts.append(("the write-ahead log", ends[-1:].copy(), np.array([len(data)])))
    return _merged(data, parts, low, high)


def _merged(data: Bytes, parts: list[tuple[str, Int64s, Int64s]], low: bytes, high: bytes | None) -> Rows:
    rows = key_bytes = 0
    found = np.zeros(2, np.int64)
    for name, starts, stops in parts:
        if (code := measure_blocks(data, starts, stops, found)) < 0:
            raise CheckpointError(
                f"{name}: block {-1 - code} of a range from {low!r} is damaged; take a new checkpoint"
            )
        rows += int(found[0])
        key_bytes += int(found[1])
    keys = np.empty(key_bytes + SLACK, np.uint8)
    key_offsets = np.zeros(rows + 1, np.int64)
    trailers = np.empty(rows, np.uint64)
    value_starts, value_stops = np.empty(rows, np.int64), np.empty(rows, np.int64)
    first, end = np.array(bytearray(low)), np.array(bytearray(high or b""))
    bounds = [0]
    for _, starts, stops in parts:
        bounds.append(
            read_blocks(
                data,
                starts,
                stops,
                first.astype(np.uint8),
                end.astype(np.uint8),
                high is not None,
                bounds[-1],
                keys,
                key_offsets,
                trailers,
                value_starts,
                value_stops,
            )
        )
    order = _in_order(keys, key_offsets, trailers, bounds)
    picked = np.empty(len(order), np.int64)
    count = pick_live(keys, key_offsets, trailers, order, picked)
    if count < 0:
        raise Unsupported(f"a row of type {-1 - count}")
    picked = picked[:count]
    return Rows(
        _gathered(keys, key_offsets[:-1], key_offsets[1:], picked), _gathered(data, value_starts, value_stops, picked)
    )


def _in_order(
    keys: Bytes, key_offsets: Int64s, trailers: np.ndarray[tuple[int], np.dtype[np.uint64]], bounds: list[int]
) -> Int64s:
    """All rows in order of their keys; the rows of each run, bounds[n] to bounds[n + 1], are so already."""
    order = np.arange(bounds[-1])
    other = np.empty_like(order)
    common = _common(keys, key_offsets, bounds)
    while len(bounds) > 2:
        merged = [0]
        for n in range(0, len(bounds) - 1, 2):
            middle, end = bounds[n + 1], bounds[min(n + 2, len(bounds) - 1)]
            merge_runs(keys, key_offsets, trailers, common, order, bounds[n], middle, end, other)
            merged.append(end)
        order, other, bounds = other, order, merged
    return order


def _common(keys: Bytes, key_offsets: Int64s, bounds: list[int]) -> int:
    """How many bytes all keys begin with in common; in a run, the first and the last key tell."""
    edges = [row for start, stop in pairwise(bounds) if start < stop for row in (start, stop - 1)]
    found = [keys[key_offsets[row] : key_offsets[row + 1]].tobytes() for row in edges]
    lowest, highest = min(found, default=b""), max(found, default=b"")
    differ = (n for n, (a, b) in enumerate(zip(lowest, highest, strict=False)) if a != b)
    return next(differ, len(lowest))


def _gathered(data: Bytes, starts: Int64s, stops: Int64s, rows: Int64s) -> ByteColumn:
    offsets = np.empty(len(rows) + 1, np.int64)
    out = np.empty(int((stops[rows] - starts[rows]).sum()), np.uint8)
    gather(data, starts, stops, rows, offsets, out)
    return ByteColumn(offsets, out)
