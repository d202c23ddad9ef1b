"""Times SQL over a generation's keys, blocks and replicas, in place and as Parquet files.

    .venv/bin/python bench/sql.py DATA-DIRECTORY [--times 3] [--engine clickhouse --engine spark]

The data directory must hold a generation, built by a server or by `ozone-recon open … --no-serve`. Replicas are
synthetic, because a checkpoint of OM has none. Every result is compared with numpy's, and the Parquet files with the
columns. Each round of queries runs in a process of its own, which opens the data. Engines other than DuckDB run on the
same files when they are installed and named.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import nanoarrow  # type: ignore[import-untyped]
import numpy as np
from engines import ENGINES, THREADS, Ask

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import joined, slices_at, slices_of_texts
from ozone_recon.insights.om.key_rows import groups_of
from ozone_recon.store.columns import Array, ranges
from ozone_recon.store.data_directory import current_generation
from ozone_recon.store.generation import Generation
from ozone_recon.store.table import TableChunk

ROWS_PER_FILE = 1 << 20
DATANODES = 30
NUMBERS = ("size", "replicated_size", "creation_time", "modification_time", "object_id", "update_id")
BYTES_OF_DATANODES = """
    select datanode, sum(length) from blocks join replicas using (container) group by datanode order by datanode"""
KEYS_OF_DATANODES = """
    select datanode, sum(length), count(distinct key_row) from blocks join replicas using (container)
    group by datanode order by datanode"""
KEYS_ONLY_ON = """
    with lone as (
        select container from replicas group by container having count(*) = 1 and any_value(datanode) = {datanode})
    select keys.key, keys.size from keys
    where row in (select key_row from blocks join lone using (container)) order by key"""


@dataclass(frozen=True)
class Replicas:
    """A synthetic table of replicas: nine containers of ten on three datanodes, the tenth on one."""

    container: Int64s
    datanode: Int64s

    @classmethod
    def of(cls, generation: Generation) -> Replicas:
        """Replicas of a generation's containers."""
        containers, chance = generation.table("containers")["id"], np.random.default_rng(42)
        copies = np.where(np.arange(len(containers)) % 10 == 0, 1, 3)
        nodes = [chance.choice(DATANODES, count, replace=False) for count in copies.tolist()]
        return cls(np.repeat(containers, copies), np.concatenate(nodes))

    def only_on(self, datanode: int) -> Int64s:
        """Containers without a replica on another datanode."""
        container, replicas = np.unique(self.container, return_counts=True)
        return np.intersect1d(container[replicas == 1], self.container[self.datanode == datanode])


class Columns:
    """Columns of a table as an Arrow stream of one batch, without copying."""

    def __init__(self, **columns: Array | ByteColumn) -> None:
        arrays, fields = [], {}
        for name, column in columns.items():
            if isinstance(column, ByteColumn):
                kind, buffers = nanoarrow.large_binary(), [None, column.offsets, column.data]
            else:
                kind, buffers = getattr(nanoarrow, column.dtype.name)(), [None, np.ascontiguousarray(column)]
            fields[name] = kind
            arrays.append(nanoarrow.c_array_from_buffers(kind, len(column), buffers))
        self._array = nanoarrow.c_array_from_buffers(nanoarrow.struct(fields), len(column), [None], children=arrays)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return nanoarrow.c_array_stream(self._array).__arrow_c_stream__()


def over_columns(generation: Generation) -> Ask:
    """DuckDB over a generation's columns, without copying."""
    db = duckdb.connect(config={"threads": THREADS})
    keys, groups, blocks = (generation.table(name) for name in ("keys", "groups", "blocks"))
    rows = np.arange(keys.rows)
    group = groups_of(generation, rows)
    db.register("key_columns", Columns(row=rows, group_row=group, name=keys.bytes("name"), size=keys["size"]))
    db.register("group_columns", Columns(group_row=np.arange(groups.rows), prefix=groups.bytes("prefix")))
    db.execute("""
        create view keys as
        select row, prefix || name as key, size from key_columns join group_columns using (group_row)""")
    key_row = keys_of_blocks(generation)
    db.register("blocks", Columns(container=blocks["container"], length=blocks["length"], key_row=key_row))
    replicas = Replicas.of(generation)
    db.register("replicas", Columns(container=replicas.container, datanode=replicas.datanode))
    return lambda question: db.execute(question).fetchall()


def keys_of_blocks(generation: Generation) -> Int64s:
    """The row of `keys` of each block."""
    keys = generation.table("keys")
    return np.repeat(np.arange(keys.rows), np.diff(keys["first_block"]))


def peak_memory() -> float:
    """The peak resident size of this process in bytes."""
    return float(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


def query(generation: Generation, engine: str | None, parquet: Path) -> dict[str, float]:
    """Seconds of each query and the peak memory; `right` is whether numpy agrees."""
    found: dict[str, float] = {}
    began = time.perf_counter()
    ask = ENGINES[engine](parquet) if engine else over_columns(generation)
    found["open"] = time.perf_counter() - began
    replicas, containers = Replicas.of(generation), generation.table("containers")
    datanode = next(node for node in range(DATANODES) if len(replicas.only_on(node)))
    answers = []
    for name, asked in (("bytes", BYTES_OF_DATANODES), ("keys", KEYS_OF_DATANODES), ("only", KEYS_ONLY_ON)):
        began = time.perf_counter()
        answers.append(ask(asked.format(datanode=datanode)))
        found[name] = time.perf_counter() - began
    found["memory"] = peak_memory()
    held = containers["bytes"][np.searchsorted(containers["id"], replicas.container)]
    total = np.bincount(replicas.datanode, held, DATANODES).astype(np.int64).tolist()
    container, key = generation.table("blocks")["container"], keys_of_blocks(generation)
    there = np.isin(container, replicas.container[replicas.datanode == datanode])
    lone = np.unique(key[np.isin(container, replicas.only_on(datanode))])
    right = (
        [size for _, size in answers[0]] == total
        and answers[1][datanode][1:] == (total[datanode], len(np.unique(key[there])))
        and len(answers[2]) == len(lone)
        and sum(size for _, size in answers[2]) == generation.table("keys")["size"][lone].sum()
    )
    return {**found, "only_keys": len(lone), "right": right}


def export(generation: Generation, parquet: Path) -> dict[str, float]:
    """Writes the tables as Parquet, one file per million rows; returns seconds, bytes and whether DuckDB agrees."""
    db = duckdb.connect(config={"threads": THREADS})
    found: dict[str, float] = {}
    keys, blocks, order = (generation.table(name) for name in ("keys", "blocks", "container_blocks"))
    began = time.perf_counter()
    for chunk in keys.chunks((*NUMBERS, "name", "owner", "replication"), ROWS_PER_FILE):
        write(db, parquet / "keys", chunk.first_row, key_rows(generation, chunk))
    found["keys"] = time.perf_counter() - began
    began = time.perf_counter()
    key_row = keys_of_blocks(generation)
    for start, stop in ranges(order.rows, ROWS_PER_FILE):
        block = order["block"][start:stop]
        columns = {name: blocks[name][block] for name in ("container", "local_id", "length", "version")}
        write(db, parquet / "blocks", start, Columns(key_row=key_row[block], **columns))
    found["blocks"] = time.perf_counter() - began
    replicas = Replicas.of(generation)
    write(db, parquet / "replicas", 0, Columns(container=replicas.container, datanode=replicas.datanode))
    read = [
        db.execute(f"select count(*), sum({column}) from '{parquet / name}/*.parquet'").fetchone()
        for name, column in (("keys", "size"), ("blocks", "length"))
    ]
    ours = [(keys.rows, int(keys["size"].sum())), (blocks.rows, int(blocks["length"].sum()))]
    return {**found, "right": read == ours, "keys_rows": keys.rows, "blocks_rows": blocks.rows}


def key_rows(generation: Generation, chunk: TableChunk) -> Columns:
    """Rows of `keys` for other engines: with the full database key and the owner's name."""
    rows = np.arange(chunk.first_row, chunk.first_row + len(chunk))
    prefix = slices_at(generation.table("groups").bytes("prefix"), groups_of(generation, rows))
    owner = joined([slices_at(generation.table("owners").bytes("name"), chunk["owner"].astype(np.int64))])
    numbers = {name: chunk[name] for name in (*NUMBERS, "replication")}
    return Columns(row=rows, key=joined([prefix, slices_of_texts(chunk.bytes("name"))]), owner=owner, **numbers)


def write(db: duckdb.DuckDBPyConnection, directory: Path, first_row: int, rows: Columns) -> None:
    """Writes one Parquet file, named after its first row."""
    directory.mkdir(parents=True, exist_ok=True)
    db.register("part", rows)
    db.execute(f"copy part to '{directory}/{first_row:012}.parquet' (format parquet, compression zstd)")


def main() -> None:
    """Reads the arguments, runs the queries and prints the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_directory", type=Path)
    parser.add_argument("--times", type=int, default=3, help="runs of each query; the fastest counts")
    parser.add_argument(
        "--engine", action="append", choices=ENGINES, default=["duckdb"], help="an engine to run besides DuckDB"
    )
    options = parser.parse_args()
    generation = current_generation(options.data_directory)
    if generation is None:
        sys.exit(f"{options.data_directory} has no generation: `ozone-recon open OM.DB --data-dir` builds one")
    with (
        tempfile.TemporaryDirectory() as place,
        multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool,
    ):
        parquet = Path(place)
        written = pool.apply(export, (generation, parquet))
        for name in ("keys", "blocks"):
            size = sum(file.stat().st_size for file in (parquet / name).iterdir())
            rate = written[f"{name}_rows"] / written[name]
            print(f"{name} as Parquet: {rate:,.0f} rows/s, {size / (1 << 20):,.0f} MiB")
        right = bool(written["right"])
        for engine in (None, *options.engine):
            runs = [pool.apply(query, (generation, engine, parquet)) for _ in range(options.times)]
            right &= all(run["right"] for run in runs)
            best = {name: min(run[name] for run in runs) for name in runs[0]}
            times = ", ".join(f"{name} {best[name]:.2f} s" for name in ("open", "bytes", "keys", "only"))
            what = f"{engine} over Parquet" if engine else "duckdb where the columns lie"
            print(f"{what}: {times}; peak memory of Python's process {best['memory'] / (1 << 20):,.0f} MiB")
    if not right:
        sys.exit("the results differ from numpy's")


if __name__ == "__main__":
    main()
