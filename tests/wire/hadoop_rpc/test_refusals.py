"""What the two sides of a Hadoop RPC connection do not take from each other, and what they say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.wire.hadoop_rpc.samples import (
    CLIENT,
    CLIENT_ID,
    PROTOCOL,
    SERVER,
    Counted,
    client_of,
    converse,
    events,
    server_of,
)

from ozone_recon.errors import SourceError
from ozone_recon.wire.hadoop_rpc.client import ClientConnection, Failure
from ozone_recon.wire.hadoop_rpc.frames import AuthMethod, connection_header, frame
from ozone_recon.wire.hadoop_rpc.messages import (
    ConnectionContext,
    RequestHeader,
    RpcRequestHeader,
    RpcResponseHeader,
    RpcStatus,
    SaslAuth,
    SaslMessage,
    SaslState,
)
from ozone_recon.wire.hadoop_rpc.sasl import Mechanism, Simple
from ozone_recon.wire.hadoop_rpc.server import ServerConnection
from ozone_recon.wire.protobuf.fields import bytes_field, varint


def refusal(head: bytes, *frames: bytes, mechanisms: Sequence[Mechanism] = (Simple(),)) -> tuple[str, Failure]:
    """The error of a server that receives these bytes, and the failure that it sends to the client."""
    server = ServerConnection(mechanisms)
    error = events(server, head + b"".join(frames))[-1]
    *_, told = client_of(1).receive(server.data_to_send())
    assert isinstance(error, str)
    assert isinstance(told, Failure)
    assert told.fatal
    return error, told


SIMPLE = connection_header(AuthMethod.NONE)
SASL = connection_header(AuthMethod.SASL)


def request(call_id: int, *messages: bytes, **header: int) -> bytes:
    return frame(RpcRequestHeader(call_id, CLIENT_ID, **header).encode(), *messages)


CONTEXT = request(-3, ConnectionContext("me", protocol=PROTOCOL).encode())
CALL = RequestHeader("method", PROTOCOL).encode()


def negotiate(state: SaslState, token: bytes | None = None, *auths: SaslAuth) -> bytes:
    return request(-33, SaslMessage(state, token, auths).encode())


COUNTED = Counted(SERVER)


@pytest.mark.parametrize(
    ("exception", "why", "bytes_"),
    [
        ("VersionMismatch", "the connection header b'POST / ' is not Hadoop RPC", [b"POST / "]),
        ("VersionMismatch", "unsupported Hadoop RPC version 8; this server supports 9", [b"hrpc\x08\0\0"]),
        ("AccessControlException", "unknown authentication method 0x50", [b"hrpc\x09\0\x50"]),
        ("RpcServerException", "frame 1 has a length of 0", [SIMPLE, bytes(4)]),
        ("RpcServerException", "frame 1: RpcRequestHeaderProto: required field 3", [SIMPLE, frame(b"\x08\x02")]),
        ("RpcServerException", "frame 1: RpcRequestHeaderProto: required field 1", [SIMPLE, frame(b"\x18\0\x22\0")]),
        ("RpcServerException", "frame 1: 5 bytes are announced", [SIMPLE, b"\0\0\0\2\5a"]),
        ("RpcServerException", "unknown RPC kind 1 or operation 0", [SIMPLE, request(0, CALL, b"", kind=1)]),
        ("RpcServerException", "unknown RPC kind 2 or operation 2", [SIMPLE, request(0, CALL, b"", operation=2)]),
        ("RpcServerException", "frame 1: unexpected call 0", [SIMPLE, request(0, CALL, b"")]),
        ("RpcServerException", "frame 2: unexpected call -7", [SIMPLE, CONTEXT, request(-7, b"")]),
        ("RpcServerException", "unexpected connection context", [SIMPLE, CONTEXT, CONTEXT]),
        ("RpcServerException", "unexpected connection context", [SASL, CONTEXT]),
        ("RpcServerException", "frame 2: it has 2 messages instead of 3", [SIMPLE, CONTEXT, request(0, CALL)]),
        ("RpcServerException", "frame 2: 2 bytes follow", [SIMPLE, CONTEXT, request(0, CALL, b"", b"x")]),
        ("RpcServerException", "unexpected SASL NEGOTIATE", [SIMPLE, negotiate(SaslState.NEGOTIATE)]),
        ("RpcServerException", "unexpected SASL NEGOTIATE", [SASL, negotiate(SaslState.NEGOTIATE) * 2]),
        ("RpcServerException", "unexpected SASL CHALLENGE", [SASL, negotiate(SaslState.CHALLENGE)]),
        ("RpcServerException", "unexpected SASL RESPONSE", [SASL, negotiate(SaslState.RESPONSE, b"1")]),
        ("RpcServerException", "unknown SaslState 9", [SASL, request(-33, b"\x10\x09")]),
    ],
)
def test_what_a_server_refuses(exception: str, why: str, bytes_: list[bytes]) -> None:
    error, told = refusal(*bytes_)
    assert why in error
    assert (told.call_id, told.exception) == (-1, exception)
    assert why in told.message


UNKNOWN = b"\x98\x06\0"
"""An unknown field."""
HUGE = (28_000_010).to_bytes(4, "big")
"""The length of a frame."""
TWO = b"\x08\x02\x10\0"
"""What a request header must have, but for its call id and its client."""


@pytest.mark.parametrize(
    ("why", "bytes_"),
    [
        ("frame 1 has 28,000,010 bytes, which is over the limit", [SIMPLE, HUGE]),
        ("before the connection context", [SIMPLE, HUGE]),
        ("frame 1: message 1 has 16,385 bytes", [SIMPLE, (20_000).to_bytes(4, "big"), varint(16_385)]),
        (
            "frame 2: message 1 has 28,000,000 bytes",
            [SIMPLE, CONTEXT, HUGE + varint(28 * 10**6)],
        ),
        (
            "frame 2: message 2 has 28,000,000 bytes",
            [SIMPLE, CONTEXT, HUGE + b"\0" + varint(28 * 10**6)],
        ),
        ("frame 1: RpcRequestHeaderProto: it has more than 64 fields", [SIMPLE, frame(TWO + UNKNOWN * 63)]),
        ("IpcConnectionContextProto: it has more than 64 fields", [SIMPLE, request(-3, UNKNOWN * 65)]),
        ("UserInformationProto: it has more than 64 fields", [SIMPLE, request(-3, bytes_field(2, UNKNOWN * 65))]),
        ("RequestHeaderProto: it has more than 64 fields", [SIMPLE, CONTEXT, request(0, UNKNOWN * 65, b"")]),
        ("RpcSaslProto: it has more than 64 fields", [SASL, request(-33, UNKNOWN * 65)]),
        ("SaslAuth: it has more than 64 fields", [SASL, request(-33, b"\x10\1" + bytes_field(4, UNKNOWN * 65))]),
        ("the group that continues at byte", [SIMPLE, request(-3, b"\x9b\6" + UNKNOWN * 65 + b"\x9c\6")]),
        ("frame 1: 3 bytes follow the message that ends at byte", [SIMPLE, frame(TWO, b"", b"", b"\0\0")]),
    ],
)
def test_what_is_read_of_a_client_is_bounded_in_bytes_and_in_fields(why: str, bytes_: list[bytes]) -> None:
    error, told = refusal(*bytes_)
    assert error.startswith("MessageTooLong") or "bytes follow" in why
    assert why in error
    assert told.exception == "RpcServerException"


def test_a_client_that_authenticates_may_send_a_long_ticket() -> None:
    ticket = bytes(48 << 10)
    asked = negotiate(SaslState.NEGOTIATE) + negotiate(SaslState.INITIATE, ticket, COUNTED.auth)
    assert "does not follow" in str(events(ServerConnection([COUNTED]), SASL + asked)[-1])
    assert "over the limit" in str(events(ServerConnection(), SASL + asked)[-1])


def test_a_server_that_wants_authentication() -> None:
    error, told = refusal(SIMPLE, CONTEXT, mechanisms=[COUNTED])
    assert error == "SourceError: SIMPLE authentication is not enabled.  Available:[COUNTED]"
    assert told.exception == "AccessControlException"
    other = SaslAuth("COUNTED", "COUNT", "om", "other host")
    asked = negotiate(SaslState.NEGOTIATE)
    for frames, why in [
        ([asked, negotiate(SaslState.INITIATE, b"1", other)], "method COUNTED, which was not offered"),
        ([asked, negotiate(SaslState.INITIATE, None, COUNTED.auth)], "INITIATE has no token"),
        ([asked, negotiate(SaslState.INITIATE, b"2", COUNTED.auth)], "b'2' does not follow"),
        ([asked, negotiate(SaslState.INITIATE, b"1")], "unexpected SASL INITIATE"),
    ]:
        server = ServerConnection([COUNTED])
        assert why in str(events(server, SASL + b"".join(frames))[-1])
        assert server.closed


def test_a_server_knows_no_proxies() -> None:
    client, server = ClientConnection("me", CLIENT_ID, [Counted(CLIENT)]), ServerConnection([COUNTED])
    client.connect()
    client.call(PROTOCOL, "method", b"")
    with pytest.raises(SourceError, match="not allowed to impersonate me"):
        converse(client, server)
    assert list(client.receive(server.data_to_send())) == [
        Failure(-3, "AuthorizationException", "User: counted is not allowed to impersonate me", True)
    ]


def test_a_browser_is_told_where_it_is() -> None:
    server = ServerConnection()
    assert "the connection header b'GET / H'" in str(events(server, b"GET / HTTP/1.1\r\n\r\n")[-1])
    assert server.data_to_send().startswith(b"HTTP/1.1 404 ")


def response(
    call_id: int, *messages: bytes, status: RpcStatus = RpcStatus.SUCCESS, client_id: bytes = CLIENT_ID
) -> bytes:
    return frame(RpcResponseHeader(call_id, status, client_id).encode(), *messages)


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("the server speaks HTTP", b"HTTP/1.1 404 Not Found"),
        ("frame 1 has 1,397,966,893 bytes", b"SSH-2.0"),
        ("frame 1: RpcResponseHeaderProto: required field 1 is missing", frame(b"")),
        ("RpcResponseHeaderProto: unknown RpcStatus 3", frame(b"\x08\x00\x10\x03")),
        ("frame 2: a response to call 0, which is not pending", response(0, b"") * 2),
        ("a response to call 2, which is not pending", response(2, b"")),
        ("a response to call -1, which is not pending", response(-1, status=RpcStatus.ERROR)),
        ("a response to client 6d65, but this is 0001", response(0, b"", client_id=b"me")),
        ("frame 1: it has 1 messages instead of 2", response(0)),
        ("frame 1: it has 3 messages instead of 2", response(0, b"", b"x")),
        ("unexpected SASL SUCCESS", response(-33, SaslMessage(SaslState.SUCCESS).encode())),
    ],
)
def test_what_a_client_refuses(why: str, data: bytes) -> None:
    assert why in str(events(client_of(0), data)[-1])


@pytest.mark.parametrize(
    ("why", "mechanisms", "answers"),
    [
        ("the server offers SIMPLE, this client COUNTED", [Counted(CLIENT)], [SaslMessage(SaslState.SUCCESS)]),
        (
            "the server offers TOKEN, COUNTED, this client SIMPLE",
            [Simple()],
            [SaslMessage(SaslState.NEGOTIATE, auths=(SaslAuth("TOKEN", "DIGEST-MD5"), COUNTED.auth))],
        ),
        ("unexpected SASL CHALLENGE", [Simple()], [SaslMessage(SaslState.CHALLENGE, b"2")]),
        ("unexpected SASL WRAP", [Simple()], [SaslMessage(SaslState.WRAP, b"2")]),
        (
            "sent SUCCESS before the mechanism was complete",
            [Counted(CLIENT)],
            [SaslMessage(SaslState.NEGOTIATE, auths=(COUNTED.auth,)), SaslMessage(SaslState.SUCCESS)],
        ),
        (
            "sent SUCCESS before the mechanism was complete",
            [Counted(CLIENT)],
            [SaslMessage(SaslState.NEGOTIATE, auths=(COUNTED.auth,)), SaslMessage(SaslState.SUCCESS, b"2")],
        ),
        (
            "CHALLENGE has no token",
            [Counted(CLIENT)],
            [SaslMessage(SaslState.NEGOTIATE, auths=(COUNTED.auth,)), SaslMessage(SaslState.CHALLENGE)],
        ),
    ],
)
def test_servers_that_do_not_authenticate_as_they_should(
    why: str, mechanisms: Sequence[Mechanism], answers: list[SaslMessage]
) -> None:
    client = ClientConnection("me", CLIENT_ID, mechanisms)
    client.connect()
    data = b"".join(response(-33, answer.encode(), client_id=b"") for answer in answers)
    assert why in str(events(client, data)[-1])


def test_a_failure_during_the_negotiation_is_fatal() -> None:
    client = client_of(5)
    (failure,) = client.receive(response(-33, status=RpcStatus.ERROR, client_id=b""))
    assert failure == Failure(-33, "Exception", "no message", True)
    assert client.closed
    assert client.pending == {0, 1}


def test_a_first_challenge_may_come_with_the_offer_and_is_not_sent_back() -> None:
    client = ClientConnection("me", CLIENT_ID, [Counted({b"first": b"1"})])
    client.connect()
    client.data_to_send()
    offer = replace(COUNTED.auth, challenge=b"first")
    list(client.receive(response(-33, SaslMessage(SaslState.NEGOTIATE, auths=(offer,)).encode(), client_id=b"")))
    body = client.data_to_send()[4:]
    assert body.endswith(SaslMessage(SaslState.INITIATE, b"1", (COUNTED.auth,)).encode())


def test_what_is_to_be_wrapped_must_be() -> None:
    client, server = client_of(5), server_of(5)
    _, _, sent, _ = converse(client, server)
    assert b"request of" not in sent
    assert "is not wrapped, although the mechanism requires it" in str(events(client, response(0, b"plain"))[-1])
    assert "is not wrapped, although the mechanism requires it" in str(events(server, request(0, CALL, b"plain"))[-1])
