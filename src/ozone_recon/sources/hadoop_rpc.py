"""Calls an OM or SCM over Hadoop RPC: many calls at once over one connection, and the group's next server in need.

A call may be made twice when a connection breaks, so only what changes nothing is to be called.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ozone_recon.errors import DecodeError, ReconError, RemoteError, TooLong, TransferError
from ozone_recon.wire.hadoop_rpc_client import ClientConnection, Failure, Response
from ozone_recon.wire.hadoop_rpc_failures import Remedy, remedy, suggested_leader
from ozone_recon.wire.hadoop_rpc_frames import LONGEST
from ozone_recon.wire.hadoop_rpc_sasl import Mechanism

_LOG: Final = logging.getLogger(__name__)
_PIECE: Final = 1 << 16
"""Bytes to read at once."""


@dataclass(frozen=True, slots=True)
class RpcSettings:
    """How to call, and how patient to be. Times are seconds."""

    user: str
    mechanisms: Sequence[Mechanism] = ()
    """Ways to authenticate; none when the cluster does not."""
    connect_timeout: float = 20.0
    call_timeout: float = 60.0
    """How long an answer may take, from the call to its last byte."""
    ping_interval: float = 60.0
    """Silence after which to tell the server that we still wait."""
    idle_limit: float = 10.0
    """How long a connection without calls is kept."""
    attempts: int = 15
    """How often to ask, all servers together."""
    pause: float = 2.0
    """Wait before a server is asked again."""
    longest_answer: int = LONGEST
    """Bytes (`ipc.maximum.response.length`)."""


class RpcConnection:
    """One connection to one server."""

    def __init__(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: RpcSettings
    ) -> None:
        """For `open`."""
        self.address = address
        self._reader, self._writer, self._settings = reader, writer, settings
        self._wire = ClientConnection(settings.user, uuid.uuid4().bytes, settings.mechanisms, settings.longest_answer)
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._clock = asyncio.get_running_loop().time
        self._heard = 0.0
        """When an answer last came, whole: who sends one byte after the other is not there."""
        self._wire.connect()
        self._reading = asyncio.create_task(self._read_on())

    @classmethod
    async def open(cls, address: str, settings: RpcSettings) -> RpcConnection:
        """A connection to `host:port`; TransferError when there is none to be had."""
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(settings.connect_timeout):
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError as failed:
            raise TransferError(f"{address} cannot be reached: {str(failed) or 'no connection in time'}") from failed
        return cls(address, reader, writer, settings)

    @property
    def closed(self) -> bool:
        """Whether it is over: by the server, for an error, or because nothing was called for long."""
        return self._wire.closed

    async def call(self, protocol: str, method: str, request: bytes) -> bytes:
        """The response message of a method.

        Raises RemoteError for the server's own refusal, TransferError when the connection breaks or the answer does
        not come in time, SourceError when the two cannot agree how to authenticate, DecodeError for an answer that is
        none, and TooLong for one that is too long.
        """
        call_id = self._wire.call(protocol, method, request)
        answer = self._answers[call_id] = asyncio.get_running_loop().create_future()
        called = self._clock()
        self._writer.write(self._wire.take())
        try:
            async with asyncio.timeout(self._settings.call_timeout):
                message: bytes = await answer
                return message
        except TimeoutError:
            late = TransferError(f"{self.address} did not answer {method} in {self._settings.call_timeout:g} s")
            if self._heard < called:
                self._give_up(late)
            raise late from None
        finally:
            self._answers.pop(call_id, None)

    async def close(self) -> None:
        """Ends it; calls that wait fail."""
        self._give_up(TransferError(f"{self.address}: the connection was closed"))
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _read_on(self) -> None:
        reason: ReconError = TransferError(f"{self.address}: the connection was closed")
        try:
            while data := await self._next_piece():
                for event in self._wire.receive(data):
                    self._heard = self._clock()
                    self._settle(event)
                self._writer.write(self._wire.take())
            self._wire.end()
        except OSError as broken:
            reason = TransferError(f"{self.address}: the connection broke: {broken}")
        except RemoteError as refusal:
            reason = refusal
        except ReconError as error:
            reason = type(error)(f"{self.address}: {error}")
        finally:
            self._give_up(reason)

    async def _next_piece(self) -> bytes:
        """What comes next; nothing at the end, and when the connection is idle. Pings the server when it is silent."""
        while True:
            patience = self._settings.ping_interval if self._answers else self._settings.idle_limit
            try:
                async with asyncio.timeout(patience):
                    return await self._reader.read(_PIECE)
            except TimeoutError:
                if not self._answers:
                    return b""
                self._wire.ping()
                self._writer.write(self._wire.take())

    def _settle(self, event: Response | Failure) -> None:
        if isinstance(event, Failure) and event.fatal:
            raise RemoteError(self.address, event.exception, event.message)
        answer = self._answers.pop(event.call_id, None)
        if answer is None or answer.done():
            return  # it came too late
        if isinstance(event, Response):
            answer.set_result(event.message)
        else:
            answer.set_exception(RemoteError(self.address, event.exception, event.message))

    def _give_up(self, reason: ReconError) -> None:
        self._wire.close()
        self._writer.transport.abort()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(reason)


class RpcGroup:
    """The OMs or SCMs of a service, of which one leads and answers; connections are made when they are needed."""

    def __init__(self, servers: Mapping[str, str], settings: RpcSettings) -> None:
        """`servers` are node ids and where each takes calls (`host:port`), in the order in which to try them."""
        self._servers = dict(servers)
        self._settings = settings
        self._node = next(iter(self._servers))
        self._connections: dict[str, RpcConnection] = {}
        self._connecting = asyncio.Lock()
        self._silent: set[str] = set()
        """Nodes that have not answered since the log has said so."""

    async def call(self, protocol: str, method: str, request: bytes) -> bytes:
        """The response message of a method, from whichever server answers.

        Raises what RpcConnection.call does: at once when asking again would not help, else after the last attempt. A
        server is asked again only after a pause.
        """
        _, response = await self.call_leader(protocol, method, request)
        return response

    async def call_leader(self, protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
        """The same, and the node id of the server that answered before it."""
        asked: set[str] = set()
        attempts_left = self._settings.attempts
        while True:
            node = self._node
            attempts_left -= 1
            try:
                answer = await (await self._connected(node)).call(protocol, method, request)
                self._silent.discard(node)
                return node, answer
            except (TransferError, RemoteError, DecodeError) as failed:
                following = self._following(node, failed)
                if following is None or not attempts_left:
                    raise
                self._tell(node, f"{failed}; next to be asked is {self._servers[following]}", failed)
            if self._node == node:  # else another call has found the way meanwhile
                self._node = following
            asked.add(node)
            if self._node in asked:
                asked.clear()
                await asyncio.sleep(self._settings.pause)

    async def close(self) -> None:
        """Ends all connections; calls that wait fail."""
        for connection in self._connections.values():
            await connection.close()

    async def _connected(self, node: str) -> RpcConnection:
        async with self._connecting:
            connection = self._connections.get(node)
            if connection is None or connection.closed:
                connection = await RpcConnection.open(self._servers[node], self._settings)
                self._connections[node] = connection
            return connection

    def _tell(self, node: str, what: str, failed: ReconError) -> None:
        """Logs that a node has failed: once, loudly, when it does not answer at all."""
        if isinstance(failed, RemoteError):
            _LOG.info("%s", what)
            return
        _LOG.log(logging.DEBUG if node in self._silent else logging.WARNING, "%s", what)
        self._silent.add(node)

    def _following(self, node: str, failed: ReconError) -> str | None:
        """The node to ask after `node` has failed; None when that would not help."""
        if isinstance(failed, TooLong):
            return None
        if isinstance(failed, RemoteError):
            match remedy(failed.exception, failed.message):
                case Remedy.NONE:
                    return None
                case Remedy.LATER:
                    return node
            leader = suggested_leader(failed.message)
            for other, address in self._servers.items():
                if leader in (other, address):
                    return other
        nodes = list(self._servers)
        return nodes[(nodes.index(node) + 1) % len(nodes)]
