"""Writes batches of decoded rows to the tables of a generation.

Owners and replications are numbered once for all batches; a group that continues in the next batch stays one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.decode.om.id_prefixes import ids_of_prefixes
from ozone_recon.insights.om.bucket_rows import BucketRows
from ozone_recon.insights.om.key_rows import write_replications
from ozone_recon.model.key_columns import BadRow, DirectoryColumns, KeyColumns
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import GenerationBuild
from ozone_recon.store.manifest import BAD_SAMPLES
from ozone_recon.store.schema import TABLES

T = TypeVar("T")


class Numbering(Generic[T]):
    """A dictionary encoding: numbers distinct values in order of their first occurrence."""

    def __init__(self) -> None:
        self._rows: dict[T, int] = {}

    def translate(self, values: tuple[T, ...], indexes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Translates indices into a batch's `values` into indices into all values; not every value need occur."""
        first = np.full(len(values), -1)
        first[indexes[::-1]] = np.arange(len(indexes))[::-1]
        used = np.flatnonzero(first >= 0)
        numbers = np.empty(len(values), np.int32)
        for index in used[np.argsort(first[used])].tolist():
            numbers[index] = self._rows.setdefault(values[index], len(self._rows))
        translated: NDArray[np.int32] = numbers[indexes]
        return translated

    def values(self) -> list[T]:
        """Returns all values, in order of their numbers."""
        return list(self._rows)


class UndecodableRows:
    """Counts the rows that could not be decoded and keeps the first `BAD_SAMPLES`."""

    def __init__(self) -> None:
        self.count = 0
        self.samples: list[BadRow] = []

    def add(self, rows: Sequence[BadRow], count: int | None = None) -> None:
        """Adds bad rows; `count` is their number if `rows` are only samples."""
        self.count += len(rows) if count is None else count
        self.samples += rows[: BAD_SAMPLES - len(self.samples)]


class GroupJoiner:
    """Joins the last group of a batch with the first of the next if they have the same prefix."""

    def __init__(self) -> None:
        self._last: bytes | None = None

    def new(self, prefixes: ByteColumn, starts: Int64s, rows_before: int) -> tuple[ByteColumn, Int64s]:
        """Returns the prefixes and the first rows, in the table, of the groups that begin in a batch."""
        count = len(prefixes)
        if count == 0:
            return prefixes, starts[:0]
        skip = int(prefixes[0] == self._last)
        self._last = prefixes[count - 1]
        return prefixes.slice(skip, count), starts[skip:-1] + rows_before


class KeyTables:
    """Writes `keys`, `groups` and `blocks` from batches of keyTable, then of fileTable, each in database order."""

    def __init__(self, build: GenerationBuild, buckets: BucketRows, owners: Numbering[bytes]) -> None:
        self._buckets = buckets
        self._owners = owners
        self._replications: Numbering[ReplicationConfig] = Numbering()
        self._groups = GroupJoiner()
        self._build = build
        self._key_rows = build.create("keys", TABLES["keys"])
        self._group_rows = build.create("groups", TABLES["groups"])
        self._block_rows = build.create("blocks", TABLES["blocks"])

    def add(self, batch: KeyColumns, *, file_table: bool) -> None:
        """Appends a batch."""
        self._add_groups(batch, file_table=file_table)
        self._key_rows.append(
            name=batch.names,
            size=batch.size,
            replicated_size=batch.replicated_size,
            creation_time=batch.creation_time,
            modification_time=batch.modification_time,
            object_id=batch.object_id,
            update_id=batch.update_id,
            owner=self._owners.translate(batch.owners, batch.owner),
            replication=self._replications.translate(batch.replications, batch.replication),
            first_block=batch.block_starts[:-1] + self._block_rows.rows,
        )
        self._block_rows.append(
            container=batch.block_container,
            local_id=batch.block_local_id,
            length=batch.block_length,
            version=batch.block_version.astype(np.int32),
        )

    def close(self) -> None:
        """Finishes the tables and writes `replications`."""
        self._key_rows.end(first_block=self._block_rows.rows)
        self._group_rows.end(first_row=self._key_rows.rows)
        self._key_rows.close()
        self._group_rows.close()
        self._block_rows.close()
        write_replications(self._build, self._replications.values())

    def _add_groups(self, batch: KeyColumns, *, file_table: bool) -> None:
        prefixes, first_rows = self._groups.new(batch.prefixes, batch.group_starts, self._key_rows.rows)
        if file_table:
            ids = ids_of_prefixes(prefixes)
            bucket, parent_id = self._buckets.of_ids(ids.volume, ids.bucket), ids.parent
        else:
            bucket, parent_id = self._buckets.of_names(prefixes)
        self._group_rows.append(
            prefix=prefixes,
            first_row=first_rows,
            file_table=np.full(len(prefixes), file_table, np.uint8),
            bucket=bucket.astype(np.int32),
            parent_id=parent_id,
        )


class DirectoryTables:
    """Writes `directories` and `directory_groups` from batches of directoryTable in database order."""

    def __init__(self, build: GenerationBuild, buckets: BucketRows, owners: Numbering[bytes]) -> None:
        self._buckets = buckets
        self._owners = owners
        self._groups = GroupJoiner()
        self._rows = build.create("directories", TABLES["directories"])
        self._group_rows = build.create("directory_groups", TABLES["directory_groups"])

    def add(self, batch: DirectoryColumns) -> None:
        """Appends a batch."""
        prefixes, first_rows = self._groups.new(batch.prefixes, batch.group_starts, self._rows.rows)
        # The first group of the batch may continue the last one of the batch before.
        before = self._group_rows.rows - (len(batch.prefixes) - len(prefixes))
        groups = np.arange(before, before + len(batch.prefixes), dtype=np.int32)
        ids = ids_of_prefixes(prefixes)
        bucket = self._buckets.of_ids(ids.volume, ids.bucket)
        self._group_rows.append(prefix=prefixes, first_row=first_rows, bucket=bucket.astype(np.int32))
        self._rows.append(
            prefix_group=np.repeat(groups, np.diff(batch.group_starts)),
            name=batch.names,
            object_id=batch.object_id,
            parent_id=batch.parent_id,
            creation_time=batch.creation_time,
            modification_time=batch.modification_time,
            update_id=batch.update_id,
            owner=self._owners.translate(batch.owners, batch.owner),
        )

    def close(self) -> None:
        """Finishes the tables."""
        self._group_rows.end(first_row=self._rows.rows)
        self._rows.close()
        self._group_rows.close()


def write_owners(build: GenerationBuild, owners: Numbering[bytes]) -> None:
    """Writes `owners`; call it after all rows with an owner are written."""
    with build.create("owners", TABLES["owners"]) as writer:
        writer.append(name=ByteColumn.of(owners.values()))
