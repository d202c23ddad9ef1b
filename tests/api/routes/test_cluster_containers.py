"""Container listings from SCM and datanode reports."""

from pathlib import Path
from typing import Any

import pytest
from tests.api.asking import ask
from tests.api.cluster_answers import following, java, lacking
from tests.insights.cluster_samples import EC, NODES, SINGLE, Container, Copy, Node, cluster_generation, container
from tests.insights.om_samples import RandomDatabase, generation_of
from tests.oracle import Oracle

from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import ContainerState

PIPELINE = "e9a120c8-0000-0000-0000-000000000001"
ROUTES = ("/containers/1/replicaHistory", "/containers/deleted", "/containers/quasiClosed")


def get(app: Any, path: str) -> Any:
    return ask(app, f"/api/v1{path}").json()


@pytest.mark.parametrize("path", ROUTES)
def test_without_a_cluster_nothing_is_known(path: str) -> None:
    answer = ask(following(), f"/api/v1{path}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "follows no cluster" in answer.json()["message"]


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_containers_are_scms_with_the_keys_of_om(tmp_path: Path, limit: int) -> None:
    rows = RandomDatabase(10).tables
    om, known = generation_of(rows, tmp_path / "om"), Oracle(rows).containers()
    some = list(known)[::2]
    ids = sorted({*some, 1 << 40, (1 << 40) + 1, (1 << 40) + 2})
    states = [*ContainerState, 0, 99]
    sample = [Container(one, states[n % len(states)], blocks=n) for n, one in enumerate(ids)]
    app = following(cluster_generation(tmp_path / "scm", sample), om=om)
    expected = [one for one in sample if one.state]
    found: list[Any] = []
    after = 0
    while True:
        page = get(app, f"/containers?limit={limit}&prevKey={after}")["data"]
        assert page["totalContainers"] == len(expected)
        if not page["containers"]:
            break
        found += page["containers"]
        after = page["prevKey"]
    assert [
        (one["ContainerID"], one["NumberOfKeys"], one["NumberOfOmKeys"], one["State"], one["UsedBytes"])
        for one in found
    ] == [
        (
            one.id,
            one.blocks,
            known[one.id][2] if one.id in known else 0,
            one.state.name if isinstance(one.state, ContainerState) else "UNKNOWN",
            12,
        )
        for one in expected
    ]
    assert not lacking(java("containers"), get(app, "/containers"))


def test_replicas_of_a_container(tmp_path: Path) -> None:
    copies = (
        Copy(0, last_seen=30, replica_index=2, data_checksum=0),
        Copy(2, last_seen=50, state=ReplicaState.QUASI_CLOSED),
        Copy(3, last_seen=40, present=False),
    )
    sample = [container(1, 0), Container(7, copies=copies), container(9, 1, 2)]
    nodes = [*NODES[:3], Node("some-uuid", "", "DEAD")]
    app = following(cluster_generation(tmp_path / "scm", sample, nodes))
    assert not lacking(java("containers_1_replicaHistory"), get(app, "/containers/7/replicaHistory"))
    found = get(app, "/containers/7/replicaHistory")
    assert [(one["datanodeHost"], one["lastSeenTime"], one["state"], one["isPresent"]) for one in found] == [
        ("dn2", 50, "QUASI_CLOSED", True),
        ("N/A", 40, "CLOSED", False),
        ("dn0", 30, "CLOSED", True),
    ]
    assert found[2] == {
        "containerId": 7,
        "datanodeUuid": NODES[0].uuid,
        "datanodeHost": "dn0",
        "firstSeenTime": 1000,
        "lastSeenTime": 30,
        "lastBcsId": 46,
        "state": "CLOSED",
        "dataChecksum": 0,
        "replicaIndex": 2,
        "isPresent": True,
        "firstReportTimestamp": 1000,
        "lastReportTimestamp": 30,
    }
    for unknown in (0, 8, 10, -1, 1 << 62):
        assert get(app, f"/containers/{unknown}/replicaHistory") == []


def test_deleted_containers(tmp_path: Path) -> None:
    gone = ContainerState.DELETED
    sample = [
        container(1),
        container(3, state=gone, pipeline=PIPELINE, replication=SINGLE),
        container(4, state=gone, used_bytes=0, blocks=0),
        container(6, state=gone, replication=EC),
    ]
    app = following(cluster_generation(tmp_path / "scm", sample))
    found = get(app, "/containers/deleted")
    assert found[0] == {
        "containerId": 3,
        "pipelineID": {"id": PIPELINE},
        "numberOfKeys": 7,
        "containerState": "DELETED",
        "stateEnterTime": 1795461459902,
        "usedBytes": 12,
        "replicationConfig": {
            "replicationFactor": "ONE",
            "requiredNodes": 1,
            "minimumNodes": 1,
            "replicationType": "RATIS",
        },
        "replicationFactor": "ONE",
    }
    assert found[1].keys() == found[0].keys() - {"numberOfKeys", "usedBytes"}
    assert found[1]["pipelineID"] is None
    assert found[2]["replicationConfig"]["replicationType"] == "EC"
    assert "replicationFactor" not in found[2]
    assert [one["containerId"] for one in get(app, "/containers/deleted?prevKey=3&limit=1")] == [4]
    assert get(app, "/containers/deleted?prevKey=6") == get(app, "/containers/deleted?limit=0") == []
    for wrong in ("limit=-1", "prevKey=-1"):
        assert ask(app, f"/api/v1/containers/deleted?{wrong}").status_code == 400


def test_quasi_closed_containers(tmp_path: Path) -> None:
    stuck = ContainerState.QUASI_CLOSED
    copies = (Copy(0, 10), Copy(1, 20), Copy(2, 90, present=False), Copy(3, 80, present=False), Copy(4, 30))
    sample = [
        container(1, 0, 1, 2),
        Container(5, stuck, copies),
        container(6, 0, 1, 2, 3, 4, state=stuck, pipeline=PIPELINE),
        Container(8, stuck),
        Container(9, stuck, copies[:4]),
    ]
    app = following(cluster_generation(tmp_path / "scm", sample))
    found = get(app, "/containers/quasiClosed")
    assert (found["quasiClosedCount"], found["firstKey"], found["lastKey"]) == (4, 5, 9)
    assert [
        (
            one["containerID"],
            one["pipelineID"],
            one["expectedReplicaCount"],
            one["actualReplicaCount"],
            [replica["datanodeHost"] for replica in one["replicas"]],
        )
        for one in found["containers"]
    ] == [
        (5, None, 3, 3, ["dn4", "dn1", "dn0"]),
        (6, PIPELINE, 3, 5, ["dn0", "dn1", "dn2", "dn3", "dn4"]),
        (8, None, 3, 0, []),
        (9, None, 3, 2, ["dn2", "dn1", "dn0"]),
    ]
    page = get(app, "/containers/quasiClosed?minContainerId=5&limit=1")
    assert (page["quasiClosedCount"], page["firstKey"], page["lastKey"], len(page["containers"])) == (4, 6, 6, 1)
    page = get(app, "/containers/quasiClosed?minContainerId=9")
    assert (page["firstKey"], page["lastKey"], page["containers"]) == (9, 9, [])
    assert get(app, "/containers/quasiClosed?limit=-1&minContainerId=-1")["message"] == "minContainerId must be >= 0"
    assert get(app, "/containers/quasiClosed?limit=-1")["message"] == "limit must be >= 0"
    assert not lacking(java("containers_quasiClosed"), found)


def test_a_rare_state_among_many(tmp_path: Path) -> None:
    """Paging searches growing windows, and misses no row between them."""
    rare = {3, 64, 65, 999, 1500}
    sample = [
        Container(one, ContainerState.DELETED if one in rare else ContainerState.CLOSED) for one in range(1, 1501)
    ]
    app = following(cluster_generation(tmp_path / "scm", sample))
    for limit in (1, 2, 4, 10):
        found: list[int] = []
        while page := get(app, f"/containers/deleted?limit={limit}&prevKey={found[-1] if found else 0}"):
            assert len(page) <= limit
            found += [one["containerId"] for one in page]
        assert found == sorted(rare)
