"""What datanodes report of themselves, as frozen records named as in Ozone, and their replicas as columns.

Sizes are bytes, times are milliseconds since 1970. An enum value that we do not know is given as its number in text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Int64s, Raw
from ozone_recon.model.scm import DatanodeDetails


class ReplicaState(IntEnum):
    """Where a replica is in its life, by the datanodes' numbers; SCM's ContainerState has others."""

    OPEN = 1
    CLOSING = 2
    QUASI_CLOSED = 3
    CLOSED = 4
    UNHEALTHY = 5
    INVALID = 6
    DELETED = 7


class LayoutVersion(NamedTuple):
    """The layout in which a datanode keeps its data, and the newest that its software knows."""

    metadata: int
    software: int

    @property
    def finalized(self) -> bool:
        """Whether an upgrade of the datanode, if there was one, is complete."""
        return self.metadata >= self.software


class Software(NamedTuple):
    """What runs on a datanode, and since when it is set up."""

    version: str
    revision: str
    setup_time: int


OBJECT = 64
"""Bytes that a report keeps beside its own; there may be very many short ones."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a datanode sends: who it is, and its reports as they came, for `decode.cluster.datanode_reports` to read.

    A registration is the heartbeat that says what software it is. `containers` are all that the datanode has;
    `increments` are those that have changed since, in order. None means that there is no such report.
    """

    datanode: DatanodeDetails
    layout: LayoutVersion
    software: Software | None = None
    node: Raw | None = None
    containers: Raw | None = None
    increments: tuple[Raw, ...] = ()
    pipelines: Raw | None = None
    pipeline_actions: tuple[Raw, ...] = ()
    container_actions: tuple[Raw, ...] = ()
    command_statuses: tuple[Raw, ...] = ()

    @property
    def size(self) -> int:
        """Bytes that the reports keep: those of the whole request for a report that is a slice of it."""
        return sum(memoryview(memoryview(one).obj).nbytes + OBJECT for one in self.reports())

    def reports(self) -> tuple[Raw, ...]:
        """All of them."""
        whole = (self.node, self.containers, self.pipelines)
        parts = self.increments + self.pipeline_actions + self.container_actions + self.command_statuses
        return tuple(report for report in whole if report is not None) + parts

    def followed_by(self, newer: Heartbeat) -> Heartbeat:
        """What this one and a newer one of the same datanode say together."""
        whole = newer.containers is not None
        return replace(
            newer,
            software=newer.software or self.software,
            node=self.node if newer.node is None else newer.node,
            containers=newer.containers if whole else self.containers,
            increments=newer.increments if whole else self.increments + newer.increments,
            pipelines=self.pipelines if newer.pipelines is None else newer.pipelines,
            pipeline_actions=self.pipeline_actions + newer.pipeline_actions,
            container_actions=self.container_actions + newer.container_actions,
            command_statuses=self.command_statuses + newer.command_statuses,
        )


@dataclass(frozen=True, slots=True)
class StorageReport:
    """A volume of a datanode for containers.

    `capacity` is what Ozone may use: that of the file system without what is `reserved`. `committed` is promised to
    open containers, `free_space_to_spare` is what has to stay free.
    """

    uuid: str
    location: str
    storage_type: str
    capacity: int
    used: int
    remaining: int
    committed: int
    free_space_to_spare: int
    reserved: int
    filesystem_capacity: int
    filesystem_available: int
    failed: bool


@dataclass(frozen=True, slots=True)
class PipelineReport:
    """A pipeline that a datanode is in, and whether it leads there."""

    pipeline_id: str
    is_leader: bool


@dataclass(frozen=True, slots=True)
class PipelineAction:
    """What a datanode wants to be done with a pipeline: CLOSE, and why; None where it does not say."""

    action: str
    pipeline_id: str | None
    reason: str | None
    details: str


@dataclass(frozen=True, slots=True)
class ContainerAction:
    """What a datanode wants to be done with a container: CLOSE, and why; None where it does not say."""

    container_id: int
    action: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class CommandStatus:
    """What has become of a command of SCM: PENDING, EXECUTED or FAILED."""

    command_id: int
    command: str
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Replica:
    """A datanode's copy of a container, or one part of an EC container; `state` is a ReplicaState's name.

    `sequence_id` is the last block commit's (bcsId), `number_of_keys` counts blocks, `replica_index` is 1 and up for
    EC, else 0, and `data_checksum` is 0 when it is not known. `origin` is the datanode that wrote it first.
    """

    container_id: int
    state: str
    sequence_id: int
    number_of_keys: int
    used_bytes: int
    replica_index: int
    data_checksum: int
    is_empty: bool
    origin: str


@dataclass(frozen=True, slots=True)
class ReplicaColumns:
    """Replicas of a datanode, in the order of its report, with the fields of Replica.

    `state` is a ReplicaState, 0 for one that we do not know. `origin` indexes `origins`, which belong to these columns
    alone.
    """

    container_id: Int64s
    state: NDArray[np.uint8]
    sequence_id: Int64s
    number_of_keys: Int64s
    used_bytes: Int64s
    replica_index: NDArray[np.int32]
    data_checksum: Int64s
    is_empty: NDArray[np.bool_]
    origin: NDArray[np.int32]
    origins: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.container_id)


@dataclass(frozen=True, slots=True)
class DatanodeReports:
    """The reports of a Heartbeat, read; those that cannot be are left out, and `refused` says why."""

    datanode: DatanodeDetails
    layout: LayoutVersion
    software: Software | None
    node: tuple[StorageReport, ...] | None
    containers: ReplicaColumns | None
    increments: tuple[ReplicaColumns, ...]
    pipelines: tuple[PipelineReport, ...] | None
    pipeline_actions: tuple[PipelineAction, ...]
    container_actions: tuple[ContainerAction, ...]
    command_statuses: tuple[CommandStatus, ...]
    refused: tuple[str, ...]
