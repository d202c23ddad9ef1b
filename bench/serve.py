"""Loads a running server with requests of every kind, and prints how long its answers take.

    .venv/bin/python bench/serve.py [--url http://127.0.0.1:9888] [--clients 16] [--seconds 30]

The paths, containers and buckets are the server's own, found by asking it. Every client keeps its connection and
asks one request after the other, of a kind and about a place drawn at random; lists are asked for 1,000 elements and
paged on with. Ends with 1 if any answer is not 200 (or 204, where nothing is open or deleted).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import uvloop

LIMIT = 1000
PLACES = 400


class Connection:
    """HTTP/1.1 on a kept connection, and no more of it than a client needs that must not be slower than the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader, self.writer, self.host = reader, writer, host

    @classmethod
    async def to(cls, url: str) -> Connection:
        """Connects to the server of a URL."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, limit=1 << 24)
        return cls(reader, writer, parts.netloc)

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of the answer to a GET below /api/v1."""
        self.writer.write(f"GET /api/v1{path} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        if "transfer-encoding: chunked" in head:
            return status, await self._chunks()
        _, _, length = head.partition("content-length:")
        return status, await self.reader.readexactly(int(length.split("\r\n")[0] or 0)) if length else b""

    async def _chunks(self) -> bytes:
        body = bytearray()
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readuntil(b"\r\n")
        return bytes(body)


@dataclass
class Places:
    """What the server has to ask about."""

    paths: list[str] = field(default_factory=lambda: ["/"])
    listed: list[str] = field(default_factory=list)
    buckets: list[tuple[str, str]] = field(default_factory=list)
    containers: list[int] = field(default_factory=list)

    @classmethod
    async def of(cls, server: Connection, chance: random.Random) -> Places:
        """Walks down the namespace at random, and takes all buckets and containers."""
        found = cls()

        async def ask(path: str) -> Any:
            return json.loads((await server.get(path))[1])

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
        return found


def requests(places: Places, chance: random.Random) -> dict[str, Callable[[], str]]:
    """How to ask a question of each kind."""

    def path() -> str:
        return quote(chance.choice(places.paths))

    def bucket() -> str:
        volume, name = chance.choice(places.buckets)
        return f"volume={volume}&bucket={name}"

    return {
        "namespace/summary": lambda: f"/namespace/summary?path={path()}",
        "namespace/usage": lambda: f"/namespace/usage?files=true&replica=true&path={path()}",
        "namespace/quota": lambda: f"/namespace/quota?path={path()}",
        "namespace/dist": lambda: f"/namespace/dist?path={path()}",
        "containers": lambda: f"/containers?limit={LIMIT}",
        "containers/{id}/keys": lambda: f"/containers/{chance.choice(places.containers)}/keys?limit={LIMIT}",
        "keys/listKeys": lambda: f"/keys/listKeys?limit={LIMIT}&startPrefix={quote(chance.choice(places.listed))}",
        "keys/open": lambda: f"/keys/open?includeFso=true&includeNonFso=true&limit={LIMIT}",
        "keys/deletePending": lambda: f"/keys/deletePending?limit={LIMIT}",
        "keys/deletePending/dirs": lambda: f"/keys/deletePending/dirs?limit={LIMIT}",
        "keys/open/summary": lambda: "/keys/open/summary",
        "buckets": lambda: f"/buckets?limit={LIMIT}",
        "volumes": lambda: f"/volumes?limit={LIMIT}",
        "utilization/fileCount": lambda: f"/utilization/fileCount?{bucket()}",
        "clusterState": lambda: "/clusterState",
        "task/status": lambda: "/task/status",
    }


PAGED = {"containers/{id}/keys", "keys/listKeys"}
LAST_KEY = re.compile(rb'"lastKey":("(?:[^"\\\\]|\\\\.)+")')
"""Found without parsing the answer, which would keep the other clients waiting."""


async def client(url: str, places: Places, seed: int, end: float, took: dict[str, list[float]], bad: list[str]) -> None:
    """Asks until `end`; notes how long answers take, in seconds, and what was answered badly."""
    chance = random.Random(seed)
    kinds = requests(places, chance)
    server = await Connection.to(url)
    while time.perf_counter() < end:
        kind = chance.choice(list(kinds))
        path = kinds[kind]()
        for _ in range(4 if kind in PAGED else 1):
            began = time.perf_counter()
            status, body = await server.get(path)
            took[kind].append(time.perf_counter() - began)
            if status not in (200, 204):
                bad.append(f"{status} {path}")
            last = LAST_KEY.search(body) if kind in PAGED else None
            if not last:
                break
            path = f"{path.partition('&prevKey=')[0]}&prevKey={quote(json.loads(last[1]))}"
    server.writer.close()


def percentile(times: list[float], share: float) -> float:
    """The nearest-rank percentile of sorted times, in milliseconds."""
    return times[max(0, math.ceil(share * len(times)) - 1)] * 1000


async def load(url: str, clients: int, seconds: float, seed: int) -> bool:
    """Runs the clients and prints what they saw; whether all was well."""
    places = await Places.of(await Connection.to(url), random.Random(seed))
    print(f"{len(places.paths)} paths, {len(places.buckets)} buckets, {len(places.containers)} containers")
    took: dict[str, list[float]] = defaultdict(list)
    bad: list[str] = []
    end = time.perf_counter() + seconds
    await asyncio.gather(*(client(url, places, seed + n, end, took, bad) for n in range(clients)))
    print(f"{clients} clients, {sum(map(len, took.values())) / seconds:,.0f} answers a second\n")
    print("| endpoint | answers | p50 ms | p99 ms | max ms |\n| --- | --: | --: | --: | --: |")
    for kind, times in took.items():
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
    options = parser.parse_args()
    work = load(options.url, options.clients, options.seconds, options.seed)
    sys.exit(0 if uvloop.run(work) else 1)


if __name__ == "__main__":
    main()
