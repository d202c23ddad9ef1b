"""Commands that ask a server with a Kerberos login or over https, and a secure cluster's data without a server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.conftest import SAMPLE
from tests.security.samples import FLAGS
from tests.server.serving import free_port, serving_sample
from tools.cluster.kdc import Kdc

TLS = Path(__file__).parents[1] / "data" / "tls"


def ozone_recon(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ozone_recon", *map(str, arguments)]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_secure_clusters_data_needs_no_login(tmp_path: Path) -> None:
    """Whoever can read the files may read the answers."""
    rows = "".join(f"<property><name>{name}</name><value>{value}</value></property>" for name, value in FLAGS.items())
    (tmp_path / "ozone-site.xml").write_text(f"<configuration>{rows}</configuration>")
    done = ozone_recon("du", "/", "--checkpoint", SAMPLE, "--conf-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "WITH REPLICAS" in done.stdout


@pytest.mark.kdc
def test_a_login_with_a_ticket_and_the_cookie_after_it(kdc: Kdc, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    keys = FLAGS | {
        "ozone.recon.http.auth.kerberos.principal": "*",
        "ozone.recon.http.auth.kerberos.keytab": str(kdc.place / "http.keytab"),
        "ozone.recon.http.auth.signature.secret.file": str(tmp_path / "secret"),
    }

    def du(user: str, ticket: str = "") -> subprocess.CompletedProcess[str]:
        caches = {"XDG_CACHE_HOME": str(tmp_path / user), "KRB5CCNAME": str(tmp_path / f"{ticket or 'no'}-ticket")}
        return ozone_recon("du", "/", "--server", address, **caches)

    with serving_sample(tmp_path / "data", keys) as address:
        for user in ("testuser", "testuser3"):
            ticket, keytab = tmp_path / f"{user}-ticket", kdc.place / f"{user}.keytab"
            kdc.run("kinit", "-k", "-t", str(keytab), "-c", str(ticket), user)
        without = du("testuser")
        assert (without.returncode, "kinit" in without.stderr) == (6, True), without.stderr
        first = du("testuser", "testuser")
        assert first.returncode == 0, first.stderr
        assert (tmp_path / "testuser" / "ozone-recon" / "cookies").stat().st_mode & 0o777 == 0o600
        again = du("testuser")
        assert again.returncode == 0, again.stderr
        # The last line has the age of the data.
        assert again.stdout.splitlines()[:-1] == first.stdout.splitlines()[:-1], "the cookie replaces the ticket"
        refused = du("testuser3", "testuser3")
        assert refused.returncode == 1
        assert "you are logged in as testuser3" in refused.stderr


@pytest.mark.kdc
def test_no_credential_follows_a_redirect(kdc: Kdc, tmp_path: Path) -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = "other" if self.server is other else "asked"
            seen.append((name, self.headers["authorization"], self.headers["cookie"]))
            self.send_response(302 if self.headers["authorization"] else 401)
            self.send_header("www-authenticate", "Negotiate")
            self.send_header("set-cookie", "hadoop.auth=stolen; Path=/")
            self.send_header("location", f"http://127.0.0.1:{other.server_port}/api/v1/namespace/usage")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with (
        ThreadingHTTPServer(("localhost", 0), Handler) as asked,
        ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other,
    ):
        for one in (asked, other):
            threading.Thread(target=one.serve_forever, daemon=True).start()
        ticket = tmp_path / "ticket"
        kdc.run("kinit", "-k", "-t", str(kdc.place / "testuser.keytab"), "-c", str(ticket), "testuser")
        environment = {"XDG_CACHE_HOME": str(tmp_path), "KRB5CCNAME": str(ticket)}
        done = ozone_recon("du", "/", "--server", f"http://localhost:{asked.server_port}", **environment)
        assert done.returncode == 1, "a redirect is no answer"
        assert "302" in done.stderr
        assert [name for name, _, _ in seen] == ["asked", "asked"]
        seen.clear()
        environment["KRB5CCNAME"] = "nothing"
        ozone_recon("du", "/", "--server", f"http://127.0.0.1:{other.server_port}", **environment)
        assert seen[0] == ("other", None, None), "the cookie of one host is not sent to another"
        for one in (asked, other):
            one.shutdown()


def test_https_with_a_ca_of_ones_own(tmp_path: Path) -> None:
    https = free_port()
    keys = {
        "ozone.http.policy": "HTTP_AND_HTTPS",
        "ozone.recon.https-address": f"localhost:{https}",
        "ozone.recon.https.certificate.file": str(TLS / "one.pem"),
        "ozone.recon.https.key.file": str(TLS / "one.key"),
    }
    with serving_sample(tmp_path / "data", keys):
        done = ozone_recon("du", "/", "--server", f"https://localhost:{https}", "--ca", TLS / "ca.pem")
        assert done.returncode == 0, done.stderr
        unknown = ozone_recon("du", "/", "--server", f"https://localhost:{https}")
        assert (unknown.returncode, "--ca" in unknown.stderr) == (6, True), unknown.stderr
