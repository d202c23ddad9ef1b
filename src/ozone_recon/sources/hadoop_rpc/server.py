"""Takes calls over Hadoop RPC, as datanodes make them to report what they have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from ozone_recon.errors import ReconError, RemoteError, TransferError
from ozone_recon.wire.hadoop_rpc.frames import LONGEST
from ozone_recon.wire.hadoop_rpc.messages import RpcErrorDetail
from ozone_recon.wire.hadoop_rpc.sasl import Mechanism, Simple
from ozone_recon.wire.hadoop_rpc.server import Call, ServerConnection

_LOG: Final = logging.getLogger(__name__)
_PIECE: Final = 1 << 16
"""Bytes to read at once."""
_BACKLOG: Final = 1024
"""Connections that may wait to be taken: all datanodes come at once when we have been away."""
_IPC: Final = "org.apache.hadoop.ipc_"
"""Where Ozone 2.2 has Hadoop RPC's own exceptions."""


class Recognised(NamedTuple):
    """The response message to a caller that the method recognises: others' connections are evicted before its."""

    message: bytes


Methods = Mapping[tuple[str, str], Callable[[bytes], Awaitable[bytes | Recognised]]]
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
    patience: float = 60.0
    """How long a client may take to say who it is, and a request from its first byte to its last."""
    most_connections: int = 10_000
    """Beyond, the one is evicted on which nothing has come for the longest time, of those that no method recognises."""
    most_held: int = 512 << 20
    """Bytes of requests, in part or not answered yet, of all connections; beyond, large ones come one by one."""
    calls_at_once: int = 16
    """Of one connection; what it sends beyond is not read before one is answered."""
    longest_request: int = LONGEST
    """Bytes (`ipc.maximum.data.length`)."""


@asynccontextmanager
async def take_calls(methods: Methods, settings: RpcServerSettings) -> AsyncIterator[int]:
    """Takes calls until it is left, and gives the port on which it does; OSError when that is taken."""
    conversations: set[asyncio.Task[None]] = set()
    company = ConnectionPool(settings)

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(ServerSession(methods, settings, company, reader, writer).run())
        conversations.add(task)
        task.add_done_callback(conversations.discard)

    server = await asyncio.start_server(connected, settings.host, settings.port, backlog=_BACKLOG)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


class ConnectionPool:
    """All conversations of a server: there must not be too many, nor too much that they hold together."""

    def __init__(self, settings: RpcServerSettings) -> None:
        self._settings = settings
        self._recognised: dict[ServerSession, None] = {}
        self._others: dict[ServerSession, None] = {}
        """In both, the one of which something was heard last is the last."""
        self._held = 0
        self.turn = asyncio.Lock()
        """Held by the one whose large request comes while there is not room for all."""

    @property
    def is_crowded(self) -> bool:
        """Whether they hold too much."""
        return self._held > self._settings.most_held

    def join(self, one: ServerSession) -> None:
        """Takes one in."""
        most = self._settings.most_connections
        if len(self._recognised) + len(self._others) >= most:
            quietest = next(iter(self._others or self._recognised))
            self.leave(quietest)
            quietest.evict()
            _LOG.warning(
                "%s: closing the longest-idle connection: the limit of %s connections is reached",
                quietest.peer,
                f"{most:,}",
            )
        self._others[one] = None

    def __contains__(self, one: ServerSession) -> bool:
        return one in self._others or one in self._recognised

    def hear(self, one: ServerSession) -> None:
        """Says that something was heard of one."""
        if one in self:
            group = self._recognised if one in self._recognised else self._others
            del group[one]
            group[one] = None

    def recognise(self, one: ServerSession) -> None:
        """Says that a method recognises one."""
        if one in self._others:
            del self._others[one]
            self._recognised[one] = None

    def hold(self, one: ServerSession, size: int) -> None:
        """Says how many bytes one holds now."""
        if one in self:
            self._held += size - one.held
            one.held = size

    def leave(self, one: ServerSession) -> None:
        """One is over, or as good as that."""
        self.hold(one, 0)
        self._others.pop(one, None)
        self._recognised.pop(one, None)


class ServerSession:
    """One client's connection."""

    def __init__(
        self,
        methods: Methods,
        settings: RpcServerSettings,
        company: ConnectionPool,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._clock = asyncio.get_running_loop().time
        self.heard = self._clock()
        """When a request last came whole, or the first byte of the one that comes now."""
        self.held = 0
        """Bytes of requests that have come in part, or are not answered yet."""
        self.under_way = 0
        """Calls."""
        self._methods, self._settings, self._company = methods, settings, company
        self._reader, self._writer = reader, writer
        self._wire = ServerConnection(settings.mechanisms, settings.longest_request)
        self.peer = ":".join(map(str, (writer.get_extra_info("peername") or ("a client that is gone",))[:2]))
        self._room = asyncio.Semaphore(settings.calls_at_once)
        self._called = 0
        """Bytes of their requests."""
        self._has_turn = False
        self._is_evicted = False

    def evict(self) -> None:
        """Ends it from our side."""
        self._is_evicted = True
        self._reader.set_exception(TransferError("it is evicted"))

    async def run(self) -> None:
        """Until the client goes, is refused, or is silent for too long; calls that have begun are done to their end."""
        self._company.join(self)
        try:
            async with asyncio.TaskGroup() as calls:
                await self._read_on(calls)
            self._writer.close()
            with suppress(OSError):
                async with asyncio.timeout(self._settings.patience):
                    await self._writer.wait_closed()
        finally:
            self._company.leave(self)
            self._end_turn(over=True)
            self._writer.transport.abort()

    async def _read_on(self, calls: asyncio.TaskGroup) -> None:
        try:
            while data := await self._next_piece():
                frames, owed = self._wire.frames, self._owes()
                for event in self._wire.receive(data):
                    if isinstance(event, Call):
                        await self._room.acquire()
                        self.under_way += 1
                        self._called += len(event.request)
                        calls.create_task(self._answer(event))
                    # Whatever else comes in this piece, it is the others' turn.
                    await asyncio.sleep(0)
                if self._wire.frames > frames or not owed:
                    self.heard = self._clock()
                    self._company.hear(self)
                self._hold()
                self._end_turn()
                self._send()
            self._wire.end()
        except (ReconError, OSError) as error:
            if not self._is_evicted:
                _LOG.warning("%s: %s", self.peer, error)
            self._send()

    async def _next_piece(self) -> bytes:
        """What comes next, once the client has taken what it was sent; nothing at the end, and when it is silent.

        TransferError when it owes more, and has not sent that in time.
        """
        while True:
            limit = self._settings.idle_limit
            if self._owes():
                limit = self._settings.patience - (self._clock() - self.heard)
            try:
                async with asyncio.timeout(limit):
                    await self._writer.drain()
                    await self._take_turn()
                    return await self._reader.read(_PIECE)
            except TimeoutError:
                if self._owes():
                    raise TransferError(self._late()) from None
                if not self.under_way:
                    return b""

    async def _take_turn(self) -> None:
        """Waits until it may go on, when it is amid a large request and there are too many of these."""
        if self._wire.begun > _PIECE and self._company.is_crowded and not self._has_turn:
            await self._company.turn.acquire()
            self._has_turn = True

    def _end_turn(self, *, over: bool = False) -> None:
        if self._has_turn and (over or self._wire.begun <= _PIECE):
            self._company.turn.release()
            self._has_turn = False

    def _owes(self) -> bool:
        """Whether something has begun that must come to its end in time."""
        return self._wire.begun > 0 or not self._wire.introduced

    def _late(self) -> str:
        what = f"a request had {self._wire.begun:,} bytes" if self._wire.begun else "nobody said who it is"
        return f"it is let go: after {self._settings.patience:g} s {what}"

    async def _answer(self, call: Call) -> None:
        try:
            await self._try(call)
        except RemoteError as refusal:
            self._wire.fail(call, refusal.exception, refusal.message)
        except ReconError as refusal:
            self._wire.fail(call, "java.io.IOException", str(refusal))
        except Exception as fault:
            _LOG.exception("%s: %s of %s failed", self.peer, call.method, call.protocol)
            self._wire.fail(call, "java.lang.RuntimeException", repr(fault))
        finally:
            self.under_way -= 1
            self._called -= len(call.request)
            self._room.release()
        self._hold()
        self._send()

    async def _try(self, call: Call) -> None:
        method = self._methods.get((call.protocol, call.method))
        if method is not None:
            answer = await method(call.request)
            if isinstance(answer, Recognised):
                self._company.recognise(self)
                answer = answer.message
            self._wire.respond(call, answer)
        elif any(call.protocol == protocol for protocol, _ in self._methods):
            what = f"{call.protocol} has no method {call.method} here"
            self._wire.fail(call, f"{_IPC}.RpcNoSuchMethodException", what, RpcErrorDetail.NO_SUCH_METHOD)
        else:
            what = f"{call.protocol} is not spoken here"
            self._wire.fail(call, f"{_IPC}.RpcNoSuchProtocolException", what, RpcErrorDetail.NO_SUCH_PROTOCOL)

    def _hold(self) -> None:
        self._company.hold(self, self._wire.begun + self._called)

    def _send(self) -> None:
        # To write to a client that is gone is an error of its own with uvloop.
        if not self._writer.is_closing():
            self._writer.write(self._wire.take())
