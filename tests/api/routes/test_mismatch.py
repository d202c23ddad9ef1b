"""/containers/mismatch equals the set differences of OM's and SCM's containers."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from tests.api.asking import ask
from tests.api.cluster_answers import following, java, lacking
from tests.api.cluster_records import AT, cluster_of
from tests.insights.cluster_samples import EC, Container, cluster_generation
from tests.insights.om_samples import RandomDatabase, generation_of
from tests.oracle import Oracle

from ozone_recon.api.routes.containers import mismatch
from ozone_recon.insights.containers import mismatch as container_mismatch
from ozone_recon.model.cluster import Cluster
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.generation import Generation

PIPELINES = cluster_of(java("datanodes")["datanodes"], java("pipelines")["pipelines"]).pipelines
DELETED = ContainerState.DELETED


class Sample(NamedTuple):
    app: FastAPI
    pairs: dict[int, int]
    scm: dict[int, Container]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    place = tmp_path_factory.mktemp("g")
    rows = RandomDatabase(10).tables
    pairs = {container: of[1] for container, of in Oracle(rows).containers().items()}
    pick = random.Random(3)
    others = {pick.randrange(1, 1 << 45) for _ in range(40)}
    ids = sorted({*pick.sample(sorted(pairs), len(pairs) * 2 // 3), *others})
    ended = ["00000000-0000-0000-0000-000000000000", None]
    names = [*(one.pipeline_id for one in PIPELINES), *ended]
    scm = {
        one: Container(one, pick.choice((ContainerState.OPEN, DELETED, 0)), pipeline=pick.choice(names)) for one in ids
    }
    tables = cluster_generation(place / "scm", list(scm.values()))
    cluster = Cluster(at=AT, scm_at=AT, pipelines=PIPELINES)
    return Sample(following(tables, cluster, generation_of(rows, place / "om")), pairs, scm)


def listed(app: FastAPI, path: str, limit: int) -> list[Any]:
    """Returns the rows of all pages."""
    found: list[Any] = []
    after = 0
    while True:
        page = ask(app, f"/api/v1/containers/{path}&limit={limit}&prevKey={after}").json()
        if not page["containerDiscrepancyInfo"]:
            assert page["lastKey"] is None
            return found
        assert len(page["containerDiscrepancyInfo"]) <= limit
        found += page["containerDiscrepancyInfo"]
        assert page["lastKey"] == found[-1]["containerId"]
        after = page["lastKey"]


@pytest.mark.parametrize("limit", [1, 4, 1000])
@pytest.mark.parametrize("chunk", [3, 1 << 20])
def test_mismatches(sample: Sample, limit: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_mismatch, "CHUNK", chunk)
    app, pairs, scm = sample
    there = {one.id for one in scm.values() if one.state not in (0, DELETED)}
    gone = {one.id for one in scm.values() if one.state == DELETED}
    for missing_in in ("missingIn=scm", "missingIn=SCM", "a=b"):
        assert listed(app, f"mismatch?{missing_in}", limit) == [
            {"containerId": one, "numberOfKeys": count, "pipelines": [], "existsAt": "OM"}
            for one, count in pairs.items()
            if one not in there
        ]
    assert listed(app, "mismatch/deleted?a=b", limit) == [
        {"containerId": one, "numberOfKeys": count, "pipelines": []} for one, count in pairs.items() if one in gone
    ]
    found = listed(app, "mismatch?missingIn=Om", limit)
    assert [
        (one["containerId"], one["numberOfKeys"], one["existsAt"], [of["id"]["id"] for of in one["pipelines"]])
        for one in found
    ] == [
        (one, 0, "SCM", [of.pipeline_id for of in PIPELINES if of.pipeline_id == scm[one].pipeline])
        for one in sorted(there - pairs.keys())
    ]


def test_a_pipeline_is_javas(tmp_path: Path) -> None:
    """Compares with Java's object of an EC pipeline with two members."""
    one = PIPELINES[0].members[0]
    members = tuple(
        replace(one, uuid=uuid, host_name=host, ip_address=f"10.0.0.{n}")
        for n, (uuid, host) in enumerate((("a", "dn1"), ("b", "dn2")), 1)
    )
    pipeline = replace(PIPELINES[0], replication=EC, members=members, replica_indexes=(2, 1), leader=None)
    rows = RandomDatabase(10).tables
    sample = [Container(1 << 45, pipeline=pipeline.pipeline_id)]
    tables = cluster_generation(tmp_path / "scm", sample)
    app = following(tables, Cluster(at=AT, pipelines=(pipeline,)), generation_of(rows, tmp_path / "om"))
    [found] = ask(app, "/api/v1/containers/mismatch?missingIn=OM").json()["containerDiscrepancyInfo"]
    of = found["pipelines"][0]
    assert of["replicaIndexes"] == {"a(dn1/10.0.0.1)": 2, "b(dn2/10.0.0.2)": 1}
    assert (of["type"], of["leaderId"], of["creationTimestamp"]) == ("EC", None, pipeline.creation_time / 1000)
    assert [one["uuidString"] for one in (of["firstNode"], of["leaderNode"], *of["nodes"])] == ["a", "a", "a", "b"]
    unlike = lacking(java("containers_mismatch_missingIn_OM")["containerDiscrepancyInfo"][0], found)
    assert [at for at in unlike if "replicaIndexes" not in at] == [
        "answer.pipelines[].stateEnterTime: float became NoneType"
    ]


def test_refusals(sample: Sample) -> None:
    app, _, _ = sample
    for wrong in ("mismatch?limit=-1", "mismatch?prevKey=-1", "mismatch/deleted?prevKey=-1"):
        assert ask(app, f"/api/v1/containers/{wrong}").status_code == 406
    assert ask(app, "/api/v1/containers/mismatch?missingIn=both").status_code == 400
    assert ask(following(), "/api/v1/containers/mismatch").status_code == 503
    unlimited = ask(app, "/api/v1/containers/mismatch/deleted?limit=0").json()
    assert unlimited == ask(app, "/api/v1/containers/mismatch/deleted?limit=-7").json()
    assert unlimited["containerDiscrepancyInfo"]
    assert not ask(app, "/api/v1/containers/mismatch?limit=0").json()["containerDiscrepancyInfo"]


def test_a_comparison_that_failed_is_made_again(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [OSError("too many open files")]

    def compare(*generations: Generation) -> container_mismatch.Mismatch:
        if failures:
            raise failures.pop()
        return container_mismatch.compare(*generations)

    monkeypatch.setattr(mismatch, "_LAST", mismatch._LastComparison())
    monkeypatch.setattr(mismatch, "compare", compare)
    asked = [ask(sample.app, "/api/v1/containers/mismatch").status_code for _ in range(2)]
    assert asked == [500, 200]
