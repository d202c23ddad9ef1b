"""A generation: immutable tables built from one checkpoint, and the building of one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ozone_recon.errors import StoreError
from ozone_recon.store.columns import Array, checksum_of, make_array
from ozone_recon.store.disk import BackgroundSync, described, remove_tree, writing
from ozone_recon.store.lease import GenerationLease
from ozone_recon.store.manifest import FILE as MANIFEST
from ozone_recon.store.manifest import (
    GenerationInfo,
    GenerationManifest,
    TableEntry,
    TaskStatus,
    read_manifest,
    write_manifest,
)
from ozone_recon.store.schema import Schema
from ozone_recon.store.table import Table, TableChunk, TableWriter, table_files

__all__ = ["Generation", "GenerationBuild", "GenerationInfo", "Table", "TableChunk", "TableWriter", "TaskStatus"]

VERIFIERS = 4
"""Threads that read a generation to verify it."""
MEMORY_LIMIT = 512 << 20
"""Bytes that a build may hold in memory at a time, unless told otherwise."""


class Generation:
    """A whole generation, open for reading from any thread.

    Its files stay on disk for as long as this object or one of its tables is referred to, also when a newer
    generation has taken its place, and also for a process that does not hold the data directory's lock.
    """

    def __init__(self, path: Path, manifest: GenerationManifest, held: GenerationLease) -> None:
        self.path = path
        self.about = manifest.about
        self.held = held
        self._entries = manifest.tables
        self._tables = {
            name: Table(name, path / name, entry.schema, entry.rows, held) for name, entry in manifest.tables.items()
        }
        self.size = sum(sum(entry.files.values()) for entry in manifest.tables.values())
        """Bytes on disk."""

    @classmethod
    def open(cls, path: Path) -> Generation:
        """Open the generation in `path`.

        GenerationRemoved when it is not there any more, StoreError when it is torn: any file missing or not of its
        size.
        """
        held = GenerationLease(path / MANIFEST)
        generation = cls(path, read_manifest(path), held)
        generation.check()
        return generation

    def check(self) -> None:
        """StoreError when a file is missing or not of its size; its content is not looked at."""
        for name, entry in self._entries.items():
            if (found := table_files(self.path / name, entry.schema, entry.rows)) != entry.files:
                raise StoreError(
                    f"table {name} in {self.path} has files of {found} bytes instead of {entry.files}: "
                    "delete that directory and rebuild"
                )

    def verify(self) -> None:
        """StoreError unless every byte of it is as it was written. Reads all of it, on a few threads."""
        files = [
            (self.path / name / file, checksum)
            for name, entry in self._entries.items()
            for file, checksum in entry.checksums.items()
        ]
        with ThreadPoolExecutor(VERIFIERS) as pool:
            for (path, checksum), found in zip(files, pool.map(_checksum_of, [path for path, _ in files]), strict=True):
                if found != checksum:
                    raise StoreError(f"{path} is damaged (checksum {found} instead of {checksum}): rebuild it")

    @property
    def id(self) -> str:
        """Its name, different for every generation of a data directory."""
        return self.path.name

    @property
    def sequence_number(self) -> int:
        """RocksDB's sequence number at which the data is true."""
        return self.about.sequence_number

    @property
    def taken_at(self) -> int:
        """When the checkpoint was taken, ms since 1970."""
        return self.about.taken_at

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of its tables."""
        return tuple(self._tables)

    def __contains__(self, name: object) -> bool:
        return name in self._tables

    def table(self, name: str) -> Table:
        """The table of that name; StoreError when there is none."""
        try:
            return self._tables[name]
        except KeyError:
            raise StoreError(
                f"generation {self.path} has no table {name!r} (it has {', '.join(self._tables)}); rebuild it"
            ) from None


def _checksum_of(path: Path) -> str:
    try:
        return checksum_of(path)
    except OSError as failure:
        raise StoreError(f"{path} cannot be read: {described(failure)}") from failure


class GenerationBuild:
    """A generation being built in a directory that nobody reads; left without `finish` or `seal`, it is removed.

    `memory_limit` (bytes) and `threads` are what each of those who write tables keeps to. Their tables may be read as
    soon as they are closed. Different tables may be written from different threads. Finished files are synced to the
    disk while others are written.
    """

    def __init__(
        self,
        path: Path,
        *,
        memory_limit: int = MEMORY_LIMIT,
        threads: int = 1,
        filesystem_paths: bool = False,
        publish: Callable[[Path], Generation] | None = None,
    ) -> None:
        self.path = path
        self.memory_limit = memory_limit
        self.threads = threads
        self.filesystem_paths = filesystem_paths
        """`ozone.om.enable.filesystem.paths`: whether keys of LEGACY buckets are file system paths."""
        self.about = GenerationInfo()
        """What the manifest will say; whoever drives the build fills it in before finishing."""
        self._publish = publish
        self._finished: dict[str, TableEntry] = {}
        self._arrays: dict[str, dict[str, tuple[str, int]]] = {}
        self._open: dict[str, TableWriter] = {}
        self._scratch = 0
        self._sealed = False
        self._sync = BackgroundSync()

    def create(self, name: str, schema: Schema) -> TableWriter:
        """A new table, to be filled by appending."""
        self._refuse_taken(name)
        writer = self._open[name] = TableWriter(name, self.path / name, schema, self._finish_table)
        return writer

    def create_array(self, table: str, column: str, kind: str, rows: int) -> Array:
        """A column of numbers of a new table as zeros to be set in any order; all columns must have equal rows.

        The array is backed by its file. The table is finished when it is first asked for, or with the build.
        """
        if table in self._finished:
            raise StoreError(f"table {table} of {self.path} is finished")
        directory = self.path / table
        with writing(directory):
            directory.mkdir(parents=True, exist_ok=True)
        array = make_array(directory / f"{column}.{kind}", kind, rows)
        self._arrays.setdefault(table, {})[column] = (kind, rows)
        return array

    def create_scratch(self, kind: str, rows: int) -> Array:
        """Zeros backed by a file without a name: disk space that is free again when the array is."""
        self._scratch += 1
        path = self.path / f"scratch-{self._scratch}"
        array = make_array(path, kind, rows)
        path.unlink()
        return array

    def table(self, name: str) -> Table:
        """A finished table; StoreError when there is none, or it is still being written."""
        if name in self._arrays:
            self._finish_arrays(name)
        entry = self._finished.get(name)
        if entry is None:
            raise StoreError(f"table {name!r} of {self.path} is not finished; finished are {', '.join(self._finished)}")
        return Table(name, self.path / name, entry.schema, entry.rows)

    def seal(self) -> None:
        """Make everything durable and write the manifest: the directory then holds a whole generation."""
        if self._open:
            raise StoreError(f"tables {', '.join(self._open)} of {self.path} were never closed")
        for name in list(self._arrays):
            self._finish_arrays(name)
        for directory in sorted({self.path, *(self.path / name for name in self._finished)}):
            self._sync.add(directory)
        self._sync.wait()
        if not self.about.built_at:
            self.about = replace(self.about, built_at=time.time_ns() // 1_000_000)
        write_manifest(self.path, GenerationManifest(self.about, self._finished))
        self._sealed = True

    def finish(self) -> Generation:
        """Make it the current generation of its data directory, durably and at once, and give it open."""
        if self._publish is None:
            raise StoreError(f"{self.path} is not built within a data directory: seal it and publish it from there")
        self.seal()
        return self._publish(self.path)

    def abandon(self) -> None:
        """Remove all of it."""
        self._sync.stop()
        for writer in self._open.values():
            writer.abandon()
        remove_tree(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._sealed:
            self.abandon()

    def _refuse_taken(self, name: str) -> None:
        if name in self._finished or name in self._arrays or name in self._open:
            raise StoreError(f"table {name} of {self.path} exists already")

    def _finish_table(self, writer: TableWriter) -> None:
        del self._open[writer.name]
        self._add(writer.name, writer.schema, writer.rows, writer.checksums())

    def _finish_arrays(self, name: str) -> None:
        columns = self._arrays[name]
        lengths = {rows for _, rows in columns.values()}
        if len(lengths) != 1:
            raise StoreError(f"columns of different lengths for table {name}: {columns}")
        schema = {column: kind for column, (kind, _) in columns.items()}
        files = [self.path / name / f"{column}.{kind}" for column, kind in schema.items()]
        self._add(name, schema, lengths.pop(), {file.name: checksum_of(file) for file in files})
        del self._arrays[name]

    def _add(self, name: str, schema: Schema, rows: int, checksums: dict[str, str]) -> None:
        directory = self.path / name
        entry = TableEntry(schema, rows, table_files(directory, schema, rows), checksums)
        for file in entry.files:
            self._sync.add(directory / file)
        self._finished[name] = entry
