"""Makes an OM database of any size, without Java: seeded, in the shape of a busy cluster.

    python bench/make_om_db.py DIRECTORY [--obs N] [--fso N] [--directories N] [--buckets N] [--pending N] [--seed N]

Half OBS keys, half FSO files in a random tree of directories about five deep; sizes log-normal (median 160 KB), one
block for each 256 MB up to four, 20,000 blocks a container, 50 owners. The files are as Ozone's RocksDB writes them:
snappy, 16 KiB blocks, bloom filters, format 5; levels overlap, because keys are written in random order.
`--pending N` adds N each of open keys, open files, deleted keys and deleted directories, for `bench/serve.py`.
"""

from __future__ import annotations

import argparse
import math
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from rocksdict import BlockBasedOptions, DBCompressionType, Options, Rdict, WriteBatch, WriteOptions

from ozone_recon.store.schema import OM_TABLES

BLOCKS_PER_CONTAINER = 20_000
LARGEST_BLOCK = 256 << 20
NOW = 1_790_000_000_000
FIRST_ID = 1 << 40
ROWS_PER_BATCH = 5_000


def varint(n: int) -> bytes:
    """Protobuf's variable-length integer; negative numbers take ten bytes."""
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field: int, n: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(n)


def text(field: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return varint(field << 3 | 2) + varint(len(value)) + value


class Filling:
    """One database being filled."""

    def __init__(self, path: Path, seed: int) -> None:
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.create_missing_column_families(True)
        options.set_compression_type(DBCompressionType.snappy())
        blocks = BlockBasedOptions()
        blocks.set_block_size(16 << 10)
        blocks.set_bloom_filter(10, False)
        blocks.set_format_version(5)
        options.set_block_based_table_factory(blocks)
        families = dict.fromkeys(OM_TABLES, options)
        self.db = Rdict(str(path), options, column_families=families)
        self.handles = {name: self.db.get_column_family_handle(name) for name in OM_TABLES}
        self.unlogged = WriteOptions()
        self.unlogged.disable_wal = True  # type: ignore[assignment, method-assign]  # no method, whatever its stub says
        self.random = random.Random(seed)
        self.batch = WriteBatch(raw_mode=True)
        self.rows = 0
        self.blocks = 0
        self.next_id = FIRST_ID

    def put(self, table: str, key: str, value: bytes) -> None:
        """Adds a row."""
        self.batch.put(key.encode(), value, self.handles[table])
        self.rows += 1
        if self.rows % ROWS_PER_BATCH == 0:
            self.write()

    def write(self) -> None:
        """Writes the batch."""
        self.db.write(self.batch, self.unlogged)
        self.batch = WriteBatch(raw_mode=True)

    def object_id(self) -> int:
        """The next free object id."""
        self.next_id += 1
        return self.next_id

    def volume(self, name: str) -> int:
        """Adds a volume; returns its object id."""
        identity = self.object_id()
        owner = text(1, b"hadoop") + text(2, b"hadoop") + text(3, name.encode()) + number(4, -1)
        times = number(7, NOW) + number(8, identity) + number(9, 1) + number(10, NOW) + number(11, -1)
        self.put("volumeTable", f"/{name}", owner + times)
        self.put("userTable", "hadoop", text(1, name.encode()) + number(2, identity) + number(3, 1))
        return identity

    def bucket(self, volume: str, name: str, layout: int) -> int:
        """Adds a bucket of layout FSO (2) or OBS (3); returns its object id."""
        identity = self.object_id()
        named = text(1, volume.encode()) + text(2, name.encode()) + number(4, 0) + number(5, 1) + number(6, NOW)
        rest = number(9, identity) + number(10, 2) + number(11, NOW) + number(15, -1) + number(16, -1)
        self.put("bucketTable", f"/{volume}/{name}", named + rest + number(18, layout) + text(19, b"hadoop"))
        return identity

    def directory(self, prefix: str, parent: int, name: str, age: int) -> int:
        """Adds an FSO directory; returns its object id."""
        identity = self.object_id()
        times = number(2, NOW - age) + number(3, NOW - age) + number(6, identity) + number(7, age + 1)
        value = text(1, name.encode()) + times + number(8, parent) + text(9, b"hadoop")
        self.put("directoryTable", f"{prefix}{parent}/{name}", value)
        return identity

    def key_info(self, i: int, bucket: str, name: str, parent: int) -> bytes:
        """The value of key number `i`."""
        size = int(min(math.exp(self.random.gauss(0, 1) * 2.5 + 12), 5e9))
        count = 1 + min(3, size // LARGEST_BLOCK)
        locations = b""
        for n in range(count):
            container = number(1, 1 + self.blocks // BLOCKS_PER_CONTAINER)
            block = text(1, container + number(2, 115816896921600000 + self.blocks)) + number(2, n + 1)
            place = text(1, block) + number(3, 0) + number(4, size // count) + number(5, 0) + number(9, -1)
            locations += text(2, place)
            self.blocks += 1
        owner = b"user%d" % (i % 50)
        acl = number(1, 1) + text(2, owner) + text(3, b"\x80") + number(4, 1)
        named = text(1, b"vol1") + text(2, bucket.encode()) + text(3, name.encode()) + number(4, size)
        stored = number(5, 1) + number(6, 3) + text(7, number(1, 0) + locations)
        times = number(8, NOW - i * 10) + number(9, NOW - i * 10) + number(10, 0)
        ids = number(14, self.object_id()) + number(15, i + 100) + (number(16, parent) if parent else b"")
        return named + stored + times + text(13, acl) + ids + text(20, owner)


def fill(
    filling: Filling, obs: int, fso: int, directories: int, buckets: int, pending: int, said: Callable[[str], None]
) -> None:
    """Writes all rows."""
    volume = filling.volume("vol1")
    obs_names = [f"obs{b or ''}" for b in range(buckets)]
    fso_names = [f"fso{b or ''}" for b in range(buckets)]
    for name in obs_names:
        filling.bucket("vol1", name, 3)
    prefixes, trees = [], []
    for name in fso_names:
        bucket = filling.bucket("vol1", name, 2)
        prefix = f"/{volume}/{bucket}/"
        tree: list[int] = []
        for i in range(directories // buckets):
            parent = bucket if i < 10 else tree[int(filling.random.random() * max(1, i // 8))]
            tree.append(filling.directory(prefix, parent, f"dir-{i:07}", i))
        prefixes.append(prefix)
        trees.append(tree)
    for i in range(obs + fso):
        b = i % buckets
        if i < obs:
            name = f"warehouse/table{i % 997}/dt=2026-{1 + i % 12}/part-{i:09}.orc"
            filling.put("keyTable", f"/vol1/{obs_names[b]}/{name}", filling.key_info(i, obs_names[b], name, 0))
        else:
            name = f"part-{i:08}.parquet"
            parent = filling.random.choice(trees[b])
            key = f"{prefixes[b]}{parent}/{name}"
            filling.put("fileTable", key, filling.key_info(i, fso_names[b], name, parent))
        if i % 500_000 == 0:
            said(f"{i:,} keys")
    for i in range(pending):
        b = i % buckets
        parent = filling.random.choice(trees[b])
        name, file = f"staging/job-{i % 97}/part-{i:08}", f"part-{i:08}.tmp"
        filling.put("openKeyTable", f"/vol1/{obs_names[b]}/{name}/{i}", filling.key_info(i, obs_names[b], name, 0))
        filling.put(
            "openFileTable", f"{prefixes[b]}{parent}/{file}/{i}", filling.key_info(i, fso_names[b], file, parent)
        )
        deleted = text(1, filling.key_info(i, obs_names[b], name, 0))
        filling.put("deletedTable", f"/vol1/{obs_names[b]}/{name}/{filling.next_id}", deleted)
        gone = filling.object_id()
        value = filling.key_info(i, fso_names[b], f"old-{i:07}", parent)
        filling.put("deletedDirectoryTable", f"{prefixes[b]}{parent}/old-{i:07}/{gone}", value)
    filling.write()


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
    if options.directory.exists():
        shutil.rmtree(options.directory)
    began = time.monotonic()
    filling = Filling(options.directory, options.seed)
    counts = options.obs, options.fso, options.directories, options.buckets, options.pending
    fill(filling, *counts, lambda line: print(line, flush=True))
    for name in OM_TABLES:
        filling.db.get_column_family(name).flush(wait=True)
    filling.db.close()
    (options.directory / "rocksdict-config.json").unlink(missing_ok=True)
    containers = 1 + filling.blocks // BLOCKS_PER_CONTAINER
    seconds = time.monotonic() - began
    print(f"{filling.rows:,} rows, {filling.blocks:,} blocks in {containers:,} containers, {seconds:.0f} s")


if __name__ == "__main__":
    main()
