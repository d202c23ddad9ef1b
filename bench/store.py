"""Measures what docs/decisions/0001-store.md says: changes applied, a reader beside the writer, SQL, Parquet.

    .venv/bin/pip install -e '.[bench]'
    .venv/bin/python bench/store.py DIRECTORY [--rows 10000] [--batches 40] [--repeat 3] [--only apply,read,...]

DIRECTORY is an om.db of `bench/make_om_db.py`; a generation is built from it, and a SQLite file for comparison. Changes
are WriteBatches: a batch is one answer to getDBUpdates that leaves `--rows` changed keys, half of them new, a quarter
written over, a quarter deleted; in a busy OM's batch each comes with four records that cancel out or are written over.
Everything is measured in a process of its own, `--repeat` times; each number is the best one. Memory is the peak
resident size, mapped files included. Ends with 1 if the stores do not give the same answers.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from make_om_db import varint
from rebuild import MIB, bytes_below, table
from serve import percentile
from stores.changes import read_changes
from stores.columns_in_duckdb import export, peak_memory, query
from stores.others import RocksStore, SqliteStore, Store
from stores.overlay import Overlay

from ozone_recon.decode.key_columns_reference import KeyTable
from ozone_recon.insights.key_rows import db_keys, section, start_of_group
from ozone_recon.sources.rocksdb import Checkpoint
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import OM_TABLES
from ozone_recon.sync.build import build_generation
from ozone_recon.wire.write_batch import read_write_batch

FAMILIES = list(OM_TABLES)
KINDS = OVERLAY, ROCKSDB, SQLITE = "columns and layers", "RocksDB", "SQLite"
STAGES = ("read and net", "decode", "old values", "write and sync", "merge")
PAGE = 1000
SHARES = {"p50": 0.5, "p99": 0.99, "max": 1}
WHEN = ("alone", "beside")
Numbers = dict[str, float]
Lines = list[tuple[str, ...]]


@dataclass(frozen=True)
class Ground:
    """What is measured on: the database, a generation of it, a SQLite file of it, and room for more."""

    checkpoint: Path
    place: Path

    @property
    def generation(self) -> Path:
        """Where the generation is."""
        return self.place / "generation"

    def prepare(self) -> None:
        """Builds the generation and the SQLite file."""
        built(self.checkpoint, self.generation)
        SqliteStore.fill(self.place / "sqlite", self.checkpoint, FAMILIES)

    def opened(self, kind: str, place: Path, *, merging: bool = True) -> Store:
        """A store of that kind with the database in it, in a new place."""
        if kind == OVERLAY:
            place.mkdir()
            return Overlay(Generation.open(self.generation), place, FAMILIES, merging=merging)
        if kind == ROCKSDB:
            shutil.copytree(self.checkpoint, place)
            return RocksStore(place, FAMILIES)
        shutil.copy(self.place / "sqlite", place)
        return SqliteStore(place, FAMILIES)

    def read_along(self, kind: str, place: Path) -> Store:
        """The same store for another process."""
        if kind == OVERLAY:
            return Overlay(Generation.open(self.generation), place, FAMILIES)
        return RocksStore(place, FAMILIES, Path(f"{place}-reader")) if kind == ROCKSDB else SqliteStore(place, FAMILIES)


class Stream:
    """Seeded changes all over a generation, no key twice."""

    def __init__(self, ground: Ground, *, busy: bool = False, seed: int = 42) -> None:
        self.base = Generation.open(ground.generation)
        self.busy = busy
        self.order = np.random.default_rng(seed).permutation(self.base.table("keys").rows)
        self.files_from = start_of_group(self.base, section(self.base, file_table=True)[0])
        self.buckets = list(zip(*(self.base.table("om/bucketTable").bytes(c) for c in ("key", "value")), strict=True))
        with Checkpoint.open(ground.checkpoint) as opened:
            self.values = next(opened.scan("keyTable", lambda rows: rows.values.items()))
        self.taken = 0

    def keys(self, count: int) -> list[tuple[KeyTable, bytes]]:
        """The next keys."""
        rows = self.order[self.taken : self.taken + count]
        self.taken += count
        tables: list[KeyTable] = ["fileTable" if row >= self.files_from else "keyTable" for row in rows.tolist()]
        return list(zip(tables, db_keys(self.base, rows), strict=True))

    def batch(self, rows: int) -> list[bytes]:
        """Changes of so many more keys, as WriteBatches of 100 records."""
        records: list[tuple[str, bytes, bytes]] = []
        for n, (kept_in, key) in enumerate(self.keys(rows)):
            value = self.values[(self.taken + n) % len(self.values)]
            change = (kept_in, key + b"-new" if n % 4 < 2 else key, b"" if n % 4 == 3 else value)
            if self.busy:
                opened = f"open{kept_in[0].upper()}{kept_in[1:]}", key + b"/%d" % n
                bucket = "bucketTable", *self.buckets[n % len(self.buckets)]
                records += [(*opened, value), bucket, (*opened, b""), change, bucket]
            else:
                records.append(change)
        return [write_batch(self.taken + n, records[n : n + 100]) for n in range(0, len(records), 100)]


def write_batch(sequence_number: int, records: list[tuple[str, bytes, bytes]]) -> bytes:
    """A WriteBatch that puts (family, key, value), and deletes where there is no value."""
    parts = [sequence_number.to_bytes(8, "little"), len(records).to_bytes(4, "little")]
    for family, key, value in records:
        parts += [b"\x05" if value else b"\x04", varint(FAMILIES.index(family)), varint(len(key)), key]
        parts += [varint(len(value)), value] if value else []
    return b"".join(parts)


def built(checkpoint: Path, place: Path) -> Generation:
    """A generation of a checkpoint, in this process."""
    with Checkpoint.open(checkpoint) as opened, GenerationBuild(place, threads=os.cpu_count() or 1) as build:
        build_generation(opened, build, lambda progress: None)
        build.seal()
    return Generation.open(place)


def netting(ground: Ground, place: Path, rows: int) -> Numbers:
    """Seconds of reading a busy batch and keeping the last record of each key: in plain Python, and compiled."""
    batches = Stream(ground, busy=True).batch(rows)

    def plain() -> None:
        kept = {}
        for batch in batches:
            for change in read_write_batch(batch).changes:
                kept[change.family, change.key] = change

    read_changes(batches, FAMILIES)  # compiles
    return {"plain": timed(plain), "compiled": timed(read_changes, batches, FAMILIES)}


def applying(ground: Ground, place: Path, kind: str, rows: int, busy: bool, batches: int) -> Numbers:
    """Seconds that batches take, by the clock, of a core (`cpu`) and by stages; `answers` is a checksum of answers."""
    store, stream = ground.opened(kind, place), Stream(ground, busy=busy)
    store.apply(stream.batch(100))  # compiles, and opens what is opened once
    spent: Numbers = store.seconds if isinstance(store, Overlay) else {}
    spent.clear()
    seconds = cpu = 0.0
    for _ in range(batches):
        batch = stream.batch(rows)
        cpu -= time.process_time()
        seconds += timed(store.apply, batch)
        cpu += time.process_time()
    answers = 0
    for asked in Stream(ground, seed=1).keys(100):
        answers = zlib.crc32(repr((store.find(*asked), store.page(*asked, PAGE))).encode(), answers)
    return {"seconds": seconds, "cpu": cpu, "answers": answers, **spent}


def reading(ground: Ground, place: Path, kind: str, rows: int) -> Numbers:
    """Milliseconds (median) of a lookup and of a page, with no batch, one and ten over the database."""
    store, stream, found = ground.opened(kind, place, merging=False), Stream(ground), {}
    asked = Stream(ground, seed=1).keys(2000)
    for batches in (0, 1, 10):
        while stream.taken < batches * rows:
            store.apply(stream.batch(rows))
        store.find(*asked[0])
        for name, times in {
            "lookup": [timed(store.find, *key) for key in asked],
            "page": [timed(store.page, *key, PAGE) for key in asked[:200]],
        }.items():
            found[f"{name} {batches}"] = percentile(sorted(times), 0.5)
    return found


def timed(call: Callable[..., object], *arguments: object) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began


def folding(ground: Ground, place: Path, rows: int, batches: int) -> Numbers:
    """Seconds of folding layers into a new generation, and of rebuilding it from RocksDB with the same changes."""
    place.mkdir()
    stores = [ground.opened(kind, place / kind) for kind in (OVERLAY, ROCKSDB)]
    stream = Stream(ground)
    for _ in range(batches):
        batch = stream.batch(rows)
        for store in stores:
            store.apply(batch)
    overlay, rocks = stores
    assert isinstance(overlay, Overlay) and isinstance(rocks, RocksStore)
    rocks.close()
    fold = timed(overlay.fold, place / "folded")
    rebuild = timed(built, place / ROCKSDB, place / "rebuilt")
    folded, rebuilt = Generation.open(place / "folded"), Generation.open(place / "rebuilt")
    for name in ("keys", "groups", "blocks", "containers", "container_blocks", "namespace", "namespace_runs"):
        for column, kind in folded.table(name).schema.items():
            both = (generation.table(name) for generation in (folded, rebuilt))
            one, other = (found.bytes(column).data if kind == "bytes" else found[column] for found in both)
            # Owners are numbered as they are met.
            if column != "owner" and not np.array_equal(one, other):
                sys.exit(f"{name}.{column} is not the same when folded and when rebuilt")
    counted = folded.table("containers")["bytes"]
    if overlay.keys != folded.table("keys").rows or not np.array_equal(overlay.container_bytes, counted):
        sys.exit("what changes add to the counts is not what a rebuild counts")
    return {"fold": fold, "insights": overlay.seconds["fold: insights"], "rebuild": rebuild}


def disturbed(ground: Ground, place: Path, kind: str, rows: int, seconds: float) -> Numbers:
    """Milliseconds of lookups in one process, alone and while this one applies batches; changed rows/s meanwhile."""
    store, stream = ground.opened(kind, place), Stream(ground)
    store.apply(stream.batch(100))
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=looking_up, args=(ground, place, kind, seconds, there))
    process.start()
    found, before = here.recv(), stream.taken
    here.send(None)
    while not here.poll():
        store.apply(stream.batch(rows))
    found |= here.recv()
    process.join()
    return {**found, "seconds": seconds / (stream.taken - before)}


def looking_up(ground: Ground, place: Path, kind: str, seconds: float, pipe: Connection) -> None:
    """Looks up keys for a while, alone and when told that the writer writes; sees every 50 ms what it has written."""
    store, keys = ground.read_along(kind, place), Stream(ground, seed=1).keys(50_000)
    store.find(*keys[0])
    for when in WHEN:
        times: list[float] = []
        began = seen = time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            if now > seen + 0.05:
                store.refresh()
                seen = now
            store.find(*random.choice(keys))
            times.append(time.perf_counter() - now)
        times.sort()
        pipe.send({f"{when} {name}": percentile(times, share) for name, share in SHARES.items()})
        if when == WHEN[0]:
            pipe.recv()


def exporting(ground: Ground, place: Path) -> Numbers:
    """Seconds that writing Parquet takes; the files stay for `asking`."""
    place = ground.place / "parquet"
    shutil.rmtree(place, ignore_errors=True)
    found = export(Generation.open(ground.generation), place)
    return {**found, **{f"{name}_bytes": bytes_below(place / name) for name in ("keys", "blocks")}}


def asking(ground: Ground, place: Path, parquet: bool) -> Numbers:
    """Seconds of questions in SQL, to Parquet files or to columns where they lie."""
    return query(Generation.open(ground.generation), ground.place / "parquet" if parquet else None)


class Bench:
    """Measures on one ground, everything `repeat` times, and prints a table for each part."""

    def __init__(self, ground: Ground, rows: int, batches: int, repeat: int) -> None:
        self.ground, self.rows, self.batches, self.repeat = ground, rows, batches, repeat

    def best(self, measure: Callable[..., Numbers], *arguments: object) -> Numbers:
        """The least of each number."""
        found = [alone(self.ground, measure, *arguments) for _ in range(self.repeat)]
        if len({numbers.get("answers") for numbers in found}) > 1 or not all(n.get("right", True) for n in found):
            sys.exit(f"{measure.__name__} {arguments} gives wrong answers: {found}")
        return {name: min(numbers[name] for numbers in found) for name in found[0]}

    def net(self) -> None:
        """Reading WriteBatches."""
        found = self.best(netting, self.rows)
        ways = {"in plain Python": found["plain"], "compiled": found["compiled"]}
        lines: Lines = [(way, f"{5 * self.rows / took:,.0f}") for way, took in ways.items()]
        table((f"reading and netting {5 * self.rows:,} records", "records/s"), lines)

    def apply(self) -> None:
        """Changes, by four kinds of batches."""
        lines: Lines = []
        stages: Lines = []
        for busy in (False, True):
            for rows, batches in ((self.rows, self.batches), (5 * self.rows, self.batches // 5)):
                answers = set()
                for kind in KINDS:
                    found = self.best(applying, kind, rows, busy, batches)
                    answers.add(found["answers"])
                    records = 5 if busy else 1
                    batch = f"{rows:,} keys, {records * rows:,} records"
                    rates = [rows * batches / found[clock] for clock in ("seconds", "cpu")]
                    lines.append((batch, kind, *(f"{rate * records:,.0f}" for rate in rates), f"{rates[0]:,.0f}"))
                    spent = {stage: took for stage, took in found.items() if stage in STAGES}
                    if spent:
                        cells = (f"{1e6 * spent[stage] / rows / batches:.2f}" for stage in STAGES)
                        stages.append((batch, *cells))
                if len(answers) > 1:
                    sys.exit(f"after batches of {rows} keys the stores do not give the same pages")
        table(("a batch", "store", "changes/s", "changes a CPU-second", "changed keys/s"), lines)
        table((f"{OVERLAY}: µs a changed key", *STAGES), stages)

    def read(self) -> None:
        """Lookups and pages."""
        found = {kind: self.best(reading, kind, self.rows) for kind in KINDS}
        head = [f"{what}, {batches}" for what in ("lookup", "page") for batches in (0, 1, 10)]
        lines = [(kind, *(f"{times[name.replace(',', '')]:.3f}" for name in head)) for kind, times in found.items()]
        table((f"ms (p50) with batches of {self.rows:,} over it", *head), lines)

    def fold(self) -> None:
        """Layers into a new generation."""
        found = self.best(folding, self.rows, self.batches)
        head = f"{self.rows * self.batches:,} changed keys into a generation"
        lines = [("layers folded in", "fold"), ("of that, insights", "insights"), ("rebuilt from RocksDB", "rebuild")]
        table((head, "seconds"), [(name, f"{found[key]:.1f}") for name, key in lines])

    def beside(self) -> None:
        """A reader beside the writer."""
        lines: Lines = []
        head = [f"{when} {share}" for when in WHEN for share in SHARES]
        for kind in KINDS:
            found = self.best(disturbed, kind, self.rows, 10.0)
            lines.append((kind, *(f"{found[name]:.3f}" for name in head), f"{1 / found['seconds']:,.0f}"))
        table(("lookups of another process, ms", *head, "changed keys/s meanwhile"), lines)

    def sql(self) -> None:
        """Parquet files, and questions to them and to columns."""
        found = self.best(exporting)
        lines: Lines = [
            (
                name,
                f"{found[f'{name}_rows']:,.0f}",
                f"{found[f'{name}_rows'] / found[name]:,.0f}",
                f"{found[f'{name}_bytes'] / MIB:,.0f} MiB",
                f"{found['memory'] / MIB:,.0f} MiB",
            )
            for name in ("keys", "blocks")
        ]
        table(("written as Parquet", "rows", "rows/s", "size", "memory"), lines)
        lines = []
        for name, parquet in (("columns where they lie", False), ("Parquet", True)):
            times = self.best(asking, parquet)
            seconds = (f"{times[what]:.2f}" for what in ("open", "bytes", "keys", "only"))
            lines.append((name, *seconds, f"{times['memory'] / MIB:,.0f} MiB"))
        only = f"keys only on one ({times['only_keys']:,.0f})"
        table(("DuckDB over", "open, s", "bytes a datanode", "bytes and keys a datanode", only, "memory"), lines)


def alone(ground: Ground, measure: Callable[..., Numbers], *arguments: object) -> Numbers:
    """What is measured in a process and a place of its own, and that process's peak memory."""
    with (
        tempfile.TemporaryDirectory(dir=ground.place) as place,
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
    ):
        return pool.submit(with_memory, measure, ground, Path(place) / "store", *arguments).result()


def with_memory(measure: Callable[..., Numbers], *arguments: object) -> Numbers:
    """What is measured, and this process's peak memory in bytes unless that was measured too."""
    found = measure(*arguments)
    return {"memory": peak_memory(), **found}


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, metavar="DIRECTORY")
    parser.add_argument("--rows", type=int, default=10_000, help="changed keys that a batch leaves")
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="net,apply,read,fold,beside,sql", help="parts, in order")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        ground = Ground(options.checkpoint, Path(place))
        ground.prepare()
        bench = Bench(ground, options.rows, options.batches, options.repeat)
        for part in options.only.split(","):
            getattr(bench, part)()


if __name__ == "__main__":
    main()
