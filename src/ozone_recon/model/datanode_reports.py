"""Datanode reports as frozen records under Ozone's names, and replicas as columns.

Sizes are bytes, times are milliseconds since 1970. An unknown enum value is its number as text.
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
    """The life-cycle state of a replica, with the datanodes' numbers; those of SCM's ContainerState differ."""

    OPEN = 1
    CLOSING = 2
    QUASI_CLOSED = 3
    CLOSED = 4
    UNHEALTHY = 5
    INVALID = 6
    DELETED = 7


class LayoutVersion(NamedTuple):
    """The layout version of a datanode's data, and the newest that its software supports."""

    metadata: int
    software: int

    @property
    def finalized(self) -> bool:
        """Whether no upgrade of the datanode is pending."""
        return self.metadata >= self.software


class Software(NamedTuple):
    """The software of a datanode and the time of its setup."""

    version: str
    revision: str
    setup_time: int


REPORT_OVERHEAD = 64
"""Estimated bytes of memory for a report in addition to its content; matters when there are many short ones."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A registration or heartbeat: the datanode and its undecoded reports (see `decode.cluster.heartbeats`).

    Only a registration has `software`. `containers` is a full report of all replicas; `increments` are the replicas
    that have changed since, in order. None means that the heartbeat has no such report.
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
        """Bytes of memory that the reports hold; a report that is a slice of a request holds the whole request."""
        return sum(memoryview(memoryview(one).obj).nbytes + REPORT_OVERHEAD for one in self.reports())

    def reports(self) -> tuple[Raw, ...]:
        """All reports of this heartbeat."""
        full = (self.node, self.containers, self.pipelines)
        parts = self.increments + self.pipeline_actions + self.container_actions + self.command_statuses
        return tuple(report for report in full if report is not None) + parts

    def followed_by(self, newer: Heartbeat) -> Heartbeat:
        """Merges with a newer heartbeat of the same datanode; a full container report replaces all earlier ones."""
        is_full = newer.containers is not None
        return replace(
            newer,
            software=newer.software or self.software,
            node=self.node if newer.node is None else newer.node,
            containers=newer.containers if is_full else self.containers,
            increments=newer.increments if is_full else self.increments + newer.increments,
            pipelines=self.pipelines if newer.pipelines is None else newer.pipelines,
            pipeline_actions=self.pipeline_actions + newer.pipeline_actions,
            container_actions=self.container_actions + newer.container_actions,
            command_statuses=self.command_statuses + newer.command_statuses,
        )


@dataclass(frozen=True, slots=True)
class StorageReport:
    """A container volume of a datanode.

    `capacity` is the space that Ozone may use: the file system's without `reserved`. `committed` is set aside for open
    containers; `free_space_to_spare` must stay free.
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
    """A pipeline of a datanode; `is_leader` says whether the datanode is its Ratis leader."""

    pipeline_id: str
    is_leader: bool


@dataclass(frozen=True, slots=True)
class PipelineAction:
    """An action that a datanode requests for a pipeline (CLOSE) and its reason; None if it gives none."""

    action: str
    pipeline_id: str | None
    reason: str | None
    details: str


@dataclass(frozen=True, slots=True)
class ContainerAction:
    """An action that a datanode requests for a container (CLOSE) and its reason; None if it gives none."""

    container_id: int
    action: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class CommandStatus:
    """The status of an SCM command on a datanode: PENDING, EXECUTED or FAILED."""

    command_id: int
    command: str
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Replica:
    """A datanode's copy of a container, or one part of an EC container; `state` is a ReplicaState's name.

    `sequence_id` is the last block commit's (bcsId), `number_of_keys` counts blocks, `replica_index` is 1 and up for
    EC, else 0, and `data_checksum` is 0 if unknown. `origin` is the datanode that wrote it first.
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

    `state` is a ReplicaState, 0 for an unknown one. `origin` indexes `origins`, which are local to this report.
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
    """The decoded reports of a Heartbeat, without undecodable ones; `refused` lists the reasons for those."""

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
