"""The client's side of a Hadoop RPC connection: calls in, bytes out; bytes in, responses out, in any order.

connect ──→ (SASL, if there are mechanisms) ──→ the context, with the first call ──→ calls ──→ close
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ozone_recon.errors import DecodeError, TransferError
from ozone_recon.wire.hadoop_rpc.connection import RpcProtocol
from ozone_recon.wire.hadoop_rpc.frames import LONGEST, AuthMethod, Bounds, connection_header
from ozone_recon.wire.hadoop_rpc.messages import (
    CONTEXT_CALL,
    SASL_CALL,
    ConnectionContext,
    RequestHeader,
    RpcRequestHeader,
    RpcResponseHeader,
    RpcStatus,
    SaslMessage,
    SaslState,
)
from ozone_recon.wire.hadoop_rpc.sasl import ClientNegotiation, Mechanism

_STACK: Final = "\n\tat "
"""Starts the stack trace that Java appends to an exception's message."""
_CALL_IDS: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Response:
    """A successful call: the response message of its method."""

    call_id: int
    message: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call; when `fatal`, all pending calls fail and the connection is closed."""

    call_id: int
    exception: str
    """The simple name of the Java class."""
    message: str
    fatal: bool


class ClientConnection(RpcProtocol[Response | Failure]):
    """One connection to a server, as one user."""

    _SASL_HEADER = RpcRequestHeader(SASL_CALL, b"").encode()

    def __init__(self, user: str, client_id: bytes, mechanisms: Sequence[Mechanism] = (), limit: int = LONGEST) -> None:
        """`client_id` is 16 unique bytes. Without `mechanisms` there is no authentication.

        `limit` is the maximum frame length in bytes (`ipc.maximum.response.length`).
        """
        super().__init__(Bounds(limit))
        self.pending: set[int] = set()
        """Ids of the calls without a response."""
        self._user = user
        self._client_id = client_id
        self._negotiation = ClientNegotiation(mechanisms) if mechanisms else None
        self._queued: list[tuple[bytes, ...]] = []
        """Frames to send after the negotiation."""
        self._introduced = False
        self._next_call = 0

    @property
    def negotiating(self) -> bool:
        """Whether the authentication is incomplete: each received token is processed by the mechanism."""
        return self._negotiation is not None

    def connect(self) -> None:
        """Sends the connection header; call it once, first."""
        self._outgoing += connection_header(AuthMethod.NONE if self._negotiation is None else AuthMethod.SASL)
        if self._negotiation is not None:
            self._send(self._SASL_HEADER, SaslMessage(SaslState.NEGOTIATE).encode())

    def call(self, protocol: str, method: str, request: bytes) -> int:
        """Queues a call of a protocol's method with its request message; returns the call id.

        The first call also sends the connection context, which names its protocol (Java has one protocol per
        connection). Raises TransferError when the connection is closed.
        """
        if self.closed:
            raise TransferError("the connection is closed")
        if not self._introduced:
            self._introduced = True
            context = ConnectionContext(self._user, protocol=protocol)
            self._send_or_queue(RpcRequestHeader(CONTEXT_CALL, self._client_id).encode(), context.encode())
        call_id = self._next_call
        self._next_call = (call_id + 1) % _CALL_IDS
        self.pending.add(call_id)
        header = RpcRequestHeader(call_id, self._client_id, retry_count=0)
        self._send_or_queue(header.encode(), RequestHeader(method, protocol).encode(), request)
        return call_id

    def _send_or_queue(self, *messages: bytes) -> None:
        if self._negotiation is None:
            self._send(*messages)
        else:
            self._queued.append(messages)

    def _read(self, messages: list[bytes]) -> Response | Failure | None:
        header = RpcResponseHeader.decode(messages[0])
        if header.client_id not in (b"", self._client_id):
            raise DecodeError(f"a response to client {header.client_id.hex()}, but this is {self._client_id.hex()}")
        if header.status is not RpcStatus.SUCCESS:
            return self._fail(header)
        message = self._message(messages, 1)
        if header.call_id == SASL_CALL:
            self._negotiate(SaslMessage.decode(message))
            return None
        self._settle(header.call_id)
        return Response(header.call_id, message)

    def _call_id(self, header: bytes) -> int:
        return RpcResponseHeader.decode(header).call_id

    def _negotiate(self, message: SaslMessage) -> None:
        if self._negotiation is None:
            raise DecodeError(f"unexpected SASL {message.state.name}")
        answer = self._negotiation.answer(message)
        if answer is not None:
            self._send(self._SASL_HEADER, answer.encode())
        if self._negotiation.done:
            exchange, self._negotiation = self._negotiation.exchange, None
            self._protection = exchange if exchange is not None and exchange.wraps else None
            for messages in self._queued:
                self._send(*messages)

    def _fail(self, header: RpcResponseHeader) -> Failure:
        self.closed = header.status is RpcStatus.FATAL or self._negotiation is not None
        if not self.closed:
            self._settle(header.call_id)
        exception = re.split(r"[.$]", header.exception or "Exception")[-1]
        message = (header.error or "no message").split(_STACK, 1)[0].rstrip()
        return Failure(header.call_id, exception, message, self.closed)

    def _settle(self, call_id: int) -> None:
        if call_id not in self.pending:
            raise DecodeError(f"a response to call {call_id}, which is not pending")
        self.pending.discard(call_id)
