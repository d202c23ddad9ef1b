"""Pages of unhealthy containers equal a plain Python reference."""

import random
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from tests.api.asking import ask
from tests.api.cluster_answers import following, java, lacking
from tests.insights.cluster_samples import Container, Copy, cluster_generation, container

from ozone_recon.model.cluster import Cluster
from ozone_recon.model.container_health import UnhealthyContainer, UnhealthyState

PIPELINE = "e9a120c8-0000-0000-0000-000000000001"
FILLED = [state for state in UnhealthyState if state is not UnhealthyState.ALL_REPLICAS_BAD]


def sample(seed: int = 1) -> list[UnhealthyContainer]:
    pick = random.Random(seed)
    return [
        UnhealthyContainer(one, state, pick.randrange(1 << 40), 3, pick.choice((0, 2, 5)))
        for one in range(1, 60)
        for state in sorted(pick.sample(FILLED, pick.choice((0, 1, 1, 2, 3))))
    ]


LISTED = sample()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    containers = [container(one, 0, 1, pipeline=PIPELINE, blocks=one * 10) for one in range(1, 60)]
    return following(cluster_generation(tmp_path_factory.mktemp("g") / "scm", containers, unhealthy=LISTED))


def get(app: FastAPI, path: str) -> Any:
    answer = ask(app, f"/api/v1/containers/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(page: Any) -> list[tuple[int, str]]:
    return [(one["containerID"], one["containerState"]) for one in page["containers"]]


def listed(state: str = "") -> list[tuple[int, str]]:
    """Returns the containers in one state, or in all states."""
    return [(one.container_id, one.state.name) for one in LISTED if state in ("", one.state.name)]


@pytest.mark.parametrize("state", ["", *(state.name for state in UnhealthyState)])
@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_forwards_and_backwards(app: FastAPI, state: str, limit: int) -> None:
    path, found, after = f"unhealthy/{state}?limit={limit}", [], 0
    while page := get(app, f"{path}&minContainerId={after}")["containers"]:
        found.append([(one["containerID"], one["containerState"]) for one in page])
        after = page[-1]["containerID"]
    assert [one for page in found for one in page] == listed(state)
    for page in found[:-1]:
        assert limit <= len(page) < limit + len(FILLED)
        assert len([one for one in page if one[0] != page[-1][0]]) < limit
    back: list[tuple[int, str]] = []
    before = 1000
    while page := get(app, f"{path}&maxContainerId={before}&minContainerId=5"):
        if not page["containers"]:
            assert (page["firstKey"], page["lastKey"]) == (0, 0)
            break
        assert (page["firstKey"], page["lastKey"]) == (shown(page)[0][0], shown(page)[-1][0])
        back = shown(page) + back
        before = page["firstKey"]
    assert back == listed(state)


@pytest.mark.parametrize("state", ["", "MISSING"])
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_pages_by_their_number(app: FastAPI, state: str, limit: int) -> None:
    found: list[tuple[int, str]] = []
    number = 1
    while page := shown(get(app, f"unhealthy/{state}?limit={limit}&batchNum={number}")):
        found += page
        number += 1
    assert found == listed(state)
    assert number == -(-len(found) // limit) + 1
    first = get(app, f"unhealthy/{state}?limit={limit}")
    for without in (0, -1, ""):
        assert get(app, f"unhealthy/{state}?limit={limit}&batchNum={without}") == first


def test_counts_are_those_of_all_lists(app: FastAPI) -> None:
    wanted = {
        "missingCount": "MISSING",
        "underReplicatedCount": "UNDER_REPLICATED",
        "overReplicatedCount": "OVER_REPLICATED",
        "misReplicatedCount": "MIS_REPLICATED",
        "replicaMismatchCount": "REPLICA_MISMATCH",
        "emptyMissingCount": "EMPTY_MISSING",
        "negativeSizeCount": "NEGATIVE_SIZE",
    }
    for page in (get(app, "unhealthy"), get(app, "unhealthy/MISSING?limit=1"), get(app, "unhealthy?limit=-1")):
        assert {name: page[name] for name in wanted} == {name: len(listed(state)) for name, state in wanted.items()}
    assert get(app, "unhealthy?limit=0")["containers"] == []


def test_what_is_said_of_each(app: FastAPI) -> None:
    page = get(app, "unhealthy")
    assert not lacking(java("ec_two_datanodes_dead_containers_unhealthy"), page)
    for one, row in zip(LISTED, page["containers"], strict=True):
        assert row["unhealthySince"] == one.since
        assert (row["expectedReplicaCount"], row["actualReplicaCount"]) == (3, one.actual)
        assert (row["replicaDeltaCount"], row["reason"]) == (one.delta, one.reason)
        assert (row["keys"], row["pipelineID"]) == (one.container_id * 10, PIPELINE)
        assert [replica["datanodeHost"] for replica in row["replicas"]] == ["dn0", "dn1"]
        assert {replica["containerId"] for replica in row["replicas"]} == {one.container_id}


def test_missing(app: FastAPI) -> None:
    missing = [one for one in LISTED if one.state is UnhealthyState.MISSING]
    page = get(app, "missing")
    assert not lacking(java("ec_three_datanodes_dead_containers_missing"), page)
    assert page["totalCount"] == len(missing)
    assert [(one["containerID"], one["missingSince"], one["keys"]) for one in page["containers"]] == [
        (one.container_id, one.since, one.container_id * 10) for one in missing
    ]
    assert get(app, "missing?limit=2")["totalCount"] == 2
    assert get(app, "missing?limit=-1") == {"totalCount": 0, "containers": []}


def test_all_replicas_are_shown_and_what_is_unknown_is_not(tmp_path: Path) -> None:
    gone = Copy(4, last_seen=9000, present=False)
    containers = [Container(3, copies=(*map(Copy, range(4)), gone)), Container(5, copies=(gone,))]
    over, missing = UnhealthyState.OVER_REPLICATED, UnhealthyState.MISSING
    rows = [
        UnhealthyContainer(3, over, 1, 3, 4),
        UnhealthyContainer(4, missing, 1, 3, 0),
        UnhealthyContainer(5, missing, 1, 3, 0),
    ]
    app = following(cluster_generation(tmp_path / "scm", containers, unhealthy=rows))
    found = get(app, "unhealthy")
    assert shown(found) == [(3, "OVER_REPLICATED"), (5, "MISSING")]
    assert [[replica["datanodeHost"] for replica in one["replicas"]] for one in found["containers"]] == [
        ["dn0", "dn1", "dn2", "dn3"],
        ["dn4"],
    ]
    assert [one["containerID"] for one in get(app, "missing")["containers"]] == [5]


def test_refusals(app: FastAPI, tmp_path: Path) -> None:
    for state in ("missing", "HEALTHY", "%20MISSING"):
        answer = ask(app, f"/api/v1/containers/unhealthy/{state}")
        assert answer.status_code == 400
        assert "UNDER_REPLICATED" in answer.json()["message"]
    waiting = Cluster(at=1, waiting_for=tuple(f"dn{n}" for n in range(1, 8)))
    unevaluated = following(cluster_generation(tmp_path / "scm", [container(1)]), waiting)
    for path in ("missing", "unhealthy", "unhealthy/MISSING"):
        assert ask(following(), f"/api/v1/containers/{path}").status_code == 503
        answer = ask(unevaluated, f"/api/v1/containers/{path}")
        assert (answer.status_code, "not reported yet by dn1, dn2, dn3, dn4, dn5 and 2 more" in answer.text) == (
            503,
            True,
        )
