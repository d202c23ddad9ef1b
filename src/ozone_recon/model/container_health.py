"""Container health: SCM's health states, the settings they depend on, and Recon's lists of unhealthy containers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple, Self


class HealthState(IntEnum):
    """A container's health by SCM's replication manager, with its numbers (ContainerHealthState)."""

    HEALTHY = 0
    UNDER_REPLICATED = 1
    MIS_REPLICATED = 2
    OVER_REPLICATED = 3
    MISSING = 4
    UNHEALTHY = 5
    EMPTY = 6
    OPEN_UNHEALTHY = 7
    QUASI_CLOSED_STUCK = 8
    OPEN_WITHOUT_PIPELINE = 9
    UNHEALTHY_UNDER_REPLICATED = 100
    UNHEALTHY_OVER_REPLICATED = 101
    MISSING_UNDER_REPLICATED = 102
    QUASI_CLOSED_STUCK_UNDER_REPLICATED = 103
    QUASI_CLOSED_STUCK_OVER_REPLICATED = 104
    QUASI_CLOSED_STUCK_MISSING = 105


class UnhealthyState(IntEnum):
    """Recon's lists of unhealthy containers; a container may be in several. Numbered in alphabetical order.

    ALL_REPLICAS_BAD is a valid request but always empty, as in Java Recon.
    """

    ALL_REPLICAS_BAD = 0
    EMPTY_MISSING = 1
    MISSING = 2
    MIS_REPLICATED = 3
    NEGATIVE_SIZE = 4
    OVER_REPLICATED = 5
    REPLICA_MISMATCH = 6
    UNDER_REPLICATED = 7


_REASONS: Final = {
    UnhealthyState.EMPTY_MISSING: "Container has no replicas and no keys",
    UnhealthyState.MISSING: "No replicas available",
    UnhealthyState.MIS_REPLICATED: "Placement policy violated",
    UnhealthyState.NEGATIVE_SIZE: "Container reports negative usedBytes",
    UnhealthyState.OVER_REPLICATED: "Excess replicas",
    UnhealthyState.REPLICA_MISMATCH: "Data checksum mismatch across replicas",
    UnhealthyState.UNDER_REPLICATED: "Insufficient replicas",
}


class UnhealthyContainer(NamedTuple):
    """An entry of a list: `since` is when it was added (ms since 1970); `expected` and `actual` are replica counts."""

    container_id: int
    state: UnhealthyState
    since: int
    expected: int
    actual: int

    @property
    def delta(self) -> int:
        """The number of excess replicas; negative if replicas are missing."""
        return self.actual - self.expected

    @property
    def reason(self) -> str:
        """The reason for this entry: Java Recon's text, except where that would be false."""
        if self.actual and self.state is UnhealthyState.MISSING:
            return "Too few replicas to read it"
        if self.actual and self.state is UnhealthyState.EMPTY_MISSING:
            return "Container has too few replicas and no keys"
        return _REASONS[self.state]


class PlacementPolicy(IntEnum):
    """The required spread of replicas over racks."""

    ANYWHERE = 0
    RACK_AWARE = 1
    """Replicas on two racks."""
    RACK_SCATTER = 2
    """Replicas spread evenly over all racks."""

    @classmethod
    def of(cls, policy: str) -> Self:
        """The policy with this SCM class name; ANYWHERE for an unknown class."""
        known = {"SCMContainerPlacementRackAware": cls.RACK_AWARE, "SCMContainerPlacementRackScatter": cls.RACK_SCATTER}
        return known.get(policy.rpartition(".")[2], cls.ANYWHERE)


@dataclass(frozen=True, slots=True)
class HealthRules:
    """The SCM settings that determine container health, with SCM's defaults.

    They are `hdds.scm.replication.maintenance.replica.minimum` (for RATIS) and `….maintenance.remaining.redundancy`
    (EC), `….quasi.closed.stuck.best.origin.copies` and `….other.origin.copies`, `ozone.scm.container.placement.impl`
    (RATIS) and `ozone.scm.container.placement.ec.impl`.
    """

    maintenance_replicas: int = 2
    maintenance_redundancy: int = 1
    best_origin_copies: int = 3
    other_origin_copies: int = 2
    placement: PlacementPolicy = PlacementPolicy.RACK_AWARE
    ec_placement: PlacementPolicy = PlacementPolicy.RACK_SCATTER
