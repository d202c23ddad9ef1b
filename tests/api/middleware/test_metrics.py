"""The proxy, against a real HTTP server in the place of Prometheus."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fastapi import FastAPI
from tests.api.asking import ask

from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context
from ozone_recon.config import Config


class Prometheus(BaseHTTPRequestHandler):
    """Answers with the request it got; /api/v1/wrong is a 400."""

    def do_GET(self) -> None:
        self.send_response(400 if self.path.startswith("/api/v1/wrong") else 201)
        self.send_header("Content-Type", "application/x-test")
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Prometheus)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def app(endpoint: str) -> FastAPI:
    config = Config.load(flags={"ozone.recon.prometheus.http.endpoint": endpoint})
    return create_app(Context(config, lambda: (), lambda: True))


@pytest.mark.parametrize(
    "question", ["query?query=up{group=%22a%20b%22}&x=%2B1+1", "query", "query_range?b=1&a=2&b=3", "a%20b?x"]
)
def test_the_question_goes_on_as_it_came(upstream: str, question: str) -> None:
    answer = ask(app(upstream + "/"), f"/api/v1/metrics/{question}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-test")
    assert answer.text == f"/api/v1/{question}"


def test_an_error_of_prometheus_is_502_with_its_body(upstream: str) -> None:
    answer = ask(app(upstream), "/api/v1/metrics/wrong?query=")
    assert (answer.status_code, answer.text) == (502, "/api/v1/wrong?query=")


def test_not_configured_and_unreachable_are_502() -> None:
    for endpoint in ("", "http://127.0.0.1:1"):
        answer = ask(app(endpoint), "/api/v1/metrics/query")
        assert answer.status_code == 502
        assert "ozone.recon.prometheus.http.endpoint" in answer.json()["message"]


def test_only_one_path_segment(upstream: str) -> None:
    for path in ("/api/v1/metrics", "/api/v1/metrics/a/b", "/api/v1/metrics/a%2Fb", "/api/v1/metrics/%2E%2E"):
        assert ask(app(upstream), path).status_code == 404
