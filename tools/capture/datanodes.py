"""Captures the requests of real datanodes to Recon, and Java Recon's responses.

    .venv/bin/python -m tools.capture.datanodes [--out tests/data/datanodes.jsonl]

Starts OM, SCM, three datanodes and Java Recon, with a recording proxy at the address of Recon. Writes and deletes a key
that fills a container, and kills a datanode, so that there is something to report. Among exchanges whose requests and
responses have the same fields, it keeps the largest: one line with the request and the response (base64).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.capture.rpc import RECON_PORT, Conversation, between
from tools.cluster.real import RealCluster

from ozone_recon.wire.hadoop_rpc.frames import FrameReader
from ozone_recon.wire.hadoop_rpc.messages import RpcResponseHeader
from ozone_recon.wire.hadoop_rpc.server import Call, ServerConnection
from ozone_recon.wire.protobuf.fields import read_field

JAVA_PORT: Final = 19891
"""The address of Java Recon behind the proxy."""
SETTINGS: Final = (
    f"recon:ozone.recon.datanode.address=0.0.0.0:{JAVA_PORT}",
    "all:ozone.scm.container.size=17MB",
    "all:hdds.ratis.raft.server.rpc.slowness.timeout=10s",
    "all:ozone.block.deleting.service.interval=2s",
    "scm:hdds.scm.block.deleting.service.interval=2s",
    "all:hdds.command.status.report.interval=5s",
)
HEARTBEAT: Final = 3
"""The command, and field numbers of a heartbeat."""
FULL, INCREMENTAL, STATUSES, CONTAINER_ACTIONS, PIPELINE_ACTIONS, PIPELINES = range(3, 9)
PATIENCE: Final = 180
"""Seconds to wait for a datanode to report something."""


@dataclass(frozen=True)
class Exchange:
    """A request of a datanode and its response."""

    request: bytes
    answer: bytes

    def fields(self) -> tuple[int, set[int], set[int]]:
        """The command, and the field numbers in the request and the response."""
        (command, asked), (_, answered) = map(_command, (self.request, self.answer))
        return command, asked, answered

    def line(self) -> str:
        """The exchange as a line of the file."""
        return json.dumps({side: b64encode(getattr(self, side)).decode() for side in ("request", "answer")}) + "\n"

    @classmethod
    def of(cls, line: str) -> Exchange:
        """Parses a line of the file."""
        return cls(**{side: b64decode(message) for side, message in json.loads(line).items()})


def _command(message: bytes) -> tuple[int, set[int]]:
    """The command of a request or response, and the field numbers of its message, which is the last field."""
    parts = _fields(message)
    return dict(parts)[1], {number for number, _ in _fields(parts[-1][1])}


def _fields(message: bytes) -> list[tuple[int, Any]]:
    found, at = [], 0
    while at < len(message):
        tag, value, at = read_field(message, at)
        found.append((tag >> 3, value))
    return found


def exchanges(conversations: Iterable[Conversation]) -> Iterator[Exchange]:
    """All complete exchanges."""
    for conversation in conversations:
        answers: dict[int, bytes] = {}
        for header, answer in FrameReader().cut(bytes(conversation.server)):
            answers[RpcResponseHeader.decode(header).call_id] = answer
        for event in ServerConnection().receive(bytes(conversation.client)):
            if isinstance(event, Call) and event.call_id in answers:
                yield Exchange(event.request, answers[event.call_id])


async def happened(conversations: list[Conversation], what: Callable[[Exchange], bool]) -> None:
    """Waits until a datanode has sent such an exchange; prints a line when none has."""
    for _ in range(PATIENCE):
        if any(map(what, exchanges(conversations))):
            return
        await asyncio.sleep(1)
    print(f"no such exchange within {PATIENCE} s")


def heartbeat_with(field: int) -> Callable[[Exchange], bool]:
    """Whether an exchange is a heartbeat with this field."""
    return lambda one: one.fields()[0] == HEARTBEAT and field in one.fields()[1]


async def fill(cluster: RealCluster) -> None:
    """Writes a key that fills a container."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(16 << 20))
        file.flush()
        commands = [
            "volume create /vol1",
            "bucket create /vol1/obs -l OBJECT_STORE",
            f"key put /vol1/obs/key1 {file.name}",
        ]
        await asyncio.to_thread(cluster.shell, [f"sh {command}" for command in commands])


async def capture(cluster: RealCluster) -> list[Exchange]:
    """Captures one exchange of each kind with Java Recon."""
    async with between("datanodes", RECON_PORT, JAVA_PORT) as conversations:
        await happened(conversations, heartbeat_with(PIPELINES))
        await fill(cluster)
        for field in (FULL, INCREMENTAL, CONTAINER_ACTIONS):
            await happened(conversations, heartbeat_with(field))
        await asyncio.to_thread(cluster.shell, ["sh key delete /vol1/obs/key1"])
        await happened(conversations, heartbeat_with(STATUSES))
        await asyncio.to_thread(cluster, "stop", "dn3")
        await happened(conversations, heartbeat_with(PIPELINE_ACTIONS))
        kept: dict[str, Exchange] = {}
        for one in sorted(exchanges(conversations), key=lambda one: len(one.request)):
            kept[repr(one.fields())] = one
        return sorted(kept.values(), key=lambda one: (one.fields()[0], len(one.request)))


def main() -> None:
    """Captures and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests") / "data" / "datanodes.jsonl")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        cluster = RealCluster(Path(home))
        try:
            cluster("up", "--datanodes", "3", "--recon", *(f"--set={setting}" for setting in SETTINGS))
            kept = asyncio.run(capture(cluster))
        finally:
            cluster("down", "--wipe")
    options.out.write_text("".join(exchange.line() for exchange in kept))


if __name__ == "__main__":
    main()
