"""In which of Recon's lists a container is, by its health: the definition of the compiled path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ozone_recon.insights.containers.health.rules import Case, Copy
from ozone_recon.model.container_health import UnhealthyContainer, UnhealthyState, Verdict
from ozone_recon.model.scm import ContainerState

MISSING: Final = (Verdict.MISSING, Verdict.QUASI_CLOSED_STUCK_MISSING, Verdict.MISSING_UNDER_REPLICATED)
LISTED: Final = {
    Verdict.UNDER_REPLICATED: UnhealthyState.UNDER_REPLICATED,
    Verdict.UNHEALTHY_UNDER_REPLICATED: UnhealthyState.UNDER_REPLICATED,
    Verdict.QUASI_CLOSED_STUCK_UNDER_REPLICATED: UnhealthyState.UNDER_REPLICATED,
    Verdict.MISSING_UNDER_REPLICATED: UnhealthyState.UNDER_REPLICATED,
    Verdict.OVER_REPLICATED: UnhealthyState.OVER_REPLICATED,
    Verdict.UNHEALTHY_OVER_REPLICATED: UnhealthyState.OVER_REPLICATED,
    Verdict.QUASI_CLOSED_STUCK_OVER_REPLICATED: UnhealthyState.OVER_REPLICATED,
    Verdict.MIS_REPLICATED: UnhealthyState.MIS_REPLICATED,
}


def unhealthy(
    case: Case, verdict: Verdict, since: Mapping[tuple[int, UnhealthyState], int], now: int
) -> Iterator[UnhealthyContainer]:
    """The lists that a container is in, ascending; `since` says since when (container, state) was there before."""
    expected, number = case.container.replication.required_nodes, case.container.container_id
    for state in sorted(_states(case, verdict)):
        yield UnhealthyContainer(number, state, since.get((number, state), now), expected, len(case.copies))


def _states(case: Case, verdict: Verdict) -> Iterator[UnhealthyState]:
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


def _differ(copies: Iterable[Copy]) -> bool:
    """Whether replicas of the same part have different data. A checksum of 0 is known to be one of nothing alone."""
    sums = {
        (copy.replica.replica_index, copy.replica.data_checksum)
        for copy in copies
        if copy.replica.data_checksum or copy.replica.is_empty
    }
    return len(sums) > len({index for index, _ in sums})
