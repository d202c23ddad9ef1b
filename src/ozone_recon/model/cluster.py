"""A snapshot of the running cluster without its containers; small, and replaced as a whole at every change.

Sizes are bytes. Times are milliseconds since 1970, 0 for an event that has not happened yet.
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
"""The task that reads all of SCM; Java Recon does not list it."""
PIPELINE_SYNC: Final = "PipelineSyncTask"
CONTAINER_HEALTH: Final = "ContainerHealthTask"
CONTAINER_SIZES: Final = "ContainerSizeCountTask"
"""The other tasks, under Java Recon's names."""
STOPPED: Final = "it was stopped"
"""The error of a task that was stopped on request."""


@dataclass(frozen=True, slots=True)
class StorageTotals:
    """Sums over the volumes in a datanode's last report.

    The two file system sums cover the volumes that have not failed, the others cover all volumes. `filesystem_capacity`
    is 0 if the datanode does not report it.
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
        """Clamps every sum; older versions saved sums without a bound."""
        for name in self.__slots__:
            object.__setattr__(self, name, clamp(getattr(self, name)))


def sum_of(storages: Iterable[StorageTotals]) -> StorageTotals:
    """Adds up the totals of several datanodes."""
    numbers = zip(astuple(StorageTotals()), *map(astuple, storages), strict=True)
    return StorageTotals(*map(sum, numbers))


@dataclass(frozen=True, slots=True)
class Datanode:
    """A datanode that has registered with this server or that SCM lists.

    `health` is derived from its heartbeats to this server: HEALTHY, HEALTHY_READONLY, STALE or DEAD. `op_state` is the
    datanode's own, or SCM's if it does not report to this server. Fields known only from a registration or a report are
    None before the first one. `containers` is the number of its replicas, `open_containers` the number of replicas of
    OPEN containers.
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
    """The state of a cluster task. `timestamp` is its last start or end, `error` the reason if its last run failed.

    `began` is the start of the last run; `finding` is a problem that a successful run has found.
    """

    name: str
    timestamp: int = 0
    began: int = 0
    running: bool = False
    error: str = ""
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """SCM and the datanodes as known at the time `at`.

    `scm_at` is the time of the last complete read of SCM; `error` is the reason if SCM cannot be read at present.
    `drift` is, by name of a ContainerState, the number of containers in SCM minus the number here, at the last
    comparison.
    """

    at: int = 0
    scm: ScmInfo | None = None
    scm_at: int = 0
    error: str = ""
    datanodes: tuple[Datanode, ...] = ()
    pipelines: tuple[Pipeline, ...] = ()
    open_containers_of: dict[str, int] = field(default_factory=dict)
    """Number of open containers by pipeline id; may omit pipelines without any."""
    waiting_for: tuple[str, ...] = ()
    """Hosts of live datanodes, by SCM, without a full container report yet: health is not evaluated until then."""
    decommissioning: tuple[DecommissioningDatanode, ...] = ()
    deleted_blocks: DeletedBlocksSummary | None = None
    drift: dict[str, int] = field(default_factory=dict)
    tasks: tuple[ClusterTask, ...] = ()
    reported_at: int = 0
    """When the datanodes' reports were current, if they are a copy from the peer (a standby's); otherwise 0."""
    tables_at: int = 0
    """The last time at which the published generation contained everything known."""
    counters: tuple[MetricSample, ...] = ()
    """Counters of the process that follows the cluster, for /prom."""
