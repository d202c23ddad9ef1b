"""What is known of the cluster: what SCM told and what datanodes reported, as it comes.

Reports come in one thread, SCM's answers in others, and a generation is written in one more: all of it is in values
that are replaced, never changed. Times are ms since 1970, but `now`: seconds that never go back, DatanodeHealth's.
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
from ozone_recon.follow.cluster.suspects import SuspectContainers, suspect_containers
from ozone_recon.insights.cluster.datanode_health import DatanodeHealth
from ozone_recon.insights.cluster.replica_history import ReplicaHistory
from ozone_recon.insights.cluster.scm_containers import ScmContainers
from ozone_recon.model.cluster import Cluster, ClusterTask, Datanode, LeavingDatanode, StorageTotals
from ozone_recon.model.datanode_reports import DatanodeReports, LayoutVersion, Software, StorageReport
from ozone_recon.model.metrics import MetricSample
from ozone_recon.model.requests import Removal, RemoveDatanodes
from ozone_recon.model.scm import DatanodeDetails, DeletedBlocksSummary, NodeStatus, Pipeline, ScmInfo

_LOG: Final = logging.getLogger(__name__)
_ALIVE: Final = ("HEALTHY", "HEALTHY_READONLY")


@dataclass(frozen=True, slots=True)
class _Reported:
    """What a datanode has said of itself: `heard_at` is from before we started, `whole` that it has said all it has."""

    details: DatanodeDetails
    layout: LayoutVersion | None = None
    software: Software | None = None
    storage: StorageTotals | None = None
    heard_at: int = 0
    whole: bool = False


@dataclass(slots=True)
class ChangeCounts:
    """How often something has changed that answers depend on: `sizes` and times alone, or more."""

    urgent: int = 0
    sizes: int = 0


@dataclass(frozen=True, slots=True)
class ScmSnapshot:
    """What SCM told last, but for containers, datanodes and pipelines."""

    info: ScmInfo | None = None
    read_at: int = 0
    leaving: tuple[LeavingDatanode, ...] = ()
    deleted_blocks: DeletedBlocksSummary | None = None
    drift: dict[str, int] | None = None


class ClusterState:
    """A cluster, from its first report on or from what was known before."""

    def __init__(self, intervals: Intervals) -> None:
        self.containers = ScmContainers()
        self.replicas = ReplicaHistory()
        self.health = DatanodeHealth(intervals)
        self.suspect_containers = SuspectContainers()
        self.changes = ChangeCounts()
        self.scm = ScmSnapshot()
        self.open_replicas: dict[str, int] = {}
        """Replicas of open containers by datanode, when the last generation was written."""
        self.possibly_missing = np.empty(0, np.int64)
        """Containers that lack replicas, unless datanodes have them that are late; of the last generation."""
        self.confirmed = np.empty(0, np.int64)
        """Those of which SCM says that no such datanode has them."""
        self.unknown_pipeline = False
        """Whether a datanode has reported a pipeline that SCM had not told us of."""
        self.complete = False
        """Whether SCM has told of all containers, by now or before."""
        self.removed: frozenset[str] = frozenset()
        self._named: frozenset[str] = frozenset()
        """Datanodes that SCM has named, by now or before: one that has just started names none for a while."""
        self._reported: dict[str, _Reported] = {}
        self._nodes: dict[str, NodeStatus] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self._leaders: dict[str, str] = {}
        self._strange: set[str] = set()
        """Pipelines that SCM did not know when they were reported first."""
        self._healths: dict[str, str] = {}

    def use(self, reports: DatanodeReports, at: int, now: float) -> None:
        """Takes what a datanode reports."""
        uuid = reports.datanode.uuid
        known = self._reported.get(uuid)
        software, storage = (known.software, known.storage) if known else (None, None)
        whole = reports.containers is not None or (known is not None and known.whole)
        self._reported[uuid] = _Reported(
            details=reports.datanode,
            layout=reports.layout,
            software=reports.software or software,
            storage=storage if reports.node is None else _sums(reports.node),
            whole=whole,
        )
        self.removed -= {uuid}
        if reports.containers is not None or reports.increments:
            self._use_replicas(reports, at, now)
        if known is None or known.whole != whole or known.details.op_state != reports.datanode.op_state:
            self.changes.urgent += 1
        for report in reports.pipelines or ():
            if report.pipeline_id not in self._pipelines and report.pipeline_id not in self._strange:
                self._strange.add(report.pipeline_id)
                self.unknown_pipeline = True
            if report.is_leader:
                self._leaders[report.pipeline_id] = uuid

    def _use_replicas(self, reports: DatanodeReports, at: int, now: float) -> None:
        changed = self.replicas.add(reports, at)
        self.changes.urgent += changed
        self.changes.sizes += 1
        if self.complete:
            for some in (reports.containers, *reports.increments):
                if some is not None:
                    in_doubt = suspect_containers(self.containers.states(some.container_id), some.state)
                    self.suspect_containers.add(some.container_id[in_doubt], now)

    def still_suspect(self, container_ids: list[int]) -> set[int]:
        """Which of these containers do not fit to the replicas that there are of them."""
        return set().union(*(ids.tolist() for ids in self._misfits(np.array(sorted(container_ids), np.int64))))

    def suspect_all(self, now: float) -> None:
        """Looks through all replicas for containers that do not fit to them: SCM has just told of all containers."""
        self.complete = True
        for ids in self._misfits(None):
            self.suspect_containers.add(ids, now)

    def _misfits(self, wanted: Int64s | None) -> Iterable[Int64s]:
        """The containers, or those of the `wanted`, that do not fit to their replicas, datanode by datanode."""
        for replicas in self.replicas.all().values():
            rows = np.flatnonzero(replicas.present)
            if wanted is not None:
                there, at = lookup(replicas.container_id, wanted)
                rows = at[there][replicas.present[at[there]]]
            ids = replicas.container_id[rows].astype(np.int64)
            yield ids[suspect_containers(self.containers.states(ids), replicas.state[rows])]

    def take_nodes(self, nodes: Iterable[NodeStatus]) -> None:
        """Takes all datanodes of SCM."""
        before, self._nodes = self._nodes, {node.datanode.uuid: node for node in nodes}
        self._named |= self._nodes.keys()
        if _states(before) != _states(self._nodes):
            self.changes.urgent += 1

    def is_known(self, datanode: str) -> bool:
        """Whether SCM has named the datanode; others may be anybody's."""
        return datanode in self._named

    def take_pipelines(self, pipelines: Iterable[Pipeline]) -> None:
        """Takes all pipelines of SCM; their members become one record for each datanode."""
        same: dict[DatanodeDetails, DatanodeDetails] = {}
        self._pipelines = {
            one.pipeline_id: replace(one, members=tuple(same.setdefault(member, member) for member in one.members))
            for one in pipelines
        }
        self._leaders = {one: leader for one, leader in self._leaders.copy().items() if one in self._pipelines}

    def look(self, now: float) -> set[str]:
        """Which healths of datanodes are new since it was last looked."""
        healths = {uuid: self._health(uuid, now) for uuid in self._uuids()}
        changed = {uuid: health for uuid, health in healths.items() if self._healths.get(uuid) != health}
        for uuid, health in changed.items():
            self._log(uuid, health)
        if healths != self._healths:
            self.changes.urgent += 1
        self._healths = healths
        return set(changed.values())

    def late(self) -> dict[str, NodeStatus]:
        """The datanodes that live, by SCM, and have not said yet what they have."""
        return {
            uuid: node
            for uuid, node in self._nodes.items()
            if node.health in _ALIVE
            if uuid not in self._reported or not self._reported[uuid].whole
        }

    def remove(self, request: RemoveDatanodes, at: int, now: float) -> Removal:
        """Forgets datanodes that are dead and have nothing open."""
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
        self._named -= set(removed) - self._nodes.keys()
        self.changes.urgent += bool(removed)
        return Removal(
            tuple(known[uuid] for uuid in dict.fromkeys(removed)),
            tuple(uuid for uuid in dict.fromkeys(request.datanodes) if uuid not in known),
            refused,
        )

    def datanodes(self, now: float, at: int) -> list[Datanode]:
        """All datanodes that have spoken to us or that SCM knows, in the order of their UUIDs."""
        return [self._datanode(uuid, now, at) for uuid in sorted(self._uuids())]

    def pipelines(self) -> list[Pipeline]:
        """All pipelines, each with the leader that it has by its datanodes."""
        leaders = self._leaders
        return [replace(one, leader=leaders.get(one.pipeline_id, one.leader)) for one in self._pipelines.values()]

    def cluster(
        self, at: int, now: float, tasks: tuple[ClusterTask, ...], counters: tuple[MetricSample, ...], error: str
    ) -> Cluster:
        """All of it but the containers, and what the caller knows: how tasks fare, and why SCM cannot be read."""
        scm = self.scm
        return Cluster(
            at=at,
            scm=scm.info,
            scm_at=scm.read_at,
            error=error,
            datanodes=tuple(self.datanodes(now, at)),
            pipelines=tuple(self.pipelines()),
            open_containers_of=self.containers.open_by_pipeline(),
            waiting_for=tuple(node.datanode.host_name for node in self.late().values()),
            leaving=scm.leaving,
            deleted_blocks=scm.deleted_blocks,
            drift=scm.drift or {},
            tasks=tasks,
            counters=counters,
        )

    def restore(self, cluster: Cluster, removed: Iterable[str], now: float) -> None:
        """Takes what was known before; the containers and replicas are put where they belong by the caller."""
        self.scm = ScmSnapshot(cluster.scm, cluster.scm_at, cluster.leaving, cluster.deleted_blocks)
        self.complete = True
        self.removed = frozenset(removed)
        self.take_pipelines(cluster.pipelines)
        self._named |= {one.details.uuid for one in cluster.datanodes}
        for one in cluster.datanodes:
            uuid = one.details.uuid
            self._nodes[uuid] = NodeStatus(one.details, one.health, one.op_state)
            if one.layout is not None:
                self.health.expect(uuid, one.layout, now)
                self._reported[uuid] = _Reported(
                    one.details, one.layout, one.software, one.storage, one.last_heartbeat, whole=True
                )

    def _log(self, uuid: str, health: str) -> None:
        """Says that a datanode has fallen silent, or speaks again; that it has come is said when it registers."""
        node = self._reported[uuid].details if uuid in self._reported else self._nodes[uuid].datanode
        if health not in _ALIVE:
            _LOG.warning("datanode %s (%s) is %s", node.host_name, uuid, health)
        elif self._healths.get(uuid, health) not in _ALIVE:
            _LOG.info("datanode %s (%s) is %s again", node.host_name, uuid, health)

    def _uuids(self) -> set[str]:
        return (self._reported.keys() | self._nodes.keys()) - self.removed

    def _health(self, uuid: str, now: float) -> str:
        """By its heartbeats; of one that has not been heard of since we started, as SCM has it."""
        if uuid in self._nodes and not self.health.has_spoken(uuid):
            return self._nodes[uuid].health
        return self.health.health(uuid, now) if uuid in self.health else "DEAD"

    def _datanode(self, uuid: str, now: float, at: int) -> Datanode:
        reported, node = self._reported.get(uuid), self._nodes.get(uuid)
        health, spoken = self._health(uuid, now), self.health.has_spoken(uuid)
        if node is None or (spoken and reported is not None):
            assert reported is not None
            details = reported.details
        else:
            details = node.datanode
        by_itself = node is None or (spoken and health != "DEAD")
        heard_at = at - round(1000 * self.health.silence(uuid, now)) if spoken else reported.heard_at if reported else 0
        replicas = self.replicas.of_datanode(uuid)
        return Datanode(
            details=details,
            health=health,
            op_state=details.op_state if by_itself or node is None else node.op_state,
            last_heartbeat=heard_at,
            storage=reported.storage if reported else None,
            software=reported.software if reported else None,
            layout=reported.layout if reported else None,
            containers=int(np.count_nonzero(replicas.present)),
            open_containers=self.open_replicas.get(uuid, 0),
        )


def _states(nodes: dict[str, NodeStatus]) -> dict[str, tuple[str, str]]:
    return {uuid: (node.health, node.op_state) for uuid, node in nodes.items()}


def _sums(reports: tuple[StorageReport, ...]) -> StorageTotals:
    """As DatanodeInfo adds a report up."""
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
