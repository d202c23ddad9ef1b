"""The checks of `container_health_reference` on the live replicas of one container, compiled.

They are few, so they are compared each with each.
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

STAYING, LEAVING, RETURNING = 0, 1, 2
"""What is to become of a datanode: it is in service, or decommissioned, or in maintenance."""
MOST_PARTS: Final = 62
"""Of an EC container, that can be told apart: the bits of a number. No code has so many."""
NOTHING: Final = -1
"""What a check says that has nothing to say."""
_QUASI_CLOSED, _CLOSED = int(ContainerState.QUASI_CLOSED), int(ContainerState.CLOSED)
_QUASI_CLOSED_REPLICA, _CLOSED_REPLICA = int(ReplicaState.QUASI_CLOSED), int(ReplicaState.CLOSED)
_OPEN_REPLICA, _BROKEN = int(ReplicaState.OPEN), int(ReplicaState.UNHEALTHY)
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
    """Columns of live replicas, as in `replicas`."""

    datanode: Int32s
    state: Bytes
    replica_index: Int32s
    sequence_id: Int64s
    data_checksum: Int64s
    is_empty: Bytes
    origin: Int32s


class NodeArrays(NamedTuple):
    """What is to become of each datanode, whether it answers, and the number of its rack, -1 for none."""

    fate: Bytes
    reachable: Bytes
    rack: Int32s


class RuleValues(NamedTuple):
    """The settings, as numbers, and how many racks the cluster has."""

    maintenance_replicas: int
    maintenance_redundancy: int
    best_origin_copies: int
    other_origin_copies: int
    placement: int
    ec_placement: int
    racks: int


class CaseArrays(NamedTuple):
    """A container, and from where to where its replicas are."""

    start: int
    stop: int
    state: int
    sequence_id: int
    required: int


@kernel_part
def differ(replicas: ReplicaArrays, case: CaseArrays) -> bool:
    """Whether replicas of the same part have different data."""
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
    """How many replicas are in a state."""
    count = zero()
    for at in range(case.start, case.stop):
        count += replicas.state[at] == state
    return count


@kernel_part
def _count_origins(replicas: ReplicaArrays, case: CaseArrays, one: int, other: int) -> int:
    """How many origins there are of replicas in one state or the other."""
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
    """As `empty_container`, of a container that is closed or quasi-closed."""
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
    """Whether a quasi-closed container cannot be closed."""
    newest = newest_broken = -1
    for at in range(case.start, case.stop):
        if replicas.state[at] == _QUASI_CLOSED_REPLICA:
            newest = max(newest, replicas.sequence_id[at])
        elif replicas.state[at] == _BROKEN:
            newest_broken = max(newest_broken, replicas.sequence_id[at])
    if newest == -1 or newest < newest_broken:
        return True
    return _count_origins(replicas, case, _QUASI_CLOSED_REPLICA, _BROKEN) < case.required


@kernel_part
def is_judged_by_origin(replicas: ReplicaArrays, case: CaseArrays) -> bool:
    """Of a container that is stuck: whether it waits for none of its origins to close."""
    several = case.start == case.stop
    for at in range(case.start, case.stop):
        several |= replicas.origin[at] != replicas.origin[case.start]
    return several and _count_origins(replicas, case, _QUASI_CLOSED_REPLICA, _OPEN_REPLICA) < case.required


@kernel_part
def check_by_origin(replicas: ReplicaArrays, hosts: NodeArrays, rules: RuleValues, case: CaseArrays) -> int:
    """As `quasi_closed_stuck`, of a container that is judged by origin."""
    if case.start == case.stop:
        return _STUCK_MISSING
    newest, some_healthy = np.int64(-1 << 63), False
    for at in range(case.start, case.stop):
        if replicas.state[at] != _BROKEN:
            newest, some_healthy = max(newest, replicas.sequence_id[at]), True
    if not some_healthy:
        return NOTHING
    said = NOTHING
    for at in range(case.start, case.stop):
        staying, returning, is_best, is_first = zero(), False, False, True
        for other in range(case.start, case.stop):
            if replicas.origin[other] == replicas.origin[at]:
                is_first &= other >= at
                fate = hosts.fate[replicas.datanode[other]]
                staying += fate == STAYING
                returning |= fate == RETURNING
                is_best |= replicas.state[other] != _BROKEN and replicas.sequence_id[other] == newest
        wanted = rules.best_origin_copies if is_best else rules.other_origin_copies
        if is_first and staying < wanted and (staying == 0 or not returning):
            return _STUCK_UNDER
        if is_first and staying > wanted:
            said = _STUCK_OVER
    return said


@inlined_part
def _count_bits(bits: int) -> int:
    count = zero()
    while bits != 0:
        bits &= bits - 1
        count += 1
    return count


@kernel_part
def check_ec(replicas: ReplicaArrays, hosts: NodeArrays, rules: RuleValues, case: CaseArrays, data: int) -> int:
    """As the three checks of EC containers."""
    staying, leaving, returning, broken, closed, twice = zero(), zero(), zero(), zero(), zero(), zero()
    for at in range(case.start, case.stop):
        index = int(replicas.replica_index[at])
        if index < 1 or index > case.required or index > MOST_PARTS:
            continue
        bit = 1 << index
        fate = hosts.fate[replicas.datanode[at]]
        if replicas.state[at] == _CLOSED_REPLICA:
            closed |= bit
        if replicas.state[at] == _BROKEN:
            broken |= bit
        elif fate == LEAVING:
            leaving |= bit
        elif fate == RETURNING:
            returning |= bit
        else:
            twice |= staying & bit
            staying |= bit
    parts = _count_bits(staying)
    least = data + min(case.required - data, rules.maintenance_redundancy)
    if parts == case.required or (_count_bits(staying | returning) == case.required and parts >= least):
        if twice != 0:
            return _OVER
        if case.state == _CLOSED and broken != 0 and broken & ~closed == 0:
            return _UNHEALTHY_OVER
        return NOTHING if _is_well_placed(replicas, hosts, case, rules.ec_placement, rules.racks) else _MIS
    readable = staying | leaving | returning
    if _count_bits(readable) >= data:
        return _UNDER
    some_go = (leaving | returning) & ~staying != 0
    if _count_bits(readable | broken) < data:
        return _MISSING_UNDER if some_go else _MISSING
    return _UNHEALTHY_UNDER if some_go else _UNHEALTHY


@inlined_part
def _is_of_no_use(replicas: ReplicaArrays, case: CaseArrays, at: int) -> bool:
    if replicas.state[at] == _QUASI_CLOSED_REPLICA:
        return case.state == _CLOSED and replicas.sequence_id[at] != case.sequence_id
    return bool(replicas.state[at] == _BROKEN)


@kernel_part
def count_of_no_use(replicas: ReplicaArrays, case: CaseArrays) -> int:
    """How many replicas are broken, or of a closed container and not of its last state."""
    count = zero()
    for at in range(case.start, case.stop):
        count += _is_of_no_use(replicas, case, at)
    return count


@kernel_part
def missing_replicas(
    replicas: ReplicaArrays, hosts: NodeArrays, rules: RuleValues, case: CaseArrays, count_unhealthy: bool
) -> int:
    """How many more replicas a RATIS container needs; negative when there are too many."""
    staying, returning = zero(), zero()
    for at in range(case.start, case.stop):
        if count_unhealthy or not _is_of_no_use(replicas, case, at):
            fate = hosts.fate[replicas.datanode[at]]
            staying += fate == STAYING
            returning += fate == RETURNING
    if staying >= case.required:
        return case.required - staying
    least = min(case.required, rules.maintenance_replicas)
    return max(0, max(least - staying, case.required - staying - returning))


@kernel_part
def check_ratis(replicas: ReplicaArrays, hosts: NodeArrays, rules: RuleValues, case: CaseArrays, broken: int) -> int:
    """As `ratis_replication`; `broken` counts the replicas of no use."""
    copies = case.stop - case.start
    missing = missing_replicas(replicas, hosts, rules, case, False)
    if missing > 0:
        if copies == 0:
            return _MISSING
        return _UNDER if broken < copies else NOTHING
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
        if replicas.state[at] == _BROKEN and _stays(replicas, hosts, at):
            for other in range(case.start, case.stop):
                if other != at and replicas.origin[other] == replicas.origin[at] and _stays(replicas, hosts, other):
                    return True
    return False


@inlined_part
def _stays(replicas: ReplicaArrays, hosts: NodeArrays, at: int) -> bool:
    datanode = replicas.datanode[at]
    return bool(hosts.fate[datanode] == STAYING and hosts.reachable[datanode] != 0)


@kernel_part
def is_vulnerable(replicas: ReplicaArrays, hosts: NodeArrays, case: CaseArrays) -> bool:
    """As `vulnerable_unhealthy_replicas`, of a container with a replica that is not broken, or with none."""
    for at in range(case.start, case.stop):
        if (
            replicas.state[at] != _BROKEN
            or replicas.is_empty[at] != 0
            or replicas.sequence_id[at] != case.sequence_id
            or hosts.reachable[replicas.datanode[at]] == 0
        ):
            continue
        is_safe = False
        for other in range(case.start, case.stop):
            if replicas.sequence_id[other] == case.sequence_id and replicas.origin[other] == replicas.origin[at]:
                is_safe |= _stays(replicas, hosts, other)
        if not is_safe:
            return True
    return False


@kernel_part
def _is_well_placed(replicas: ReplicaArrays, hosts: NodeArrays, case: CaseArrays, policy: int, racks: int) -> bool:
    copies = case.stop - case.start
    wanted = min(min(racks, case.required), 2 if policy == _RACK_AWARE else case.required)
    if policy == _ANYWHERE or wanted <= 1:
        return copies > 0
    most = max(1, case.required - 1) if policy == _RACK_AWARE else -(-case.required // wanted)
    most += max(0, copies - case.required)
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
