"""Serves Hadoop RPC calls over TCP: datanodes report to Recon through it.

One `ServerSession` runs per connection. The `ConnectionPool` bounds the number of connections and the bytes of requests
that all of them buffer together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from ozone_recon.errors import ReconError, RemoteError, TransferError
from ozone_recon.wire.hadoop_rpc.frames import LONGEST
from ozone_recon.wire.hadoop_rpc.messages import RpcErrorDetail
from ozone_recon.wire.hadoop_rpc.sasl import Mechanism, Simple
from ozone_recon.wire.hadoop_rpc.server import Call, Connected, Ping, ServerConnection

_LOG: Final = logging.getLogger(__name__)
_PIECE: Final = 1 << 16
"""Bytes per read."""
_THREADS: Final = ThreadPoolExecutor(2, thread_name_prefix="rpc-accept")
"""The threads that authenticate, which needs no KDC, and unwrap long requests."""
_BACKLOG: Final = 1024
"""Connections waiting to be accepted: all datanodes reconnect at once after Recon was down."""
_IPC: Final = "org.apache.hadoop.ipc_"
"""The package of Hadoop RPC's own exceptions in Ozone 2.2."""


class Recognised(NamedTuple):
    """A response to a client that the method recognises; unrecognised clients' connections are evicted first."""

    message: bytes


class _Failed(NamedTuple):
    """A failed call: the full class name of a Java exception, and its message."""

    exception: str
    error: str
    detail: RpcErrorDetail = RpcErrorDetail.APPLICATION


Methods = Mapping[tuple[str, str], Callable[[bytes], Awaitable[bytes | Recognised]]]
"""(protocol, method) → coroutine from request message to response message.

A RemoteError fails the call with the Java exception class that it names in full, any other ReconError with
`java.io.IOException`.
"""


@dataclass(frozen=True, slots=True)
class RpcServerSettings:
    """Address and limits of a server; times are seconds."""

    host: str
    port: int
    """0 for any free port."""
    mechanisms: Sequence[Mechanism] = (Simple(),)
    """Accepted ways to authenticate."""
    authorize: Callable[[str, str], str] = lambda _user, _protocol: ""
    """Why an authenticated user may not use a protocol; empty if the user may. Called in a thread."""
    idle_limit: float = 600.0
    """A connection is closed after this time without data."""
    patience: float = 60.0
    """Timeout for a client's introduction, and for a request from its first byte to its last."""
    max_connections: int = 10_000
    """At the limit, a new connection evicts the longest-idle one; unrecognised clients go first."""
    max_buffered: int = 512 << 20
    """Bytes of incomplete and unanswered requests in total; above it, large requests are read one at a time."""
    calls_at_once: int = 16
    """Concurrent calls per connection; further requests are not read before one is answered."""
    longest_request: int = LONGEST
    """Bytes (`ipc.maximum.data.length`)."""


@asynccontextmanager
async def take_calls(methods: Methods, settings: RpcServerSettings) -> AsyncIterator[int]:
    """Serves calls until the context exits; yields the port. OSError when the port is in use."""
    tasks: set[asyncio.Task[None]] = set()
    pool = ConnectionPool(settings)

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(ServerSession(methods, settings, pool, reader, writer).run())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, settings.host, settings.port, backlog=_BACKLOG)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class ConnectionPool:
    """All sessions of a server, in LRU order; bounds their number and the bytes that they buffer."""

    def __init__(self, settings: RpcServerSettings) -> None:
        self._settings = settings
        self._recognised: dict[ServerSession, None] = {}
        self._others: dict[ServerSession, None] = {}
        """Both are ordered from the least to the most recently active session."""
        self._buffered = 0
        self.large_request = asyncio.Lock()
        """Held by the session that reads a large request while the pool is over its limit."""
        self._turn = asyncio.Lock()
        """Held by the unrecognised session that may process its next request."""

    @property
    def is_over_limit(self) -> bool:
        """Whether the sessions buffer more than `max_buffered` bytes."""
        return self._buffered > self._settings.max_buffered

    def add(self, session: ServerSession) -> None:
        """Adds a session, and evicts the longest-idle one when the limit is reached."""
        limit = self._settings.max_connections
        if len(self._recognised) + len(self._others) >= limit:
            idlest = next(iter(self._others or self._recognised))
            self.remove(idlest)
            idlest.evict()
            _LOG.warning(
                "%s: closing the longest-idle connection: the limit of %s connections is reached",
                idlest.peer,
                f"{limit:,}",
            )
        self._others[session] = None

    def __contains__(self, session: ServerSession) -> bool:
        return session in self._others or session in self._recognised

    def touch(self, session: ServerSession) -> None:
        """Marks a session as the most recently active one."""
        if session in self:
            group = self._recognised if session in self._recognised else self._others
            del group[session]
            group[session] = None

    def recognise(self, session: ServerSession) -> None:
        """Marks a session as one whose client a method recognises."""
        if session in self._others:
            del self._others[session]
            self._recognised[session] = None

    async def take_turn(self, session: ServerSession) -> None:
        """Lets the event loop serve others: one request of unrecognised clients per pass, whatever their number.

        A hostile client can keep its own sessions busy for ever, but adds one request at most to a datanode's answer.
        """
        if session in self._recognised:
            await asyncio.sleep(0)
            return
        async with self._turn:
            await asyncio.sleep(0)

    def set_buffered(self, session: ServerSession, size: int) -> None:
        """Sets the number of bytes that a session buffers."""
        if session in self:
            self._buffered += size - session.buffered
            session.buffered = size

    def remove(self, session: ServerSession) -> None:
        """Removes a session that has ended or is evicted."""
        self.set_buffered(session, 0)
        self._others.pop(session, None)
        self._recognised.pop(session, None)


class ServerSession:
    """One client's connection: reads requests, runs their calls concurrently, sends the responses as they finish."""

    def __init__(
        self,
        methods: Methods,
        settings: RpcServerSettings,
        pool: ConnectionPool,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._clock = asyncio.get_running_loop().time
        self._active_at = self._clock()
        """When the last request was complete, or the first byte of the current one arrived."""
        self.buffered = 0
        """Bytes of incomplete and unanswered requests, as the pool counts them."""
        self._running = 0
        """Number of unanswered calls."""
        self._methods, self._settings, self._pool = methods, settings, pool
        self._reader, self._writer = reader, writer
        self._wire = ServerConnection(settings.mechanisms, settings.longest_request, settings.authorize)
        self.peer = ":".join(map(str, (writer.get_extra_info("peername") or ("a disconnected client",))[:2]))
        self._wire_lock = asyncio.Lock()
        """Held while a thread uses the connection's state, and to respond."""
        self._authenticates = any(one.auth != Simple.auth for one in settings.mechanisms)
        self._call_slots = asyncio.Semaphore(settings.calls_at_once)
        self._unanswered_bytes = 0
        """Bytes of the unanswered calls' requests."""
        self._has_large_request = False
        self._is_evicted = False

    def evict(self) -> None:
        """Closes the connection from our side."""
        self._is_evicted = True
        self._reader.set_exception(TransferError("the connection is evicted"))

    async def run(self) -> None:
        """Runs until the client disconnects, is refused or times out; then finishes the calls that have begun."""
        self._pool.add(self)
        try:
            async with asyncio.TaskGroup() as calls:
                await self._read_requests(calls)
            self._writer.close()
            with suppress(OSError):
                async with asyncio.timeout(self._settings.patience):
                    await self._writer.wait_closed()
        finally:
            self._pool.remove(self)
            self._release_large_request(closed=True)
            self._writer.transport.abort()

    async def _read_requests(self, calls: asyncio.TaskGroup) -> None:
        try:
            while data := await self._next_piece():
                frames, was_pending = self._wire.frames, self._request_pending()
                await self._pool.take_turn(self)
                for event in await self._events(data):
                    if isinstance(event, Call):
                        await self._call_slots.acquire()
                        self._running += 1
                        self._unanswered_bytes += len(event.request)
                        calls.create_task(self._answer(event))
                    await self._pool.take_turn(self)
                if self._wire.frames > frames or not was_pending:
                    self._active_at = self._clock()
                    self._pool.touch(self)
                self._update_buffered()
                self._release_large_request()
                self._send()
            self._wire.end()
        except (ReconError, OSError) as error:
            if not self._is_evicted:
                _LOG.warning("%s: %s", self.peer, error)
            self._send()

    async def _events(self, data: bytes) -> Iterable[Connected | Call | Ping]:
        """The requests that `data` completes; a thread authenticates, and unwraps a long wrapped request."""
        is_handshake = self._authenticates and not self._wire.introduced
        if not is_handshake and not self._wire.is_within_long_wrapped:
            return self._wire.receive(data)
        loop = asyncio.get_running_loop()
        async with self._wire_lock:
            return await loop.run_in_executor(_THREADS, lambda: list(self._wire.receive(data)))

    async def _next_piece(self) -> bytes:
        """The next bytes, read once the client has taken our responses; empty at the end and after `idle_limit`.

        Raises TransferError when a pending request or introduction is not complete within `patience`.
        """
        while True:
            limit = self._settings.idle_limit
            if self._request_pending():
                limit = self._settings.patience - (self._clock() - self._active_at)
            try:
                async with asyncio.timeout(limit):
                    await self._writer.drain()
                    await self._acquire_large_request()
                    return await self._reader.read(_PIECE)
            except TimeoutError:
                if self._request_pending():
                    raise TransferError(self._timeout_message()) from None
                if not self._running:
                    return b""

    async def _acquire_large_request(self) -> None:
        """Waits for the pool's lock when this session is within a large request and the pool is over its limit."""
        if self._wire.begun > _PIECE and self._pool.is_over_limit and not self._has_large_request:
            await self._pool.large_request.acquire()
            self._has_large_request = True

    def _release_large_request(self, *, closed: bool = False) -> None:
        if self._has_large_request and (closed or self._wire.begun <= _PIECE):
            self._pool.large_request.release()
            self._has_large_request = False

    def _request_pending(self) -> bool:
        """Whether a request is incomplete, or the client has not introduced itself."""
        return self._wire.begun > 0 or not self._wire.introduced

    def _timeout_message(self) -> str:
        received = self._wire.begun
        missing = f"a request is incomplete ({received:,} bytes received)" if received else "the client sent no context"
        return f"closing the connection: after {self._settings.patience:g} s {missing}"

    async def _answer(self, call: Call) -> None:
        try:
            response = await self._run_method(call)
        except RemoteError as refusal:
            response = _Failed(refusal.exception, refusal.message)
        except ReconError as refusal:
            response = _Failed("java.io.IOException", str(refusal))
        except Exception as fault:
            _LOG.exception("%s: %s of %s failed", self.peer, call.method, call.protocol)
            response = _Failed("java.lang.RuntimeException", repr(fault))
        finally:
            self._running -= 1
            self._unanswered_bytes -= len(call.request)
            self._call_slots.release()
        self._update_buffered()
        async with self._wire_lock:
            if isinstance(response, bytes):
                self._wire.respond(call, response)
            else:
                self._wire.fail(call, *response)
            self._send()

    async def _run_method(self, call: Call) -> bytes | _Failed:
        method = self._methods.get((call.protocol, call.method))
        if method is not None:
            answer = await method(call.request)
            if isinstance(answer, Recognised):
                self._pool.recognise(self)
                return answer.message
            return answer
        if any(call.protocol == protocol for protocol, _ in self._methods):
            error = f"unknown method {call.method} of protocol {call.protocol}"
            return _Failed(f"{_IPC}.RpcNoSuchMethodException", error, RpcErrorDetail.NO_SUCH_METHOD)
        error = f"unknown protocol {call.protocol}"
        return _Failed(f"{_IPC}.RpcNoSuchProtocolException", error, RpcErrorDetail.NO_SUCH_PROTOCOL)

    def _update_buffered(self) -> None:
        self._pool.set_buffered(self, self._wire.begun + self._unanswered_bytes)

    def _send(self) -> None:
        # Writing to a closing transport raises with uvloop.
        if not self._writer.is_closing():
            self._writer.write(self._wire.data_to_send())
