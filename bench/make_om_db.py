"""Makes an OM database of any size, without Java: seeded, in the shape of a busy cluster.

    python bench/make_om_db.py DIRECTORY [--obs N] [--fso N] [--directories N] [--buckets N] [--pending N] [--seed N]

Half OBS keys, half FSO files in a random tree of directories about five deep; the last of several OBS buckets is
LEGACY. Sizes are log-normal (median 160 KB), one block for each 256 MB up to four, 20,000 blocks a container, 50
owners; one key in seven is erasure-coded. `--pending N` adds N each of open keys, open files, deleted keys and deleted
directories, for `bench/serve.py`.

The files are as Ozone's RocksDB writes them: snappy, 16 KiB blocks, bloom filters, format 5. Those of the large tables
are written in the order of their keys, by all CPUs, and added to the database at its last level, as if it had just been
compacted; the rows of the small tables are written one by one. The same arguments make the same rows.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from om_database.rows import (
    BLOCKS_PER_CONTAINER,
    MONTHS,
    NOW,
    OWNERS,
    TABLES,
    EncodedRows,
    large_keys,
    write_directories,
    write_keys,
)
from rocksdict import (
    IngestExternalFileOptions,
    Rdict,
    SstFileWriter,
    WriteBatch,
    WriteOptions,
)

from ozone_recon.decode.om.values import decode_key_info
from ozone_recon.demo.om.database import ozone_options
from ozone_recon.demo.om.values import encode_key_info
from ozone_recon.store.schema import OM_TABLES
from ozone_recon.wire.protobuf.fields import bytes_field, number_field

FIRST_ID = 1 << 40
ROWS_PER_FILE = 1_000_000
ROWS_AT_ONCE = 20_000
KEYS_AT_ONCE = 1_000_000
TOP_DIRECTORIES = 10
OBS, FSO, LEGACY = 3, 2, 1
"""Layouts of buckets."""
NO_PARENTS = np.empty(0, np.int64)
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """The numbers of rows, and what follows from them: object ids, names, trees and blocks.

    Object ids follow each other: the volume, the OBS buckets, the FSO buckets, all directories, all keys, pending rows.
    """

    obs: int
    fso: int
    directories: int
    buckets: int
    pending: int
    seed: int

    @property
    def volume(self) -> int:
        """The volume's object id."""
        return FIRST_ID

    def bucket(self, b: int, *, is_fso: bool) -> int:
        """A bucket's object id."""
        return FIRST_ID + 1 + is_fso * self.buckets + b

    def bucket_name(self, b: int, *, is_fso: bool) -> str:
        """A bucket's name."""
        return f"{'fso' if is_fso else 'obs'}{b or ''}"

    @property
    def directories_each(self) -> int:
        """The number of directories in each FSO bucket."""
        return self.directories // self.buckets

    def first_directory(self, b: int) -> int:
        """The object id of a bucket's first directory."""
        return self.bucket(self.buckets, is_fso=True) + b * self.directories_each

    @property
    def first_key(self) -> int:
        """The object id of key 0."""
        return self.first_directory(self.buckets)

    def key_prefix(self, b: int, *, is_fso: bool) -> bytes:
        """The start of the database keys of a bucket."""
        if is_fso:
            return f"/{self.volume}/{self.bucket(b, is_fso=True)}/".encode()
        return f"/vol1/{self.bucket_name(b, is_fso=False)}/".encode()

    def keys_of(self, b: int, *, is_fso: bool) -> Numbers:
        """The numbers of a bucket's keys."""
        low, high = (self.obs, self.obs + self.fso) if is_fso else (0, self.obs)
        return np.arange(low + (b - low) % self.buckets, high, self.buckets)

    def tree(self, b: int) -> Numbers:
        """The object ids of the parents of a bucket's directories."""
        number = np.arange(self.directories_each)
        chance = np.random.default_rng((self.seed, b, 0)).random(len(number))
        parents = self.first_directory(b) + (chance * np.maximum(1, number // 8)).astype(np.int64)
        parents[:TOP_DIRECTORIES] = self.bucket(b, is_fso=True)
        return parents

    def parents_of_keys(self, b: int, rows: int) -> Numbers:
        """The object ids of the directories of a bucket's files."""
        if not self.directories_each:
            return np.full(rows, self.bucket(b, is_fso=True))
        chance = np.random.default_rng((self.seed, b, 1))
        return self.first_directory(b) + chance.integers(0, self.directories_each, rows)


class Blocks:
    """The number of the first block of each key: nearly all keys have one, so only the others are listed."""

    def __init__(self, shape: Shape, pool: Pool | None = None) -> None:
        """Without a pool, in this process."""
        self.keys = shape.obs + shape.fso
        starts = range(0, self.keys, KEYS_AT_ONCE)
        ranges = [(shape.seed, low, min(low + KEYS_AT_ONCE, self.keys)) for low in starts]
        found = pool.starmap(large_keys, ranges) if pool else [large_keys(*one) for one in ranges]
        self.large = np.concatenate([keys for keys, _ in found])
        self.more = np.concatenate([[0], np.cumsum(np.concatenate([more for _, more in found]))])

    def first(self, keys: Numbers) -> Numbers:
        """The first block of each of these keys."""
        first: Numbers = keys + self.more[np.searchsorted(self.large, keys)]
        return first

    @property
    def total(self) -> int:
        """The number of all blocks."""
        return self.keys + int(self.more[-1])


@dataclass(frozen=True)
class BucketTable:
    """One bucket's rows of a large table: a unit of work."""

    shape: Shape
    table: str
    b: int

    def rows(self, blocks: Blocks) -> Iterator[EncodedRows]:
        """The rows, in order of their keys; each time in the same buffer."""
        shape, b = self.shape, self.b
        into = EncodedRows.of(ROWS_AT_ONCE)
        is_fso = self.table != "keyTable"
        prefix = np.frombuffer(shape.key_prefix(b, is_fso=is_fso), np.uint8)
        bucket = np.frombuffer(shape.bucket_name(b, is_fso=is_fso).encode(), np.uint8)
        numbers, parents = ORDERS[self.table](shape, b)
        for low in range(0, len(numbers), ROWS_AT_ONCE):
            some, above = numbers[low : low + ROWS_AT_ONCE], parents[low : low + ROWS_AT_ONCE]
            if self.table == "directoryTable":
                write_directories(into, some, shape.first_directory(b), above, prefix)
            else:
                write_keys(into, shape.seed, some, blocks.first(some), shape.first_key, above, prefix, bucket)
            yield EncodedRows(into.data, into.starts[: len(some) + 1], into.values[: len(some)])


def keys_in_order(shape: Shape, b: int) -> tuple[Numbers, Numbers]:
    """A bucket's keys in order of table, month and number: their numbers, and no parents."""
    numbers = shape.keys_of(b, is_fso=False)
    tables, months = text_order(0, TABLES)[numbers % TABLES], text_order(1, MONTHS)[numbers % MONTHS]
    return numbers[np.argsort(tables * MONTHS + months, kind="stable")], NO_PARENTS


def files_in_order(shape: Shape, b: int) -> tuple[Numbers, Numbers]:
    """A bucket's files in order of directory and number: their numbers and directories."""
    numbers = shape.keys_of(b, is_fso=True)
    parents = shape.parents_of_keys(b, len(numbers))
    order = np.argsort(parents, kind="stable")  # Object ids have the same number of digits.
    return numbers[order], parents[order]


def directories_in_order(shape: Shape, b: int) -> tuple[Numbers, Numbers]:
    """A bucket's directories in order of parent and number: their numbers and parents."""
    parents = shape.tree(b)
    order = np.argsort(parents, kind="stable")
    return order, parents[order]


ORDERS = {"keyTable": keys_in_order, "fileTable": files_in_order, "directoryTable": directories_in_order}
"""The large tables."""


def text_order(first: int, count: int) -> Numbers:
    """The place of each of `count` numbers from `first` on when they are sorted as text."""
    order: Numbers = np.argsort(np.argsort([str(number) for number in range(first, first + count)]))
    return order


def write_files(blocks: Blocks, directory: Path, work: BucketTable) -> tuple[str, list[str], int]:
    """Writes the SST files of one unit of work; returns its table, their paths, and the number of rows."""
    paths: list[str] = []
    rows, writer = 0, None
    for some in work.rows(blocks):
        if not rows % ROWS_PER_FILE:
            if writer:
                writer.finish()
            paths.append(str(directory / f"{work.table}-{work.b}-{len(paths)}.sst"))
            writer = SstFileWriter(ozone_options())
            writer.open(paths[-1])
        assert writer
        data = some.data[: some.starts[-1]].tobytes()
        starts, values = some.starts.tolist(), some.values.tolist()
        for at, value, end in zip(starts, values, starts[1:], strict=False):
            writer[data[at:value]] = data[value:end]
        rows += len(values)
    if writer:
        writer.finish()
    return work.table, paths, rows


def small_rows(shape: Shape) -> Iterator[tuple[str, str, bytes]]:
    """The volume, its owner and the buckets: table, key and value."""
    named = bytes_field(1, "hadoop") + bytes_field(2, "hadoop") + bytes_field(3, "vol1") + number_field(4, -1)
    times = number_field(7, NOW) + number_field(8, shape.volume) + number_field(9, 1) + number_field(10, NOW)
    yield "volumeTable", "/vol1", named + times + number_field(11, -1)
    owned = bytes_field(1, "vol1") + number_field(2, shape.volume) + number_field(3, 1)
    yield "userTable", "hadoop", owned
    for is_fso in (False, True):
        for b in range(shape.buckets):
            name = shape.bucket_name(b, is_fso=is_fso)
            layout = FSO if is_fso else LEGACY if 0 < b == shape.buckets - 1 else OBS
            named = bytes_field(1, "vol1") + bytes_field(2, name) + number_field(4, 0) + number_field(5, 1)
            named += number_field(6, NOW) + number_field(9, shape.bucket(b, is_fso=is_fso)) + number_field(10, 2)
            quotas = number_field(11, NOW) + number_field(15, -1) + number_field(16, -1)
            yield "bucketTable", f"/vol1/{name}", named + quotas + number_field(18, layout) + bytes_field(19, "hadoop")


def pending_rows(shape: Shape, blocks: Blocks) -> Iterator[tuple[str, str, bytes]]:
    """Open keys, open files, deleted keys and deleted directories, like the first rows of each bucket."""
    for b in range(shape.buckets):
        files = next(BucketTable(shape, "fileTable", b).rows(blocks))
        prefix = shape.key_prefix(b, is_fso=True).decode()
        like = decode_key_info(files.data[files.values[0] : files.starts[1]].tobytes())
        for i in range(b, shape.pending, shape.buckets):
            identity = shape.first_key + shape.obs + shape.fso + i
            info = replace(like, object_id=identity, update_id=i + 100, owner=f"user{i % OWNERS}")
            name, file, gone = f"staging/job-{i % 97}/part-{i:08}", f"part-{i:08}.tmp", f"old-{i:07}"
            in_obs = replace(info, bucket=shape.bucket_name(b, is_fso=False), key=name, parent_id=0)
            yield "openKeyTable", f"/vol1/{in_obs.bucket}/{name}/{i}", encode_key_info(in_obs)
            deleted = bytes_field(1, encode_key_info(in_obs))
            yield "deletedTable", f"/vol1/{in_obs.bucket}/{name}/{identity}", deleted
            parent = shape.first_directory(b) + i // shape.buckets % shape.directories_each
            in_fso = replace(info, parent_id=parent)
            yield "openFileTable", f"{prefix}{parent}/{file}/{i}", encode_key_info(replace(in_fso, key=file))
            row = encode_key_info(replace(in_fso, key=gone))
            yield "deletedDirectoryTable", f"{prefix}{parent}/{gone}/{identity}", row


def make(directory: Path, shape: Shape) -> tuple[int, int]:
    """Writes the database; returns its rows and blocks."""
    written = directory.with_name(directory.name + ".files")
    for path in (directory, written):
        shutil.rmtree(path, ignore_errors=True)
    written.mkdir(parents=True)
    # Each process would compile the kernels otherwise.
    kernels_compiled(shape)
    work = [BucketTable(shape, table, b) for table in ORDERS for b in range(shape.buckets)]
    # Not forked: a fork has the locks of this process's threads, but not the threads that would release them.
    with multiprocessing.get_context("spawn").Pool() as pool:
        blocks = Blocks(shape, pool)
        files = pool.map(partial(write_files, blocks, written), work, chunksize=1)
    options = ozone_options()
    database = Rdict(str(directory), options, column_families=dict.fromkeys(OM_TABLES, options))
    moved = IngestExternalFileOptions()
    moved.set_move_files(True)
    for table, paths, _ in files:
        if paths:
            database.get_column_family(table).ingest_external_file(paths, moved)
    rows = sum(rows for _, _, rows in files)
    unlogged = WriteOptions()
    unlogged.disable_wal = True  # type: ignore[assignment, method-assign]  # no method, whatever its stub says
    batch = WriteBatch(raw_mode=True)
    pending = pending_rows(shape, blocks) if shape.pending else ()
    for table, key, value in (*small_rows(shape), *pending):
        batch.put(key.encode(), value, database.get_column_family_handle(table))
        rows += 1
    database.write(batch, unlogged)
    for name in OM_TABLES:
        database.get_column_family(name).flush(wait=True)
    database.close()
    (directory / "rocksdict-config.json").unlink(missing_ok=True)
    shutil.rmtree(written)
    return rows, blocks.total


def kernels_compiled(shape: Shape) -> None:
    """Compiles the kernels on a few rows."""
    large_keys(shape.seed, 0, 1)
    few = replace(shape, obs=shape.buckets, fso=shape.buckets, directories=shape.buckets)
    for table in ORDERS:
        for _ in BucketTable(few, table, 0).rows(Blocks(few)):
            pass


def main() -> None:
    """Reads the arguments, writes the database, and prints its size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--obs", type=int, default=1_500_000)
    parser.add_argument("--fso", type=int, default=1_500_000)
    parser.add_argument("--directories", type=int, default=150_000)
    parser.add_argument("--buckets", type=int, default=5)
    parser.add_argument("--pending", type=int, default=0)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    counts = options.obs, options.fso, options.directories, options.buckets, options.pending
    began = time.monotonic()
    rows, blocks = make(options.directory, Shape(*counts, options.seed))
    containers = 1 + blocks // BLOCKS_PER_CONTAINER
    print(f"{rows:,} rows, {blocks:,} blocks in {containers:,} containers, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
