"""Calls an OM or SCM over Hadoop RPC: many calls at once over one connection, and the group's other servers in need.

A call may be made twice when a connection breaks, so only what changes nothing is to be called.

The leader is found in rounds: a round asks each server of the group once, then there is a pause. What a server says of
its leader changes the order of a round and nothing else, so that no advice, however wrong, keeps a server from being
asked.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from ozone_recon.config.connections import RpcSettings
from ozone_recon.errors import DecodeError, MessageTooLong, NoLeader, ReconError, RemoteError, TransferError
from ozone_recon.wire.hadoop_rpc.client import ClientConnection, Failure, Response
from ozone_recon.wire.hadoop_rpc.failures import Remedy, remedy, suggested_leader
from ozone_recon.wire.protobuf.fields import bytes_field

_LOG: Final = logging.getLogger(__name__)
_PIECE: Final = 1 << 16
"""Bytes to read at once."""
_PROBE: Final = "org.apache.hadoop.ipc.ProtocolMetaInfoProtocol", "getProtocolVersions"
"""What every server answers, if only with a refusal: Hadoop's own pings have no answer."""
FIRST_PAUSE: Final = 0.25
"""Seconds between the first rounds; they double."""
_WAITS: Final = 3
"""How often in a round a server is asked again that is going to lead."""


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
        self._protocol = ""
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
        self._protocol = protocol
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
        """What comes next; nothing at the end, and when the connection is idle.

        Raises TransferError when the server is silent: what still takes connections may be frozen.
        """
        probe_after, idle_limit = self._settings.probe_after, self._settings.idle_limit
        began, probed = self._clock(), False
        while True:
            # An idle connection is looked at as often, for the next call may come at any time.
            patience = probe_after if self._answers else min(probe_after, idle_limit)
            try:
                async with asyncio.timeout(patience):
                    return await self._reader.read(_PIECE)
            except TimeoutError:
                if probed:
                    raise TransferError(f"no sign of life in {probe_after:g} s") from None
                if self._answers:
                    probed = True
                    self._wire.call(*_PROBE, bytes_field(1, self._protocol))
                    self._writer.write(self._wire.take())
                elif self._clock() - began >= idle_limit:
                    return b""

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
        self.trouble = ""
        """Why no server is known to lead at present; empty when one answered last."""
        self._servers = dict(servers)
        self._settings = settings
        self._node = next(iter(self._servers))
        """The one to ask first."""
        self._connections: dict[str, RpcConnection] = {}
        self._connecting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def call(self, protocol: str, method: str, request: bytes) -> bytes:
        """The response message of a method, from whichever server answers.

        Raises what RpcConnection.call does when asking again would not help, and NoLeader after the last attempt. A
        server is asked again only after a pause.
        """
        _, response = await self.call_leader(protocol, method, request)
        return response

    async def call_leader(self, protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
        """The same, and the node id of the server that answered before it."""
        clock = asyncio.get_running_loop().time
        until, attempts, pauses, waits = clock() + self._settings.retry_for, 0, 0, 0
        failures: dict[str, ReconError] = {}
        left = set(self._servers)
        """To be asked in this round."""
        while True:
            node = self._node if self._node in left else self._after(self._node, left)
            attempts += 1
            try:
                answer = await (await self._connected(node)).call(protocol, method, request)
                self._found(node)
                return node, answer
            except (TransferError, RemoteError, DecodeError) as failed:
                failures[node] = failed
                help_by = _remedy(failed)
                if help_by is Remedy.NONE:
                    raise
                if attempts >= self._settings.attempts and clock() >= until:
                    if isinstance(failed, DecodeError):
                        raise
                    raise NoLeader("; ".join(dict.fromkeys(map(str, failures.values())))) from failed
                self._lost(node, failed)
            if help_by is Remedy.LATER and waits < _WAITS:
                waits += 1
            else:
                left.discard(node)
                over, left = not left, left or set(self._servers)
                if self._node == node:  # else another call has found the way meanwhile
                    self._node = self._following(node, failures[node], left)
                if not over:
                    continue
                waits = 0
            longest = min(self._settings.pause, FIRST_PAUSE * 2.0 ** min(pauses, 16))
            pauses += 1
            await asyncio.sleep(longest * random.uniform(0.5, 1))

    async def close(self) -> None:
        """Ends all connections; calls that wait fail."""
        for connection in self._connections.values():
            await connection.close()

    async def _connected(self, node: str) -> RpcConnection:
        async with self._connecting[node]:
            connection = self._connections.get(node)
            if connection is None or connection.closed:
                connection = await RpcConnection.open(self._servers[node], self._settings)
                self._connections[node] = connection
            return connection

    def _following(self, node: str, failed: ReconError, left: set[str]) -> str:
        """The server to ask after `node`, of those that are left: the leader it suggests, else the next one."""
        leader = suggested_leader(failed.message) if isinstance(failed, RemoteError) else None
        for other in left - {node}:
            if leader in (other, self._servers[other]):
                return other
        return self._after(node, left)

    def _after(self, node: str, left: set[str]) -> str:
        """The next server in their order, of those that are left."""
        nodes = list(self._servers)
        at = nodes.index(node) + 1
        return next(one for one in nodes[at:] + nodes[:at] if one in left)

    def _lost(self, node: str, failed: ReconError) -> None:
        """Notes that a server does not answer as the leader: logged once, until one does."""
        if not self.trouble and self._node == node:
            level = logging.INFO if isinstance(failed, RemoteError) else logging.WARNING
            _LOG.log(level, "%s; looking for the leader among %s", failed, ", ".join(self._servers.values()))
            self.trouble = str(failed)
        elif self.trouble:
            self.trouble = str(failed)
            _LOG.debug("%s", failed)

    def _found(self, node: str) -> None:
        if self.trouble:
            self.trouble = ""
            _LOG.info("%s answers as the leader", self._servers[node])


def _remedy(failed: ReconError) -> Remedy:
    """What may help against a failed call."""
    if isinstance(failed, RemoteError):
        return remedy(failed.exception, failed.message)
    return Remedy.NONE if isinstance(failed, MessageTooLong) else Remedy.ANOTHER
