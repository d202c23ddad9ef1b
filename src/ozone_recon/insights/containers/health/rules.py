"""The rules of container health in plain Python: one function per check of SCM's replication manager, in SCM's order.

This is the reference form: read it and change it first. `rules_kernel` and `batch_kernel` are the same rules compiled,
for clusters with millions of containers. Tests hold them equal to this form, and this form to Ozone's Java classes.

The checks are those of Ozone 2.2.0 (`scm.container.replication.health`), read-only and without pending operations, as
Recon runs them. One difference: where Ozone rejects an EC replica whose index the container cannot have, the replica
is ignored here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from ozone_recon.model.container_health import HealthRules, HealthState, PlacementPolicy
from ozone_recon.model.datanode_reports import Replica
from ozone_recon.model.scm import ContainerInfo, ContainerState

REACHABLE: Final = ("HEALTHY", "HEALTHY_READONLY")
"""Health of the datanodes that can be reached."""
IN_TOPOLOGY: Final = (*REACHABLE, "STALE")
"""Health of the datanodes whose racks count as the cluster's: SCM removes dead ones from its network topology."""
DECOMMISSION_STATES: Final = ("DECOMMISSIONING", "DECOMMISSIONED")
MAINTENANCE_STATES: Final = ("ENTERING_MAINTENANCE", "IN_MAINTENANCE")


@dataclass(frozen=True, slots=True)
class ReplicaNode:
    """The properties of a datanode that container health depends on; `health` and `op_state` are empty if unknown."""

    uuid: str
    health: str = "HEALTHY"
    op_state: str = "IN_SERVICE"
    location: str = "/default-rack"

    @property
    def is_live(self) -> bool:
        """Whether its replicas count. DeadNodeHandler drops those of a dead datanode unless it is in maintenance."""
        return self.health != "DEAD" or self.op_state == "IN_MAINTENANCE"

    @property
    def in_service(self) -> bool:
        """Whether it is neither in decommission nor in maintenance."""
        return self.op_state not in DECOMMISSION_STATES and self.op_state not in MAINTENANCE_STATES


class ReplicaOnNode(NamedTuple):
    """A replica and the datanode that holds it."""

    replica: Replica
    host: ReplicaNode

    @property
    def is_unhealthy(self) -> bool:
        """Whether the datanode reports it as UNHEALTHY."""
        return self.replica.state == "UNHEALTHY"


@dataclass(frozen=True, slots=True)
class ContainerCase:
    """A container to evaluate: its live replicas, whether its pipeline exists, and the number of racks."""

    container: ContainerInfo
    replicas: tuple[ReplicaOnNode, ...]
    has_pipeline: bool = True
    racks: int = 1
    rules: HealthRules = HealthRules()  # noqa: RUF009 - it cannot be changed

    @property
    def kind(self) -> str:
        """RATIS, EC or STAND_ALONE."""
        return self.container.replication.kind

    @property
    def ec_replicas(self) -> list[ReplicaOnNode]:
        """Replicas of an EC container whose index is valid: 1 to data + parity."""
        most = self.container.replication.required_nodes
        return [one for one in self.replicas if 1 <= one.replica.replica_index <= most]


class CheckResult(NamedTuple):
    """The health that a check assigns; if `last`, no further check runs."""

    health: HealthState
    last: bool = True


def open_container(case: ContainerCase) -> CheckResult | None:
    """OpenContainerHandler."""
    if case.container.state != "OPEN":
        return None
    if not case.has_pipeline:
        return CheckResult(HealthState.OPEN_WITHOUT_PIPELINE)
    all_open = all(one.replica.state == "OPEN" for one in case.replicas)
    return CheckResult(HealthState.HEALTHY if all_open else HealthState.OPEN_UNHEALTHY)


def closing_container(case: ContainerCase) -> CheckResult | None:
    """ClosingContainerHandler."""
    if case.container.state != "CLOSING":
        return None
    return CheckResult(HealthState.HEALTHY if case.replicas else HealthState.MISSING)


def quasi_closed_container(case: ContainerCase) -> CheckResult | None:
    """QuasiClosedContainerHandler."""
    if case.kind == "RATIS" and case.container.state == "QUASI_CLOSED" and _is_stuck(case):
        return CheckResult(HealthState.QUASI_CLOSED_STUCK, last=False)
    return None


def empty_container(case: ContainerCase) -> CheckResult | None:
    """EmptyContainerHandler. SCM's preceding check, MismatchedReplicasHandler, only sends commands."""
    state, replicas = case.container.state, case.replicas
    if state == "CLOSED" and not replicas:
        return CheckResult(HealthState.EMPTY) if case.container.number_of_keys == 0 else None
    all_empty = bool(replicas) and all(one.replica.is_empty for one in replicas)
    all_closed = all(one.replica.state == "CLOSED" for one in replicas)
    if all_empty and ((state == "CLOSED" and all_closed) or state == "QUASI_CLOSED"):
        return CheckResult(HealthState.EMPTY)
    return None


def deleting_container(case: ContainerCase) -> CheckResult | None:
    """DeletingContainerHandler."""
    return CheckResult(HealthState.HEALTHY) if case.container.state in ("DELETING", "DELETED") else None


def quasi_closed_stuck(case: ContainerCase) -> CheckResult | None:
    """QuasiClosedStuckReplicationCheck, QuasiClosedStuckReplicaCount: counts replicas per origin datanode."""
    if not _is_counted_by_origin(case):
        return None
    if not case.replicas:
        return CheckResult(HealthState.QUASI_CLOSED_STUCK_MISSING)
    healthy = [one for one in case.replicas if not one.is_unhealthy]
    if not healthy:
        return None
    newest = max(one.replica.sequence_id for one in healthy)
    best = {one.replica.origin for one in healthy if one.replica.sequence_id == newest}
    is_over = False
    for origin in {one.replica.origin for one in case.replicas}:
        hosts = [one.host for one in case.replicas if one.replica.origin == origin]
        in_service = sum(host.in_service for host in hosts)
        wanted = case.rules.best_origin_copies if origin in best else case.rules.other_origin_copies
        in_maintenance = any(host.op_state in MAINTENANCE_STATES for host in hosts)
        if in_service < wanted and (in_service == 0 or not in_maintenance):
            return CheckResult(HealthState.QUASI_CLOSED_STUCK_UNDER_REPLICATED)
        is_over |= in_service > wanted
    return CheckResult(HealthState.QUASI_CLOSED_STUCK_OVER_REPLICATED) if is_over else None


def ec_replication(case: ContainerCase) -> CheckResult | None:
    """ECReplicationCheckHandler, ECContainerReplicaCount: counts replica indexes by the state of their datanodes."""
    if case.kind != "EC":
        return None
    data, parity = case.container.replication.data, case.container.replication.parity
    in_service: Counter[int] = Counter()
    decommissioning, in_maintenance, unhealthy = set[int](), set[int](), set[int]()
    for one in case.ec_replicas:
        index = one.replica.replica_index
        if one.is_unhealthy:
            unhealthy.add(index)
        elif one.host.op_state in DECOMMISSION_STATES:
            decommissioning.add(index)
        elif one.host.op_state in MAINTENANCE_STATES:
            in_maintenance.add(index)
        else:
            in_service[index] += 1
    least = data + min(parity, case.rules.maintenance_redundancy)
    is_complete_after_maintenance = (
        len(in_service.keys() | in_maintenance) == data + parity and len(in_service) >= least
    )
    if len(in_service) == data + parity or is_complete_after_maintenance:
        return CheckResult(HealthState.OVER_REPLICATED) if any(count > 1 for count in in_service.values()) else None
    readable = in_service.keys() | decommissioning | in_maintenance
    if len(readable) >= data:
        return CheckResult(HealthState.UNDER_REPLICATED)
    some_out_of_service = bool((decommissioning | in_maintenance) - in_service.keys())
    if len(readable | unhealthy) < data:
        return CheckResult(HealthState.MISSING_UNDER_REPLICATED if some_out_of_service else HealthState.MISSING)
    return CheckResult(HealthState.UNHEALTHY_UNDER_REPLICATED if some_out_of_service else HealthState.UNHEALTHY)


def ratis_replication(case: ContainerCase) -> CheckResult | None:
    """RatisReplicationCheckHandler."""
    if case.kind != "RATIS" or _is_counted_by_origin(case):
        return None
    counts = _RatisCounts.of(case)
    missing = counts.missing(count_unhealthy=False)
    if missing > 0:
        if not case.replicas:
            return CheckResult(HealthState.MISSING)
        return CheckResult(HealthState.UNDER_REPLICATED) if counts.healthy else None
    if missing < 0:
        return CheckResult(HealthState.OVER_REPLICATED)
    if counts.missing(count_unhealthy=True) < 0:
        if case.container.state == "CLOSED":
            return CheckResult(HealthState.OVER_REPLICATED)
        if case.container.state == "QUASI_CLOSED":
            return CheckResult(HealthState.OVER_REPLICATED) if _has_one_to_delete(case) else None
    if not _is_well_placed(case, case.rules.placement):
        return CheckResult(HealthState.MIS_REPLICATED)
    return None


def closed_with_unhealthy_replicas(case: ContainerCase) -> CheckResult | None:
    """ClosedWithUnhealthyReplicasHandler."""
    if case.kind != "EC" or case.container.state != "CLOSED":
        return None
    closed = {one.replica.replica_index for one in case.ec_replicas if one.replica.state == "CLOSED"}
    unhealthy = {one.replica.replica_index for one in case.ec_replicas if one.is_unhealthy}
    return CheckResult(HealthState.UNHEALTHY_OVER_REPLICATED) if unhealthy and unhealthy <= closed else None


def ec_placement(case: ContainerCase) -> CheckResult | None:
    """ECMisReplicationCheckHandler."""
    if case.kind != "EC" or _is_well_placed(case, case.rules.ec_placement):
        return None
    return CheckResult(HealthState.MIS_REPLICATED)


def ratis_unhealthy_replication(case: ContainerCase) -> CheckResult | None:
    """RatisUnhealthyReplicationCheckHandler."""
    if case.kind != "RATIS" or not case.replicas:
        return None
    counts = _RatisCounts.of(case)
    if counts.healthy:
        return None
    missing = counts.missing(count_unhealthy=True)
    if missing == 0:
        return CheckResult(HealthState.UNHEALTHY, last=False)
    return CheckResult(HealthState.UNHEALTHY_UNDER_REPLICATED if missing > 0 else HealthState.UNHEALTHY_OVER_REPLICATED)


def vulnerable_unhealthy_replicas(case: ContainerCase) -> CheckResult | None:
    """VulnerableUnhealthyReplicasHandler: unhealthy replicas with the only copy of their data out of service."""
    if case.kind != "RATIS" or case.container.state != "QUASI_CLOSED":
        return None
    if all(one.is_unhealthy for one in case.replicas):
        return None
    newest = [
        one
        for one in case.replicas
        if one.replica.sequence_id == case.container.sequence_id and one.host.health in REACHABLE
    ]
    safe = {one.replica.origin for one in newest if one.host.in_service}
    vulnerable = any(one.is_unhealthy and not one.replica.is_empty and one.replica.origin not in safe for one in newest)
    return CheckResult(HealthState.UNHEALTHY_UNDER_REPLICATED) if vulnerable else None


CHECKS: Final[tuple[Callable[[ContainerCase], CheckResult | None], ...]] = (
    open_container,
    closing_container,
    quasi_closed_container,
    empty_container,
    deleting_container,
    quasi_closed_stuck,
    ec_replication,
    ratis_replication,
    closed_with_unhealthy_replicas,
    ec_placement,
    ratis_unhealthy_replication,
    vulnerable_unhealthy_replicas,
)


def evaluate(case: ContainerCase) -> HealthState:
    """Returns the health of a container: the result of the last check that gives one.

    A container in an unknown state, absent from SCM, or suppressed by an administrator is HEALTHY.
    """
    if case.container.state not in ContainerState.__members__ or case.container.suppressed:
        return HealthState.HEALTHY
    health = HealthState.HEALTHY
    for check in CHECKS:
        if result := check(case):
            health = result.health
            if result.last:
                break
    return health


def count_racks(hosts: Iterable[ReplicaNode]) -> int:
    """Returns the number of racks in the cluster."""
    return len({host.location for host in hosts if host.health in IN_TOPOLOGY})


def _is_stuck(case: ContainerCase) -> bool:
    """Whether a quasi-closed container cannot be closed: an origin is missing, or the newest replica is unhealthy."""
    quasi_closed = [one.replica for one in case.replicas if one.replica.state == "QUASI_CLOSED"]
    unhealthy = [one.replica for one in case.replicas if one.is_unhealthy]
    newest = max((replica.sequence_id for replica in quasi_closed), default=-1)
    newest_unhealthy = max((replica.sequence_id for replica in unhealthy), default=-1)
    origins = {replica.origin for replica in quasi_closed + unhealthy}
    can_close = -1 < newest >= newest_unhealthy and len(origins) >= case.container.replication.required_nodes
    return not can_close


def _is_counted_by_origin(case: ContainerCase) -> bool:
    """QuasiClosedStuckReplicationCheck.shouldHandleAsQuasiClosedStuck."""
    if case.container.state != "QUASI_CLOSED" or not _is_stuck(case):
        return False
    to_close = {one.replica.origin for one in case.replicas if one.replica.state in ("QUASI_CLOSED", "OPEN")}
    one_origin = len({one.replica.origin for one in case.replicas}) == 1
    return not one_origin and len(to_close) < case.container.replication.required_nodes


class _RatisCounts(NamedTuple):
    """RatisContainerReplicaCount: usable and unusable replicas, in service and in maintenance."""

    factor: int
    least: int
    """The number required in service while others are in maintenance."""
    healthy: int
    in_service: int
    in_maintenance: int
    in_service_unhealthy: int
    in_maintenance_unhealthy: int

    @classmethod
    def of(cls, case: ContainerCase) -> _RatisCounts:
        factor = case.container.replication.factor
        unusable = [one.host for one in case.replicas if _is_unusable(case.container, one)]
        usable = [one.host for one in case.replicas if not _is_unusable(case.container, one)]
        return cls(
            factor,
            min(factor, case.rules.maintenance_replicas),
            len(usable),
            sum(host.in_service for host in usable),
            sum(host.op_state in MAINTENANCE_STATES for host in usable),
            sum(host.in_service for host in unusable),
            sum(host.op_state in MAINTENANCE_STATES for host in unusable),
        )

    def missing(self, *, count_unhealthy: bool) -> int:
        """Returns the number of missing replicas; negative if there are too many."""
        in_service = self.in_service + (self.in_service_unhealthy if count_unhealthy else 0)
        in_maintenance = self.in_maintenance + (self.in_maintenance_unhealthy if count_unhealthy else 0)
        if in_service >= self.factor:
            return self.factor - in_service
        return max(0, self.least - in_service, self.factor - in_service - in_maintenance)


def _is_unusable(container: ContainerInfo, placed: ReplicaOnNode) -> bool:
    """Whether a replica is unhealthy, or belongs to a closed container and lacks its last writes."""
    is_behind = placed.replica.state == "QUASI_CLOSED" and placed.replica.sequence_id != container.sequence_id
    return placed.is_unhealthy or (is_behind and container.state == "CLOSED")


def _has_one_to_delete(case: ContainerCase) -> bool:
    """ReplicationManagerUtil.selectUnhealthyReplicaForDelete, for a quasi-closed container."""
    if len(case.replicas) <= 2 or not any(one.replica.state == "QUASI_CLOSED" for one in case.replicas):
        return False
    in_service = [one for one in case.replicas if one.host.in_service and one.host.health in REACHABLE]
    remaining = {one.replica.origin for one in in_service if not one.is_unhealthy}
    unusable = [one.replica.origin for one in in_service if one.is_unhealthy]
    return any(origin in remaining for origin in unusable) or len(set(unusable)) < len(unusable)


def _is_well_placed(case: ContainerCase, policy: PlacementPolicy) -> bool:
    """SCMCommonPlacementPolicy.validateContainerPlacement with the requirements of `policy`."""
    required = case.container.replication.required_nodes
    wanted = min(case.racks, required, 2 if policy is PlacementPolicy.RACK_AWARE else required)
    if policy is PlacementPolicy.ANYWHERE or wanted <= 1:
        return bool(case.replicas)
    used = Counter(one.host.location for one in case.replicas if one.host.health)
    most = max(1, required - 1) if policy is PlacementPolicy.RACK_AWARE else -(-required // wanted)
    surplus = max(0, len(case.replicas) - required)
    return len(used) >= wanted and max(used.values()) <= most + surplus
