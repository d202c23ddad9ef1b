"""What other sites have a browser ask: nothing is changed for them, and nothing is read under a name of theirs."""

import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest
from fastapi import FastAPI
from tests.api.asking import ask

from ozone_recon.api.application import create_app
from ozone_recon.api.context import AskCluster, Context
from ozone_recon.api.middleware import browsers
from ozone_recon.api.route import BASE
from ozone_recon.api.route_table import ROUTES
from ozone_recon.config import Config
from ozone_recon.model.cluster import Cluster
from ozone_recon.model.requests import ClusterRequest

ASKED: list[object] = []
BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Language": "en", "Accept": "*/*"}
"""What a browser sends in any case."""
HTTPS = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
EVIL = "http://evil.example:9888"
CHANGES = [("GET", "/triggerdbsync/om")] + [(route.method, route.path) for route in ROUTES if route.method != "GET"]


@pytest.fixture
def app() -> Iterator[FastAPI]:
    def trigger() -> bool:
        ASKED.append("om")
        return True

    async def answer(request: ClusterRequest[Any]) -> Any:
        ASKED.append(request)
        return True

    ASKED.clear()
    config = Config.load(
        flags={
            "ozone.recon.http-address": "Recon1.corp.example:9888",
            "ozone.recon.address": "Recon2.corp.example:9891",
            "ozone.recon.http.allowed.hosts": "Proxy.corp.example, .recon.example",
        }
    )
    context = Context(config, lambda: (), trigger)
    context.ask_cluster = cast("AskCluster", answer)
    context.cluster = Cluster(at=1)
    yield create_app(context)


def test_the_table_says_what_changes_state() -> None:
    assert [(route.method, route.path) for route in ROUTES if route.changes_state] == sorted(
        CHANGES, key=lambda one: [(route.method, route.path) for route in ROUTES].index(one)
    )
    assert all(not route.immutable for route in ROUTES if route.changes_state)


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://recon:8080"},
        {"Origin": "http://recon.evil.example"},
        {"Origin": "http://recon@evil.example"},
        {"Origin": "http://[recon"},
        BROWSER | {"Origin": EVIL},
        BROWSER | HTTPS | {"Sec-Fetch-Site": "cross-site"},
        BROWSER | HTTPS | {"Sec-Fetch-Site": "same-site", "Origin": "http://recon"},
        BROWSER | HTTPS | {"Sec-Fetch-Site": "cross-site", "X-Forwarded-Host": "evil.example"},
        BROWSER | {"Referer": EVIL + "/page"},
        BROWSER,  # An image, where the page lets the browser send no Referer.
        {"Accept-Language": "en"},
    ],
)
def test_no_other_site_changes_anything(app: FastAPI, method: str, path: str, headers: dict[str, str]) -> None:
    for asked in (path, path + "/", path + "?a=b", path + "%0A"):
        body = {"json": ["00000000-0000-0000-0000-000000000000"]} if method == "PUT" else {}
        answer = ask(app, BASE + asked, method, headers={"Host": "recon:9888"} | headers, **body)
        assert answer.status_code == 403 or asked.endswith("%0A")
        assert not ASKED
        assert "own pages" in answer.json()["message"] or answer.status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "curl/8.5.0", "Accept": "*/*"},
        BROWSER | {"Origin": "http://recon:9888"},
        BROWSER | {"Referer": "http://recon:9888/tasks"},
        BROWSER | {"Origin": "http://RECON:9888"},
        BROWSER | HTTPS | {"Sec-Fetch-Site": "same-origin", "Origin": "https://recon.corp.example"},
        BROWSER | HTTPS | {"Sec-Fetch-Site": "none"},
        BROWSER | {"Origin": "http://other.example", "X-Forwarded-Host": "other.example"},
        BROWSER | {"Origin": "http://other.example", "X-Forwarded-Host": "other.example, inner"},
        BROWSER | {"Origin": "http://proxy.corp.example"},
        BROWSER | {"Origin": "http://a.recon.example:8080"},
        BROWSER | {"Host": "recon", "Origin": "http://recon:9888"},
    ],
)
def test_our_pages_and_programs_do(app: FastAPI, headers: dict[str, str]) -> None:
    headers = {"Host": "recon:9888"} | headers
    assert ask(app, BASE + "/triggerdbsync/om", headers=headers).json() is True
    assert ask(app, BASE + "/triggerdbsync/scm/snapshot", "POST", headers=headers).status_code == 202
    assert len(ASKED) == 2


def test_head_changes_nothing(app: FastAPI) -> None:
    answer = ask(app, BASE + "/triggerdbsync/om", "HEAD")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET,OPTIONS")
    refused = ask(app, BASE + "/triggerdbsync/om", "POST")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET,OPTIONS")
    assert ask(app, BASE + "/clusterState", "HEAD").status_code == 200
    assert not ASKED


def test_what_only_reads_is_answered_to_any_page(app: FastAPI) -> None:
    headers = BROWSER | {"Origin": EVIL, "Referer": EVIL, "Sec-Fetch-Site": "cross-site"}
    assert ask(app, BASE + "/clusterState", headers=headers).status_code == 200


@pytest.mark.parametrize("mark", [*BROWSER.items(), ("Origin", EVIL), ("Referer", EVIL), ("Sec-Fetch-Site", "none")])
@pytest.mark.parametrize("path", ["/", "/docs/", "/health", "/prom", BASE + "/clusterState", BASE + "/nothing"])
def test_a_browser_reads_nothing_under_a_foreign_name(app: FastAPI, mark: tuple[str, str], path: str) -> None:
    if mark[0] == "Accept":
        return
    for host in ("evil.example:9888", "evil.example", "127.0.0.1.evil.example", "x" * 500, "a." + "x" * 500, "local.b"):
        answer = ask(app, path, headers={"Host": host} | dict([mark]))
        assert answer.status_code == 403 or "." not in host
        if answer.status_code == 403:
            assert "ozone.recon.http.allowed.hosts" in answer.json()["message"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:9888",
        "[::1]:9888",
        "[fd00::1]",
        "localhost:9888",
        "LOCALHOST.:9888",
        "recon",
        "a.localhost",
        "recon.internal",
        "recon.ozone.svc.cluster.local",
        "recon1.corp.example:9888",
        "recon2.corp.example",
        "proxy.corp.example",
        "recon1.recon.example:1",
        "Node7.corp.example:9888",
        "node7",
    ],
)
def test_a_browser_is_answered_under_our_names(app: FastAPI, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "node7")
    monkeypatch.setattr(socket, "getfqdn", lambda: "node7.Corp.example")
    for headers in (BROWSER, BROWSER | {"Sec-Fetch-Site": "same-origin"}):
        assert ask(app, BASE + "/clusterState", headers=headers | {"Host": host}).status_code == 200


def test_programs_may_use_any_name(app: FastAPI) -> None:
    assert ask(app, BASE + "/clusterState", headers={"Host": "recon.whatever.example"}).status_code == 200
    assert ask(app, BASE + "/triggerdbsync/om", headers={"Host": "recon.whatever.example"}).json() is True


def test_names_that_are_remembered_are_few_and_short() -> None:
    assert browsers._is_not_public.cache_info().maxsize == 256
    assert browsers.MAX_HOST < 1000
