"""The compiled form of the checks in `rules`, for the live replicas of one container.

The rules are defined in `rules`: change them there first, then here; tests hold the two forms equal. This form exists
for speed only: it works on columns and creates no object per container or replica.

A container has few replicas, so sets and counts by origin, index or rack are found by comparing all pairs of replicas;
the indexes of EC replicas are bits of an integer.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.kernels import inlined_part, kernel_part, zero
from ozone_recon.model.container_health import HealthState, PlacementPolicy
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import ContainerState

Int32s = NDArray[np.int32]

IN_SERVICE, DECOMMISSION, MAINTENANCE = 0, 1, 2
"""The service state of a datanode; DECOMMISSION and MAINTENANCE include the states on the way there."""
MOST_PARTS: Final = 62
"""The highest EC replica index: indexes are bits of a 64-bit integer. No EC scheme has as many."""
NOTHING: Final = -1
"""The result of a check that assigns no health."""
_QUASI_CLOSED, _CLOSED = int(ContainerState.QUASI_CLOSED), int(ContainerState.CLOSED)
_QUASI_CLOSED_REPLICA, _CLOSED_REPLICA = int(ReplicaState.QUASI_CLOSED), int(ReplicaState.CLOSED)
_OPEN_REPLICA, _UNHEALTHY_REPLICA = int(ReplicaState.OPEN), int(ReplicaState.UNHEALTHY)
_ANYWHERE, _RACK_AWARE = int(PlacementPolicy.ANYWHERE), int(PlacementPolicy.RACK_AWARE)
_UNDER, _OVER, _MIS = (
    int(HealthState.UNDER_REPLICATED),
    int(HealthState.OVER_REPLICATED),
    int(HealthState.MIS_REPLICATED),
)
_MISSING, _MISSING_UNDER = int(HealthState.MISSING), int(HealthState.MISSING_UNDER_REPLICATED)
_UNHEALTHY, _UNHEALTHY_UNDER = int(HealthState.UNHEALTHY), int(HealthState.UNHEALTHY_UNDER_REPLICATED)
_UNHEALTHY_OVER = int(HealthState.UNHEALTHY_OVER_REPLICATED)
_STUCK_MISSING = int(HealthState.QUASI_CLOSED_STUCK_MISSING)
_STUCK_UNDER = int(HealthState.QUASI_CLOSED_STUCK_UNDER_REPLICATED)
_STUCK_OVER = int(HealthState.QUASI_CLOSED_STUCK_OVER_REPLICATED)


class ReplicaArrays(NamedTuple):
    """Columns of live replicas, named as in the table `replicas`."""

    datanode: Int32s
    state: Bytes
    replica_index: Int32s
    sequence_id: Int64s
    data_checksum: Int64s
    is_empty: Bytes
    origin: Int32s


class NodeArrays(NamedTuple):
    """For each datanode: its service state, whether it is reachable, and its rack number (-1 for none)."""

    service_state: Bytes
    reachable: Bytes
    rack: Int32s


class RuleValues(NamedTuple):
    """HealthRules as integers, and the number of racks."""

    maintenance_replicas: int
    maintenance_redundancy: int
    best_origin_copies: int
    other_origin_copies: int
    placement: int
    ec_placement: int
    racks: int


class CaseArrays(NamedTuple):
    """A container; its replicas are the rows from `start` up to `stop`."""

    start: int
    stop: int
    state: int
    sequence_id: int
    required: int


@kernel_part
def differ(replicas: ReplicaArrays, case: CaseArrays) -> bool:
    """Whether replicas with the same index have different data (`lists._differ`)."""
    for at in range(case.start, case.stop):
        if replicas.data_checksum[at] != 0 or replicas.is_empty[at] != 0:
            for other in range(case.start, at):
                if (
                    replicas.replica_index[other] == replicas.replica_index[at]
                    and replicas.data_checksum[other] != replicas.data_checksum[at]
                    and (replicas.data_checksum[other] != 0 or replicas.is_empty[other] != 0)
                ):
                    return True
    return False


@inlined_part
def count_in(replicas: ReplicaArrays, case: CaseArrays, state: int) -> int:
    """Returns the number of replicas in a state."""
    count = zero()
    for at in range(case.start, case.stop):
        count += replicas.state[at] == state
    return count


@kernel_part
def _count_origins(replicas: ReplicaArrays, case: CaseArrays, one: int, other: int) -> int:
    """Returns the number of distinct origins of the replicas in either state."""
    count = zero()
    for at in range(case.start, case.stop):
        if replicas.state[at] == one or replicas.state[at] == other:
            is_new = True
            for before in range(case.start, at):
                if replicas.origin[before] == replicas.origin[at]:
                    is_new &= replicas.state[before] != one and replicas.state[before] != other
            count += is_new
    return count


@kernel_part
def is_empty(replicas: ReplicaArrays, case: CaseArrays, has_blocks: bool) -> bool:
    """`rules.empty_container`."""
    if case.start == case.stop:
        return case.state == _CLOSED and not has_blocks
    if case.state != _CLOSED and case.state != _QUASI_CLOSED:
        return False
    for at in range(case.start, case.stop):
        is_open = case.state == _CLOSED and replicas.state[at] != _CLOSED_REPLICA
        if replicas.is_empty[at] == 0 or is_open:
            return False
    return True


@kernel_part
def is_stuck(replicas: ReplicaArrays, case: CaseArrays) -> bool:
    """`rules._is_stuck`: whether a quasi-closed container cannot be closed."""
    newest = newest_unhealthy = -1
    for at in range(case.start, case.stop):
        if replicas.state[at] == _QUASI_CLOSED_REPLICA:
            newest = max(newest, replicas.sequence_id[at])
        elif replicas.state[at] == _UNHEALTHY_REPLICA:
            newest_unhealthy = max(newest_unhealthy, replicas.sequence_id[at])
    if newest == -1 or newest < newest_unhealthy:
        return True
    return _count_origins(replicas, case, _QUASI_CLOSED_REPLICA, _UNHEALTHY_REPLICA) < case.required


@kernel_part
def is_counted_by_origin(replicas: ReplicaArrays, case: CaseArrays) -> bool:
    """`rules._is_counted_by_origin`, for a stuck container."""
    several = case.start == case.stop
    for at in range(case.start, case.stop):
        several |= replicas.origin[at] != replicas.origin[case.start]
    return several and _count_origins(replicas, case, _QUASI_CLOSED_REPLICA, _OPEN_REPLICA) < case.required


@kernel_part
def check_by_origin(replicas: ReplicaArrays, hosts: NodeArrays, rules: RuleValues, case: CaseArrays) -> int:
    """`rules.quasi_closed_stuck`, for a container whose replicas are counted by origin."""
    if case.start == case.stop:
        return _STUCK_MISSING
    newest, some_healthy = np.int64(-1 << 63), False
    for at in range(case.start, case.stop):
        if replicas.state[at] != _UNHEALTHY_REPLICA:
            newest, some_healthy = max(newest, replicas.sequence_id[at]), True
    if not some_healthy:
        return NOTHING
    result = NOTHING
    for at in range(case.start, case.stop):
        in_service, in_maintenance, is_best, is_first = zero(), False, False, True
        for other in range(case.start, case.stop):
            if replicas.origin[other] == replicas.origin[at]:
                is_first &= other >= at
                service_state = hosts.service_state[replicas.datanode[other]]
                in_service += service_state == IN_SERVICE
                in_maintenance |= service_state == MAINTENANCE
                is_best |= replicas.state[other] != _UNHEALTHY_REPLICA and replicas.sequence_id[other] == newest
        wanted = rules.best_origin_copies if is_best else rules.other_origin_copies
        if is_first and in_service < wanted and (in_service == 0 or not in_maintenance):
            return _STUCK_UNDER
        if is_first and in_service > wanted:
            result = _STUCK_OVER
    return result


@inlined_part
def _count_bits(bits: int) -> int:
    count = zero()
    while bits != 0:
        bits &= bits - 1
        count += 1
    return count


@kernel_part
def check_ec(replicas: ReplicaArrays, hosts: NodeArrays, rules: RuleValues, case: CaseArrays, data: int) -> int:
    """`rules.ec_replication`, `closed_with_unhealthy_replicas` and `ec_placement`."""
    in_service, decommissioning, in_maintenance, unhealthy, closed, duplicated = (
        zero(),
        zero(),
        zero(),
        zero(),
        zero(),
        zero(),
    )
    for at in range(case.start, case.stop):
        index = int(replicas.replica_index[at])
        if index < 1 or index > case.required or index > MOST_PARTS:
            continue
        bit = 1 << index
        service_state = hosts.service_state[replicas.datanode[at]]
        if replicas.state[at] == _CLOSED_REPLICA:
            closed |= bit
        if replicas.state[at] == _UNHEALTHY_REPLICA:
            unhealthy |= bit
        elif service_state == DECOMMISSION:
            decommissioning |= bit
        elif service_state == MAINTENANCE:
            in_maintenance |= bit
        else:
            duplicated |= in_service & bit
            in_service |= bit
    parts = _count_bits(in_service)
    least = data + min(case.required - data, rules.maintenance_redundancy)
    if parts == case.required or (_count_bits(in_service | in_maintenance) == case.required and parts >= least):
        if duplicated != 0:
            return _OVER
        if case.state == _CLOSED and unhealthy != 0 and unhealthy & ~closed == 0:
            return _UNHEALTHY_OVER
        return NOTHING if _is_well_placed(replicas, hosts, case, rules.ec_placement, rules.racks) else _MIS
    readable = in_service | decommissioning | in_maintenance
    if _count_bits(readable) >= data:
        return _UNDER
    some_out_of_service = (decommissioning | in_maintenance) & ~in_service != 0
    if _count_bits(readable | unhealthy) < data:
        return _MISSING_UNDER if some_out_of_service else _MISSING
    return _UNHEALTHY_UNDER if some_out_of_service else _UNHEALTHY


@inlined_part
def _is_unusable(replicas: ReplicaArrays, case: CaseArrays, at: int) -> bool:
    if replicas.state[at] == _QUASI_CLOSED_REPLICA:
        return case.state == _CLOSED and replicas.sequence_id[at] != case.sequence_id
    return bool(replicas.state[at] == _UNHEALTHY_REPLICA)


@kernel_part
def count_unusable(replicas: ReplicaArrays, case: CaseArrays) -> int:
    """Returns the number of unusable replicas (`rules._is_unusable`)."""
    count = zero()
    for at in range(case.start, case.stop):
        count += _is_unusable(replicas, case, at)
    return count


@kernel_part
def missing_replicas(
    replicas: ReplicaArrays, hosts: NodeArrays, rules: RuleValues, case: CaseArrays, count_unhealthy: bool
) -> int:
    """Returns the number of missing replicas of a RATIS container; negative if there are too many."""
    in_service, in_maintenance = zero(), zero()
    for at in range(case.start, case.stop):
        if count_unhealthy or not _is_unusable(replicas, case, at):
            service_state = hosts.service_state[replicas.datanode[at]]
            in_service += service_state == IN_SERVICE
            in_maintenance += service_state == MAINTENANCE
    if in_service >= case.required:
        return case.required - in_service
    least = min(case.required, rules.maintenance_replicas)
    return max(0, max(least - in_service, case.required - in_service - in_maintenance))


@kernel_part
def check_ratis(replicas: ReplicaArrays, hosts: NodeArrays, rules: RuleValues, case: CaseArrays, unusable: int) -> int:
    """`rules.ratis_replication`; `unusable` is the number of unusable replicas."""
    replica_count = case.stop - case.start
    missing = missing_replicas(replicas, hosts, rules, case, False)
    if missing > 0:
        if replica_count == 0:
            return _MISSING
        return _UNDER if unusable < replica_count else NOTHING
    if missing < 0:
        return _OVER
    if missing_replicas(replicas, hosts, rules, case, True) < 0:
        if case.state == _CLOSED:
            return _OVER
        if case.state == _QUASI_CLOSED:
            return _OVER if _has_one_to_delete(replicas, hosts, case) else NOTHING
    return NOTHING if _is_well_placed(replicas, hosts, case, rules.placement, rules.racks) else _MIS


@kernel_part
def _has_one_to_delete(replicas: ReplicaArrays, hosts: NodeArrays, case: CaseArrays) -> bool:
    if case.stop - case.start <= 2 or count_in(replicas, case, _QUASI_CLOSED_REPLICA) == 0:
        return False
    for at in range(case.start, case.stop):
        if replicas.state[at] == _UNHEALTHY_REPLICA and _can_serve(replicas, hosts, at):
            for other in range(case.start, case.stop):
                if other != at and replicas.origin[other] == replicas.origin[at] and _can_serve(replicas, hosts, other):
                    return True
    return False


@inlined_part
def _can_serve(replicas: ReplicaArrays, hosts: NodeArrays, at: int) -> bool:
    datanode = replicas.datanode[at]
    return bool(hosts.service_state[datanode] == IN_SERVICE and hosts.reachable[datanode] != 0)


@kernel_part
def is_vulnerable(replicas: ReplicaArrays, hosts: NodeArrays, case: CaseArrays) -> bool:
    """`rules.vulnerable_unhealthy_replicas`, for a container that has a usable replica or none at all."""
    for at in range(case.start, case.stop):
        if (
            replicas.state[at] != _UNHEALTHY_REPLICA
            or replicas.is_empty[at] != 0
            or replicas.sequence_id[at] != case.sequence_id
            or hosts.reachable[replicas.datanode[at]] == 0
        ):
            continue
        is_safe = False
        for other in range(case.start, case.stop):
            if replicas.sequence_id[other] == case.sequence_id and replicas.origin[other] == replicas.origin[at]:
                is_safe |= _can_serve(replicas, hosts, other)
        if not is_safe:
            return True
    return False


@kernel_part
def _is_well_placed(replicas: ReplicaArrays, hosts: NodeArrays, case: CaseArrays, policy: int, racks: int) -> bool:
    replica_count = case.stop - case.start
    wanted = min(min(racks, case.required), 2 if policy == _RACK_AWARE else case.required)
    if policy == _ANYWHERE or wanted <= 1:
        return replica_count > 0
    most = max(1, case.required - 1) if policy == _RACK_AWARE else -(-case.required // wanted)
    most += max(0, replica_count - case.required)
    used = zero()
    for at in range(case.start, case.stop):
        rack = hosts.rack[replicas.datanode[at]]
        if rack >= 0:
            same, is_first = zero(), True
            for other in range(case.start, case.stop):
                if hosts.rack[replicas.datanode[other]] == rack:
                    same += 1
                    is_first &= other >= at
            used += is_first
            if same > most:
                return False
    return used >= wanted
