"""Changes in layers over a generation, read as one and merged: the prototype that `bench/store.py` measures.

A layer is a small generation, written by the code that writes a whole one: the rows that the changes of one answer to
getDBUpdates left, and a table `deleted` that tells which of them only say that a key is gone. LAYERS names the layers
in order, and replacing it is the one transaction. A layer is merged with the one below it while that has at most twice
its rows; the generation itself stays as it is until everything is folded into a new one. What is not columns, and
directoryTable, is raw rows in a layer; changed directories are not folded in. Layers that were merged are not removed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ozone_recon.decode.key_columns import decode_keys
from ozone_recon.decode.key_columns_reference import KeyTable
from ozone_recon.insights.key_rows import read_replication, section, start_of_group
from ozone_recon.insights.namespace_paths import spans
from ozone_recon.model.byte_search import find, first_after, first_at_or_after
from ozone_recon.model.cells import cells_at, cells_of, joined
from ozone_recon.model.columns import ByteColumn, Int64s, Rows
from ozone_recon.model.key_columns import KeyColumns
from ozone_recon.store.disk import replace_file
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import RAW
from ozone_recon.sync.build import KEY_TABLES
from ozone_recon.sync.insight_list import ROUNDS
from ozone_recon.sync.merge import BadRows, Buckets, KeyTables, Numbering, write_owners
from stores.changes import read_changes
from stores.sorted_search import search

NOTHING = bytes.fromhex("0a0012001a0020002801300340004800")
"""A KeyInfo without content, with which a deleted key goes through the decoder."""
NUMBERS = ("size", "replicated_size", "creation_time", "modification_time", "object_id", "update_id")
BLOCKS = ("block_container", "block_local_id", "block_length", "block_version")
MOST_LAYERS = 8
"""Layers over the generation that are not merged."""


class Part(NamedTuple):
    """A layer's rows of one of the two key tables, in database order; `deleted` is 1 where a key is gone."""

    keys: KeyColumns
    deleted: NDArray[np.uint8]


class Layer(NamedTuple):
    """A generation, or changed rows over one."""

    generation: Generation
    parts: dict[KeyTable, Part]

    @classmethod
    def of(cls, generation: Generation) -> Layer:
        """The layer that a generation is."""
        return cls(generation, {table: read_part(generation, table) for table in KEY_TABLES})

    @property
    def rows(self) -> int:
        """Keys in it."""
        return self.generation.table("keys").rows

    def raw(self, name: str) -> Rows:
        """The rows of `om/<family>`; the value of a deleted key is empty."""
        if name not in self.generation:
            return Rows(ByteColumn.of([]), ByteColumn.of([]))
        table = self.generation.table(name)
        return Rows(table.bytes("key"), table.bytes("value"))


class Overlay:
    """A generation and the layers over it, of one writer; any other process may read along by `refresh`."""

    def __init__(self, base: Generation, directory: Path, families: list[str], *, merging: bool = True) -> None:
        self.layers = [Layer.of(base)]
        self.seconds: dict[str, float] = defaultdict(float)
        self.keys, self.container_bytes = self.layers[0].rows, base.table("containers")["bytes"].copy()
        self._directory, self._families, self._merging = directory, families, merging
        self._read_at, self._made = 0, 0
        self._containers = base.table("containers")["id"]
        self._buckets = Buckets(base.table("om/bucketTable"), BadRows())
        self._owners: Numbering[bytes] = Numbering()
        owners = tuple(base.table("owners").bytes("name"))
        self._owners.translate(owners, np.arange(len(owners), dtype=np.int32))

    def apply(self, batches: list[bytes]) -> None:
        """Apply WriteBatches: all of them are there afterwards, or, after a crash, none."""
        with self._stage("read and net"):
            changes = read_changes(batches, self._families)
        with self._stage("decode"):
            parts = {table: decoded(changes.families.pop(table, []), table) for table in KEY_TABLES}
        with self._stage("old values"):
            for table, part in parts.items():
                self._count(table, part)
        with self._stage("write and sync"):
            raw = {f"om/{family}": columns(rows) for family, rows in changes.families.items()}
            self.layers.append(self._write(parts, raw, changes.sequence_number))
        with self._stage("merge"):
            if self._merging and len(self.layers) > 1 + MOST_LAYERS:
                self._merge()
        with self._stage("write and sync"):
            names = [layer.generation.id for layer in self.layers[1:]]
            replace_file(self._directory / "LAYERS", "\n".join(names).encode())

    def refresh(self) -> None:
        """Read on from the layers that the writer has made since."""
        pointer = self._directory / "LAYERS"
        if pointer.exists() and (changed := pointer.stat().st_mtime_ns) != self._read_at:
            known = {layer.generation.id: layer for layer in self.layers[1:]}
            self.layers[1:] = [
                known.get(name) or Layer.of(Generation.open(self._directory / name))
                for name in pointer.read_text().split()
            ]
            self._read_at = changed

    def find(self, table: KeyTable, key: bytes) -> int | None:
        """A key's size, or None."""
        prefix, name = split(table, key)
        for layer in reversed(self.layers):
            keys, deleted = layer.parts[table]
            group = find(keys.prefixes, prefix)
            if group is not None:
                row = find(keys.names, name, int(keys.group_starts[group]), int(keys.group_starts[group + 1]))
                if row is not None:
                    return None if deleted[row] else int(keys.size[row])
        return None

    def page(self, table: KeyTable, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """The first `limit` keys after a key, and their sizes."""
        size = limit
        while True:
            base = self.layers[0].parts[table].keys
            first = row_after(base, table, after)
            last = db_keys(base, first + size - 1, first + size)[0] if first + size < len(base) else None
            found: dict[bytes, int] = {}
            for layer in self.layers:
                keys, deleted = layer.parts[table]
                low, high = row_after(keys, table, after), len(keys) if last is None else row_after(keys, table, last)
                sizes = np.where(deleted[low:high] == 1, -1, keys.size[low:high])
                found.update(zip(db_keys(keys, low, high), sizes.tolist(), strict=True))
            rows = [row for row in (sorted(found.items()) if len(self.layers) > 1 else found.items()) if row[1] >= 0]
            if len(rows) >= limit or last is None:
                return rows[:limit]
            size *= 2

    def fold(self, path: Path, threads: int = 2) -> Generation:
        """A new generation of all layers, its insights rebuilt."""
        base, *layers = self.layers
        with self._stage("fold: rows"), GenerationBuild(path, threads=threads) as build:
            changed, raw, sequence_number = together(layers)
            self._write_rows(
                build, {table: merged(base.parts[table], part, last=True) for table, part in changed.items()}
            )
            for name in base.generation.tables:
                if name in raw:
                    write_raw(build, name, merged_raw(base.raw(name), raw[name], last=True))
                elif name.startswith(("om/", "directo")):
                    table = base.generation.table(name)
                    with build.create(name, table.schema) as writer:
                        for chunk in table.chunks(table.schema):
                            writer.append(**chunk.numbers, **chunk.strings)
            build.about = replace(base.generation.about, sequence_number=sequence_number)
            with self._stage("fold: insights"), ThreadPoolExecutor(threads) as pool:
                for insights in ROUNDS:
                    list(pool.map(lambda insight: insight.rebuild(build), insights))
            build.seal()
        return Generation.open(path)

    def _merge(self) -> None:
        """Make one layer of the newest ones: of all that have at most twice the rows of those above them."""
        from_layer, rows = len(self.layers) - 1, self.layers[-1].rows
        while from_layer > 1 and self.layers[from_layer - 1].rows <= 2 * rows:
            from_layer -= 1
            rows += self.layers[from_layer].rows
        self.layers[from_layer:] = [self._write(*together(self.layers[from_layer:]))]

    def _write(self, parts: dict[KeyTable, Part], raw: dict[str, Rows], sequence_number: int) -> Layer:
        self._made += 1
        with GenerationBuild(self._directory / f"{self._made:06}") as build:
            self._write_rows(build, parts)
            with build.create("deleted", {"row": "u1"}) as deleted:
                for part in parts.values():
                    deleted.append(row=part.deleted)
            for name, rows in raw.items():
                write_raw(build, name, rows)
            build.about = replace(build.about, sequence_number=sequence_number)
            build.seal()
        return Layer.of(Generation.open(build.path))

    def _write_rows(self, build: GenerationBuild, parts: dict[KeyTable, Part]) -> None:
        tables = KeyTables(build, self._buckets, self._owners)
        for table, part in parts.items():
            tables.add(part.keys, file_table=table == "fileTable")
        tables.close()
        write_owners(build, self._owners)

    def _count(self, table: KeyTable, part: Part) -> None:
        """Add what is new to the counts, and take away what was there before: all that insights need of a change."""
        self._add(part, np.arange(len(part.keys)), 1)
        wanted = np.arange(len(part.keys))
        for layer in reversed(self.layers):
            row = find_rows(layer.parts[table].keys, part.keys)[wanted]
            self._add(layer.parts[table], row[row >= 0], -1)
            wanted = wanted[row < 0]

    def _add(self, part: Part, rows: Int64s, sign: int) -> None:
        rows = rows[part.deleted[rows] == 0]
        first = part.keys.block_starts[rows]
        block = spans(first, part.keys.block_starts[rows + 1] - first)
        self.keys += sign * len(rows)
        container = np.searchsorted(self._containers, part.keys.block_container[block])
        np.add.at(self.container_bytes, container, sign * part.keys.block_length[block])

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began


def split(table: KeyTable, key: bytes) -> tuple[bytes, bytes]:
    """A database key's prefix and name."""
    at = key.rindex(b"/") if table == "fileTable" else key.index(b"/", key.index(b"/", 1) + 1)
    return key[: at + 1], key[at + 1 :]


def row_after(keys: KeyColumns, table: KeyTable, after: bytes) -> int:
    """The first row whose database key is greater than `after`."""
    prefix, name = split(table, after)
    group = first_at_or_after(keys.prefixes, prefix)
    start = int(keys.group_starts[group])
    if group == len(keys.prefixes) or keys.prefixes[group] != prefix:
        return start
    return first_after(keys.names, name, start, int(keys.group_starts[group + 1]))


def db_keys(keys: KeyColumns, low: int, high: int) -> list[bytes]:
    """The database keys of rows `low` to `high`."""
    group = np.searchsorted(keys.group_starts, np.arange(low, high), side="right") - 1
    return joined([cells_at(keys.prefixes, group), cells_of(keys.names.slice(low, high))]).items()


def columns(rows: list[tuple[bytes, bytes]]) -> Rows:
    """Rows as columns."""
    return Rows(ByteColumn.of(key for key, _ in rows), ByteColumn.of(value for _, value in rows))


def decoded(rows: list[tuple[bytes, bytes]], table: KeyTable) -> Part:
    """Changed rows, in key order, as columns."""
    deleted = np.array([not value for _, value in rows], np.uint8)
    return Part(decode_keys(columns([(key, value or NOTHING) for key, value in rows]), table), deleted)


def read_part(layer: Generation, table: KeyTable) -> Part:
    """A layer's rows of one table, as they are mapped."""
    keys, groups, blocks = layer.table("keys"), layer.table("groups"), layer.table("blocks")
    low, high = section(layer, file_table=table == "fileTable")
    first, end = start_of_group(layer, low), start_of_group(layer, high)
    starts = np.append(keys["first_block"][first : end + 1], blocks.rows)[: end - first + 1]
    block, last_block = (int(starts[0]), int(starts[-1])) if len(starts) else (0, 0)
    rows = KeyColumns(
        prefixes=groups.bytes("prefix").slice(low, high),
        group_starts=np.append(groups["first_row"][low:high], end) - first,
        names=keys.bytes("name").slice(first, end),
        size=keys["size"][first:end],
        replicated_size=keys["replicated_size"][first:end],
        creation_time=keys["creation_time"][first:end],
        modification_time=keys["modification_time"][first:end],
        object_id=keys["object_id"][first:end],
        update_id=keys["update_id"][first:end],
        owner=keys["owner"][first:end],
        replication=keys["replication"][first:end],
        owners=tuple(layer.table("owners").bytes("name")),
        replications=tuple(read_replication(layer, row) for row in range(layer.table("replications").rows)),
        block_starts=starts - block,
        block_container=blocks["container"][block:last_block],
        block_local_id=blocks["local_id"][block:last_block],
        block_length=blocks["length"][block:last_block],
        block_version=blocks["version"][block:last_block],
        bad=(),
    )
    deleted = layer.table("deleted")["row"][first:end] if "deleted" in layer else np.zeros(end - first, np.uint8)
    return Part(rows, deleted)


def together(layers: list[Layer]) -> tuple[dict[KeyTable, Part], dict[str, Rows], int]:
    """Parts, raw rows and sequence number of layers as one."""
    parts = layers[-1].parts
    names = {name for layer in layers for name in layer.generation.tables if name.startswith("om/")}
    raw = {name: layers[-1].raw(name) for name in names}
    for layer in reversed(layers[:-1]):
        parts = {table: merged(layer.parts[table], part) for table, part in parts.items()}
        raw = {name: merged_raw(layer.raw(name), rows) for name, rows in raw.items()}
    return parts, raw, layers[-1].generation.sequence_number


def merged(older: Part, newer: Part, *, last: bool = False) -> Part:
    """Two layers as one; of a key that is in both, the newer row. `last`: nothing is below, so no key is deleted."""
    rows = interleaved(find_rows(older.keys, newer.keys), len(older.keys))
    deleted = np.concatenate([older.deleted, newer.deleted])[rows]
    if last:
        rows, deleted = rows[deleted == 0], deleted[deleted == 0]
    return Part(taken(older.keys, newer.keys, rows), deleted)


def merged_raw(older: Rows, newer: Rows, *, last: bool = False) -> Rows:
    """The same of raw rows."""
    at = search(newer.keys, older.keys, np.zeros(len(newer), np.int64), len(older))
    rows = interleaved(at, len(older))
    values = ByteColumn.joined([older.values, newer.values])
    if last:
        rows = rows[np.diff(values.offsets)[rows] > 0]
    keys = ByteColumn.joined([older.keys, newer.keys])
    return Rows(joined([cells_at(keys, rows)]), joined([cells_at(values, rows)]))


def interleaved(found: Int64s, older: int) -> Int64s:
    """The order of rows when newer ones, found among `older` by `search`, come in; they are counted on from these."""
    rows, there = np.arange(older), found >= 0
    rows[found[there]] = older + np.flatnonzero(there)
    return np.insert(rows, -1 - found[~there], older + np.flatnonzero(~there))


def taken(older: KeyColumns, newer: KeyColumns, rows: Int64s) -> KeyColumns:
    """Rows of two, in an order in which groups stay together; rows of `newer` are counted on from those of `older`."""
    groups = len(older.prefixes)
    at = search(newer.prefixes, older.prefixes, np.zeros(len(newer.prefixes), np.int64), groups)
    named = np.concatenate([np.arange(groups), np.where(at < 0, groups + np.arange(len(at)), at)])
    group = np.repeat(named, np.concatenate([np.diff(older.group_starts), np.diff(newer.group_starts)]))[rows]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    first = np.concatenate([older.block_starts[:-1], newer.block_starts[:-1] + len(older.block_length)])[rows]
    counts = np.concatenate([np.diff(older.block_starts), np.diff(newer.block_starts)])[rows]
    items = dict.fromkeys(NUMBERS, rows) | dict.fromkeys(BLOCKS, spans(first, counts))
    taken: dict[str, Any] = {
        name: np.concatenate([getattr(older, name), getattr(newer, name)])[of] for name, of in items.items()
    }
    for name, of in {"prefixes": group[starts], "names": rows}.items():
        both = ByteColumn.joined([getattr(older, name), getattr(newer, name)])
        taken[name] = joined([cells_at(both, of)])
    return KeyColumns(
        group_starts=np.append(starts, len(rows)),
        owner=np.concatenate([older.owner, newer.owner + np.int32(len(older.owners))])[rows],
        owners=older.owners + newer.owners,
        replication=np.concatenate([older.replication, newer.replication + np.int32(len(older.replications))])[rows],
        replications=older.replications + newer.replications,
        block_starts=np.append(0, np.cumsum(counts)),
        bad=(),
        **taken,
    )


def find_rows(columns: KeyColumns, wanted: KeyColumns) -> Int64s:
    """The row of each wanted key; -1 - the row that it would stand before where there is none."""
    groups = len(columns.prefixes)
    group = search(wanted.prefixes, columns.prefixes, np.zeros(len(wanted.prefixes), np.int64), groups)
    low = columns.group_starts[np.where(group < 0, -1 - group, group)]
    high = np.where(group < 0, low, columns.group_starts[np.minimum(group, groups - 1) + 1])
    counts = np.diff(wanted.group_starts)
    return search(wanted.names, columns.names, np.repeat(low, counts), np.repeat(high, counts))


def write_raw(build: GenerationBuild, name: str, rows: Rows) -> None:
    """Write `om/<family>`."""
    with build.create(name, RAW) as writer:
        writer.append(key=rows.keys, value=rows.values)
