"""Compares https with logins by cookie against http without: answers per second, and CPU of the server for each.

    PYTHONPATH=. .venv/bin/python bench/secure_serve.py [--checkpoint FILE] [--clients 8] [--seconds 3] [--rounds 4]

Both servers serve the same checkpoint and get the requests of `bench/serve.py`, in turn for --seconds, so that other
load concerns both alike. The clients of https decrypt, so their CPU is printed too: on two cores they take it from the
server.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import ssl
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvloop
from serve import Connection, Places, client
from tests.security.samples import FILTER, FLAGS
from tests.server.serving import free_port

from ozone_recon.config.security.trust import TrustSettings
from ozone_recon.security.cookie import NAME
from ozone_recon.security.tls import client_context

DATA = Path(__file__).parents[1] / "tests" / "data"


@dataclass
class Measured:
    """A server, how to connect to it, and what was measured."""

    url: str
    process: subprocess.Popen[bytes]
    tls: ssl.SSLContext | None = None
    cookie: str = ""
    answers: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    of_clients: float = 0.0
    bad: list[str] = field(default_factory=list)

    def used(self) -> float:
        """The CPU seconds of all processes of the server so far."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(map(_cpu, [str(self.process.pid), *children]))

    async def round(self, clients: int, seconds: float, seed: int) -> None:
        """Sends requests for this time."""
        first = await Connection.to(self.url, cookie=self.cookie, tls=self.tls)
        places = await Places.of(first, random.Random(seed))
        connections = [await Connection.to(self.url, cookie=self.cookie, tls=self.tls) for _ in range(clients)]
        took: dict[str, list[float]] = defaultdict(list)
        used, own, began = self.used(), time.process_time(), time.perf_counter()
        tasks = (client(one, places, seed + n, began + seconds, took, self.bad) for n, one in enumerate(connections))
        await asyncio.gather(*tasks)
        self.seconds += time.perf_counter() - began
        self.cpu += self.used() - used
        self.of_clients += time.process_time() - own
        self.answers += sum(map(len, took.values()))
        first.transport.close()


def _cpu(process: str) -> float:
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / 100


@contextmanager
def serving(checkpoint: Path, keys: dict[str, object]) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `ozone-recon open` with these keys."""
    options = [word for key, value in keys.items() for word in ("-D", f"{key}={value}")]
    command = [sys.executable, "-m", "ozone_recon", "open", str(checkpoint), *options]
    with (
        tempfile.TemporaryDirectory() as data,
        subprocess.Popen([*command, "--data-dir", data], stderr=subprocess.DEVNULL) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def started(server: Measured, user: str = "") -> Measured:
    """Waits until the server is ready; logs in, if there is a user."""
    with httpx.Client(base_url=server.url, verify=server.tls or True, trust_env=False) as session:
        while server.process.poll() is None:
            try:
                if session.get("/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        if user:
            session.get("/api/v1/clusterState", params={"user.name": user}).raise_for_status()
            server.cookie = f"{NAME}={session.cookies[NAME]}"
    return server


async def compare(plain: Measured, secure: Measured, options: argparse.Namespace) -> None:
    """Measures both in turn and prints the results."""
    for number in range(options.rounds):
        for server in (plain, secure):
            await server.round(options.clients, options.seconds, number)
    for server in (plain, secure):
        kind = "https, cookie" if server.cookie else "http"
        print(
            f"{kind}: {server.answers / server.seconds:,.0f} answers a second; CPU for each: server "
            f"{1000 * server.cpu / server.answers:.2f} ms, clients {1000 * server.of_clients / server.answers:.2f} ms"
        )
        for line in server.bad[:20]:
            print(line, file=sys.stderr)
    rates = (secure.answers / secure.seconds) / (plain.answers / plain.seconds)
    cost = (secure.cpu / secure.answers) / (plain.cpu / plain.answers)
    print(f"https, cookie: {rates:.2f} times the answers per second, {cost:.2f} times the CPU of the server")


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=DATA / "sample-om.tar.gz")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    http, https = free_port(), free_port()
    with ExitStack() as stack:
        secret = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "secret"
        secret.write_text("secret")
        keys = FLAGS | {
            "ozone.recon.http.auth.type": "simple",
            "ozone.http.filter.initializers": FILTER,
            "ozone.recon.http.auth.signature.secret.file": secret,
            "ozone.http.policy": "HTTPS_ONLY",
            "ozone.recon.https-address": f"localhost:{https}",
            "ozone.recon.https.certificate.file": DATA / "tls" / "one.pem",
            "ozone.recon.https.key.file": DATA / "tls" / "one.key",
        }
        checkpoint = options.checkpoint
        first = stack.enter_context(serving(checkpoint, {"ozone.recon.http-address": f"localhost:{http}"}))
        second = stack.enter_context(serving(checkpoint, keys))
        tls = client_context(TrustSettings(), DATA / "tls" / "ca.pem")
        plain = started(Measured(f"http://localhost:{http}", first))
        secure = started(Measured(f"https://localhost:{https}", second, tls), "testuser")
        uvloop.run(compare(plain, secure, options))
        sys.exit(1 if plain.bad or secure.bad else 0)


if __name__ == "__main__":
    main()
