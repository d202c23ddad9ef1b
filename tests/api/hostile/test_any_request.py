"""Any request, to a server with or without data, is answered with JSON, and never with 500."""

import json
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.api.asking import ask
from tests.api.cluster_answers import following, java
from tests.api.cluster_records import cluster_of
from tests.insights.cluster_samples import cluster_generation, container

from ozone_recon.api.application import create_app
from ozone_recon.api.context import AskCluster, Context
from ozone_recon.api.route import BASE
from ozone_recon.config import Config
from ozone_recon.model.container_health import UnhealthyContainer, UnhealthyState
from ozone_recon.model.requests import ClusterRequest, PendingBlocks
from ozone_recon.model.scm import ContainerState
from ozone_recon.server.app import application
from ozone_recon.store.generation import Generation

WITHOUT_DATA = create_app(Context(Config.load(), lambda: (), lambda: True))
OPERATIONS = [
    (path, operation)
    for path, methods in WITHOUT_DATA.openapi()["paths"].items()
    for method, operation in methods.items()
    if method == "get" and path.startswith(BASE)
]
OTHER_MEDIA = {
    media
    for _, operation in OPERATIONS
    for media in operation["responses"]["200"].get("content", ())
    if media != "application/json"
}
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "/", "//", "/vol1", "/vol1/obs/", "vol1/fso", "/a/b/c/d", "null", "true", "OM", "%", "\x00", "é"]
    ),
    st.sampled_from(["0", "1", "-1", "+1", " 1", "2147483648", "9223372036854775807", "-9223372036854775809", "1e3"]),
    st.binary(max_size=12).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw)),
)


@st.composite
def requests(draw: st.DrawFn) -> str:
    """Draws a path with a query: any route, with known and unknown parameters, each absent, given once or twice."""
    path: str
    path, operation = draw(st.sampled_from(OPERATIONS))
    query = []
    for parameter in [*operation.get("parameters", ()), {"in": "query", "name": "unknown"}]:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(draw(TEXTS), safe="%"))
        else:
            query += [f"{parameter['name']}={quote(text, safe='%')}" for text in draw(st.lists(TEXTS, max_size=2))]
    return path + ("?" + "&".join(query) if query else "")


def check(app: FastAPI, request: str) -> None:
    answer = ask(app, request, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code != 500, (request, answer.text)
    assert "x-recon-generation" in answer.headers
    if answer.status_code == 200 and answer.headers["content-type"] in OTHER_MEDIA:
        return
    assert answer.headers["content-type"] == "application/json"
    if answer.status_code == 204:
        assert not answer.content
        return
    body = json.loads(answer.content)
    if answer.status_code >= 400 and body.get("status") != "INITIALIZING":
        assert list(body) == ["message"]
        assert body["message"].strip()


@settings(max_examples=150, deadline=None)
@given(requests())
def test_before_there_is_data(asked: str) -> None:
    check(WITHOUT_DATA, asked)


@pytest.fixture(scope="module")
def app(sample: Generation) -> Iterator[FastAPI]:
    with application(sample, Config.load()) as app:
        yield app


@settings(max_examples=300, deadline=None)
@given(asked=requests())
def test_of_the_sample(app: FastAPI, asked: str) -> None:
    check(app, asked)


@pytest.fixture(scope="module")
def whole(sample: Generation, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Returns an application that also follows a cluster."""
    states = [*ContainerState, 0]
    containers = [container(1 + n, n % 5, state=state, pipeline=f"p{n % 3}") for n, state in enumerate(states)]
    unhealthy = [UnhealthyContainer(one.id, state, 5, 3, 1) for one in containers for state in UnhealthyState]
    tables = cluster_generation(tmp_path_factory.mktemp("g") / "scm", containers, unhealthy=unhealthy[1:])
    cluster = cluster_of(java("datanodes")["datanodes"], java("pipelines")["pipelines"])

    async def answer(_: ClusterRequest[Any]) -> Any:
        return PendingBlocks(polling=True)

    return following(tables, cluster, sample, cast("AskCluster", answer))


@settings(max_examples=300, deadline=None)
@given(asked=requests())
def test_of_a_whole_cluster(whole: FastAPI, asked: str) -> None:
    check(whole, asked)
