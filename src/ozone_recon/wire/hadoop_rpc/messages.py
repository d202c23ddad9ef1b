"""Hadoop RPC's own messages: request and response headers, the connection context, and SASL messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

from ozone_recon.errors import DecodeError
from ozone_recon.wire.hadoop_rpc.frames import VERSION
from ozone_recon.wire.protobuf.fields import Message, bytes_field, number_field, zigzag

PROTOBUF: Final = 2
"""The RPC kind of a protobuf payload; the other kinds are obsolete."""
FINAL_PACKET: Final = 0
"""The operation of every request."""
OUT_OF_BAND: Final = -1
"""The retry count of a frame that is not an application's call."""
CONTEXT_CALL: Final = -3
PING_CALL: Final = -4
SASL_CALL: Final = -33
"""Reserved call ids; calls are numbered from 0."""
CONNECTION: Final = -1
"""The call id of a failure of the whole connection."""

MOST_FIELDS: Final = 64
"""Maximum number of fields per message, unknown ones included; Java's messages have about a dozen."""

E = TypeVar("E", bound=IntEnum)


class RpcStatus(IntEnum):
    """The result of a call; after FATAL the server closes the connection."""

    SUCCESS = 0
    ERROR = 1
    FATAL = 2


class RpcErrorDetail(IntEnum):
    """Why a call failed; from 10 on the failure is fatal to the connection."""

    APPLICATION = 1
    NO_SUCH_METHOD = 2
    NO_SUCH_PROTOCOL = 3
    INVALID_RPC_HEADER = 12
    VERSION_MISMATCH = 14
    UNAUTHORIZED = 15


class SaslState(IntEnum):
    """The type of a SASL message."""

    SUCCESS = 0
    NEGOTIATE = 1
    INITIATE = 2
    CHALLENGE = 3
    RESPONSE = 4
    WRAP = 5


@dataclass(frozen=True, slots=True)
class RpcRequestHeader:
    """RpcRequestHeaderProto, the first message of a client's frame; its trace and caller contexts are ignored."""

    call_id: int
    client_id: bytes
    retry_count: int = OUT_OF_BAND
    kind: int = PROTOBUF
    operation: int = FINAL_PACKET

    def encode(self) -> bytes:
        """Encodes like Java."""
        return (
            number_field(1, self.kind)
            + number_field(2, self.operation)
            + number_field(3, zigzag(self.call_id))
            + bytes_field(4, self.client_id)
            + number_field(5, zigzag(self.retry_count))
        )

    @classmethod
    def decode(cls, data: bytes) -> RpcRequestHeader:
        """DecodeError also for a missing kind or operation, which servers require."""
        message = Message("RpcRequestHeaderProto", data, MOST_FIELDS)
        return cls(
            message.sint32(3), message.blob(4), message.sint32(5, OUT_OF_BAND), message.int32(1), message.int32(2)
        )


@dataclass(frozen=True, slots=True)
class RpcResponseHeader:
    """RpcResponseHeaderProto, the first message of a server's frame; failures alone have the last three fields."""

    call_id: int
    status: RpcStatus = RpcStatus.SUCCESS
    client_id: bytes = b""
    retry_count: int = OUT_OF_BAND
    exception: str | None = None
    """The full name of the Java class."""
    error: str | None = None
    """The exception's message, usually with a stack trace."""
    detail: int | None = None
    """An RpcErrorDetail or an unknown number."""

    def encode(self) -> bytes:
        """Encodes like Java; the call id is a sint32 in requests and a uint32 here."""
        return (
            number_field(1, self.call_id & 0xFFFFFFFF)
            + number_field(2, self.status)
            + number_field(3, VERSION)
            + bytes_field(4, self.exception)
            + bytes_field(5, self.error)
            + number_field(6, self.detail)
            + bytes_field(7, self.client_id)
            + number_field(8, zigzag(self.retry_count))
        )

    @classmethod
    def decode(cls, data: bytes) -> RpcResponseHeader:
        """DecodeError also for an unknown status."""
        message = Message("RpcResponseHeaderProto", data, MOST_FIELDS)
        return cls(
            message.int32(1),
            _one_of(RpcStatus, message.int32(2), "RpcResponseHeaderProto"),
            message.blob(7, b""),
            message.sint32(8, OUT_OF_BAND),
            message.text(4, None),
            message.text(5, None),
            message.int32(6, None),
        )


@dataclass(frozen=True, slots=True)
class RequestHeader:
    """RequestHeaderProto: the method to call. All of Ozone's protocols have version 1."""

    method: str
    protocol: str
    version: int = 1

    def encode(self) -> bytes:
        """Encodes like Java."""
        return bytes_field(1, self.method) + bytes_field(2, self.protocol) + number_field(3, self.version)

    @classmethod
    def decode(cls, data: bytes) -> RequestHeader:
        """DecodeError when it is malformed."""
        message = Message("RequestHeaderProto", data, MOST_FIELDS)
        return cls(message.text(1), message.text(2), message.int64(3))


@dataclass(frozen=True, slots=True)
class ConnectionContext:
    """IpcConnectionContextProto: the user and the protocol of the calls. `real_user` is set for a proxy user."""

    user: str | None = None
    real_user: str | None = None
    protocol: str | None = None

    def encode(self) -> bytes:
        """Encodes like Java; omits UserInformationProto without users."""
        users = bytes_field(1, self.user) + bytes_field(2, self.real_user)
        return bytes_field(2, users or None) + bytes_field(3, self.protocol)

    @classmethod
    def decode(cls, data: bytes) -> ConnectionContext:
        """DecodeError when it is malformed."""
        message = Message("IpcConnectionContextProto", data, MOST_FIELDS)
        users = Message("UserInformationProto", message.blob(2, b""), MOST_FIELDS)
        return cls(users.text(1, None), users.text(2, None), message.text(3, None))


@dataclass(frozen=True, slots=True)
class SaslAuth:
    """SaslAuth: an authentication method, such as KERBEROS with GSSAPI, for the principal `protocol`/`server_id`."""

    method: str
    mechanism: str
    protocol: str | None = None
    server_id: str | None = None
    challenge: bytes | None = None

    def encode(self) -> bytes:
        """Encodes like Java."""
        return (
            bytes_field(1, self.method)
            + bytes_field(2, self.mechanism)
            + bytes_field(3, self.protocol)
            + bytes_field(4, self.server_id)
            + bytes_field(5, self.challenge)
        )

    @classmethod
    def decode(cls, data: bytes) -> SaslAuth:
        """DecodeError when it is malformed."""
        message = Message("SaslAuth", data, MOST_FIELDS)
        return cls(
            message.text(1), message.text(2), message.text(3, None), message.text(4, None), message.blob(5, None)
        )


@dataclass(frozen=True, slots=True)
class SaslMessage:
    """RpcSaslProto: one step of the negotiation, or (WRAP) protected bytes."""

    state: SaslState
    token: bytes | None = None
    auths: tuple[SaslAuth, ...] = ()

    def encode(self) -> bytes:
        """Encodes like Java."""
        auths = b"".join(bytes_field(4, auth.encode()) for auth in self.auths)
        return number_field(2, self.state) + bytes_field(3, self.token) + auths

    @classmethod
    def decode(cls, data: bytes) -> SaslMessage:
        """DecodeError also for an unknown state."""
        message = Message("RpcSaslProto", data, MOST_FIELDS)
        state = _one_of(SaslState, message.int32(2), "RpcSaslProto")
        return cls(state, message.blob(3, None), message.messages(4, SaslAuth.decode))


def _one_of(kind: type[E], value: int, name: str) -> E:
    if value not in set(kind):
        raise DecodeError(f"{name}: unknown {kind.__name__} {value}")
    return kind(value)
