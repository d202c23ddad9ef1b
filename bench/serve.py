"""Load-tests a running server with requests of every kind, and prints the latencies.

    .venv/bin/python bench/serve.py [--url http://127.0.0.1:9888] [--clients 16] [--seconds 30] [--gzip]

Paths, containers, buckets and keys are read from the server first. Every client keeps one connection and sends one
request after another, of a random kind and for a random path. Lists are read 1,000 elements at a time from a random
element on, so that few responses come from the server's cache; long ones are paged through. Latency is measured from
writing the request to having read the whole body. The clients share one process and one event loop, which copies,
parses and unpacks as little as possible: it takes about a tenth of the server's CPU, which is printed. Exits with 1 if
any response is not 200 (or 204, where nothing is open or deleted).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import re
import ssl
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote, urlsplit

import uvloop

LIMIT = 1000
PLACES = 400
SORTS = ("size", "replicatedSize", "files", "modified", "name")
PAGED = {"containers/{id}/keys", "keys/listKeys"}
GZIP = b"\x1f\x8b"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LARGEST = 1 << 24
"""Bytes of a response with its head."""
LAST_KEY = re.compile(rb'"lastKey":("(?:[^"\\\\]|\\\\.)+")')
"""Finds the cursor without parsing the response, which would delay the other clients."""


class Connection(asyncio.BufferedProtocol):
    """A minimal keep-alive HTTP/1.1 client, so that it is faster than the server."""

    transport: asyncio.Transport

    def __init__(self, headers: str) -> None:
        self.headers = headers
        self.held = bytearray(LARGEST)
        self.room = memoryview(self.held)
        self.filled = 0
        self.begin, self.end = 0, 0
        self.answered: asyncio.Future[None]

    @classmethod
    async def to(cls, url: str, gzip: bool = False, cookie: str = "", tls: ssl.SSLContext | None = None) -> Connection:
        """Connects to the server of a URL; over https with `tls`."""
        parts = urlsplit(url)
        headers = f"Host: {parts.netloc}\r\n" + ("Accept-Encoding: gzip\r\n" if gzip else "")
        headers += f"Cookie: {cookie}\r\n" if cookie else ""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: cls(headers), parts.hostname or "localhost", parts.port or 80, ssl=tls
        )
        return connection

    async def get(self, path: str) -> tuple[int, memoryview]:
        """Status and body of a GET below /api/v1; the body is valid until the next call."""
        self.filled = self.begin = 0
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(f"GET /api/v1{path} HTTP/1.1\r\n{self.headers}\r\n".encode())
        await self.answered
        return int(self.held[9:12]), self.room[self.begin : self.end]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Stores the transport."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone.

    def connection_lost(self, error: Exception | None) -> None:
        """Fails the pending request."""
        if not self.answered.done():
            self.answered.set_exception(error or ConnectionError("the server has closed the connection"))

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer for the next bytes."""
        return self.room[self.filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Completes the request when the response is complete."""
        self.filled += nbytes
        if not self.begin and (at := self.held.find(b"\r\n\r\n", 0, self.filled)) >= 0:
            self.begin = at + 4
            length = LENGTH.search(self.held[:at])
            self.end = self.begin + (int(length[1]) if length else 0)
        if self.begin and self.filled >= self.end:
            self.answered.set_result(None)


@dataclass
class Places:
    """The paths, buckets, containers and keys to request."""

    paths: list[str] = field(default_factory=lambda: ["/"])
    listed: list[str] = field(default_factory=list)
    buckets: list[tuple[str, str]] = field(default_factory=list)
    containers: list[int] = field(default_factory=list)
    starts: dict[str, list[str]] = field(default_factory=dict)
    """Start keys of the lists of open and deleted keys."""

    @classmethod
    async def of(cls, server: Connection, chance: random.Random) -> Places:
        """Collects random paths of the namespace, and all buckets and containers."""
        found = cls()

        async def ask(path: str) -> Any:
            return json.loads(bytes((await server.get(path))[1]))

        rows = (await ask("/buckets?limit=1000"))["buckets"]
        found.buckets = [(row["volumeName"], row["name"]) for row in rows]
        names = [f"/{volume}/{bucket}" for volume, bucket in found.buckets]
        directories = names.copy()
        flat = {name for name, row in zip(names, rows, strict=True) if row["bucketLayout"] != "FILE_SYSTEM_OPTIMIZED"}
        for _ in range(PLACES):
            place = chance.choice(directories)
            answer = await ask(f"/namespace/usage?files=true&path={quote(place)}")
            inside = chance.sample(answer["subPaths"], min(5, len(answer["subPaths"])))
            for one in inside:
                path = one["path"] if one["path"].startswith(f"{place}/") else f"{place}/{one['path']}"
                found.paths.append(path)
                if not one["isKey"]:
                    directories.append(path)
        found.paths += names
        found.listed = sorted(names) + [path for path in directories if not any(path.startswith(f) for f in flat)]
        containers = (await ask("/containers?limit=100000"))["data"]["containers"]
        found.containers = [row["ContainerID"] for row in containers]
        for kind in ("keys/open?includeFso=true&includeNonFso=true", "keys/deletePending?", "keys/deletePending/dirs?"):
            keys = found.starts[kind] = [""]
            while len(keys) < PLACES:
                _, body = await server.get(f"/{kind}&limit=200&prevKey={quote(keys[-1])}")
                if not (last := LAST_KEY.search(body)):
                    break
                keys.append(json.loads(last[1]))
        return found


def requests(places: Places, chance: random.Random) -> dict[str, Callable[[], str]]:
    """The request of each kind."""

    def path() -> str:
        return quote(chance.choice(places.paths))

    def bucket() -> str:
        volume, name = chance.choice(places.buckets)
        return f"volume={volume}&bucket={name}"

    def listed() -> str:
        """A directory, or a bucket from a random key on."""
        if chance.random() < 0.5:
            return f"startPrefix={quote(chance.choice(places.listed))}"
        after = chance.choice(places.paths)
        return f"startPrefix={quote('/'.join(after.split('/')[:3]))}&prevKey={quote(after)}"

    def pending(kind: str) -> Callable[[], str]:
        return lambda: f"/{kind}&limit={LIMIT}&prevKey={quote(chance.choice(places.starts[kind]))}"

    return {
        "namespace/summary": lambda: f"/namespace/summary?path={path()}",
        "namespace/usage": lambda: (
            f"/namespace/usage?files=true&replica=true&limit={LIMIT}&sort={chance.choice(SORTS)}&path={path()}"
        ),
        "namespace/quota": lambda: f"/namespace/quota?path={path()}",
        "namespace/dist": lambda: f"/namespace/dist?path={path()}",
        "namespace/owners": lambda: f"/namespace/owners?path={path()}",
        "namespace/ages": lambda: f"/namespace/ages?path={path()}",
        "containers": lambda: f"/containers?limit={LIMIT}&prevKey={chance.choice(places.containers)}",
        "containers/{id}/keys": lambda: f"/containers/{chance.choice(places.containers)}/keys?limit={LIMIT}",
        "keys/listKeys": lambda: f"/keys/listKeys?limit={LIMIT}&{listed()}",
        **{kind.partition("?")[0]: pending(kind) for kind in places.starts},
        "keys/open/summary": lambda: "/keys/open/summary",
        "buckets": lambda: f"/buckets?limit={LIMIT}",
        "volumes": lambda: f"/volumes?limit={LIMIT}",
        "utilization/fileCount": lambda: f"/utilization/fileCount?{bucket()}",
        "clusterState": lambda: "/clusterState",
        "task/status": lambda: "/task/status",
    }


async def client(
    server: Connection, places: Places, seed: int, end: float, took: dict[str, list[float]], bad: list[str]
) -> None:
    """Sends requests until `end`; records latencies in seconds, and failed responses."""
    chance = random.Random(seed)
    kinds = requests(places, chance)
    while time.perf_counter() < end:
        kind = chance.choice(list(kinds))
        path = kinds[kind]()
        for _ in range(4 if kind in PAGED else 1):
            began = time.perf_counter()
            status, body = await server.get(path)
            took[kind].append(time.perf_counter() - began)
            if status not in (200, 204):
                bad.append(f"{status} {path}")
            if kind not in PAGED:
                break
            last = LAST_KEY.search(zlib.decompress(body, 31) if body[:2] == GZIP else body)
            if not last:
                break
            path = f"{path.partition('&prevKey=')[0]}&prevKey={quote(json.loads(last[1]))}"
    server.transport.close()


def percentile(times: list[float], share: float) -> float:
    """The nearest-rank percentile of sorted times, in milliseconds."""
    return times[max(0, math.ceil(share * len(times)) - 1)] * 1000


async def load(url: str, clients: int, seconds: float, seed: int, gzip: bool) -> bool:
    """Runs the clients and prints the results; returns whether no response failed."""
    places = await Places.of(await Connection.to(url), random.Random(seed))
    print(f"{len(places.paths)} paths, {len(places.buckets)} buckets, {len(places.containers)} containers")
    took: dict[str, list[float]] = defaultdict(list)
    bad: list[str] = []
    servers = [await Connection.to(url, gzip) for _ in range(clients)]
    end, own = time.perf_counter() + seconds, time.process_time()
    await asyncio.gather(*(client(server, places, seed + n, end, took, bad) for n, server in enumerate(servers)))
    took["all of them"] = [one for times in took.values() for one in times]
    rate, own = len(took["all of them"]) / seconds, time.process_time() - own
    print(f"{clients} clients, {rate:,.0f} answers a second; the clients took {own / seconds:.0%} of a core\n")
    print("| endpoint | answers | p50 ms | p99 ms | max ms |\n| --- | --: | --: | --: | --: |")
    for kind, times in sorted(took.items()):
        times.sort()
        cells = " | ".join(f"{percentile(times, share):.1f}" for share in (0.5, 0.99, 1))
        print(f"| `{kind}` | {len(times):,} | {cells} |")
    for line in bad[:20]:
        print(line, file=sys.stderr)
    return not bad


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:9888")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--gzip", action="store_true", help="accept gzip, as browsers do")
    options = parser.parse_args()
    work = load(options.url, options.clients, options.seconds, options.seed, options.gzip)
    sys.exit(0 if uvloop.run(work) else 1)


if __name__ == "__main__":
    main()
