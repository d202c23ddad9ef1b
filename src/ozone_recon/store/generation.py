"""Generations: immutable sets of tables, and the builder that writes one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ozone_recon.errors import StoreError
from ozone_recon.store.columns import checksum_of, checksum_steps
from ozone_recon.store.disk import BackgroundSync, described, remove_tree
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
"""Threads that verify a generation."""
MEMORY_LIMIT = 512 << 20
"""The default memory limit of a build, in bytes."""


class Generation:
    """A complete generation, open for reading from any thread.

    Its files stay on disk while this object or one of its tables is referenced, even if a newer generation is current
    and even in a process that has not locked the data directory.
    """

    def __init__(self, path: Path, manifest: GenerationManifest, lease: GenerationLease) -> None:
        self.path = path
        self.about = manifest.about
        self.lease = lease
        self._entries = manifest.tables
        self._tables = {
            name: Table(name, path / name, entry.schema, entry.rows, lease) for name, entry in manifest.tables.items()
        }
        self.size = sum(sum(entry.files.values()) for entry in manifest.tables.values())
        """Bytes on disk."""

    @classmethod
    def open(cls, path: Path) -> Generation:
        """Opens the generation in `path`.

        Raises GenerationRemoved if it no longer exists, and StoreError if a file is missing or has the wrong size.
        """
        lease = GenerationLease(path / MANIFEST)
        generation = cls(path, read_manifest(path), lease)
        generation.check()
        return generation

    def files(self) -> tuple[Path, ...]:
        """Returns the paths of the tables' files."""
        return tuple(self.path / name / file for name, entry in self._entries.items() for file in entry.files)

    def check(self) -> None:
        """Raises StoreError if a file is missing or has the wrong size; does not read the contents."""
        for name, entry in self._entries.items():
            if (sizes := table_files(self.path / name, entry.schema, entry.rows)) != entry.files:
                raise StoreError(
                    f"table {name} of {self.path} has files of {sizes} bytes instead of {entry.files}: "
                    "delete that directory and rebuild"
                )

    def verify(self) -> None:
        """Raises StoreError unless every file matches its checksum. Reads all files, on `VERIFIERS` threads."""
        files = self._checksums()
        with ThreadPoolExecutor(VERIFIERS) as pool:
            for path, actual in zip(files, pool.map(_checksum_of, files), strict=True):
                _require_equal(path, actual, files[path])

    def verify_in_steps(self) -> Iterator[int]:
        """`verify`, one file after another in steps of at most 1 MiB; yields the bytes that each has read."""
        for path, checksum in self._checksums().items():
            try:
                actual = yield from checksum_steps(path)
            except OSError as failure:
                raise StoreError(f"cannot read {path}: {described(failure)}") from failure
            _require_equal(path, actual, checksum)

    def _checksums(self) -> dict[Path, str]:
        return {
            self.path / name / file: checksum
            for name, entry in self._entries.items()
            for file, checksum in entry.checksums.items()
        }

    @property
    def id(self) -> str:
        """The generation's name, unique in its data directory."""
        return self.path.name

    @property
    def sequence_number(self) -> int:
        """The RocksDB sequence number of the data."""
        return self.about.sequence_number

    @property
    def taken_at(self) -> int:
        """When the checkpoint was taken, ms since 1970."""
        return self.about.taken_at

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables."""
        return tuple(self._tables)

    def __contains__(self, name: object) -> bool:
        return name in self._tables

    def table(self, name: str) -> Table:
        """Returns a table by name; StoreError if there is none."""
        try:
            return self._tables[name]
        except KeyError:
            raise StoreError(
                f"generation {self.path} has no table {name!r} (it has {', '.join(self._tables)}): rebuild it"
            ) from None


def _require_equal(path: Path, actual: str, checksum: str) -> None:
    if actual != checksum:
        raise StoreError(f"{path} is damaged (checksum {actual} instead of {checksum}): delete its generation")


def _checksum_of(path: Path) -> str:
    try:
        return checksum_of(path)
    except OSError as failure:
        raise StoreError(f"cannot read {path}: {described(failure)}") from failure


class GenerationBuild:
    """A generation under construction; as a context manager it removes its directory unless it was sealed or finished.

    `memory_limit` (bytes) and `threads` apply to each writer of tables. A table can be read once it is closed.
    Different tables may be written from different threads. Finished files are synced while others are written.
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
        """Whether keys of LEGACY buckets are file system paths (`ozone.om.enable.filesystem.paths`)."""
        self.about = GenerationInfo()
        """The manifest's information, filled in by the caller before `seal` or `finish`."""
        self._publish = publish
        self._finished: dict[str, TableEntry] = {}
        self._open: dict[str, TableWriter] = {}
        self._sealed = False
        self._sync = BackgroundSync()

    def create(self, name: str, schema: Schema) -> TableWriter:
        """Creates a table, to be filled by appending rows."""
        if name in self._finished or name in self._open:
            raise StoreError(f"table {name} of {self.path} already exists")
        writer = self._open[name] = TableWriter(name, self.path / name, schema, self._finish_table)
        return writer

    def table(self, name: str) -> Table:
        """Returns a finished table; StoreError if it does not exist or is not closed yet."""
        entry = self._finished.get(name)
        if entry is None:
            raise StoreError(f"table {name!r} of {self.path} is not finished; finished are {', '.join(self._finished)}")
        return Table(name, self.path / name, entry.schema, entry.rows)

    def seal(self) -> None:
        """Syncs all files and writes the manifest, which completes the generation."""
        if self._open:
            raise StoreError(f"{self.path} cannot be sealed: tables {', '.join(self._open)} are not closed")
        for directory in sorted({self.path, *(self.path / name for name in self._finished)}):
            self._sync.add(directory)
        self._sync.wait()
        if not self.about.built_at:
            self.about = replace(self.about, built_at=time.time_ns() // 1_000_000)
        write_manifest(self.path, GenerationManifest(self.about, self._finished))
        self._sealed = True

    def finish(self) -> Generation:
        """Seals the generation and publishes it in its data directory; returns it open."""
        if self._publish is None:
            raise StoreError(f"{self.path} was not created by a data directory: seal it, then publish it there")
        self.seal()
        return self._publish(self.path)

    def abandon(self) -> None:
        """Stops the build and removes its directory."""
        self._sync.stop()
        for writer in self._open.values():
            writer.abandon()
        remove_tree(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._sealed:
            self.abandon()

    def _finish_table(self, writer: TableWriter) -> None:
        del self._open[writer.name]
        directory = self.path / writer.name
        files = table_files(directory, writer.schema, writer.rows)
        for file in files:
            self._sync.add(directory / file)
        self._finished[writer.name] = TableEntry(writer.schema, writer.rows, files, writer.checksums())
