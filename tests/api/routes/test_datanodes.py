"""/datanodes and /pipelines equal Java Recon's answers about the same cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.api.asking import ask
from tests.api.cluster_answers import following, java
from tests.api.cluster_records import AT, cluster_of, details
from tests.insights.cluster_samples import EC

from ozone_recon.api.context import AskCluster
from ozone_recon.api.routes.cluster.elections import COUNTS
from ozone_recon.model.cluster import Cluster, Datanode
from ozone_recon.model.requests import ClusterRequest, Removal, RemoveDatanodes
from ozone_recon.model.scm import Pipeline

DATANODES = java("datanodes")["datanodes"]
PIPELINES = java("pipelines")["pipelines"]
CLUSTER = cluster_of(DATANODES, PIPELINES)


def test_datanodes_are_javas() -> None:
    found = ask(following(cluster=CLUSTER), "/api/v1/datanodes").json()
    assert found["totalCount"] == len(DATANODES) == len(found["datanodes"])
    for ours, theirs in zip(found["datanodes"], DATANODES, strict=True):
        names = {"datanodeUuid": ours["uuid"], "hostName": "localhost", "failedVolumes": 0}
        of_pipelines = ("pipelines", "leaderCount")
        expected = theirs | {"storageReport": theirs["storageReport"] | names}
        assert _without(ours, of_pipelines) == _without(expected, of_pipelines)


def test_a_dead_datanode_shows_nothing_open() -> None:
    rows = java("ec_two_datanodes_dead_datanodes")["datanodes"]
    found = ask(following(cluster=cluster_of(rows)), "/api/v1/datanodes").json()["datanodes"]
    assert found[0].keys() == rows[0].keys()
    assert (found[0]["state"], found[0]["pipelines"]) == ("DEAD", [])


def test_pipelines_of_a_datanode() -> None:
    """Each pipeline shows its leader; an EC pipeline has none and shows its first member."""
    a, b = details("a", "dn-a"), details("b", "dn-b")
    pipelines = (
        _pipeline("1", (a, b), leader="b"),
        _pipeline("2", (b,), leader="b"),
        _pipeline("3", (a,), leader=None),
        replace(_pipeline("4", (a, b), leader=None), replication=EC),
    )
    datanodes = (Datanode(a, "HEALTHY", "IN_SERVICE"), Datanode(b, "STALE", ""))
    cluster = Cluster(at=AT, scm_at=AT, datanodes=datanodes, pipelines=pipelines)
    found = ask(following(cluster=cluster), "/api/v1/datanodes").json()["datanodes"]
    assert [[(one["pipelineID"], one["leaderNode"]) for one in row["pipelines"]] for row in found] == [
        [("1", "dn-b"), ("3", ""), ("4", "dn-a")],
        [("1", "dn-b"), ("2", "dn-b"), ("4", "dn-a")],
    ]
    assert found[0]["pipelines"][2]["replicationFactor"] == "rs-3-2-1024k"
    assert [row.get("leaderCount") for row in found] == [None, 2]
    assert found[1] == {
        "uuid": "b",
        "hostname": "dn-b",
        "state": "STALE",
        "networkLocation": "",
        "pipelines": found[1]["pipelines"],
        "leaderCount": 2,
    }


def test_pipelines_are_javas() -> None:
    found = ask(following(cluster=CLUSTER), "/api/v1/pipelines").json()
    assert found == {"totalCount": len(PIPELINES), "pipelines": PIPELINES}


def test_what_is_no_text_is_replaced() -> None:
    node = details("a", "dn-\udcff")
    cluster = Cluster(
        at=AT,
        scm_at=AT,
        datanodes=(Datanode(node, "HEALTHY", "IN_SERVICE"),),
        pipelines=(_pipeline("1", (node,), leader="a"),),
    )
    app = following(cluster=cluster)
    assert ask(app, "/api/v1/datanodes").json()["datanodes"][0]["hostname"] == "dn-\ufffd"
    assert ask(app, "/api/v1/pipelines").json()["pipelines"][0]["leaderNode"] == "dn-\ufffd"


@pytest.mark.parametrize("path", ["/datanodes", "/pipelines"])
def test_before_anything_is_known(path: str) -> None:
    assert ask(following(), f"/api/v1{path}").status_code == 503
    unread = following(cluster=Cluster(at=AT, error="SCM at scm:9860 does not answer"))
    answer = ask(unread, f"/api/v1{path}")
    if path == "/pipelines":
        assert (answer.status_code, "does not answer" in answer.json()["message"]) == (503, True)
    else:
        assert answer.json() == {"totalCount": 0, "datanodes": []}


class Prometheus(BaseHTTPRequestHandler):
    """Serves the elections of one Ratis group."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)["query"][0]
        group = f"group-{PIPELINES[0]['pipelineId'][-12:].upper()}"
        leader = PIPELINES[0]["datanodes"][0]["uuidString"]
        series: list[dict[str, Any]] = [{"metric": {"group": group}, "value": [1.5, "7"]}]
        if query != COUNTS:
            series = [
                {"metric": {"group": group, "exported_instance": "another"}, "value": [1.5, "5"]},
                {"metric": {"group": group, "exported_instance": leader}, "value": [1.5, "1234.7"]},
                {"metric": {}, "value": [1.5, "9"]},
            ]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "success", "data": {"result": series}}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


class Confused(Prometheus):
    """Serves an answer of another shape."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": []}')


@pytest.fixture(params=[Prometheus, Confused])
def prometheus(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), request.param)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", request.param is Prometheus
    server.shutdown()
    server.server_close()


def test_elections(prometheus: tuple[str, bool], caplog: pytest.LogCaptureFixture) -> None:
    url, knows = prometheus
    app = following(cluster=CLUSTER, flags={"ozone.recon.prometheus.http.endpoint": url})
    found = ask(app, "/api/v1/pipelines").json()["pipelines"]
    elected = [(one["leaderElections"], one["lastLeaderElection"]) for one in found]
    assert elected == [(7, 1234) if knows else (0, 0), (0, 0)]
    assert bool(caplog.records) is not knows


def test_without_prometheus_pipelines_are_known_all_the_same() -> None:
    app = following(cluster=CLUSTER, flags={"ozone.recon.prometheus.http.endpoint": "http://127.0.0.1:1"})
    assert ask(app, "/api/v1/pipelines").json()["pipelines"] == PIPELINES


GONE, BUSY, UNKNOWN = (f"{n}4feaaaa-0000-1111-2222-333344445555" for n in "abc")


def removing(asked: list[tuple[str, ...]]) -> AskCluster:
    async def answer(request: ClusterRequest[Any]) -> Any:
        assert isinstance(request, RemoveDatanodes)
        asked.append(request.datanodes)
        of = set(request.datanodes)
        removed = Datanode(details(GONE, "h", location="/default-rack"), "DEAD", "IN_SERVICE")
        return Removal(
            (removed,) if GONE in of else (),
            (UNKNOWN,) if UNKNOWN in of else (),
            {BUSY: "Open Containers/Pipelines"} if BUSY in of else {},
        )

    return cast("AskCluster", answer)


def test_removal() -> None:
    asked: list[tuple[str, ...]] = []
    app = following(ask_cluster=removing(asked))
    all_of_them = ask(app, "/api/v1/datanodes/remove", "PUT", json=[GONE.upper(), BUSY, UNKNOWN]).json()
    assert asked == [(GONE, BUSY, UNKNOWN)]
    assert all_of_them == {
        "datanodesResponseMap": {
            "failedDatanodes": {"totalCount": 1, "errors": {BUSY: "Open Containers/Pipelines"}},
            "notFoundDatanodes": {
                "totalCount": 1,
                "datanodes": [{"uuid": UNKNOWN, "hostname": "", "state": "DEAD", "pipelines": None}],
            },
            "removedDatanodes": {
                "totalCount": 1,
                "datanodes": [
                    {
                        "uuid": GONE,
                        "hostname": "h",
                        "state": "DEAD",
                        "opState": "IN_SERVICE",
                        "networkLocation": "/default-rack",
                        "pipelines": None,
                    }
                ],
            },
        }
    }
    one = ask(app, "/api/v1/datanodes/remove", "PUT", json=[GONE]).json()
    assert list(one["datanodesResponseMap"]) == ["removedDatanodes"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[]", "application/json", 400),
        (b"", "application/json", 400),
        (b"null", "application/json", 400),
        (b'{"a":1}', "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"[", "application/json; charset=utf-8", 400),
        (f'["{GONE}","malformed"]'.encode(), "application/json", 400),
        (f'["{GONE}"]'.encode(), "text/plain", 415),
    ],
)
def test_removal_of_what_is_no_list(body: bytes, kind: str, status: int) -> None:
    asked: list[tuple[str, ...]] = []
    app = following(ask_cluster=removing(asked))
    answer = ask(app, "/api/v1/datanodes/remove", "PUT", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, list(answer.json())) == (status, ["message"])
    assert not asked
    assert ask(following(), "/api/v1/datanodes/remove", "PUT", json=[GONE]).status_code == 503


def _pipeline(pipeline_id: str, members: tuple[Any, ...], leader: str | None) -> Pipeline:
    return replace(
        CLUSTER.pipelines[0],
        pipeline_id=pipeline_id,
        members=members,
        replica_indexes=(0,) * len(members),
        leader=leader,
    )


def _without(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
