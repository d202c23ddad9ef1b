"""Captures Hadoop RPC sessions with a real Ozone: ours with OM and SCM, and those of Java clients.

    .venv/bin/python -m tools.capture.rpc [--out tests/data/hadoop-rpc.jsonl]

Starts OM, SCM and a datanode, and records through a proxy the sessions of our client, of Java's shell (whose OM address
is the proxy's), and of the datanode, which finds our server at the address of Recon. Writes one line per session: its
name, and all bytes sent by the client and by the server (base64).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tools.cluster.real import RealCluster

from ozone_recon.config.connections import RpcSettings
from ozone_recon.errors import RemoteError
from ozone_recon.sources.hadoop_rpc.client import RpcConnection
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings, take_calls
from ozone_recon.wire.hadoop_rpc.sasl import Mechanism, Simple
from ozone_recon.wire.protobuf.fields import Message, bytes_field, number_field

OM: Final = "org.apache.hadoop.ozone.om.protocol.OzoneManagerProtocol"
SCM: Final = "org.apache.hadoop.hdds.scm.protocol.StorageContainerLocationProtocol"
DATANODE: Final = "org.apache.hadoop.ozone.protocol.ReconDatanodeProtocol"
SUBMIT: Final = "submitRequest"
USER: Final = "recon"
OM_PORT, SCM_PORT, RECON_PORT = 9862, 9860, 9891
SHELL_PORT: Final = 19862
"""The addresses of OM and of the proxy for Java's shell."""
Call = tuple[str, str, bytes]
"""Protocol, method, request."""


def om_request(command: int, body: bytes) -> bytes:
    """An OMRequest whose message is in the field numbered like the command."""
    return number_field(1, command) + bytes_field(3, "client-1") + number_field(5, 3) + bytes_field(command, body)


def updates_request(sequence: int, limit: int) -> bytes:
    """An OMRequest for the changes since a sequence number."""
    return om_request(53, number_field(1, sequence) + number_field(2, limit))


SERVICE_LIST: Final = om_request(51, b"")
INFO_VOLUME: Final = om_request(14, bytes_field(1, "vol1"))
SCM_INFO: Final = number_field(1, 13) + number_field(3, 3) + bytes_field(18, b"")
OURS: Final[dict[str, tuple[int, Sequence[Mechanism], list[Call]]]] = {
    "OM": (
        OM_PORT,
        [],
        [
            (OM, SUBMIT, SERVICE_LIST),
            (OM, SUBMIT, INFO_VOLUME),
            (OM, SUBMIT, updates_request(0, 1)),
            (OM, SUBMIT, updates_request(0, 0)),
            (OM, SUBMIT, b""),
            (OM, "noSuchMethod", b""),
            ("org.example.NoSuchProtocol", SUBMIT, b""),
        ],
    ),
    "OM by SASL": (OM_PORT, [Simple()], [(OM, SUBMIT, SERVICE_LIST)]),
    "SCM": (SCM_PORT, [], [(SCM, SUBMIT, SCM_INFO)]),
}
"""Our sessions: the server, the SASL mechanisms, and the calls."""


@dataclass
class Conversation:
    """All the bytes that each side of one connection has sent."""

    name: str
    client: bytearray = field(default_factory=bytearray)
    server: bytearray = field(default_factory=bytearray)

    def line(self) -> str:
        """The exchange as a line of the file."""
        sent = {side: b64encode(getattr(self, side)).decode() for side in ("client", "server")}
        return json.dumps({"name": self.name, **sent}) + "\n"

    @classmethod
    def of(cls, line: str) -> Conversation:
        """Parses a line of the file."""
        sent = json.loads(line)
        return cls(sent["name"], *(bytearray(b64decode(sent[side])) for side in ("client", "server")))


@asynccontextmanager
async def between(name: str, port: int, server_port: int) -> AsyncIterator[list[Conversation]]:
    """Proxies `port` to the server at `server_port`, and records the sessions."""
    conversations: list[Conversation] = []
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
        with suppress(OSError), closing(writer):
            while data := await reader.read(1 << 16):
                kept += data
                writer.write(data)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = Conversation(name)
        conversations.append(conversation)
        server_reader, server_writer = await asyncio.open_connection("localhost", server_port)
        tasks.add(asyncio.create_task(pass_on(reader, server_writer, conversation.client)))
        tasks.add(asyncio.create_task(pass_on(server_reader, writer, conversation.server)))

    async with await asyncio.start_server(connected, "localhost", port):
        yield conversations
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def ours(name: str, port: int, mechanisms: Sequence[Mechanism], calls: list[Call]) -> Conversation:
    """Runs our session, one call at a time, so that the responses keep their order."""
    async with between(name, SHELL_PORT + 1, port) as conversations:
        connection = await RpcConnection.open(f"localhost:{SHELL_PORT + 1}", RpcSettings(USER), mechanisms)
        for protocol, method, request in calls:
            with suppress(RemoteError):
                await connection.call(protocol, method, request)
        await connection.close()
    return conversations[0]


async def of_a_newer_version() -> Conversation:
    """OM's response to a client of version 10."""
    conversation = Conversation("a newer version", bytearray(b"hrpc\x0a\x00\x00"))
    reader, writer = await asyncio.open_connection("localhost", OM_PORT)
    writer.write(conversation.client)
    conversation.server += await reader.read()
    writer.close()
    return conversation


async def of_the_shell(cluster: RealCluster) -> Conversation:
    """The session in which Java's shell creates a volume and shows it."""
    async with between("Java's shell", SHELL_PORT, OM_PORT) as conversations:
        await asyncio.to_thread(cluster.shell, ["sh volume create /vol1", "sh volume info /vol1"])
    return max(conversations, key=lambda one: len(one.client))


async def of_the_datanode() -> Conversation:
    """The session of a datanode with our server: version, registration and heartbeat; the second heartbeat ends it."""
    heartbeats = 0
    enough = asyncio.Event()

    async def answer(request: bytes) -> bytes:
        nonlocal heartbeats
        message = Message("SCMDatanodeRequest", request)
        match command := message.int32(1):
            case 1:
                body = number_field(1, 0)
            case 2:
                body = number_field(1, 1) + bytes_field(2, datanode(message.blob(4), 1, 1)) + bytes_field(3, "CID-1")
            case _:
                body = bytes_field(1, datanode(message.blob(5), 1))
                heartbeats += 1
                if heartbeats > 1:
                    enough.set()
        return number_field(1, command) + number_field(3, 1) + number_field(5, 1) + bytes_field(command + 5, body)

    methods = {(DATANODE, SUBMIT): answer}
    async with (
        take_calls(methods, RpcServerSettings("localhost", 0)) as port,
        between("Java's datanode", RECON_PORT, port) as conversations,
    ):
        await asyncio.wait_for(enough.wait(), 120)
    return conversations[0]


def datanode(message: bytes, *path: int) -> str:
    """The UUID in the DatanodeDetailsProto to which these fields lead."""
    for number in path:
        message = Message("a datanode's message", message).blob(number)
    return Message("DatanodeDetailsProto", message).text(1)


async def capture(cluster: RealCluster) -> list[Conversation]:
    """All sessions with a cluster started by `start`."""
    shell = await of_the_shell(cluster)
    conversations = [await ours(name, *how) for name, how in OURS.items()]
    return [shell, *conversations, await of_a_newer_version(), await of_the_datanode()]


def start(cluster: RealCluster) -> None:
    """Starts OM, SCM and a datanode; for Java's shell, OM is at the proxy's address."""
    cluster("up", "--datanodes", "1", f"--set=cli:ozone.om.address=localhost:{SHELL_PORT}")


def main() -> None:
    """Captures and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests") / "data" / "hadoop-rpc.jsonl")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        cluster = RealCluster(Path(home))
        try:
            start(cluster)
            conversations = asyncio.run(capture(cluster))
        finally:
            cluster("down", "--wipe")
    options.out.write_text("".join(conversation.line() for conversation in conversations))


if __name__ == "__main__":
    main()
