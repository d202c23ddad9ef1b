from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from fastapi import FastAPI, Query, Response
from tests.api.asking import ask
from tests.insights.cluster_samples import cluster_generation

from ozone_recon.api import application
from ozone_recon.api.context import Context, CurrentView, Served
from ozone_recon.api.parameters import PAGE, Boolean, ContainerId, Int32, Limit
from ozone_recon.api.responses import json_response, no_content
from ozone_recon.api.route import Route
from ozone_recon.config import Config
from ozone_recon.errors import BadRequest
from ozone_recon.model.cluster import Cluster

calls: list[str] = []


async def echo(
    view: CurrentView,
    limit: Limit = 1000,
    flag: Boolean = True,
    text: Annotated[str, Query(description="Any.")] = "",
) -> Response:
    calls.append(text)
    return json_response({"limit": limit, "flag": flag, "text": text, "generation": view.ready()})


async def of_cluster(view: CurrentView) -> Response:
    return json_response(view.ready_cluster().at)


async def of_both(view: CurrentView) -> Response:
    return json_response(view.cluster.at if view.cluster else 0)


async def of_container(view: CurrentView, id: ContainerId, page: Annotated[Int32, Query()] = 1) -> Response:
    return json_response({"id": id, "page": page})


async def empty(view: CurrentView) -> Response:
    return no_content()


async def wrong(view: CurrentView) -> Response:
    raise BadRequest('The text "x" is not a path. Give one that begins with /.')


async def broken(view: CurrentView) -> Response:
    raise RuntimeError("a bug")


async def post(view: CurrentView) -> Response:
    return json_response(True)


ROUTES = (
    Route("/echo", echo, "Echo.", dict[str, Any]),
    Route("/containers/{id}/keys", of_container, "Keys.", dict[str, Any]),
    Route("/cluster", of_cluster, "Of the cluster.", int, cluster=True),
    Route("/both-known", of_both, "Of the cluster, if it is known.", int, cluster=True),
    Route("/empty", empty, "Nothing.", None, others={204: "Nothing."}),
    Route("/wrong", wrong, "Wrong.", None),
    Route("/broken", broken, "Broken.", None),
    Route("/both", post, "Post.", bool, method="POST", immutable=False),
    Route("/both", empty, "Get.", None),
)


def served(identity: str, closed: list[str] | None = None) -> Served:
    generation = cast("Any", identity)
    return Served(generation, identity, 42, 1_700_000_000_000, lambda *_: None, lambda: (closed or []).append(identity))


@pytest.fixture
def context() -> Context:
    context = Context(Config.load(), lambda: (), lambda: True)
    context.serve(served("one"))
    return context


@pytest.fixture
def app(context: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    monkeypatch.setattr(application, "ROUTES", ROUTES)
    calls.clear()
    yield application.create_app(context)


@pytest.mark.parametrize(
    ("query", "status", "limit"),
    [
        ("", 200, 1000),
        ("?limit=", 200, 1000),
        ("?limit=7&limit=8", 200, 7),
        ("?limit=%2B7", 200, 7),
        ("?limit=-7", 200, -7),
        ("?limit=2147483647", 200, PAGE),
        ("?limit=2147483648", 404, None),
        ("?limit=%201", 404, None),
        ("?limit=2.5", 404, None),
        ("?limit=1_0", 404, None),
        ("?limit=%D9%A1", 404, None),
        ("?limit=abc", 404, None),
        ("?unknown=abc", 200, 1000),
    ],
)
def test_numbers_parse_as_in_recon(app: FastAPI, query: str, status: int, limit: int | None) -> None:
    answer = ask(app, "/api/v1/echo" + query)
    assert answer.status_code == status
    assert answer.json().get("limit") == limit
    assert ("message" in answer.json()) == (status != 200)


@pytest.mark.parametrize(("value", "flag"), [("true", True), ("TRUE", True), ("", False), ("1", False), ("xyz", False)])
def test_a_boolean_is_true_for_true_alone(app: FastAPI, value: str, flag: bool) -> None:
    assert ask(app, f"/api/v1/echo?flag={value}").json()["flag"] is flag


def test_text_is_decoded_and_not_trimmed(app: FastAPI) -> None:
    assert ask(app, "/api/v1/echo?text=%20a%26b+%C3%A9&limit=1").json()["text"] == " a&b é"


def test_path_numbers(app: FastAPI) -> None:
    assert ask(app, "/api/v1/containers/9223372036854775807/keys").json()["id"] == 9223372036854775807
    assert ask(app, "/api/v1/containers/abc/keys").status_code == 404


def test_headers_are_javas_and_freshness(app: FastAPI) -> None:
    headers = ask(app, "/api/v1/echo").headers
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["x-recon-sequence-number"] == "42"
    assert headers["x-recon-generation"] == "one"
    assert int(headers["x-recon-data-age-ms"]) > 0


def test_an_answer_is_kept_for_its_generation_only(app: FastAPI, context: Context) -> None:
    first = ask(app, "/api/v1/echo?text=a&limit=1")
    assert ask(app, "/api/v1/echo?limit=1&text=a").content == first.content
    assert calls == ["a"]
    etag = first.headers["etag"]
    unchanged = ask(app, "/api/v1/echo?text=a&limit=1", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["x-recon-generation"] == "one"
    context.serve(served("two"))
    changed = ask(app, "/api/v1/echo?text=a&limit=1", headers={"If-None-Match": etag})
    assert (changed.status_code, changed.json()["generation"]) == (200, "two")


def test_an_answer_about_the_cluster_is_kept_for_as_long_as_that_is_the_same(context: Context, app: FastAPI) -> None:
    assert ask(app, "/api/v1/cluster").status_code == 503
    context.cluster = Cluster(at=5, scm_at=3)
    first = ask(app, "/api/v1/cluster")
    assert first.headers["x-recon-follows-cluster"] == "false"
    assert int(first.headers["x-recon-cluster-age-ms"]) < int(first.headers["x-recon-scm-age-ms"])
    unchanged = {"If-None-Match": first.headers["etag"]}
    assert ask(app, "/api/v1/cluster", headers=unchanged).status_code == 304
    of_om = ask(app, "/api/v1/echo?text=a&limit=1").headers["etag"]
    context.cluster = Cluster(at=6)
    assert ask(app, "/api/v1/cluster", headers=unchanged).json() == 6
    assert ask(app, "/api/v1/echo?text=a&limit=1", headers={"If-None-Match": of_om}).status_code == 304
    context.served = None
    assert ask(app, "/api/v1/cluster").json() == 6
    assert "x-recon-scm-age-ms" not in ask(app, "/api/v1/cluster").headers


def test_an_answer_from_before_the_cluster_was_known_ends_with_that(context: Context, app: FastAPI) -> None:
    before = ask(app, "/api/v1/both-known")
    assert before.json() == 0
    context.cluster = Cluster(at=5)
    assert ask(app, "/api/v1/both-known", headers={"If-None-Match": before.headers["etag"]}).json() == 5


def test_a_query_of_very_many_parameters_is_refused(app: FastAPI) -> None:
    query = "&".join(f"p{number}=1" for number in range(100))
    assert ask(app, f"/api/v1/echo?{query}").status_code == 200
    refused = ask(app, f"/api/v1/echo?{query}&limit=1")
    assert (refused.status_code, list(refused.json())) == (400, ["message"])


def test_gzip_only_when_asked(app: FastAPI) -> None:
    text = "x" * 5000
    plain = ask(app, f"/api/v1/echo?text={text}", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for _ in range(2):
        packed = ask(app, f"/api/v1/echo?text={text}", headers={"Accept-Encoding": "br, gzip;q=0.5"})
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < 500
        assert packed.content == plain.content
    refused = ask(app, f"/api/v1/echo?text={text}", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


def test_head_slash_accept_and_methods(app: FastAPI) -> None:
    head = ask(app, "/api/v1/echo", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(ask(app, "/api/v1/echo").content))
    assert ask(app, "/api/v1/echo/").status_code == 200
    assert ask(app, "/api/v1//echo").status_code == 404
    assert ask(app, "/api/v1/echo", headers={"Accept": "application/xml"}).status_code == 406
    assert ask(app, "/api/v1/echo", headers={"Accept": "text/html,*/*;q=0.8"}).status_code == 200
    refused = ask(app, "/api/v1/echo", "POST")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET,HEAD,OPTIONS")
    assert ask(app, "/api/v1/both", "DELETE").headers["allow"] == "GET,HEAD,OPTIONS,POST"
    assert ask(app, "/api/v1/echo", "OPTIONS").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/nothing", 404), ("/wrong", 400), ("/broken", 500), ("/echo?limit=x", 404)]
)
def test_every_error_has_the_one_shape(app: FastAPI, path: str, status: int) -> None:
    answer = ask(app, "/api/v1" + path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["message"]
    assert answer.headers["x-recon-generation"] == "one"


def test_nothing_to_answer_from_yet(context: Context, app: FastAPI) -> None:
    context.served = None
    answer = ask(app, "/api/v1/echo")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["x-recon-generation"] == "none"


def test_an_empty_answer_is_204_with_its_content_type(app: FastAPI) -> None:
    answer = ask(app, "/api/v1/empty")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (204, b"", "application/json")


def test_a_request_keeps_its_generation_open(context: Context) -> None:
    closed: list[str] = []
    context.serve(Served(cast("Any", "g"), "g", 1, 1, lambda *_: None, lambda: closed.append("g")))
    view = context.view()
    context.serve(served("next"))
    assert (str(view.ready()), closed) == ("g", [])
    view.release()
    assert closed == ["g"]
    assert str(context.view().ready()) == "next"


def test_probes(app: FastAPI, context: Context) -> None:
    assert ask(app, "/health").json()["status"] == "OK"
    assert ask(app, "/ready").json()["generation"] == "one"
    context.served = None
    assert ask(app, "/health").status_code == 200
    assert ask(app, "/ready").status_code == 503


@pytest.mark.parametrize("path", ["/", "/app.js", "/pages/namespace.js", "/docs/", "/docs/docs.js"])
def test_pages_load_nothing_from_elsewhere(app: FastAPI, path: str) -> None:
    page = ask(app, path)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    assert page.headers["cache-control"] == "no-cache"
    assert ask(app, path, headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    head = ask(app, path, "HEAD")
    assert (head.status_code, head.content) == (200, b"")


def test_pages_that_are_not_there(app: FastAPI) -> None:
    assert ask(app, "/docs").headers["location"] == "docs/"
    assert ask(app, "/Overview").status_code == 404
    assert ask(app, "/../pyproject.toml").status_code == 404
    assert ask(app, "/app.js", "DELETE").headers["allow"] == "GET,HEAD,OPTIONS"
    assert ask(app, "/api/v1/nothing", "DELETE").status_code == 404


def test_tables_of_the_cluster_are_as_old_as_what_they_lack(context: Context, tmp_path: Path) -> None:
    tables = context.cluster_generation = cluster_generation(tmp_path / "scm", [])
    at = tables.taken_at
    assert context.view().cluster_at == at
    for cluster, known_at in (
        (Cluster(at=at + 9), at),
        (Cluster(at=at + 9, tables_at=at + 7), at + 7),
        (Cluster(at=at - 5, tables_at=at - 7), at - 5),
    ):
        context.cluster = cluster
        assert context.view().cluster_at == known_at
