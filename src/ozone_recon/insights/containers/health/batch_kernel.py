"""Judges many containers at once: the loops of `container_health`, in the order of `container_health_reference`."""

from __future__ import annotations

from typing import Final, NamedTuple

from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.kernels import kernel_part, lean_kernel
from ozone_recon.insights.containers.health.rules_kernel import (
    NOTHING,
    CaseArrays,
    Int32s,
    NodeArrays,
    ReplicaArrays,
    RuleValues,
    check_by_origin,
    check_ec,
    check_ratis,
    count_in,
    count_of_no_use,
    differ,
    is_empty,
    is_judged_by_origin,
    is_stuck,
    is_vulnerable,
    missing_replicas,
)
from ozone_recon.model.container_health import HealthState
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import ContainerState

OTHER_KIND, RATIS, EC = 0, 1, 2
"""How a container is replicated."""
GONE: Final = 0
"""State of a container that we do not know, or that SCM has no more."""
_OPEN, _CLOSING, _QUASI_CLOSED = int(ContainerState.OPEN), int(ContainerState.CLOSING), int(ContainerState.QUASI_CLOSED)
_DELETING, _DELETED = int(ContainerState.DELETING), int(ContainerState.DELETED)
_OPEN_REPLICA = int(ReplicaState.OPEN)
_HEALTHY, _UNHEALTHY, _EMPTY = int(HealthState.HEALTHY), int(HealthState.UNHEALTHY), int(HealthState.EMPTY)
_OPEN_UNHEALTHY, _OPEN_WITHOUT_PIPELINE = int(HealthState.OPEN_UNHEALTHY), int(HealthState.OPEN_WITHOUT_PIPELINE)
_MISSING, _STUCK = int(HealthState.MISSING), int(HealthState.QUASI_CLOSED_STUCK)
_UNHEALTHY_UNDER, _UNHEALTHY_OVER = (
    int(HealthState.UNHEALTHY_UNDER_REPLICATED),
    int(HealthState.UNHEALTHY_OVER_REPLICATED),
)


class ContainerArrays(NamedTuple):
    """Containers, and whose pipeline is there; the live replicas of one are `first[n]` up to `first[n + 1]`."""

    state: Bytes
    replication: Int32s
    has_pipeline: Bytes
    blocks: Int64s
    sequence_id: Int64s
    suppressed: Bytes
    first: Int64s


@lean_kernel
def judge(
    containers: ContainerArrays,
    replicas: ReplicaArrays,
    hosts: NodeArrays,
    kinds: Int64s,
    rules: RuleValues,
    verdicts: Bytes,
    mismatches: Bytes,
) -> None:
    """Fills in the verdict on each container, and whether replicas of it have different data.

    `kinds` has, for each replication, its kind, how many replicas it needs, and how many of them are data. The verdict
    on a container that is suppressed, or of which we are not sure, is there already.
    """
    for n in range(len(verdicts)):
        of, state = containers.replication[n], int(containers.state[n])
        case = CaseArrays(containers.first[n], containers.first[n + 1], state, containers.sequence_id[n], kinds[of, 1])
        if state == GONE:
            verdicts[n], mismatches[n] = _HEALTHY, 0
            continue
        mismatches[n] = differ(replicas, case)
        if containers.suppressed[n] == 0:
            has_pipeline, has_blocks = containers.has_pipeline[n] != 0, containers.blocks[n] != 0
            verdicts[n] = _judge(replicas, hosts, rules, case, kinds[of, 0], kinds[of, 2], has_pipeline, has_blocks)


@kernel_part
def _judge(
    replicas: ReplicaArrays,
    hosts: NodeArrays,
    rules: RuleValues,
    case: CaseArrays,
    kind: int,
    data: int,
    has_pipeline: bool,
    has_blocks: bool,
) -> int:
    copies = case.stop - case.start
    if case.state == _OPEN:
        if not has_pipeline:
            return _OPEN_WITHOUT_PIPELINE
        return _HEALTHY if count_in(replicas, case, _OPEN_REPLICA) == copies else _OPEN_UNHEALTHY
    if case.state == _CLOSING:
        return _HEALTHY if copies > 0 else _MISSING
    stuck = case.state == _QUASI_CLOSED and is_stuck(replicas, case)
    verdict = _STUCK if stuck and kind == RATIS else _HEALTHY
    if is_empty(replicas, case, has_blocks):
        return _EMPTY
    if case.state == _DELETING or case.state == _DELETED:
        return _HEALTHY
    by_origin = stuck and is_judged_by_origin(replicas, case)
    if by_origin:
        said = check_by_origin(replicas, hosts, rules, case)
        if said != NOTHING:
            return said
    if kind == EC:
        said = check_ec(replicas, hosts, rules, case, data)
        if said != NOTHING:
            return said
    if kind == RATIS:
        broken = count_of_no_use(replicas, case)
        if not by_origin:
            said = check_ratis(replicas, hosts, rules, case, broken)
            if said != NOTHING:
                return said
        if copies > 0 and broken == copies:
            missing = missing_replicas(replicas, hosts, rules, case, True)
            if missing == 0:
                return _UNHEALTHY
            return _UNHEALTHY_UNDER if missing > 0 else _UNHEALTHY_OVER
        if case.state == _QUASI_CLOSED and is_vulnerable(replicas, hosts, case):
            return _UNHEALTHY_UNDER
    return verdict
