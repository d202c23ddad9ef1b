"""Hadoop RPC servers for tests, including ones that send given bytes or break off."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ozone_recon.config.connections import RpcSettings
from ozone_recon.errors import SourceError
from ozone_recon.sources.hadoop_rpc.client import RpcConnection
from ozone_recon.sources.hadoop_rpc.server import Methods, RpcServerSettings
from ozone_recon.wire.hadoop_rpc.frames import AuthMethod, connection_header, frame
from ozone_recon.wire.hadoop_rpc.messages import (
    CONTEXT_CALL,
    ConnectionContext,
    RequestHeader,
    RpcRequestHeader,
    RpcResponseHeader,
)
from ozone_recon.wire.hadoop_rpc.server import Call, ServerConnection
from ozone_recon.wire.protobuf.fields import delimited, varint

PROTOCOL = "org.example.Protocol"
QUICK = RpcSettings("me", call_timeout=20, pause=0.01, attempts=6)
"""Patient where an answer comes, quick where none may."""
HERE = RpcServerSettings("127.0.0.1", 0)
Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(request: bytes) -> bytes:
    return request


async def refuse(request: bytes) -> bytes:
    raise SourceError(f"no {request.decode()}")


async def break_down(request: bytes) -> bytes:
    raise ValueError(request)


METHODS: Methods = {(PROTOCOL, "echo"): echo, (PROTOCOL, "refuse"): refuse, (PROTOCOL, "break"): break_down}


@asynccontextmanager
async def server(talk: Conversation) -> AsyncIterator[str]:
    """Runs a server that handles each connection with `talk`; yields its address."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with listening:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def sends(*pieces: bytes, then: Conversation | None = None) -> Conversation:
    """Answers the first call with these bytes, and then closes the connection or does what it is told."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if then is not None:
            await then(reader, writer)

    return talk


async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def responder(answer: Callable[[Call], bytes | tuple[str, str]]) -> Conversation:
    """A server that answers each call with a message, or with a class name and the message of an exception."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = ServerConnection()
        while data := await reader.read(1 << 16):
            for event in wire.receive(data):
                if isinstance(event, Call):
                    said = answer(event)
                    if isinstance(said, bytes):
                        wire.respond(event, said)
                    else:
                        wire.fail(event, *said)
            writer.write(wire.data_to_send())

    return talk


CLIENT = bytes(16)
INTRODUCED = connection_header(AuthMethod.NONE) + frame(
    RpcRequestHeader(CONTEXT_CALL, CLIENT).encode(), ConnectionContext("me").encode()
)
"""The bytes that a client sends before its first call."""


def called(request: bytes, protocol: str = PROTOCOL, method: str = "echo", call_id: int = 0) -> bytes:
    """The bytes of a call."""
    header = RpcRequestHeader(call_id, CLIENT, retry_count=0).encode()
    return frame(header, RequestHeader(method, protocol).encode(), request)


def begun(size: int) -> bytes:
    """The bytes of a client up to the start of a request of `size` bytes."""
    header = RpcRequestHeader(0, CLIENT, retry_count=0).encode()
    messages = delimited(header) + delimited(RequestHeader("echo", PROTOCOL).encode()) + varint(size)
    return INTRODUCED + (len(messages) + size).to_bytes(4, "big") + messages


def answer(call_id: int, message: bytes) -> bytes:
    return frame(RpcResponseHeader(call_id).encode(), message)


async def call_once(address: str, settings: RpcSettings = QUICK) -> bytes:
    connection = await RpcConnection.open(address, settings)
    try:
        return await connection.call(PROTOCOL, "echo", b"hello")
    finally:
        await connection.close()
