"""The tables of a cluster generation: what a plain loop over all replicas makes, and what is read back from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.decode.cluster.sample_datanodes import DATANODE, OTHER_DATANODE
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, PIPELINE
from tests.insights.cluster.drawn_containers import pages, table
from tests.insights.cluster.drawn_replicas import HEARTBEAT, Row, heartbeats, rows

from ozone_recon.decode.cluster.heartbeats import decode_reports
from ozone_recon.insights.cluster import writing
from ozone_recon.insights.cluster.reading import (
    count_open,
    read_containers,
    read_datanodes,
    read_pipelines,
    read_replicas,
)
from ozone_recon.insights.cluster.replica_history import ReplicaHistory, SeenReplicas
from ozone_recon.insights.cluster.scm_containers import ScmContainers
from ozone_recon.insights.cluster.tables import HEALTH, TABLES
from ozone_recon.insights.cluster.writing import DatanodeRow, write_containers
from ozone_recon.model.scm import ContainerInfo
from ozone_recon.store.generation import Generation, GenerationBuild

UUIDS = (NODE, OTHER_NODE)
datanode_rows = st.tuples(*(st.sampled_from(HEALTH) for _ in UUIDS)).map(
    lambda healths: [
        DatanodeRow(uuid, f"host of {uuid}", "/rack", health, "IN_SERVICE", b"{}")
        for uuid, health in zip(UUIDS, healths, strict=True)
    ]
)


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "BLOCKS", 2)


def written(
    place: Path,
    containers: ScmContainers,
    replicas: dict[str, SeenReplicas],
    datanodes: list[DatanodeRow],
    pipelines: dict[str, bytes],
) -> tuple[Generation, list[int]]:
    with GenerationBuild(place) as build:
        open_replicas = write_containers(build, containers, replicas, datanodes, pipelines).open_replicas
        build.seal()
    return Generation.open(place), open_replicas.tolist()


def plain(replicas: dict[str, SeenReplicas]) -> dict[str, dict[int, Row]]:
    return {uuid: rows(known) for uuid, known in replicas.items()}


def added_up(info: ContainerInfo, replicas: list[tuple[Row, bool]]) -> ContainerInfo:
    """The plain way to do it; `replicas` are on datanodes that live or not."""
    ec = info.replication.kind == "EC"
    counted = [
        row.replica
        for row, lives in replicas
        if row.present and lives and row.replica.state not in ("UNHEALTHY", "INVALID", "DELETED")
        if not ec or row.replica.replica_index == 1 or row.replica.replica_index > info.replication.data
    ]
    if not counted:
        return info
    which = min if info.state == "OPEN" else max
    return replace(
        info,
        used_bytes=which(one.used_bytes for one in counted),
        number_of_keys=which(one.number_of_keys for one in counted),
        sequence_id=max(info.sequence_id, *(one.sequence_id for one in counted)),
    )


def shown(generation: Generation) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Container, row of its datanode, and every column of each replica."""
    containers, replicas = generation.table("containers"), generation.table("replicas")
    bounds = pairwise(containers["first_replica"].tolist())
    origins = [name.decode() for name in generation.table("origins").bytes("uuid")]
    for one, (start, end) in zip(containers["id"].tolist(), bounds, strict=True):
        for row in range(start, end):
            columns = {name: replicas[name][row].item() for name in TABLES["replicas"]}
            yield one, columns["datanode"], columns | {"origin": origins[columns["origin"]]}


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(pages, min_size=1, max_size=3),
    st.lists(st.tuples(st.booleans(), heartbeats), max_size=5),
    datanode_rows,
)
def test_the_tables_are_those_of_a_plain_loop(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[Any],
    reported: list[tuple[bool, Any]],
    datanodes: list[DatanodeRow],
) -> None:
    containers, history = ScmContainers(), ReplicaHistory()
    for page in said:
        containers.put(page)
    for at, (other, heartbeat) in enumerate(reported):
        datanode = OTHER_DATANODE if other else DATANODE
        history.add(decode_reports(replace(HEARTBEAT, **_reports(heartbeat), datanode=datanode)), at)
    replicas = {uuid: history.of_datanode(uuid) for uuid in UUIDS if len(history.of_datanode(uuid))}
    generation, open_replicas = written(
        tmp_path_factory.mktemp("g") / "1", containers, replicas, datanodes, {PIPELINE: b"here", "new": b"there"}
    )

    known, held = table(containers), plain(replicas)
    expected = {
        one: added_up(
            info,
            [
                (held[row.uuid][one], row.health != "DEAD")
                for row in datanodes
                if row.uuid in held and one in held[row.uuid]
            ],
        )
        for one, info in known.items()
    }
    assert table(read_containers(generation)) == expected
    there = [
        (one, n, held[row.uuid][one])
        for one in known
        for n, row in enumerate(datanodes)
        if one in held.get(row.uuid, {})
    ]
    found = list(shown(generation))
    assert [(one, n) for one, n, _ in found] == [(one, n) for one, n, _ in there]
    for (_, _, columns), (_, _, row) in zip(found, there, strict=True):
        assert (columns["first_seen"], columns["last_seen"], columns["present"]) == (
            row.first_seen,
            row.last_seen,
            row.present,
        )
        assert (columns["origin"], columns["used_bytes"]) == (row.replica.origin, row.replica.used_bytes)
    assert open_replicas == [
        sum(row.present and m == n and known[one].state == "OPEN" for one, m, row in there) for n in range(2)
    ]
    assert count_open(generation).tolist() == open_replicas
    of_known = {uuid: {one: row for one, row in of_one.items() if one in known} for uuid, of_one in held.items()}
    assert plain(read_replicas(generation)) == {uuid: of_one for uuid, of_one in of_known.items() if of_one}
    assert read_datanodes(generation) == datanodes
    assert sorted(read_pipelines(generation)) == [b"here", b"there"]


def _reports(heartbeat: Any) -> dict[str, Any]:
    return {"containers": heartbeat.containers, "increments": heartbeat.increments}


def test_nothing_is_known_yet(tmp_path: Path) -> None:
    generation, open_replicas = written(tmp_path / "1", ScmContainers(), {}, [], {})
    assert open_replicas == []
    found = {name: generation.table(name).rows for name in generation.tables}
    assert found == dict.fromkeys({*TABLES} - {"cluster"}, 0)
    assert read_replicas(generation) == {}
