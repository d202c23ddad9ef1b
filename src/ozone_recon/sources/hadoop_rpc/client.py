"""Calls an OM or SCM over Hadoop RPC: concurrent calls over one connection, with failover within the group.

A call may be sent twice when a connection breaks, so call only idempotent methods.

The leader is searched in rounds: each round tries every server of the group once, then pauses. A leader that a server
suggests changes only the order within a round, so a wrong suggestion cannot exclude a server.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from ozone_recon.config.connections import RpcSettings
from ozone_recon.errors import DecodeError, MessageTooLong, NoLeader, ReconError, RemoteError, TransferError
from ozone_recon.wire.hadoop_rpc.client import ClientConnection, Failure, Response
from ozone_recon.wire.hadoop_rpc.failures import Remedy, remedy, suggested_leader
from ozone_recon.wire.hadoop_rpc.sasl import Mechanism
from ozone_recon.wire.protobuf.fields import bytes_field

_LOG: Final = logging.getLogger(__name__)
_PIECE: Final = 1 << 16
"""Bytes per read."""
_HANDSHAKES: Final = ThreadPoolExecutor(8, thread_name_prefix="rpc-handshake")
"""Runs authentications: those that wait for a KDC hold no thread that others need."""
_PROBE: Final = "org.apache.hadoop.ipc.ProtocolMetaInfoProtocol", "getProtocolVersions"
"""Sent as a probe: every server responds, at least with an error. Hadoop's own pings have no response."""
FIRST_PAUSE: Final = 0.25
"""Seconds between the first two rounds; doubles with each round."""
_WAITS: Final = 3
"""Retries per round of a server that is about to lead."""


class RpcConnection:
    """One connection to one server."""

    def __init__(
        self,
        address: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        settings: RpcSettings,
        wire: ClientConnection,
    ) -> None:
        """Called by `open`."""
        self.address = address
        self._reader, self._writer, self._settings, self._wire = reader, writer, settings, wire
        self._wire_lock = asyncio.Lock()
        """Held while the connection's state is used, also by a thread."""
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._clock = asyncio.get_running_loop().time
        self._protocol = ""
        self._received_at = 0.0
        """When the last complete response arrived; a server that sends single bytes does not count as live."""
        self._reading = asyncio.create_task(self._read_responses())

    @classmethod
    async def open(
        cls, address: str, settings: RpcSettings, mechanisms: Sequence[Mechanism] | None = None
    ) -> RpcConnection:
        """Connects to `host:port` and authenticates, with Kerberos or the given mechanisms.

        Raises TransferError when the server cannot be reached or the authentication fails or times out, RemoteError
        when the server refuses it, and SourceError without a common method.
        """
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if mechanisms is None:
            mechanisms = _mechanisms(settings, host)
        wire = ClientConnection(settings.user, uuid.uuid4().bytes, mechanisms, settings.longest_answer)
        try:
            async with asyncio.timeout(settings.connect_timeout):
                reader, writer = await asyncio.open_connection(host, int(port))
        except OSError as failed:
            raise TransferError(f"{address} cannot be reached: {str(failed) or 'connect timed out'}") from failed
        try:
            async with asyncio.timeout(settings.call_timeout):
                await _authenticate(address, wire, reader, writer)
        except BaseException as failed:
            writer.transport.abort()
            if isinstance(failed, TimeoutError):
                raise TransferError(
                    f"{address}: the authentication did not end in {settings.call_timeout:g} s"
                ) from failed
            raise
        return cls(address, reader, writer, settings, wire)

    @property
    def closed(self) -> bool:
        """Whether the connection is closed: by the server, after an error, or after `idle_limit` without a call."""
        return self._wire.closed

    async def call(self, protocol: str, method: str, request: bytes) -> bytes:
        """Calls a method; returns its response message.

        Raises RemoteError for an exception of the server, TransferError when the connection breaks or the call times
        out, SourceError without a common authentication method, DecodeError for a malformed response, and
        MessageTooLong for one over the limit.
        """
        async with self._wire_lock:
            call_id = self._wire.call(protocol, method, request)
            self._protocol = protocol
            answer = self._answers[call_id] = asyncio.get_running_loop().create_future()
            called_at = self._clock()
            self._writer.write(self._wire.data_to_send())
        try:
            async with asyncio.timeout(self._settings.call_timeout):
                message: bytes = await answer
                return message
        except TimeoutError:
            timed_out = TransferError(f"{self.address} did not answer {method} in {self._settings.call_timeout:g} s")
            if self._received_at < called_at:
                self._give_up(timed_out)
            raise timed_out from None
        finally:
            self._answers.pop(call_id, None)

    async def close(self) -> None:
        """Closes the connection; pending calls fail."""
        self._give_up(TransferError(f"{self.address}: the connection was closed"))
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _read_responses(self) -> None:
        reason: ReconError = TransferError(f"{self.address}: the connection was closed")
        try:
            while data := await self._next_piece():
                for event in await self._events(data):
                    self._received_at = self._clock()
                    self._settle(event)
            self._wire.end()
        except OSError as broken:
            reason = TransferError(f"{self.address}: the connection broke: {broken}")
        except RemoteError as refusal:
            reason = refusal
        except ReconError as error:
            reason = type(error)(f"{self.address}: {error}")
        finally:
            self._give_up(reason)

    async def _events(self, data: bytes) -> Iterable[Response | Failure]:
        """The responses that `data` completes; a long wrapped one is unwrapped in a thread."""
        if not self._wire.is_within_long_wrapped:
            return self._wire.receive(data)
        async with self._wire_lock:
            return await asyncio.to_thread(lambda: list(self._wire.receive(data)))

    async def _next_piece(self) -> bytes:
        """The next bytes; empty at the end of the stream and when the connection has been idle for `idle_limit`.

        Raises TransferError when the server is silent: a process that accepts connections may still be frozen.
        """
        probe_after, idle_limit = self._settings.probe_after, self._settings.idle_limit
        began, probed = self._clock(), False
        while True:
            # An idle connection is checked as often: the next call may come at any time.
            patience = probe_after if self._answers else min(probe_after, idle_limit)
            try:
                async with asyncio.timeout(patience):
                    return await self._reader.read(_PIECE)
            except TimeoutError:
                if probed:
                    raise TransferError(f"no response to a probe in {probe_after:g} s") from None
                if self._answers:
                    probed = True
                    async with self._wire_lock:
                        self._wire.call(*_PROBE, bytes_field(1, self._protocol))
                        self._writer.write(self._wire.data_to_send())
                elif self._clock() - began >= idle_limit:
                    return b""

    def _settle(self, event: Response | Failure) -> None:
        if isinstance(event, Failure) and event.fatal:
            raise RemoteError(self.address, event.exception, event.message)
        answer = self._answers.pop(event.call_id, None)
        if answer is None or answer.done():
            return  # the call has timed out or was cancelled
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
    """The OMs or SCMs of a service; sends calls to the leader and connects to each server on first use."""

    def __init__(self, servers: Mapping[str, str], settings: RpcSettings) -> None:
        """`servers` maps node ids to RPC addresses (`host:port`), in the order in which to try them."""
        self.problem = ""
        """Why no leader is known; empty after a successful call."""
        self._servers = dict(servers)
        self._settings = settings
        self._node = next(iter(self._servers))
        """The server to try first."""
        self.leader = ""
        """The server that answered last; empty while the leader is searched."""
        self._connections: dict[str, RpcConnection] = {}
        self._connecting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def call(self, protocol: str, method: str, request: bytes) -> bytes:
        """Calls a method at the leader; returns its response message.

        Raises the errors of RpcConnection.call that a retry would not help, and NoLeader after the last attempt. A
        server is retried only after a pause.
        """
        _, response = await self.call_leader(protocol, method, request)
        return response

    async def call_leader(self, protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
        """Like `call`; returns the node id of the server that answered, and the response message."""
        clock = asyncio.get_running_loop().time
        deadline, attempts, pauses, waits = clock() + self._settings.retry_for, 0, 0, 0
        failures: dict[str, ReconError] = {}
        untried = set(self._servers)
        """The servers that this round has not tried yet."""
        while True:
            node = self._node if self._node in untried else self._after(self._node, untried)
            attempts += 1
            try:
                answer = await (await self._connected(node)).call(protocol, method, request)
                self._note_leader(node)
                return node, answer
            except (TransferError, RemoteError, DecodeError) as failed:
                failures[node] = failed
                action = _remedy(failed)
                if action is Remedy.NONE:
                    raise
                if attempts >= self._settings.attempts and clock() >= deadline:
                    if isinstance(failed, DecodeError):
                        raise
                    raise NoLeader("; ".join(dict.fromkeys(map(str, failures.values())))) from failed
                self._note_failure(node, failed)
            if action is Remedy.LATER and waits < _WAITS:
                waits += 1
            else:
                untried.discard(node)
                is_over, untried = not untried, untried or set(self._servers)
                if self._node == node:  # otherwise a concurrent call has moved on already
                    self._node = self._following(node, failures[node], untried)
                if not is_over:
                    continue
                waits = 0
            longest = min(self._settings.pause, FIRST_PAUSE * 2.0 ** min(pauses, 16))
            pauses += 1
            await asyncio.sleep(longest * random.uniform(0.5, 1))

    async def close(self) -> None:
        """Closes all connections; pending calls fail."""
        for connection in self._connections.values():
            await connection.close()

    async def _connected(self, node: str) -> RpcConnection:
        async with self._connecting[node]:
            connection = self._connections.get(node)
            if connection is None or connection.closed:
                connection = await RpcConnection.open(self._servers[node], self._settings)
                self._connections[node] = connection
            return connection

    def _following(self, node: str, failed: ReconError, untried: set[str]) -> str:
        """The untried server that `node` suggests as the leader, else the next untried one."""
        leader = suggested_leader(failed.message) if isinstance(failed, RemoteError) else None
        for other in untried - {node}:
            if leader in (other, self._servers[other]):
                return other
        return self._after(node, untried)

    def _after(self, node: str, untried: set[str]) -> str:
        """The next untried server after `node` in the configured order."""
        nodes = list(self._servers)
        at = nodes.index(node) + 1
        return next(one for one in nodes[at:] + nodes[:at] if one in untried)

    def _note_failure(self, node: str, failed: ReconError) -> None:
        """Records that no leader is known; logs it once until a leader answers."""
        if self.leader == node:
            self.leader = ""
        if not self.problem and self._node == node:
            level = logging.INFO if isinstance(failed, RemoteError) else logging.WARNING
            _LOG.log(level, "%s: searching for the leader among %s", failed, ", ".join(self._servers.values()))
            self.problem = str(failed)
        elif self.problem:
            self.problem = str(failed)
            _LOG.debug("%s", failed)

    def _note_leader(self, node: str) -> None:
        self.leader = node
        if self.problem:
            self.problem = ""
            _LOG.info("%s is the leader", self._servers[node])


def _mechanisms(settings: RpcSettings, host: str) -> Sequence[Mechanism]:
    """The ways to authenticate to a server; none if the cluster is not secure."""
    if settings.kerberos is None:
        return ()
    # Loads the Kerberos library.
    from ozone_recon.security.kerberos import KerberosClient

    return (KerberosClient(settings.kerberos, host),)


async def _authenticate(
    address: str, wire: ClientConnection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Runs the negotiation; its steps may wait for a KDC, so they run in threads."""
    loop = asyncio.get_running_loop()
    wire.connect()
    while True:
        writer.write(wire.data_to_send())
        if not wire.negotiating:
            return
        try:
            data = await reader.read(_PIECE)
            if not data:
                raise TransferError("the server closed the connection during the authentication")
            for event in await loop.run_in_executor(_HANDSHAKES, lambda piece: list(wire.receive(piece)), data):
                assert isinstance(event, Failure), "no call has been sent"
                raise RemoteError(address, event.exception, event.message)
        except OSError as broken:
            raise TransferError(f"{address}: the connection broke: {broken}") from broken
        except RemoteError:
            raise
        except ReconError as error:
            raise type(error)(f"{address}: {error}") from error


def _remedy(failed: ReconError) -> Remedy:
    """The retry action for a failed call."""
    if isinstance(failed, RemoteError):
        return remedy(failed.exception, failed.message)
    return Remedy.NONE if isinstance(failed, MessageTooLong) else Remedy.ANOTHER
