"""The whole program over https: both ports, both processes, half-open handshakes, plain http on the https port."""

from __future__ import annotations

import signal
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.eventually import eventually
from tests.server.serving import free_ports, opened, ready, rest, running

from ozone_recon.config.security.trust import TrustSettings
from ozone_recon.security.tls import client_context

DATA = Path(__file__).parents[1] / "data" / "tls"


@contextmanager
def serving(data: Path, policy: str) -> Iterator[tuple[str, int, int]]:
    http, https = free_ports(2)
    keys = {
        "ozone.http.policy": policy,
        "ozone.recon.https-address": f"localhost:{https}",
        "ozone.recon.https-bind-host": "127.0.0.1",
        "ozone.recon.https.certificate.file": DATA / "one.pem",
        "ozone.recon.https.key.file": DATA / "one.key",
        "ozone.recon.http.process.count": 2,
    }
    with running(*opened(data, keys), "--port", http) as (address, process):
        yield address, http, https
        code, errors = rest(process, signal.SIGTERM)
    assert code == 0, errors
    assert "Traceback" not in errors


def test_http_and_https(tmp_path: Path) -> None:
    tls = client_context(TrustSettings(), DATA / "ca.pem")
    with serving(tmp_path, "HTTP_AND_HTTPS") as (address, http, https):
        assert address == f"https://127.0.0.1:{https}/"
        eventually(lambda: ready(f"https://localhost:{https}", tls))
        eventually(lambda: ready(f"http://localhost:{http}"))
        half_open = [socket.create_connection(("127.0.0.1", https)) for _ in range(50)]
        for number, one in enumerate(half_open):
            one.send((b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", bytes(100))[number % 4])
        for _ in range(20):
            assert ready(f"https://localhost:{https}", tls)
        for one in half_open:
            one.close()
        with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", http)) as plain:
            tls.wrap_socket(plain, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", https), timeout=20) as plain:
            plain.send(b"GET /api/v1/clusterState HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" not in plain.recv(1000)


def test_https_only(tmp_path: Path) -> None:
    tls = client_context(TrustSettings(), DATA / "ca.pem")
    with serving(tmp_path, "HTTPS_ONLY") as (_, http, https):
        eventually(lambda: ready(f"https://localhost:{https}", tls))
        assert not ready(f"http://localhost:{http}")
        with urllib.request.urlopen(f"https://localhost:{https}/", context=tls, timeout=10) as page:
            assert page.headers["strict-transport-security"].startswith("max-age=")
