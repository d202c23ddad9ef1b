"""A TCP proxy that spoils what goes through it: from a byte on, of either side, as it is told for each connection."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

PIECE = 1 << 16
HUGE = 200 << 20
"""Bytes of a frame that nobody may take."""
LINGER = struct.pack("ii", 1, 0)
"""What makes the end of a connection a reset."""
DRIP = 0.002
"""Seconds between two bytes of a drip."""


class Side(StrEnum):
    """Whose bytes are meant."""

    CLIENT = "client"
    SERVER = "server"


class Does(StrEnum):
    """What is done with a side's bytes."""

    PASS = "pass"
    CUT = "cut"
    """No more comes; the connection ends as if that side had ended it."""
    RESET = "reset"
    """It ends for both, and rudely."""
    STALL = "stall"
    """Nothing more is passed on, and nothing is said about that."""
    GARBAGE = "garbage"
    """Other bytes come in their place."""
    HUGE = "huge"
    """Four of them become the length of a frame of 200 MB, of which then comes as much as is taken."""
    DRIP = "drip"
    """They come one by one."""


@dataclass(frozen=True)
class Fault:
    """Does it with what `of` sends from the byte `at` on, counted from 0."""

    does: Does
    of: Side = Side.SERVER
    at: int = 0

    def __str__(self) -> str:
        return f"{self.does} {self.of} at {self.at}"


@dataclass
class Proxy:
    """Between those who connect to `address` and the server at `target`."""

    target: str
    address: str = ""
    faults: list[Fault] = field(default_factory=list)
    """What becomes of the next connections, one after the other; those behind them are left alone."""
    connections: int = 0
    passed: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))
    """Bytes that have been sent on, over all connections."""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes a connection to its end."""
        self.connections += 1
        fault = self.faults.pop(0) if self.faults else Fault(Does.PASS)
        host, _, port = self.target.rpartition(":")
        try:
            there = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        both = (writer, there[1])
        ways = (_Way(self, fault, Side.CLIENT, reader, there[1]), _Way(self, fault, Side.SERVER, there[0], writer))
        try:
            async with asyncio.TaskGroup() as tasks:
                for way in ways:
                    tasks.create_task(way.run())
        except* OSError:
            for one in both:
                with suppress(OSError):
                    one.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
                one.transport.abort()
        finally:
            for one in both:
                one.close()


@dataclass
class _Way:
    """From one side to the other."""

    proxy: Proxy
    fault: Fault
    of: Side
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def run(self) -> None:
        left = self.fault.at if self.fault.of is self.of and self.fault.does is not Does.PASS else None
        while data := await self.reader.read(PIECE):
            if left is not None and len(data) > left:
                await self._send(data[:left])
                await FAULTS[self.fault.does](self, data[left:])
                return
            left = None if left is None else left - len(data)
            await self._send(data)
        self.writer.write_eof()

    async def _send(self, data: bytes) -> None:
        self.proxy.passed[self.of] += len(data)
        self.writer.write(data)
        await self.writer.drain()

    async def _cut(self, data: bytes) -> None:
        self.writer.write_eof()
        while await self.reader.read(PIECE):
            pass

    async def _reset(self, data: bytes) -> None:
        raise ConnectionResetError

    async def _stall(self, data: bytes) -> None:
        await asyncio.Event().wait()

    async def _spoil(self, data: bytes) -> None:
        chance = random.Random(self.fault.at)
        while data:
            await self._send(chance.randbytes(len(data)))
            data = await self.reader.read(PIECE)
        self.writer.write_eof()

    async def _announce(self, data: bytes) -> None:
        await self._send(HUGE.to_bytes(4, "big"))
        for _ in range(HUGE // PIECE):
            await self._send(bytes(PIECE))
        await asyncio.Event().wait()

    async def _drip(self, data: bytes) -> None:
        while data:
            for byte in data:
                await self._send(bytes([byte]))
                await asyncio.sleep(DRIP)
            data = await self.reader.read(PIECE)
        self.writer.write_eof()


FAULTS: dict[Does, Callable[[_Way, bytes], Awaitable[None]]] = {
    Does.CUT: _Way._cut,
    Does.RESET: _Way._reset,
    Does.STALL: _Way._stall,
    Does.GARBAGE: _Way._spoil,
    Does.HUGE: _Way._announce,
    Does.DRIP: _Way._drip,
}


@contextmanager
def proxy(target: str, *faults: Fault) -> Iterator[Proxy]:
    """A proxy, in a thread of its own, before `host:port`."""
    between = Proxy(target, faults=list(faults))
    loop = asyncio.new_event_loop()
    ready, done = threading.Event(), asyncio.Event()

    async def serve() -> None:
        conversations: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = loop.create_task(between.connected(reader, writer))
            conversations.add(task)
            task.add_done_callback(conversations.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        between.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        await done.wait()
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="proxy")
    thread.start()
    assert ready.wait(10)
    try:
        yield between
    finally:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(done.set)
        thread.join()
