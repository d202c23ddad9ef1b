"""In which of Recon's lists a container is, by its health: the definition of the compiled path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ozone_recon.insights.containers.health.rules import ContainerCase, ReplicaOnNode
from ozone_recon.model.container_health import HealthState, UnhealthyContainer, UnhealthyState
from ozone_recon.model.scm import ContainerState

MISSING: Final = (HealthState.MISSING, HealthState.QUASI_CLOSED_STUCK_MISSING, HealthState.MISSING_UNDER_REPLICATED)
LISTED: Final = {
    HealthState.UNDER_REPLICATED: UnhealthyState.UNDER_REPLICATED,
    HealthState.UNHEALTHY_UNDER_REPLICATED: UnhealthyState.UNDER_REPLICATED,
    HealthState.QUASI_CLOSED_STUCK_UNDER_REPLICATED: UnhealthyState.UNDER_REPLICATED,
    HealthState.MISSING_UNDER_REPLICATED: UnhealthyState.UNDER_REPLICATED,
    HealthState.OVER_REPLICATED: UnhealthyState.OVER_REPLICATED,
    HealthState.UNHEALTHY_OVER_REPLICATED: UnhealthyState.OVER_REPLICATED,
    HealthState.QUASI_CLOSED_STUCK_OVER_REPLICATED: UnhealthyState.OVER_REPLICATED,
    HealthState.MIS_REPLICATED: UnhealthyState.MIS_REPLICATED,
}


def unhealthy(
    case: ContainerCase, verdict: HealthState, since: Mapping[tuple[int, UnhealthyState], int], now: int
) -> Iterator[UnhealthyContainer]:
    """The lists that a container is in, ascending; `since` says since when (container, state) was there before."""
    expected, number = case.container.replication.required_nodes, case.container.container_id
    for state in sorted(_states(case, verdict)):
        yield UnhealthyContainer(number, state, since.get((number, state), now), expected, len(case.copies))


def _states(case: ContainerCase, verdict: HealthState) -> Iterator[UnhealthyState]:
    """By ReconReplicationManager."""
    if case.container.state not in ContainerState.__members__:
        return
    if verdict in MISSING:
        yield UnhealthyState.MISSING if case.container.number_of_keys else UnhealthyState.EMPTY_MISSING
    if verdict in LISTED:
        yield LISTED[verdict]
        if case.container.used_bytes < 0:
            yield UnhealthyState.NEGATIVE_SIZE
    if _differ(case.copies):
        yield UnhealthyState.REPLICA_MISMATCH


def _differ(copies: Iterable[ReplicaOnNode]) -> bool:
    """Whether replicas of the same part have different data. A checksum of 0 is known to be one of nothing alone."""
    sums = {
        (copy.replica.replica_index, copy.replica.data_checksum)
        for copy in copies
        if copy.replica.data_checksum or copy.replica.is_empty
    }
    return len(sums) > len({index for index, _ in sums})
