"""What is known of the running cluster at a moment, but for its containers: small, and made anew at every change.

Sizes are bytes, times are milliseconds since 1970 and 0 when it has not happened yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from typing import Final

from ozone_recon.columnar.amounts import clamp
from ozone_recon.model.datanode_reports import LayoutVersion, Software
from ozone_recon.model.metrics import MetricSample
from ozone_recon.model.scm import (
    DatanodeDetails,
    DecommissionProgress,
    DeletedBlocksSummary,
    PendingContainers,
    Pipeline,
    ScmInfo,
)

SCM_SYNC: Final = "ScmSnapshotRequest"
"""The task that reads all of SCM, which Recon does not show."""
PIPELINE_SYNC: Final = "PipelineSyncTask"
CONTAINER_HEALTH: Final = "ContainerHealthTask"
CONTAINER_SIZES: Final = "ContainerSizeCountTask"
"""Tasks under Recon's names."""
STOPPED: Final = "it was stopped"
"""The error of a task that was told to give up."""


@dataclass(frozen=True, slots=True)
class StorageTotals:
    """The sums over a datanode's volumes, as in its last report.

    Those of file systems are over the volumes that have not failed, all others over all; `filesystem_capacity` is 0
    when the datanode does not report it.
    """

    capacity: int = 0
    used: int = 0
    remaining: int = 0
    committed: int = 0
    minimum_free_space: int = 0
    reserved: int = 0
    filesystem_capacity: int = 0
    filesystem_available: int = 0
    failed_volumes: int = 0

    def __post_init__(self) -> None:
        """Clamps every sum, also one that was saved before sums were."""
        for name in self.__slots__:
            object.__setattr__(self, name, clamp(getattr(self, name)))


def sum_of(storages: Iterable[StorageTotals]) -> StorageTotals:
    """What some have together."""
    numbers = zip(astuple(StorageTotals()), *map(astuple, storages), strict=True)
    return StorageTotals(*map(sum, numbers))


@dataclass(frozen=True, slots=True)
class Datanode:
    """A datanode that has registered with us, or that SCM knows.

    `health` is ours, by its heartbeats to us: HEALTHY, HEALTHY_READONLY, STALE or DEAD. `op_state` is what it says
    itself, or SCM where it does not speak to us. What only a registration or a report tells is None before there is
    one. `containers` are replicas that it has, `open_containers` those of containers that are OPEN.
    """

    details: DatanodeDetails
    health: str
    op_state: str
    last_heartbeat: int = 0
    storage: StorageTotals | None = None
    software: Software | None = None
    layout: LayoutVersion | None = None
    containers: int = 0
    open_containers: int = 0


@dataclass(frozen=True, slots=True)
class DecommissioningDatanode:
    """A datanode on its way out of service (DECOMMISSIONING), and what it waits for; `progress` None until SCM says."""

    datanode: DatanodeDetails
    progress: DecommissionProgress | None
    waits_for: tuple[PendingContainers, ...]


@dataclass(frozen=True, slots=True)
class ClusterTask:
    """How a task that follows the cluster fares: `timestamp` of its last start or end, and why it failed, if it did.

    `began` is when its last run did; `finding` what that found to be wrong, though it went well.
    """

    name: str
    timestamp: int = 0
    began: int = 0
    running: bool = False
    error: str = ""
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """SCM and the datanodes, as they are known at the time `at`.

    `scm_at` is when SCM was last read as a whole, and `error` why it cannot be at present. `drift` is, by the name of
    a ContainerState, how many containers more SCM had than we when they were last compared (negative: fewer).
    """

    at: int = 0
    scm: ScmInfo | None = None
    scm_at: int = 0
    error: str = ""
    datanodes: tuple[Datanode, ...] = ()
    pipelines: tuple[Pipeline, ...] = ()
    open_containers_of: dict[str, int] = field(default_factory=dict)
    """Open containers by pipeline id; a pipeline that has none need not be in it."""
    waiting_for: tuple[str, ...] = ()
    """Hosts of datanodes that live, by SCM, and have not said yet what they have: no container is judged until then."""
    decommissioning: tuple[DecommissioningDatanode, ...] = ()
    deleted_blocks: DeletedBlocksSummary | None = None
    drift: dict[str, int] = field(default_factory=dict)
    tasks: tuple[ClusterTask, ...] = ()
    tables_at: int = 0
    """When nothing was known that the last generation has not."""
    counters: tuple[MetricSample, ...] = ()
    """What the process that follows it counts, for /prom."""
