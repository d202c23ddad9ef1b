"""Messages with extreme integers, and a check of every answer of a server that has read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from tests.api.asking import ask
from tests.decode.cluster.scm_messages import NODE
from tests.decode.om.om_messages import varint

from ozone_recon.api.route import BASE
from ozone_recon.columnar.amounts import MAX_AMOUNT
from ozone_recon.errors import DecodeError
from ozone_recon.wire.protobuf.fields import read_varint

MIN = -MAX_AMOUNT - 1
EXTREMES = (MAX_AMOUNT, MIN, -1, 0, 1, MAX_AMOUNT // 3, (1 << 31) - 1, -(1 << 31), 1 << 31, 1 << 32, 1 << 50)
SUMS = frozenset(
    (
        "size", "used", "usedWithReplica", "unReplicatedDataSize", "unreplicatedDataSize", "replicatedDataSize",
        "dataSize", "replicatedSize", "sizeWithReplica", "totalUnreplicatedDataSize", "totalReplicatedDataSize",
        "totalDataSize", "totalOpenKeys", "totalDeletedKeys", "capacity", "remaining", "committed",
        "minimumFreeSpace", "reserved", "filesystemCapacity", "filesystemUsed", "filesystemAvailable",
        "failedVolumes", "totalFileSystemCapacity", "totalReservedSpace", "totalOzoneCapacity", "totalOzoneUsedSpace",
        "totalOzoneFreeSpace", "totalOzoneCommittedSpace", "totalMinimumFreeSpace", "totalUsedSpace", "totalKeys",
        "openKeyAndFileBytes", "multipartOpenKeyBytes", "totalOpenKeyBytes", "finalizedKeyBytes", "totalSize",
        "pendingDirectorySize", "pendingKeySize", "totalBlocksize", "totalReplicatedBlockSize", "totalBlocksCount",
        "totalPendingDeletionSize", "count", "files", "directories", "expectedReplicaCount", "actualReplicaCount",
        "duration", "lastHeartbeat", "totalCount", "leaderElections", "lastLeaderElection", "decommissionStartedAt",
        "numOfUnclosedPipelines",
    )
)  # fmt: skip
"""Fields that are sums, counts, or times of our own clock: they are never negative."""
MAX_PATHS = 12
OF_PROMETHEUS = f"{BASE}/metrics/{{api}}"
FLAGS = ("replica", "files", "includeFso", "includeNonFso")
QUERIES = {name: ["true"] for name in FLAGS} | {
    "component": ["om", "scm", "dn"],
    "missingIn": ["OM", "SCM"],
    "uuid": [NODE],
    "sort": ["replicatedSize"],
}


def with_numbers(data: bytes, replace: Callable[[int], int]) -> bytes:
    """Replaces every integer of the message and of its nested messages."""
    fields = _fields(data)
    assert fields is not None
    out = b""
    for tag, value in fields:
        if isinstance(value, int):
            out += varint(tag) + varint(replace(value))
        else:
            inner = value if (value.isascii() and value.decode().isprintable()) or _fields(value) is None else None
            inner = with_numbers(value, replace) if inner is None else inner
            out += varint(tag) + varint(len(inner)) + inner
    return out


def _fields(data: bytes) -> list[tuple[int, int | bytes]] | None:
    """Returns tags and values; None if the data is not a message of integers and bytes."""
    found: list[tuple[int, int | bytes]] = []
    at = 0
    try:
        while at < len(data):
            tag, at = read_varint(data, at)
            value, at = read_varint(data, at)
            if tag & 7 == 0 and tag >> 3:
                found.append((tag, value))
            elif tag & 7 == 2 and tag >> 3 and at + value <= len(data):
                found.append((tag, data[at : at + value]))
                at += value
            else:
                return None
    except DecodeError:
        return None
    return found


def check_every_route(app: FastAPI) -> None:
    """Requests every GET route: every answer is valid JSON, and no sum is negative or exceeds 64 bits."""
    paths = list(islice(_paths(app, "/"), MAX_PATHS))
    buckets = [path for path in paths if path.count("/") >= 2]
    for path, methods in app.openapi()["paths"].items():
        if "get" not in methods or not path.startswith(BASE) or path == OF_PROMETHEUS:
            continue
        asked = [""]
        for parameter in methods["get"].get("parameters", ()):
            name = parameter["name"]
            if parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", "1" if name == "id" else "MISSING")
            elif name in ("path", "startPrefix"):
                asked = [
                    f"{one}&{name}={quote(value)}" for one in asked for value in (paths if name == "path" else buckets)
                ]
            else:
                asked = [
                    f"{one}&{name}={value}"
                    for one in asked
                    for value in QUERIES.get(name, ["-1" if name == "limit" else ""])
                ]
        for query in dict.fromkeys((*asked, "", "&startPrefix=/")):
            check(app, f"{path}?{query[1:]}")
    check(app, "/prom")


def check(app: FastAPI, request: str) -> None:
    """Checks the answer to one request."""
    answer = ask(app, request)
    assert answer.status_code < 500 or answer.status_code == 503, (request, answer.status_code, answer.text)
    assert "Traceback" not in answer.text
    if request == "/prom":
        for family in text_string_to_metric_families(answer.text):
            if family.name == "ozone_recon_storage_bytes":
                assert all(0 <= sample.value <= 2.0**63 for sample in family.samples)
    elif answer.content and answer.headers["content-type"] == "application/json":
        body = json.loads(answer.content)
        found = not isinstance(body, dict) or body.get("status") != "PATH_NOT_FOUND"
        for field, number in _numbers(body):
            assert MIN <= number <= MAX_AMOUNT, (request, field, number)
            assert number >= 0 or field not in SUMS or not found, (request, field, number)


def _paths(app: FastAPI, path: str) -> Iterator[str]:
    yield path
    answer = ask(app, f"{BASE}/namespace/usage?path={quote(path)}&sortSubPaths=false&replica=true").json()
    for below in answer.get("subPaths", ()):
        if not below["isKey"]:
            yield from _paths(app, below["path"])


def _numbers(answer: Any, field: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(answer, dict):
        for name, value in answer.items():
            yield from _numbers(value, name)
    elif isinstance(answer, list):
        for value in answer:
            yield from _numbers(value, field)
    elif isinstance(answer, int):
        yield field, answer
