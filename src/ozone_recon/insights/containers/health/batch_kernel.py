"""Evaluates a batch of containers: runs the compiled checks of `rules_kernel` in the order of `rules.CHECKS`.

The rules are defined in `rules`; this loop and `rules_kernel` are their compiled form, and tests hold the two equal.
"""

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
    count_unusable,
    differ,
    is_counted_by_origin,
    is_empty,
    is_stuck,
    is_vulnerable,
    missing_replicas,
)
from ozone_recon.model.container_health import HealthState
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import ContainerState

OTHER_KIND, RATIS, EC = 0, 1, 2
"""Replication types."""
GONE: Final = 0
"""State of a container that is absent from SCM or whose state is unknown."""
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
    """Columns of containers; the live replicas of container n are the rows `first[n]` up to `first[n + 1]`."""

    state: Bytes
    replication: Int32s
    has_pipeline: Bytes
    blocks: Int64s
    sequence_id: Int64s
    suppressed: Bytes
    first: Int64s


@lean_kernel
def evaluate(
    containers: ContainerArrays,
    replicas: ReplicaArrays,
    hosts: NodeArrays,
    kinds: Int64s,
    rules: RuleValues,
    healths: Bytes,
    mismatches: Bytes,
) -> None:
    """Sets the health of each container, and whether its replicas have different data.

    `kinds` has a row for each replication: its type, the number of replicas it requires, and the number of data
    replicas (EC). The health of a container that is suppressed or possibly missing is left as it is.
    """
    for n in range(len(healths)):
        of, state = containers.replication[n], int(containers.state[n])
        case = CaseArrays(containers.first[n], containers.first[n + 1], state, containers.sequence_id[n], kinds[of, 1])
        if state == GONE:
            healths[n], mismatches[n] = _HEALTHY, 0
            continue
        mismatches[n] = differ(replicas, case)
        if containers.suppressed[n] == 0:
            has_pipeline, has_blocks = containers.has_pipeline[n] != 0, containers.blocks[n] != 0
            healths[n] = _evaluate(replicas, hosts, rules, case, kinds[of, 0], kinds[of, 2], has_pipeline, has_blocks)


@kernel_part
def _evaluate(
    replicas: ReplicaArrays,
    hosts: NodeArrays,
    rules: RuleValues,
    case: CaseArrays,
    kind: int,
    data: int,
    has_pipeline: bool,
    has_blocks: bool,
) -> int:
    replica_count = case.stop - case.start
    if case.state == _OPEN:
        if not has_pipeline:
            return _OPEN_WITHOUT_PIPELINE
        return _HEALTHY if count_in(replicas, case, _OPEN_REPLICA) == replica_count else _OPEN_UNHEALTHY
    if case.state == _CLOSING:
        return _HEALTHY if replica_count > 0 else _MISSING
    stuck = case.state == _QUASI_CLOSED and is_stuck(replicas, case)
    health = _STUCK if stuck and kind == RATIS else _HEALTHY
    if is_empty(replicas, case, has_blocks):
        return _EMPTY
    if case.state == _DELETING or case.state == _DELETED:
        return _HEALTHY
    by_origin = stuck and is_counted_by_origin(replicas, case)
    if by_origin:
        result = check_by_origin(replicas, hosts, rules, case)
        if result != NOTHING:
            return result
    if kind == EC:
        result = check_ec(replicas, hosts, rules, case, data)
        if result != NOTHING:
            return result
    if kind == RATIS:
        unusable = count_unusable(replicas, case)
        if not by_origin:
            result = check_ratis(replicas, hosts, rules, case, unusable)
            if result != NOTHING:
                return result
        if replica_count > 0 and unusable == replica_count:
            missing = missing_replicas(replicas, hosts, rules, case, True)
            if missing == 0:
                return _UNHEALTHY
            return _UNHEALTHY_UNDER if missing > 0 else _UNHEALTHY_OVER
        if case.state == _QUASI_CLOSED and is_vulnerable(replicas, hosts, case):
            return _UNHEALTHY_UNDER
    return health
