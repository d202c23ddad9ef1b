"""The same rows in RocksDB and in SQLite, changed and read as the overlay is: what that is held against.

Both hold OM's rows as they are: keys and values that are decoded when read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol, cast

from rocksdict import AccessType, BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from ozone_recon.decode.key_columns import decode_keys
from ozone_recon.decode.key_columns_reference import KeyTable
from ozone_recon.model.columns import ByteColumn, Rows
from ozone_recon.sources.rocksdb import Checkpoint
from ozone_recon.sync.build import KEY_TABLES
from stores.changes import read_changes

KeyRows = list[tuple[bytes, bytes]]


class Store(Protocol):
    """What is measured."""

    def apply(self, batches: list[bytes]) -> None:
        """Apply WriteBatches, durably: all or nothing."""

    def find(self, table: KeyTable, key: bytes) -> int | None:
        """A key's size, or None."""

    def page(self, table: KeyTable, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """The first `limit` keys after a key, and their sizes."""

    def refresh(self) -> None:
        """See what another process has written."""


def sizes(table: KeyTable, rows: KeyRows) -> list[int]:
    """The sizes of keys, and all else that columns hold of them, from their values."""
    columns = Rows(ByteColumn.of(key for key, _ in rows), ByteColumn.of(value for _, value in rows))
    found: list[int] = decode_keys(columns, table).size.tolist()
    return found


class RocksStore:
    """A RocksDB directory, opened for writing or, with a directory of its own, for reading along."""

    def __init__(self, path: Path, families: list[str], reader: Path | None = None) -> None:
        blocks = BlockBasedOptions()
        blocks.set_bloom_filter(10, False)
        blocks.set_block_cache(Cache(512 << 20))
        options = Options(raw_mode=True)
        options.set_block_based_table_factory(blocks)
        access = AccessType.secondary(str(reader)) if reader else AccessType.read_write()
        self.db = Rdict(str(path), options, dict.fromkeys(families, options), access)
        self.families = families
        self.family = {name: self.db.get_column_family(name) for name in families}
        self.handle = {name: self.db.get_column_family_handle(name) for name in families}
        self.synced = WriteOptions()
        self.synced.sync = True

    def apply(self, batches: list[bytes]) -> None:
        """Apply WriteBatches."""
        written = WriteBatch(raw_mode=True)
        for family, rows in read_changes(batches, self.families).families.items():
            for key, value in rows:
                if value:
                    written.put(key, value, self.handle[family])
                else:
                    written.delete(key, self.handle[family])
            for table in KEY_TABLES:
                if family == table:
                    old: list[bytes | None] = self.family[family].get([key for key, _ in rows]) or []
                    sizes(table, [row for row in rows if row[1]])
                    sizes(table, [(key, value) for (key, _), value in zip(rows, old, strict=True) if value])
        self.db.write(written, self.synced)

    def find(self, table: KeyTable, key: bytes) -> int | None:
        """A key's size, or None."""
        value = self.family[table].get(key)
        return sizes(table, [(key, value)])[0] if value else None

    def page(self, table: KeyTable, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """The first `limit` keys after a key, and their sizes."""
        found = cast("Iterator[tuple[bytes, bytes]]", self.family[table].items(from_key=after + b"\0"))
        rows = list(islice(found, limit))
        return list(zip((key for key, _ in rows), sizes(table, rows), strict=True))

    def refresh(self) -> None:
        """See what another process has written."""
        self.db.try_catch_up_with_primary()

    def close(self) -> None:
        """Let go of the directory."""
        self.db.close()


class SqliteStore:
    """A SQLite file with a table for each column family."""

    def __init__(self, path: Path, families: list[str]) -> None:
        self.families = families
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript("pragma journal_mode=wal; pragma synchronous=full; pragma cache_size=-524288")

    @classmethod
    def fill(cls, path: Path, checkpoint: Path, families: list[str]) -> None:
        """Makes the file from a checkpoint."""
        store = cls(path, families)
        store.db.execute("begin")
        with Checkpoint.open(checkpoint) as opened:
            for family in families:
                store.db.execute(f"create table {family} (key blob primary key, value blob not null) without rowid")
                for rows in opened.scan(family, lambda rows: rows):
                    store.db.executemany(
                        f"insert into {family} values (?, ?)", zip(rows.keys, rows.values, strict=True)
                    )
        store.db.execute("commit")
        store.db.close()

    def apply(self, batches: list[bytes]) -> None:
        """Apply WriteBatches."""
        self.db.execute("begin immediate")
        for family, rows in read_changes(batches, self.families).families.items():
            for table in KEY_TABLES:
                if family == table:
                    old = [(key, self._value(table, key)) for key, _ in rows]
                    sizes(table, [row for row in rows if row[1]])
                    sizes(table, [(key, value) for key, value in old if value])
            self.db.executemany(f"insert or replace into {family} values (?, ?)", [row for row in rows if row[1]])
            self.db.executemany(f"delete from {family} where key = ?", [(key,) for key, value in rows if not value])
        self.db.execute("commit")

    def find(self, table: KeyTable, key: bytes) -> int | None:
        """A key's size, or None."""
        value = self._value(table, key)
        return sizes(table, [(key, value)])[0] if value else None

    def page(self, table: KeyTable, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """The first `limit` keys after a key, and their sizes."""
        asked = f"select key, value from {table} where key > ? order by key limit ?"
        rows: KeyRows = self.db.execute(asked, (after, limit)).fetchall()
        return list(zip((key for key, _ in rows), sizes(table, rows), strict=True))

    def refresh(self) -> None:
        """See what another process has written."""

    def _value(self, table: KeyTable, key: bytes) -> bytes | None:
        found: tuple[bytes] | None = self.db.execute(f"select value from {table} where key = ?", (key,)).fetchone()
        return found[0] if found else None
