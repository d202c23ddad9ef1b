"""OM rows as columns: the decoded form of a batch of keyTable, fileTable or directoryTable rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.model.replication import ReplicationConfig


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be decoded: it is counted and reported, and excluded from everything else."""

    table: str
    key: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class KeyColumns:
    """Good rows of keyTable or fileTable, in database order.

    A row's database key is `prefixes[g] + names[row]`: for keyTable the prefix is `/volume/bucket/`, for fileTable
    `/volumeId/bucketId/parentId/`. A run of rows with one prefix is a group; group g holds rows
    `group_starts[g]` to `group_starts[g + 1]` (exclusive; the array ends with the number of rows). Adjacent groups of a
    batch have different prefixes, but the last group of a batch may continue in the next batch.
    Sizes and lengths are bytes, times are milliseconds since 1970, ids are signed 64-bit numbers as in Java.
    `owner` and `replication` index `owners` and `replications`, which are local to this batch.
    Row r has the blocks `block_starts[r]` to `block_starts[r + 1]`, in the order of its location versions.
    """

    prefixes: ByteColumn
    group_starts: Int64s
    names: ByteColumn
    size: Int64s
    replicated_size: Int64s
    creation_time: Int64s
    modification_time: Int64s
    object_id: Int64s
    update_id: Int64s
    owner: NDArray[np.int32]
    replication: NDArray[np.int32]
    owners: tuple[bytes, ...]
    replications: tuple[ReplicationConfig, ...]
    block_starts: Int64s
    block_container: Int64s
    block_local_id: Int64s
    block_length: Int64s
    block_version: Int64s
    bad: tuple[BadRow, ...]

    def __len__(self) -> int:
        return len(self.size)


@dataclass(frozen=True, slots=True)
class DirectoryColumns:
    """Good rows of directoryTable, in database order; prefixes, groups and owners are as in KeyColumns."""

    prefixes: ByteColumn
    group_starts: Int64s
    names: ByteColumn
    object_id: Int64s
    parent_id: Int64s
    creation_time: Int64s
    modification_time: Int64s
    update_id: Int64s
    owner: NDArray[np.int32]
    owners: tuple[bytes, ...]
    bad: tuple[BadRow, ...]

    def __len__(self) -> int:
        return len(self.object_id)
