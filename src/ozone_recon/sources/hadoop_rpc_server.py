"""Takes calls over Hadoop RPC, as datanodes make them to report what they have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from ozone_recon.errors import ReconError, RemoteError
from ozone_recon.wire.hadoop_rpc_frames import LONGEST
from ozone_recon.wire.hadoop_rpc_messages import Detail
from ozone_recon.wire.hadoop_rpc_sasl import Mechanism, Simple
from ozone_recon.wire.hadoop_rpc_server import Call, ServerConnection

_LOG: Final = logging.getLogger(__name__)
_PIECE: Final = 1 << 16
"""Bytes to read at once."""
_IPC: Final = "org.apache.hadoop.ipc_"
"""Where Ozone 2.2 has Hadoop RPC's own exceptions."""

Methods = Mapping[tuple[str, str], Callable[[bytes], Awaitable[bytes]]]
"""Protocol and method → what makes a response message of a request message.

A ReconError refuses the call; a RemoteError with Java's exception of the class that it names in full.
"""


@dataclass(frozen=True, slots=True)
class RpcServerSettings:
    """How to take calls. Times are seconds."""

    host: str
    port: int
    """0 for any that is free."""
    mechanisms: Sequence[Mechanism] = (Simple(),)
    """Ways to authenticate that will do."""
    idle_limit: float = 600.0
    """How long a connection on which nothing comes is kept."""
    calls_at_once: int = 16
    """Of one connection; what it sends beyond is not read before one is answered."""
    longest_request: int = LONGEST
    """Bytes (`ipc.maximum.data.length`)."""


@asynccontextmanager
async def take_calls(methods: Methods, settings: RpcServerSettings) -> AsyncIterator[int]:
    """Takes calls until it is left, and gives the port on which it does; OSError when that is taken."""
    conversations: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_Conversation(methods, settings, reader, writer).run())
        conversations.add(task)
        task.add_done_callback(conversations.discard)

    server = await asyncio.start_server(connected, settings.host, settings.port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


class _Conversation:
    """One client's connection."""

    def __init__(
        self,
        methods: Methods,
        settings: RpcServerSettings,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._methods, self._settings = methods, settings
        self._reader, self._writer = reader, writer
        self._wire = ServerConnection(settings.mechanisms, settings.longest_request)
        self._peer = ":".join(map(str, (writer.get_extra_info("peername") or ("a client that is gone",))[:2]))
        self._room = asyncio.Semaphore(settings.calls_at_once)
        self._under_way = 0

    async def run(self) -> None:
        """Until the client goes, is refused, or is silent for too long; calls that have begun are done to their end."""
        try:
            async with asyncio.TaskGroup() as calls:
                await self._read_on(calls)
            self._writer.close()
            with suppress(OSError):
                async with asyncio.timeout(self._settings.idle_limit):
                    await self._writer.wait_closed()
        finally:
            self._writer.transport.abort()

    async def _read_on(self, calls: asyncio.TaskGroup) -> None:
        try:
            while data := await self._next_piece():
                for event in self._wire.receive(data):
                    if isinstance(event, Call):
                        await self._room.acquire()
                        self._under_way += 1
                        calls.create_task(self._answer(event))
                self._send()
            self._wire.end()
        except (ReconError, OSError) as error:
            _LOG.warning("%s: %s", self._peer, error)
            self._send()

    async def _next_piece(self) -> bytes:
        """What comes next, once the client has taken what it was sent; nothing at the end, and when it is silent."""
        while True:
            try:
                async with asyncio.timeout(self._settings.idle_limit):
                    await self._writer.drain()
                    return await self._reader.read(_PIECE)
            except TimeoutError:
                if not self._under_way:
                    return b""

    async def _answer(self, call: Call) -> None:
        try:
            await self._try(call)
        except RemoteError as refusal:
            self._wire.fail(call, refusal.exception, refusal.message)
        except ReconError as refusal:
            self._wire.fail(call, "java.io.IOException", str(refusal))
        except Exception as fault:
            _LOG.exception("%s: %s of %s failed", self._peer, call.method, call.protocol)
            self._wire.fail(call, "java.lang.RuntimeException", repr(fault))
        finally:
            self._under_way -= 1
            self._room.release()
        self._send()

    async def _try(self, call: Call) -> None:
        method = self._methods.get((call.protocol, call.method))
        if method is not None:
            self._wire.respond(call, await method(call.request))
        elif any(call.protocol == protocol for protocol, _ in self._methods):
            what = f"{call.protocol} has no method {call.method} here"
            self._wire.fail(call, f"{_IPC}.RpcNoSuchMethodException", what, Detail.NO_SUCH_METHOD)
        else:
            what = f"{call.protocol} is not spoken here"
            self._wire.fail(call, f"{_IPC}.RpcNoSuchProtocolException", what, Detail.NO_SUCH_PROTOCOL)

    def _send(self) -> None:
        self._writer.write(self._wire.take())
