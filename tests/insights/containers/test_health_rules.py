"""Health by hand: each by the check of Ozone 2.2.0 that assigns it, and the lists that follow from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.insights.cluster_samples import EC, RATIS, SINGLE
from tests.insights.health_samples import ALONE, INFO, Cluster, SampleContainer

from ozone_recon.insights.containers.health.lists import unhealthy
from ozone_recon.insights.containers.health.rules import (
    ContainerCase,
    ReplicaNode,
    ReplicaOnNode,
    count_racks,
    evaluate,
)
from ozone_recon.model.container_health import (
    HealthRules,
    HealthState,
    PlacementPolicy,
    UnhealthyContainer,
    UnhealthyState,
)
from ozone_recon.model.datanode_reports import Replica
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.generation import Generation

LEAVING = {"op_state": "DECOMMISSIONING"}
RESTING = {"op_state": "IN_MAINTENANCE"}
BROKEN = {"state": "UNHEALTHY"}
QUASI = {"state": "QUASI_CLOSED"}
EMPTY = {"is_empty": True}


def copies_of(*said: dict[str, Any]) -> tuple[ReplicaOnNode, ...]:
    """Replicas, each on a datanode and of an origin of its own unless said otherwise."""
    return tuple(
        ReplicaOnNode(
            Replica(
                INFO.container_id,
                one.get("state", "CLOSED"),
                one.get("sequence", 100),
                7,
                12,
                one.get("index", 0),
                one.get("checksum", 5),
                one.get("is_empty", False),
                one.get("origin", f"origin-{at}"),
            ),
            ReplicaNode(
                f"dn-{at}", one.get("health", "HEALTHY"), one.get("op_state", "IN_SERVICE"), one.get("rack", f"/{at}")
            ),
        )
        for at, one in enumerate(said)
    )


def case(
    state: str,
    *copies: dict[str, Any],
    replication: ReplicationConfig = RATIS,
    has_pipeline: bool = True,
    racks: int = 0,
    rules: HealthRules = HealthRules(),  # noqa: B008 - it cannot be changed
    **info: Any,
) -> ContainerCase:
    made = copies_of(*copies)
    container = replace(INFO, state=state, replication=replication, **info)
    return ContainerCase(container, made, has_pipeline, racks or count_racks(copy.host for copy in made), rules)


def parts(*indexes: int, **said: Any) -> list[dict[str, Any]]:
    return [said | {"index": index} for index in indexes]


def ec(*copies: dict[str, Any], state: str = "CLOSED", **more: Any) -> ContainerCase:
    return case(state, *copies, replication=EC, **more)


ONE_ORIGIN = QUASI | {"origin": "a"}
BEST = QUASI | {"origin": "a", "sequence": 100}
OTHER = QUASI | {"origin": "b", "sequence": 99}

CASES: dict[str, tuple[HealthState, ContainerCase]] = {
    # OpenContainerHandler
    "open": (HealthState.HEALTHY, case("OPEN", {"state": "OPEN"})),
    "open without replicas": (HealthState.HEALTHY, case("OPEN")),
    "open, a replica closing": (HealthState.OPEN_UNHEALTHY, case("OPEN", {"state": "OPEN"}, {"state": "CLOSING"})),
    "open, pipeline gone": (HealthState.OPEN_WITHOUT_PIPELINE, case("OPEN", {"state": "OPEN"}, has_pipeline=False)),
    # ClosingContainerHandler
    "closing": (HealthState.HEALTHY, case("CLOSING", BROKEN)),
    "closing without replicas": (HealthState.MISSING, case("CLOSING")),
    # EmptyContainerHandler
    "closed and empty": (HealthState.EMPTY, case("CLOSED", EMPTY, EMPTY, number_of_keys=7)),
    "closed, never written": (HealthState.EMPTY, case("CLOSED", number_of_keys=0)),
    "closed, one of them empty": (HealthState.HEALTHY, case("CLOSED", EMPTY, {}, {})),
    "quasi-closed and empty": (HealthState.EMPTY, case("QUASI_CLOSED", QUASI | EMPTY, BROKEN | EMPTY)),
    # DeletingContainerHandler
    "deleting": (HealthState.HEALTHY, case("DELETING", {})),
    "deleted": (HealthState.HEALTHY, case("DELETED")),
    # RatisReplicationCheckHandler
    "three": (HealthState.HEALTHY, case("CLOSED", {}, {}, {})),
    "two": (HealthState.UNDER_REPLICATED, case("CLOSED", {}, {})),
    "four": (HealthState.OVER_REPLICATED, case("CLOSED", {}, {}, {}, {})),
    "none": (HealthState.MISSING, case("CLOSED")),
    "one of one": (HealthState.HEALTHY, case("CLOSED", {}, replication=SINGLE)),
    "on a stale datanode": (HealthState.HEALTHY, case("CLOSED", {}, {}, {"health": "STALE"})),
    "one leaving": (HealthState.UNDER_REPLICATED, case("CLOSED", {}, {}, LEAVING)),
    "one leaving, copied": (HealthState.HEALTHY, case("CLOSED", {}, {}, {}, LEAVING)),
    "one resting": (HealthState.HEALTHY, case("CLOSED", {}, {}, RESTING)),
    "two resting": (HealthState.UNDER_REPLICATED, case("CLOSED", {}, RESTING, RESTING)),
    "two resting, as it may be": (
        HealthState.HEALTHY,
        case("CLOSED", {}, RESTING, RESTING, rules=HealthRules(maintenance_replicas=1)),
    ),
    "three and one broken": (HealthState.OVER_REPLICATED, case("CLOSED", {}, {}, {}, BROKEN)),
    "two and one broken": (HealthState.UNDER_REPLICATED, case("CLOSED", {}, {}, BROKEN)),
    "two and one not of its end": (HealthState.UNDER_REPLICATED, case("CLOSED", {}, {}, QUASI | {"sequence": 99})),
    "two and one of its end": (HealthState.HEALTHY, case("CLOSED", {}, {}, QUASI)),
    "quasi-closed, one of too many is broken": (
        HealthState.OVER_REPLICATED,
        case("QUASI_CLOSED", QUASI, QUASI, QUASI, BROKEN | {"origin": "origin-0"}),
    ),
    "quasi-closed, the broken one has no like": (
        HealthState.HEALTHY,
        case("QUASI_CLOSED", QUASI, QUASI, QUASI, BROKEN),
    ),
    # SCMContainerPlacementRackAware, …RackScatter, …Random
    "all in one of two racks": (HealthState.MIS_REPLICATED, case("CLOSED", *3 * [{"rack": "/a"}], racks=2)),
    "all in the only rack": (HealthState.HEALTHY, case("CLOSED", *3 * [{"rack": "/a"}])),
    "two in one rack": (HealthState.HEALTHY, case("CLOSED", {"rack": "/a"}, {"rack": "/a"}, {"rack": "/b"}, racks=3)),
    "all in one of two racks, as it may be": (
        HealthState.HEALTHY,
        case("CLOSED", *3 * [{"rack": "/a"}], racks=2, rules=HealthRules(placement=PlacementPolicy.ANYWHERE)),
    ),
    "scattered": (
        HealthState.MIS_REPLICATED,
        case(
            "CLOSED",
            {"rack": "/a"},
            {"rack": "/a"},
            {"rack": "/b"},
            racks=3,
            rules=HealthRules(placement=PlacementPolicy.RACK_SCATTER),
        ),
    ),
    "parts, two in one of five racks": (
        HealthState.MIS_REPLICATED,
        ec(*parts(1, 2, rack="/a"), *parts(3, 4, 5), racks=5),
    ),
    "parts, all in two racks": (HealthState.HEALTHY, ec(*parts(1, 2, 3, rack="/a"), *parts(4, 5, rack="/b"))),
    "parts, four in one of two racks": (
        HealthState.MIS_REPLICATED,
        ec(*parts(1, 2, 3, 4, rack="/a"), *parts(5, rack="/b")),
    ),
    # RatisUnhealthyReplicationCheckHandler
    "three broken": (HealthState.UNHEALTHY, case("CLOSED", BROKEN, BROKEN, BROKEN)),
    "two broken": (HealthState.UNHEALTHY_UNDER_REPLICATED, case("CLOSED", BROKEN, BROKEN)),
    "four broken": (HealthState.UNHEALTHY_OVER_REPLICATED, case("CLOSED", *4 * [BROKEN])),
    # QuasiClosedContainerHandler
    "quasi-closed, to be closed": (HealthState.HEALTHY, case("QUASI_CLOSED", QUASI, QUASI, QUASI)),
    "quasi-closed, one origin": (
        HealthState.QUASI_CLOSED_STUCK,
        case("QUASI_CLOSED", ONE_ORIGIN, ONE_ORIGIN, ONE_ORIGIN),
    ),
    "quasi-closed, one is still open": (
        HealthState.QUASI_CLOSED_STUCK,
        case("QUASI_CLOSED", QUASI, QUASI, {"state": "OPEN"}),
    ),
    # QuasiClosedStuckReplicationCheck
    "stuck without replicas": (HealthState.QUASI_CLOSED_STUCK_MISSING, case("QUASI_CLOSED")),
    "stuck with two of the other": (HealthState.QUASI_CLOSED_STUCK, case("QUASI_CLOSED", *3 * [BEST], *2 * [OTHER])),
    "stuck with two of the best": (
        HealthState.QUASI_CLOSED_STUCK_UNDER_REPLICATED,
        case("QUASI_CLOSED", *2 * [BEST], *2 * [OTHER]),
    ),
    "stuck with three of the other": (
        HealthState.QUASI_CLOSED_STUCK_OVER_REPLICATED,
        case("QUASI_CLOSED", *3 * [BEST], *3 * [OTHER]),
    ),
    "stuck, one of the best resting": (
        HealthState.QUASI_CLOSED_STUCK,
        case("QUASI_CLOSED", *2 * [BEST], BEST | RESTING, *2 * [OTHER]),
    ),
    "stuck, one of the best leaving": (
        HealthState.QUASI_CLOSED_STUCK_UNDER_REPLICATED,
        case("QUASI_CLOSED", *2 * [BEST], BEST | LEAVING, *2 * [OTHER]),
    ),
    "stuck with six of the best, as it is to be": (
        HealthState.QUASI_CLOSED_STUCK,
        case("QUASI_CLOSED", *6 * [BEST], *2 * [OTHER], rules=HealthRules(best_origin_copies=6)),
    ),
    "stuck, stand-alone": (
        HealthState.QUASI_CLOSED_STUCK_MISSING,
        case("QUASI_CLOSED", replication=ALONE),
    ),
    # ECReplicationCheckHandler
    "all parts": (HealthState.HEALTHY, ec(*parts(1, 2, 3, 4, 5))),
    "a part missing": (HealthState.UNDER_REPLICATED, ec(*parts(1, 2, 3, 4))),
    "a part broken": (HealthState.UNDER_REPLICATED, ec(*parts(1, 2, 3, 4), *parts(5, **BROKEN))),
    "a part leaving": (HealthState.UNDER_REPLICATED, ec(*parts(1, 2, 3, 4), *parts(5, **LEAVING))),
    "a part resting": (HealthState.HEALTHY, ec(*parts(1, 2, 3, 4), *parts(5, **RESTING))),
    "two parts resting": (HealthState.UNDER_REPLICATED, ec(*parts(1, 2, 3), *parts(4, 5, **RESTING))),
    "two parts resting, as they may": (
        HealthState.HEALTHY,
        ec(*parts(1, 2, 3), *parts(4, 5, **RESTING), rules=HealthRules(maintenance_redundancy=0)),
    ),
    "a part twice": (HealthState.OVER_REPLICATED, ec(*parts(1, 1, 2, 3, 4, 5))),
    "a part twice, another missing": (HealthState.UNDER_REPLICATED, ec(*parts(1, 1, 2, 3, 4))),
    "two parts of three": (HealthState.MISSING, ec(*parts(1, 2))),
    "two parts of three, one leaving": (
        HealthState.MISSING_UNDER_REPLICATED,
        ec(*parts(1), *parts(2, **LEAVING)),
    ),
    "two parts of three, another broken": (HealthState.UNHEALTHY, ec(*parts(1, 2), *parts(3, **BROKEN))),
    "two parts of three, another broken, one leaving": (
        HealthState.UNHEALTHY_UNDER_REPLICATED,
        ec(*parts(1), *parts(2, **LEAVING), *parts(3, **BROKEN)),
    ),
    "a part that cannot be": (HealthState.UNDER_REPLICATED, ec(*parts(0, 1, 2, 3, 6))),
    # ClosedWithUnhealthyReplicasHandler
    "a part broken, and whole": (HealthState.UNHEALTHY_OVER_REPLICATED, ec(*parts(1, 2, 3, 4, 5), *parts(5, **BROKEN))),
    "a part broken, and closing": (
        HealthState.HEALTHY,
        ec(*parts(1, 2, 3, 4), *parts(5, state="CLOSING"), *parts(5, **BROKEN)),
    ),
    # VulnerableUnhealthyReplicasHandler
    "the only one of its origin is broken and leaves": (
        HealthState.UNHEALTHY_UNDER_REPLICATED,
        case("QUASI_CLOSED", QUASI, QUASI, QUASI, BROKEN | LEAVING),
    ),
    "the only one of its origin leaves, and is empty": (
        HealthState.HEALTHY,
        case("QUASI_CLOSED", QUASI, QUASI, QUASI, BROKEN | LEAVING | EMPTY),
    ),
    # ReplicationManager.processContainer
    "suppressed": (HealthState.HEALTHY, case("CLOSED", suppressed=True)),
    "of a state that we do not know": (HealthState.HEALTHY, case("8")),
}


@pytest.mark.parametrize("name", CASES)
def test_health(name: str) -> None:
    health, evaluated = CASES[name]
    assert evaluate(evaluated) is health


def test_cases_cover_every_health() -> None:
    assert {health for health, _ in CASES.values()} == set(HealthState)


def rows_of(evaluated: ContainerCase) -> list[tuple[str, int, int, int, str]]:
    return [
        (row.state.name, row.expected, row.actual, row.delta, row.reason)
        for row in unhealthy(evaluated, evaluate(evaluated), {}, 1000)
    ]


def test_rows_say_how_many_replicas_and_why() -> None:
    assert rows_of(case("CLOSED", {}, {})) == [("UNDER_REPLICATED", 3, 2, -1, "Insufficient replicas")]
    assert rows_of(case("CLOSED", {}, {}, {}, {})) == [("OVER_REPLICATED", 3, 4, 1, "Excess replicas")]
    assert rows_of(case("CLOSED")) == [("MISSING", 3, 0, -3, "No replicas available")]
    assert rows_of(case("CLOSING", number_of_keys=0)) == [
        ("EMPTY_MISSING", 3, 0, -3, "Container has no replicas and no keys")
    ]
    assert rows_of(case("CLOSED", *3 * [{"rack": "/a"}], racks=2)) == [
        ("MIS_REPLICATED", 3, 3, 0, "Placement policy violated")
    ]
    assert rows_of(case("CLOSED", {}, used_bytes=-1)) == [
        ("NEGATIVE_SIZE", 3, 1, -2, "Container reports negative usedBytes"),
        ("UNDER_REPLICATED", 3, 1, -2, "Insufficient replicas"),
    ]
    assert rows_of(case("CLOSED", used_bytes=-1)) == [("MISSING", 3, 0, -3, "No replicas available")]
    assert rows_of(case("CLOSED", {}, {}, {}, used_bytes=-1)) == []
    assert rows_of(case("CLOSED", BROKEN, BROKEN, BROKEN)) == []


def test_parts_of_a_missing_container_are_counted() -> None:
    """Recon says 0, whatever there is (B36)."""
    assert rows_of(ec(*parts(1, 2))) == [("MISSING", 5, 2, -3, "Too few replicas to read it")]
    assert rows_of(ec(*parts(1), *parts(2, **LEAVING), number_of_keys=0)) == [
        ("EMPTY_MISSING", 5, 2, -3, "Container has too few replicas and no keys"),
        ("UNDER_REPLICATED", 5, 2, -3, "Insufficient replicas"),
    ]


@pytest.mark.parametrize(
    ("checksums", "differ"),
    [
        ([5, 5, 5], False),
        ([5, 5, 6], True),
        ([0, 5, 5], False),  # not known yet
        ([0, 0, 0], False),
        ([0, 0, 6], False),
    ],
)
def test_replicas_with_different_data(checksums: list[int], differ: bool) -> None:
    rows = rows_of(case("CLOSED", *({"checksum": checksum} for checksum in checksums)))
    assert rows == ([("REPLICA_MISMATCH", 3, 3, 0, "Data checksum mismatch across replicas")] if differ else [])


def test_an_empty_replica_differs_from_one_that_is_not() -> None:
    rows = rows_of(case("CLOSED", {}, {}, EMPTY | {"checksum": 0}))
    assert [state for state, *_ in rows] == ["REPLICA_MISMATCH"]


def test_parts_of_a_container_do_not_differ_from_each_other() -> None:
    """Recon says so of every EC container (B34)."""
    five = [{"index": index, "checksum": index} for index in range(1, 6)]
    assert rows_of(ec(*five)) == []
    assert [state for state, *_ in rows_of(ec(*five, {"index": 5, "checksum": 6}))] == [
        "OVER_REPLICATED",
        "REPLICA_MISMATCH",
    ]


def sample_of(evaluated: ContainerCase) -> SampleContainer:
    return SampleContainer(evaluated.container, tuple((one.replica, one.host, True) for one in evaluated.replicas))


def listed(generation: Generation) -> list[UnhealthyContainer]:
    table = generation.table("unhealthy")
    columns = (table[column].tolist() for column in ("container", "state", "since", "expected", "actual"))
    return [UnhealthyContainer(one, UnhealthyState(state), *more) for one, state, *more in zip(*columns, strict=True)]


def generation_of(place: Path, before: Generation | None, now: int, *cases: ContainerCase) -> Generation:
    """Containers 1, 2, …, of a cluster that has all their datanodes."""
    numbered = [
        replace(one, container=replace(one.container, container_id=number)) for number, one in enumerate(cases, 1)
    ]
    hosts = tuple(dict.fromkeys(copy.host for one in numbered for copy in one.replicas))
    return Cluster(hosts, tuple(map(sample_of, numbered))).generation(place, before, now=now)


def test_since_is_kept_while_a_container_stays_in_a_list(tmp_path: Path) -> None:
    under, over, good = case("CLOSED", {}, {}), case("CLOSED", {}, {}, {}, {}), case("CLOSED", {}, {}, {})
    state = UnhealthyState
    one = generation_of(tmp_path / "1", None, 1000, under, good, under)
    assert [row[:3] for row in listed(one)] == [(1, state.UNDER_REPLICATED, 1000), (3, state.UNDER_REPLICATED, 1000)]
    two = generation_of(tmp_path / "2", one, 2000, under, under, over)
    assert [row[:3] for row in listed(two)] == [
        (3, state.OVER_REPLICATED, 2000),
        (1, state.UNDER_REPLICATED, 1000),
        (2, state.UNDER_REPLICATED, 2000),
    ]
    three = generation_of(tmp_path / "3", two, 3000, good, under, under)
    assert [row[:3] for row in listed(three)] == [(2, state.UNDER_REPLICATED, 2000), (3, state.UNDER_REPLICATED, 3000)]


def test_a_suppressed_container_is_in_no_list_any_more(tmp_path: Path) -> None:
    """An administrator knows of it, and SCM counts it no more; it is looked at again when that is taken back."""
    lost = UnhealthyContainer(1, UnhealthyState.MISSING, 1000, 3, 0)
    one = generation_of(tmp_path / "1", None, 1000, case("CLOSED"))
    assert listed(one) == [lost]
    two = generation_of(tmp_path / "2", one, 2000, case("CLOSED", suppressed=True))
    assert listed(two) == []
    assert listed(generation_of(tmp_path / "3", two, 3000, case("CLOSED"))) == [lost._replace(since=3000)]


def test_replicas_of_dead_datanodes_count_in_maintenance_alone(tmp_path: Path) -> None:
    """DeadNodeHandler."""
    dead = {"health": "DEAD", "checksum": 6}
    cases = [
        case("CLOSED", {}, {}, dead),
        case("CLOSED", {}, {}, dead | RESTING),
        case("CLOSED", {}, {}, dead | {"op_state": "ENTERING_MAINTENANCE"}),
    ]
    rows = listed(generation_of(tmp_path / "generation", None, 1000, *cases))
    assert [(row.container_id, row.state.name, row.actual) for row in rows] == [
        (2, "REPLICA_MISMATCH", 3),
        (1, "UNDER_REPLICATED", 2),
        (3, "UNDER_REPLICATED", 2),
    ]


def test_placement_policies_by_their_classes() -> None:
    package = "org.apache.hadoop.hdds.scm.container.placement.algorithms.SCMContainerPlacement"
    names = ("RackAware", "RackScatter", "Random", "Capacity")
    assert [PlacementPolicy.of(package + name) for name in names] == [
        PlacementPolicy.RACK_AWARE,
        PlacementPolicy.RACK_SCATTER,
        PlacementPolicy.ANYWHERE,
        PlacementPolicy.ANYWHERE,
    ]
