"""The server's side of a Hadoop RPC connection: bytes in, calls out; responses in, in any order, bytes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ozone_recon.errors import DecodeError, KerberosError, ReconError, SourceError
from ozone_recon.wire.hadoop_rpc.connection import RpcProtocol
from ozone_recon.wire.hadoop_rpc.frames import CONNECTION_HEADER, LONGEST, MAGIC, VERSION, AuthMethod, Bounds
from ozone_recon.wire.hadoop_rpc.messages import (
    CONNECTION,
    CONTEXT_CALL,
    FINAL_PACKET,
    PING_CALL,
    PROTOBUF,
    SASL_CALL,
    ConnectionContext,
    RequestHeader,
    RpcErrorDetail,
    RpcRequestHeader,
    RpcResponseHeader,
    RpcStatus,
    SaslMessage,
)
from ozone_recon.wire.hadoop_rpc.sasl import Mechanism, ServerNegotiation, Simple

_HTTP: Final = (
    b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\nThis is a Hadoop RPC port, not a web server.\n"
)
_JAVA: Final = "org.apache.hadoop."
"""The package of Hadoop's exceptions."""
_SASL_FAILED: Final = "GSS initiate failed"
"""Java's text for every failure of Kerberos; the cause is for the server's log only."""
LONGEST_HEADER: Final = 16 << 10
"""Maximum bytes of a header and of the connection context; Java's have about a hundred."""
LONGEST_TOKEN: Final = 64 << 10
"""Maximum bytes of a SASL message before the context: a Kerberos ticket with many groups has up to 48 KB."""
_MORE: Final = 16
"""Maximum bytes of the size fields of a frame's messages."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection context: the client's user and protocol; both may be empty."""

    user: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Call:
    """A method call with its request message; answer it with `respond` or `fail`."""

    call_id: int
    protocol: str
    method: str
    request: bytes
    client_id: bytes
    retry_count: int
    """Above 0 when the client retries."""


@dataclass(frozen=True, slots=True)
class Ping:
    """A keep-alive of a client that waits for a response."""


class ServerConnection(RpcProtocol[Connected | Call | Ping]):
    """One connection from a client."""

    _SASL_HEADER = RpcResponseHeader(SASL_CALL).encode()

    def __init__(
        self,
        mechanisms: Sequence[Mechanism] = (Simple(),),
        limit: int = LONGEST,
        authorize: Callable[[str, str], str] = lambda _user, _protocol: "",
    ) -> None:
        """`mechanisms` are the accepted authentication methods; `limit` is `ipc.maximum.data.length`, in bytes.

        `authorize` returns why an authenticated user may not use a protocol; empty if the user may.
        """
        first = LONGEST_HEADER if all(one.auth == Simple.auth for one in mechanisms) else LONGEST_TOKEN
        super().__init__(
            Bounds(LONGEST_HEADER + first + _MORE, (LONGEST_HEADER, first), "before the connection context")
        )
        self._limit = limit
        self._head = bytearray()
        """The received part of the connection header."""
        self._begun = False
        self._negotiation: ServerNegotiation | None = None
        self._mechanisms = mechanisms
        self._authorize = authorize
        self._user: str | None = None
        """The authenticated user, if any."""
        self.introduced = False
        """Whether the connection context has arrived; calls are allowed then."""

    def respond(self, call: Call, message: bytes) -> None:
        """Sends a response; ignored when the connection is closed."""
        self._answer(RpcResponseHeader(call.call_id, RpcStatus.SUCCESS, call.client_id, call.retry_count), message)

    def fail(self, call: Call, exception: str, error: str, detail: RpcErrorDetail = RpcErrorDetail.APPLICATION) -> None:
        """Fails a call with the full class name of a Java exception, and its message."""
        status = RpcStatus.ERROR
        self._answer(
            RpcResponseHeader(call.call_id, status, call.client_id, call.retry_count, exception, error, detail)
        )

    def _answer(self, header: RpcResponseHeader, *message: bytes) -> None:
        if not self.closed:
            self._send(header.encode(), *message)

    def _cut(self, data: bytes) -> Iterator[list[bytes]]:
        if not self._begun:
            missing = CONNECTION_HEADER - len(self._head)
            self._head += data[:missing]
            if len(self._head) < CONNECTION_HEADER:
                return
            self._begin(bytes(self._head))
            self._begun, data = True, data[missing:]
        yield from super()._cut(data)

    def _begin(self, head: bytes) -> None:
        if head[: len(MAGIC)] != MAGIC:
            raise DecodeError(f"the connection header {head!r} is not Hadoop RPC")
        if head[4] != VERSION:
            raise DecodeError(f"unsupported Hadoop RPC version {head[4]}; this server supports {VERSION}")
        if head[6] == AuthMethod.SASL:
            self._negotiation = ServerNegotiation(self._mechanisms)
        elif head[6] != AuthMethod.NONE:
            raise SourceError(f"unknown authentication method {head[6]:#04x}")
        elif Simple.auth not in (methods := [one.auth for one in self._mechanisms]):
            available = ", ".join(one.method for one in methods)
            raise SourceError(f"SIMPLE authentication is not enabled.  Available:[{available}]")

    def _read(self, messages: list[bytes]) -> Connected | Call | Ping | None:
        header = RpcRequestHeader.decode(messages[0])
        if (header.kind, header.operation) != (PROTOBUF, FINAL_PACKET):
            raise DecodeError(f"unknown RPC kind {header.kind} or operation {header.operation}")
        if header.call_id == PING_CALL:
            return Ping()
        if header.call_id == SASL_CALL:
            self._negotiate(SaslMessage.decode(self._message(messages, 1)))
            return None
        if header.call_id == CONTEXT_CALL:
            return self._introduce(ConnectionContext.decode(self._message(messages, 1)))
        if header.call_id < 0 or not self.introduced:
            raise DecodeError(f"unexpected call {header.call_id}")
        request = self._message(messages, 2)
        called = RequestHeader.decode(messages[1])
        return Call(header.call_id, called.protocol, called.method, request, header.client_id, header.retry_count)

    def _call_id(self, header: bytes) -> int:
        return RpcRequestHeader.decode(header).call_id

    def _negotiate(self, message: SaslMessage) -> None:
        if self._negotiation is None:
            raise DecodeError(f"unexpected SASL {message.state.name}")
        answer = self._negotiation.answer(message)
        if answer is not None:
            self._send(self._SASL_HEADER, answer.encode())
        if self._negotiation.done:
            exchange, self._negotiation = self._negotiation.exchange, None
            if exchange is not None:
                self._user = exchange.user
                self._protection = exchange if exchange.wraps else None

    def _introduce(self, context: ConnectionContext) -> Connected:
        if self.introduced or self._negotiation is not None:
            raise DecodeError("unexpected connection context")
        if self._user is not None:
            if context.user not in (None, self._user):
                raise SourceError(f"User: {self._user} is not allowed to impersonate {context.user}")
            if refusal := self._authorize(self._user, context.protocol or ""):
                raise SourceError(refusal)
        self.introduced = True
        inner = Bounds(self._limit, (LONGEST_HEADER, LONGEST_HEADER))
        self._frames.bounds = inner if self._protection is None else Bounds(self._limit, (LONGEST_HEADER,))
        self._unwrapped.bounds = inner
        return Connected(self._user or context.user or "", context.protocol or "")

    def _refuse(self, error: ReconError) -> None:
        if self._head.startswith(b"GET "):
            self._outgoing += _HTTP
            return
        call_id, exception, text = CONNECTION, _JAVA + "ipc_.RpcServerException", str(error)
        detail = RpcErrorDetail.INVALID_RPC_HEADER
        if isinstance(error, SourceError):
            detail = RpcErrorDetail.UNAUTHORIZED
            exception = _JAVA + "security.AccessControlException"
            if self._negotiation is not None:
                call_id = SASL_CALL
                if isinstance(error, KerberosError):
                    exception, text = "javax.security.sasl.SaslException", _SASL_FAILED
            elif self._begun and not self.introduced:
                call_id, exception = CONTEXT_CALL, _JAVA + "security.authorize.AuthorizationException"
        elif not self._begun:
            exception, detail = _JAVA + "ipc_.RPC$VersionMismatch", RpcErrorDetail.VERSION_MISMATCH
        header = RpcResponseHeader(call_id, RpcStatus.FATAL, exception=exception, error=text, detail=detail)
        self._send(header.encode())
