"""Maps a container's health to Recon's lists of unhealthy containers (ReconReplicationManager).

The reference form, one container at a time; `build` does the same in columns.
"""

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
    case: ContainerCase, health: HealthState, since: Mapping[tuple[int, UnhealthyState], int], now: int
) -> Iterator[UnhealthyContainer]:
    """Yields one entry per list the container is in, by state; `since` maps (container, state) to the time of entry."""
    expected, number = case.container.replication.required_nodes, case.container.container_id
    for state in sorted(_states(case, health)):
        yield UnhealthyContainer(number, state, since.get((number, state), now), expected, len(case.replicas))


def _states(case: ContainerCase, health: HealthState) -> Iterator[UnhealthyState]:
    """Follows ReconReplicationManager."""
    if case.container.state not in ContainerState.__members__:
        return
    if health in MISSING:
        yield UnhealthyState.MISSING if case.container.number_of_keys else UnhealthyState.EMPTY_MISSING
    if health in LISTED:
        yield LISTED[health]
        if case.container.used_bytes < 0:
            yield UnhealthyState.NEGATIVE_SIZE
    if _differ(case.replicas):
        yield UnhealthyState.REPLICA_MISMATCH


def _differ(replicas: Iterable[ReplicaOnNode]) -> bool:
    """Whether replicas with the same index have different data.

    A checksum of 0 means "unknown", except for an empty replica.
    """
    sums = {
        (one.replica.replica_index, one.replica.data_checksum)
        for one in replicas
        if one.replica.data_checksum or one.replica.is_empty
    }
    return len(sums) > len({index for index, _ in sums})
