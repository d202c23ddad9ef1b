"""The state of the cluster in memory, updated from SCM's responses and datanodes' reports as they arrive.

Reports are applied in one thread, SCM's responses in others, and a generation is written in another: all values are
immutable and replaced as a whole. Times are ms since 1970, except `now`: monotonic seconds, DatanodeHealth's clock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.search import lookup
from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.follow.cluster.suspects import SuspectContainers, states_contradict
from ozone_recon.insights.cluster.datanode_health import DatanodeHealth
from ozone_recon.insights.cluster.replica_history import ReplicaHistory
from ozone_recon.insights.cluster.scm_containers import ScmContainers
from ozone_recon.model.cluster import Cluster, ClusterTask, Datanode, DecommissioningDatanode, StorageTotals
from ozone_recon.model.datanode_reports import DatanodeReports, LayoutVersion, Software, StorageReport
from ozone_recon.model.metrics import MetricSample
from ozone_recon.model.requests import Removal, RemoveDatanodes
from ozone_recon.model.scm import DatanodeDetails, DeletedBlocksSummary, NodeStatus, Pipeline, ScmInfo

_LOG: Final = logging.getLogger(__name__)
_ALIVE: Final = ("HEALTHY", "HEALTHY_READONLY")


@dataclass(frozen=True, slots=True)
class _Reported:
    """The last report of a datanode; `last_heartbeat` is only set from an earlier run."""

    details: DatanodeDetails
    layout: LayoutVersion | None = None
    software: Software | None = None
    storage: StorageTotals | None = None
    last_heartbeat: int = 0
    has_full_report: bool = False
    """Whether it has sent a full container report."""


@dataclass(slots=True)
class ChangeCounts:
    """Counts changes that answers depend on: `sizes` for sizes and times only, `urgent` for all others."""

    urgent: int = 0
    sizes: int = 0


@dataclass(frozen=True, slots=True)
class ScmSnapshot:
    """SCM's last responses, except containers, datanodes and pipelines."""

    info: ScmInfo | None = None
    read_at: int = 0
    decommissioning: tuple[DecommissioningDatanode, ...] = ()
    deleted_blocks: DeletedBlocksSummary | None = None
    drift: dict[str, int] | None = None


class ClusterState:
    """The cluster's state: starts empty, or from the last generation (`restore`)."""

    def __init__(self, intervals: Intervals) -> None:
        self.containers = ScmContainers()
        self.replicas = ReplicaHistory()
        self.health = DatanodeHealth(intervals)
        self.suspect_containers = SuspectContainers()
        self.changes = ChangeCounts()
        self.scm = ScmSnapshot()
        self.open_replicas: dict[str, int] = {}
        """Replicas of open containers by datanode, as of the last generation."""
        self.possibly_missing = np.empty(0, np.int64)
        """Containers that lack replicas which unreported datanodes may hold, as of the last generation."""
        self.confirmed_missing = np.empty(0, np.int64)
        """Those of them that, by SCM, no unreported datanode holds."""
        self.has_unknown_pipeline = False
        """Whether a datanode has reported a pipeline that is not among those read from SCM."""
        self.complete = False
        """Whether all containers of SCM have been read, in this run or an earlier one."""
        self.removed: frozenset[str] = frozenset()
        self._named_by_scm: frozenset[str] = frozenset()
        """Datanodes that SCM has ever named: an SCM that has just started names none for a while."""
        self._reported: dict[str, _Reported] = {}
        self._nodes: dict[str, NodeStatus] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self._leaders: dict[str, str] = {}
        self._unknown_pipelines: set[str] = set()
        """Pipelines that SCM did not know when they were first reported."""
        self._healths: dict[str, str] = {}

    def apply_report(self, reports: DatanodeReports, at: int, now: float) -> None:
        """Applies a datanode's reports."""
        uuid = reports.datanode.uuid
        known = self._reported.get(uuid)
        software, storage = (known.software, known.storage) if known else (None, None)
        has_full_report = reports.containers is not None or (known is not None and known.has_full_report)
        self._reported[uuid] = _Reported(
            details=reports.datanode,
            layout=reports.layout,
            software=reports.software or software,
            storage=storage if reports.node is None else _sums(reports.node),
            has_full_report=has_full_report,
        )
        self.removed -= {uuid}
        if reports.containers is not None or reports.increments:
            self._apply_replicas(reports, at, now)
        if (
            known is None
            or known.has_full_report != has_full_report
            or known.details.op_state != reports.datanode.op_state
        ):
            self.changes.urgent += 1
        for report in reports.pipelines or ():
            if report.pipeline_id not in self._pipelines and report.pipeline_id not in self._unknown_pipelines:
                self._unknown_pipelines.add(report.pipeline_id)
                self.has_unknown_pipeline = True
            if report.is_leader:
                self._leaders[report.pipeline_id] = uuid

    def _apply_replicas(self, reports: DatanodeReports, at: int, now: float) -> None:
        changed = self.replicas.add(reports, at)
        self.changes.urgent += changed
        self.changes.sizes += 1
        if self.complete:
            for some in (reports.containers, *reports.increments):
                if some is not None:
                    contradicts = states_contradict(self.containers.states(some.container_id), some.state)
                    self.suspect_containers.add(some.container_id[contradicts], now)

    def still_suspect(self, container_ids: list[int]) -> set[int]:
        """Returns those of the containers that still contradict their replicas."""
        return set().union(*(ids.tolist() for ids in self._contradicted(np.array(sorted(container_ids), np.int64))))

    def find_suspects(self, now: float) -> None:
        """Adds every container that contradicts its replicas to the suspects; called after a full read of SCM."""
        self.complete = True
        for ids in self._contradicted(None):
            self.suspect_containers.add(ids, now)

    def _contradicted(self, wanted: Int64s | None) -> Iterable[Int64s]:
        """Yields, datanode by datanode, the containers that contradict their replicas; only `wanted` ones if given."""
        for replicas in self.replicas.all().values():
            rows = np.flatnonzero(replicas.present)
            if wanted is not None:
                there, at = lookup(replicas.container_id, wanted)
                rows = at[there][replicas.present[at[there]]]
            ids = replicas.container_id[rows].astype(np.int64)
            yield ids[states_contradict(self.containers.states(ids), replicas.state[rows])]

    def apply_nodes(self, nodes: Iterable[NodeStatus]) -> None:
        """Replaces SCM's datanodes."""
        before, self._nodes = self._nodes, {node.datanode.uuid: node for node in nodes}
        self._named_by_scm |= self._nodes.keys()
        if _states(before) != _states(self._nodes):
            self.changes.urgent += 1

    def is_known(self, datanode: str) -> bool:
        """Whether SCM has named the datanode; anybody can register others."""
        return datanode in self._named_by_scm

    def apply_pipelines(self, pipelines: Iterable[Pipeline]) -> None:
        """Replaces SCM's pipelines; equal member records are shared."""
        shared: dict[DatanodeDetails, DatanodeDetails] = {}
        self._pipelines = {
            one.pipeline_id: replace(one, members=tuple(shared.setdefault(member, member) for member in one.members))
            for one in pipelines
        }
        self._leaders = {one: leader for one, leader in self._leaders.copy().items() if one in self._pipelines}

    def refresh_health(self, now: float) -> set[str]:
        """Recomputes the health of all datanodes; returns the healths that some datanode has newly reached."""
        healths = {uuid: self._health(uuid, now) for uuid in self._uuids()}
        changed = {uuid: health for uuid, health in healths.items() if self._healths.get(uuid) != health}
        for uuid, health in changed.items():
            self._log_health(uuid, health)
        if healths != self._healths:
            self.changes.urgent += 1
        self._healths = healths
        return set(changed.values())

    def unreported_nodes(self) -> dict[str, NodeStatus]:
        """Returns the datanodes that are alive by SCM and have not sent a full container report yet."""
        return {
            uuid: node
            for uuid, node in self._nodes.items()
            if node.health in _ALIVE
            if uuid not in self._reported or not self._reported[uuid].has_full_report
        }

    def remove(self, request: RemoveDatanodes, at: int, now: float) -> Removal:
        """Removes dead datanodes without open containers or pipelines (Recon's NodeEndpoint)."""
        known = {one.details.uuid: one for one in self.datanodes(now, at)}
        busy = {member.uuid for one in self._pipelines.values() if one.state == "OPEN" for member in one.members}
        refused: dict[str, str] = {}
        for uuid in known.keys() & set(request.datanodes):
            if known[uuid].health != "DEAD":
                refused[uuid] = "DataNode should be in DEAD node status."
            elif uuid in busy or self.open_replicas.get(uuid):
                refused[uuid] = "Open Containers/Pipelines"
        removed = [uuid for uuid in request.datanodes if uuid in known and uuid not in refused]
        for uuid in removed:
            self.replicas.retire(uuid)
            self.health.forget(uuid)
            self._reported.pop(uuid, None)
        self.removed |= set(removed)
        self._named_by_scm -= set(removed) - self._nodes.keys()
        self.changes.urgent += bool(removed)
        return Removal(
            tuple(known[uuid] for uuid in dict.fromkeys(removed)),
            tuple(uuid for uuid in dict.fromkeys(request.datanodes) if uuid not in known),
            refused,
        )

    def datanodes(self, now: float, at: int) -> list[Datanode]:
        """Returns all datanodes that have reported or that SCM knows, sorted by UUID."""
        return [self._datanode(uuid, now, at) for uuid in sorted(self._uuids())]

    def pipelines(self) -> list[Pipeline]:
        """Returns all pipelines, each with the leader that its datanodes report."""
        leaders = self._leaders
        return [replace(one, leader=leaders.get(one.pipeline_id, one.leader)) for one in self._pipelines.values()]

    def cluster(
        self, at: int, now: float, tasks: tuple[ClusterTask, ...], counters: tuple[MetricSample, ...], error: str
    ) -> Cluster:
        """Returns the state without containers, with the caller's task status, counters and SCM error."""
        scm = self.scm
        return Cluster(
            at=at,
            scm=scm.info,
            scm_at=scm.read_at,
            error=error,
            datanodes=tuple(self.datanodes(now, at)),
            pipelines=tuple(self.pipelines()),
            open_containers_of=self.containers.open_by_pipeline(),
            waiting_for=tuple(node.datanode.host_name for node in self.unreported_nodes().values()),
            decommissioning=scm.decommissioning,
            deleted_blocks=scm.deleted_blocks,
            drift=scm.drift or {},
            tasks=tasks,
            counters=counters,
        )

    def restore(self, cluster: Cluster, removed: Iterable[str], now: float) -> None:
        """Restores the state of an earlier run; the caller restores containers and replicas."""
        self.scm = ScmSnapshot(cluster.scm, cluster.scm_at, cluster.decommissioning, cluster.deleted_blocks)
        self.complete = True
        self.apply_pipelines(cluster.pipelines)
        for one in cluster.datanodes:
            self._nodes[one.details.uuid] = NodeStatus(one.details, one.health, one.op_state)
        self.restore_reports(cluster.datanodes, removed, now)

    def restore_reports(self, datanodes: Iterable[Datanode], removed: Iterable[str], now: float) -> None:
        """Restores what datanodes have reported to an earlier run or to the peer; the caller restores replicas."""
        self.removed = frozenset(removed)
        for one in datanodes:
            uuid = one.details.uuid
            self._named_by_scm |= {uuid}
            if one.layout is not None:
                self.health.restore(uuid, one.layout, now)
                self._reported[uuid] = _Reported(
                    one.details, one.layout, one.software, one.storage, one.last_heartbeat, has_full_report=True
                )
        self.changes.urgent += 1

    def _log_health(self, uuid: str, health: str) -> None:
        """Logs that a datanode is stale, dead, or alive again; a new one is logged when it registers."""
        node = self._reported[uuid].details if uuid in self._reported else self._nodes[uuid].datanode
        if health not in _ALIVE:
            _LOG.warning("datanode %s (%s) is %s", node.host_name, uuid, health)
        elif self._healths.get(uuid, health) not in _ALIVE:
            _LOG.info("datanode %s (%s) is %s again", node.host_name, uuid, health)

    def _uuids(self) -> set[str]:
        return (self._reported.keys() | self._nodes.keys()) - self.removed

    def _health(self, uuid: str, now: float) -> str:
        """Derives the health from heartbeats; takes SCM's if the datanode has sent none since the start."""
        if uuid in self._nodes and not self.health.has_heartbeat(uuid):
            return self._nodes[uuid].health
        return self.health.health(uuid, now) if uuid in self.health else "DEAD"

    def _datanode(self, uuid: str, now: float, at: int) -> Datanode:
        reported, node = self._reported.get(uuid), self._nodes.get(uuid)
        health, has_heartbeat = self._health(uuid, now), self.health.has_heartbeat(uuid)
        if node is None or (has_heartbeat and reported is not None):
            assert reported is not None
            details = reported.details
        else:
            details = node.datanode
        self_reported = node is None or (has_heartbeat and health != "DEAD")
        last_heartbeat = reported.last_heartbeat if reported else 0
        if has_heartbeat:
            last_heartbeat = at - round(1000 * self.health.since_heartbeat(uuid, now))
        replicas = self.replicas.of_datanode(uuid)
        return Datanode(
            details=details,
            health=health,
            op_state=details.op_state if self_reported or node is None else node.op_state,
            last_heartbeat=last_heartbeat,
            storage=reported.storage if reported else None,
            software=reported.software if reported else None,
            layout=reported.layout if reported else None,
            containers=int(np.count_nonzero(replicas.present)),
            open_containers=self.open_replicas.get(uuid, 0),
        )


def _states(nodes: dict[str, NodeStatus]) -> dict[str, tuple[str, str]]:
    return {uuid: (node.health, node.op_state) for uuid, node in nodes.items()}


def _sums(reports: tuple[StorageReport, ...]) -> StorageTotals:
    """Sums the storage reports of a datanode as SCM's DatanodeInfo does."""
    sound = [one for one in reports if not one.failed]
    return StorageTotals(
        capacity=sum(one.capacity for one in reports),
        used=sum(one.used for one in reports),
        remaining=sum(one.remaining for one in reports),
        committed=sum(one.committed for one in reports),
        minimum_free_space=sum(one.free_space_to_spare for one in reports),
        reserved=sum(one.reserved for one in reports),
        filesystem_capacity=sum(one.filesystem_capacity for one in sound),
        filesystem_available=sum(one.filesystem_available for one in sound),
        failed_volumes=len(reports) - len(sound),
    )
