"""What is said of a container's health: SCM's verdicts, the settings they depend on, Recon's lists of the unhealthy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple, Self


class HealthState(IntEnum):
    """What SCM's replication manager says of a container, by its numbers (ContainerHealthState)."""

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
    """The lists in which Recon has unhealthy containers; a container may be in several. Numbered in order of the names.

    ALL_REPLICAS_BAD may be asked for, and is never filled.
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
    """A container in one of the lists, `since` when (ms since 1970); `expected` and `actual` count replicas."""

    container_id: int
    state: UnhealthyState
    since: int
    expected: int
    actual: int

    @property
    def delta(self) -> int:
        """How many replicas there are too many; negative: too few."""
        return self.actual - self.expected

    @property
    def reason(self) -> str:
        """Why it is in this list, in Recon's words as far as they are true."""
        if self.actual and self.state is UnhealthyState.MISSING:
            return "Too few replicas to read it"
        if self.actual and self.state is UnhealthyState.EMPTY_MISSING:
            return "Container has too few replicas and no keys"
        return _REASONS[self.state]


class PlacementPolicy(IntEnum):
    """How replicas are to be spread over racks."""

    ANYWHERE = 0
    RACK_AWARE = 1
    """Over two racks."""
    RACK_SCATTER = 2
    """Over as many racks as there are, evenly."""

    @classmethod
    def of(cls, policy: str) -> Self:
        """What a placement policy of SCM's demands, by its class; ANYWHERE where we know of no demands."""
        known = {"SCMContainerPlacementRackAware": cls.RACK_AWARE, "SCMContainerPlacementRackScatter": cls.RACK_SCATTER}
        return known.get(policy.rpartition(".")[2], cls.ANYWHERE)


@dataclass(frozen=True, slots=True)
class HealthRules:
    """The settings of SCM that its verdicts depend on, with its defaults.

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
