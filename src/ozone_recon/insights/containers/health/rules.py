"""What SCM's replication manager says of a container's health, in plain Python: the definition of the compiled path.

A function for each of its checks, in their order. They are those of Ozone 2.2.0 (`scm.container.replication.health`),
made read-only and without operations under way, as Recon has them made. Here a verdict is given for any replicas:
where Ozone refuses an EC replica with an index that the container cannot have, it counts as no part.
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
"""The health of a datanode that answers."""
IN_TOPOLOGY: Final = (*REACHABLE, "STALE")
"""The health of a datanode whose rack counts as one of the cluster's: SCM takes dead ones out of its network."""
LEAVING: Final = ("DECOMMISSIONING", "DECOMMISSIONED")
MAINTENANCE: Final = ("ENTERING_MAINTENANCE", "IN_MAINTENANCE")


@dataclass(frozen=True, slots=True)
class ReplicaNode:
    """A datanode, as far as health depends on it; `health` and `op_state` are empty when they are not known."""

    uuid: str
    health: str = "HEALTHY"
    op_state: str = "IN_SERVICE"
    location: str = "/default-rack"

    @property
    def is_live(self) -> bool:
        """Whether its replicas count: those of a dead datanode are forgotten, but in maintenance (DeadNodeHandler)."""
        return self.health != "DEAD" or self.op_state == "IN_MAINTENANCE"

    @property
    def in_service(self) -> bool:
        """Whether it is to stay."""
        return self.op_state not in LEAVING and self.op_state not in MAINTENANCE


class ReplicaOnNode(NamedTuple):
    """A replica and where it is."""

    replica: Replica
    host: ReplicaNode

    @property
    def is_unhealthy(self) -> bool:
        """Whether the datanode says that it is broken."""
        return self.replica.state == "UNHEALTHY"


@dataclass(frozen=True, slots=True)
class ContainerCase:
    """A container to be judged: its live replicas, whether its pipeline is there, how many racks the cluster has."""

    container: ContainerInfo
    copies: tuple[ReplicaOnNode, ...]
    has_pipeline: bool = True
    racks: int = 1
    rules: HealthRules = HealthRules()  # noqa: RUF009 - it cannot be changed

    @property
    def kind(self) -> str:
        """RATIS, EC or STAND_ALONE."""
        return self.container.replication.kind

    @property
    def parts(self) -> list[ReplicaOnNode]:
        """Those replicas that may be parts of an EC container."""
        most = self.container.replication.required_nodes
        return [copy for copy in self.copies if 1 <= copy.replica.replica_index <= most]


class CheckResult(NamedTuple):
    """What a check says of a container; when it is `last`, no other check is asked."""

    verdict: HealthState
    last: bool = True


def open_container(case: ContainerCase) -> CheckResult | None:
    """OpenContainerHandler."""
    if case.container.state != "OPEN":
        return None
    if not case.has_pipeline:
        return CheckResult(HealthState.OPEN_WITHOUT_PIPELINE)
    all_open = all(copy.replica.state == "OPEN" for copy in case.copies)
    return CheckResult(HealthState.HEALTHY if all_open else HealthState.OPEN_UNHEALTHY)


def closing_container(case: ContainerCase) -> CheckResult | None:
    """ClosingContainerHandler."""
    if case.container.state != "CLOSING":
        return None
    return CheckResult(HealthState.HEALTHY if case.copies else HealthState.MISSING)


def quasi_closed_container(case: ContainerCase) -> CheckResult | None:
    """QuasiClosedContainerHandler."""
    if case.kind == "RATIS" and case.container.state == "QUASI_CLOSED" and _is_stuck(case):
        return CheckResult(HealthState.QUASI_CLOSED_STUCK, last=False)
    return None


def empty_container(case: ContainerCase) -> CheckResult | None:
    """EmptyContainerHandler. The check before it, MismatchedReplicasHandler, only sends commands."""
    state, copies = case.container.state, case.copies
    if state == "CLOSED" and not copies:
        return CheckResult(HealthState.EMPTY) if case.container.number_of_keys == 0 else None
    all_empty = bool(copies) and all(copy.replica.is_empty for copy in copies)
    all_closed = all(copy.replica.state == "CLOSED" for copy in copies)
    if all_empty and ((state == "CLOSED" and all_closed) or state == "QUASI_CLOSED"):
        return CheckResult(HealthState.EMPTY)
    return None


def deleting_container(case: ContainerCase) -> CheckResult | None:
    """DeletingContainerHandler."""
    return CheckResult(HealthState.HEALTHY) if case.container.state in ("DELETING", "DELETED") else None


def quasi_closed_stuck(case: ContainerCase) -> CheckResult | None:
    """QuasiClosedStuckReplicationCheck, QuasiClosedStuckReplicaCount: copies of what each origin has."""
    if not _is_judged_by_origin(case):
        return None
    if not case.copies:
        return CheckResult(HealthState.QUASI_CLOSED_STUCK_MISSING)
    healthy = [copy for copy in case.copies if not copy.is_unhealthy]
    if not healthy:
        return None
    newest = max(copy.replica.sequence_id for copy in healthy)
    best = {copy.replica.origin for copy in healthy if copy.replica.sequence_id == newest}
    is_over = False
    for origin in {copy.replica.origin for copy in case.copies}:
        hosts = [copy.host for copy in case.copies if copy.replica.origin == origin]
        staying = sum(host.in_service for host in hosts)
        wanted = case.rules.best_origin_copies if origin in best else case.rules.other_origin_copies
        returning = any(host.op_state in MAINTENANCE for host in hosts)
        if staying < wanted and (staying == 0 or not returning):
            return CheckResult(HealthState.QUASI_CLOSED_STUCK_UNDER_REPLICATED)
        is_over |= staying > wanted
    return CheckResult(HealthState.QUASI_CLOSED_STUCK_OVER_REPLICATED) if is_over else None


def ec_replication(case: ContainerCase) -> CheckResult | None:
    """ECReplicationCheckHandler, ECContainerReplicaCount: which parts there are, and where."""
    if case.kind != "EC":
        return None
    data, parity = case.container.replication.data, case.container.replication.parity
    staying: Counter[int] = Counter()
    leaving, returning, unhealthy = set[int](), set[int](), set[int]()
    for copy in case.parts:
        index = copy.replica.replica_index
        if copy.is_unhealthy:
            unhealthy.add(index)
        elif copy.host.op_state in LEAVING:
            leaving.add(index)
        elif copy.host.op_state in MAINTENANCE:
            returning.add(index)
        else:
            staying[index] += 1
    least = data + min(parity, case.rules.maintenance_redundancy)
    is_complete_later = len(staying.keys() | returning) == data + parity and len(staying) >= least
    if len(staying) == data + parity or is_complete_later:
        return CheckResult(HealthState.OVER_REPLICATED) if any(count > 1 for count in staying.values()) else None
    readable = staying.keys() | leaving | returning
    if len(readable) >= data:
        return CheckResult(HealthState.UNDER_REPLICATED)
    some_go = bool((leaving | returning) - staying.keys())
    if len(readable | unhealthy) < data:
        return CheckResult(HealthState.MISSING_UNDER_REPLICATED if some_go else HealthState.MISSING)
    return CheckResult(HealthState.UNHEALTHY_UNDER_REPLICATED if some_go else HealthState.UNHEALTHY)


def ratis_replication(case: ContainerCase) -> CheckResult | None:
    """RatisReplicationCheckHandler."""
    if case.kind != "RATIS" or _is_judged_by_origin(case):
        return None
    counts = _RatisCounts.of(case)
    missing = counts.missing(count_unhealthy=False)
    if missing > 0:
        if not case.copies:
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
    closed = {copy.replica.replica_index for copy in case.parts if copy.replica.state == "CLOSED"}
    unhealthy = {copy.replica.replica_index for copy in case.parts if copy.is_unhealthy}
    return CheckResult(HealthState.UNHEALTHY_OVER_REPLICATED) if unhealthy and unhealthy <= closed else None


def ec_placement(case: ContainerCase) -> CheckResult | None:
    """ECMisReplicationCheckHandler."""
    if case.kind != "EC" or _is_well_placed(case, case.rules.ec_placement):
        return None
    return CheckResult(HealthState.MIS_REPLICATED)


def ratis_unhealthy_replication(case: ContainerCase) -> CheckResult | None:
    """RatisUnhealthyReplicationCheckHandler."""
    if case.kind != "RATIS" or not case.copies:
        return None
    counts = _RatisCounts.of(case)
    if counts.healthy:
        return None
    missing = counts.missing(count_unhealthy=True)
    if missing == 0:
        return CheckResult(HealthState.UNHEALTHY, last=False)
    return CheckResult(HealthState.UNHEALTHY_UNDER_REPLICATED if missing > 0 else HealthState.UNHEALTHY_OVER_REPLICATED)


def vulnerable_unhealthy_replicas(case: ContainerCase) -> CheckResult | None:
    """VulnerableUnhealthyReplicasHandler: broken replicas, alone with what they have, on datanodes that leave."""
    if case.kind != "RATIS" or case.container.state != "QUASI_CLOSED":
        return None
    if all(copy.is_unhealthy for copy in case.copies):
        return None
    newest = [
        copy
        for copy in case.copies
        if copy.replica.sequence_id == case.container.sequence_id and copy.host.health in REACHABLE
    ]
    safe = {copy.replica.origin for copy in newest if copy.host.in_service}
    vulnerable = any(
        copy.is_unhealthy and not copy.replica.is_empty and copy.replica.origin not in safe for copy in newest
    )
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


def judge(case: ContainerCase) -> HealthState:
    """The verdict on a container: what was said last.

    One whose state we do not know, that SCM has no more, or that an administrator has suppressed, is HEALTHY.
    """
    if case.container.state not in ContainerState.__members__ or case.container.suppressed:
        return HealthState.HEALTHY
    verdict = HealthState.HEALTHY
    for check in CHECKS:
        if said := check(case):
            verdict = said.verdict
            if said.last:
                break
    return verdict


def count_racks(hosts: Iterable[ReplicaNode]) -> int:
    """How many racks the cluster has."""
    return len({host.location for host in hosts if host.health in IN_TOPOLOGY})


def _is_stuck(case: ContainerCase) -> bool:
    """Whether a quasi-closed container cannot be closed: not all origins are heard of, or the newest is broken."""
    quasi_closed = [copy.replica for copy in case.copies if copy.replica.state == "QUASI_CLOSED"]
    unhealthy = [copy.replica for copy in case.copies if copy.is_unhealthy]
    newest = max((replica.sequence_id for replica in quasi_closed), default=-1)
    newest_unhealthy = max((replica.sequence_id for replica in unhealthy), default=-1)
    origins = {replica.origin for replica in quasi_closed + unhealthy}
    can_close = -1 < newest >= newest_unhealthy and len(origins) >= case.container.replication.required_nodes
    return not can_close


def _is_judged_by_origin(case: ContainerCase) -> bool:
    """QuasiClosedStuckReplicationCheck.shouldHandleAsQuasiClosedStuck."""
    if case.container.state != "QUASI_CLOSED" or not _is_stuck(case):
        return False
    to_close = {copy.replica.origin for copy in case.copies if copy.replica.state in ("QUASI_CLOSED", "OPEN")}
    one_origin = len({copy.replica.origin for copy in case.copies}) == 1
    return not one_origin and len(to_close) < case.container.replication.required_nodes


class _RatisCounts(NamedTuple):
    """RatisContainerReplicaCount: replicas in service, and of them all, in maintenance, healthy and not."""

    factor: int
    least: int
    """In service, while others are in maintenance."""
    healthy: int
    staying: int
    returning: int
    staying_unhealthy: int
    returning_unhealthy: int

    @classmethod
    def of(cls, case: ContainerCase) -> _RatisCounts:
        factor = case.container.replication.factor
        broken = [copy.host for copy in case.copies if _is_of_no_use(case.container, copy)]
        whole = [copy.host for copy in case.copies if not _is_of_no_use(case.container, copy)]
        return cls(
            factor,
            min(factor, case.rules.maintenance_replicas),
            len(whole),
            sum(host.in_service for host in whole),
            sum(host.op_state in MAINTENANCE for host in whole),
            sum(host.in_service for host in broken),
            sum(host.op_state in MAINTENANCE for host in broken),
        )

    def missing(self, *, count_unhealthy: bool) -> int:
        """How many more replicas are needed; negative when there are too many."""
        staying = self.staying + (self.staying_unhealthy if count_unhealthy else 0)
        returning = self.returning + (self.returning_unhealthy if count_unhealthy else 0)
        if staying >= self.factor:
            return self.factor - staying
        return max(0, self.least - staying, self.factor - staying - returning)


def _is_of_no_use(container: ContainerInfo, copy: ReplicaOnNode) -> bool:
    """Whether a replica is broken, or of a closed container and not of its last state."""
    is_behind = copy.replica.state == "QUASI_CLOSED" and copy.replica.sequence_id != container.sequence_id
    return copy.is_unhealthy or (is_behind and container.state == "CLOSED")


def _has_one_to_delete(case: ContainerCase) -> bool:
    """ReplicationManagerUtil.selectUnhealthyReplicaForDelete, of a quasi-closed container."""
    if len(case.copies) <= 2 or not any(copy.replica.state == "QUASI_CLOSED" for copy in case.copies):
        return False
    staying = [copy for copy in case.copies if copy.host.in_service and copy.host.health in REACHABLE]
    kept = {copy.replica.origin for copy in staying if not copy.is_unhealthy}
    broken = [copy.replica.origin for copy in staying if copy.is_unhealthy]
    return any(origin in kept for origin in broken) or len(set(broken)) < len(broken)


def _is_well_placed(case: ContainerCase, policy: PlacementPolicy) -> bool:
    """SCMCommonPlacementPolicy.validateContainerPlacement, for the policy's demands."""
    required = case.container.replication.required_nodes
    wanted = min(case.racks, required, 2 if policy is PlacementPolicy.RACK_AWARE else required)
    if policy is PlacementPolicy.ANYWHERE or wanted <= 1:
        return bool(case.copies)
    used = Counter(copy.host.location for copy in case.copies if copy.host.health)
    most = max(1, required - 1) if policy is PlacementPolicy.RACK_AWARE else -(-required // wanted)
    surplus = max(0, len(case.copies) - required)
    return len(used) >= wanted and max(used.values()) <= most + surplus
