"""SASL GSSAPI without Kerberos: the messages to the byte as a real OM sends them, and hostile ones."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.hadoop_rpc.samples import CLIENT_ID, converse

from ozone_recon.errors import DecodeError, KerberosError, ReconError, SourceError
from ozone_recon.wire.hadoop_rpc.client import ClientConnection, Response
from ozone_recon.wire.hadoop_rpc.messages import SaslAuth
from ozone_recon.wire.hadoop_rpc.sasl_gssapi import (
    GssapiClient,
    GssapiServer,
    Protection,
    kerberos_auth,
)
from ozone_recon.wire.hadoop_rpc.server import Call, ServerConnection

ALL = tuple(Protection)


@dataclass
class PlainContext:
    """A context whose tokens are readable: it protects nothing, but refuses what it has not made."""

    complete: bool = False
    peer: str = "dn/host@R"
    tokens: list[bytes] = field(default_factory=list)

    def step(self, token: bytes) -> bytes:
        self.tokens.append(token)
        self.complete = token in (b"hello", b"welcome")
        if token not in (b"", b"hello", b"welcome"):
            raise KerberosError("rubbish")
        return {b"": b"hello", b"hello": b"welcome"}.get(token, b"")

    def wrap(self, data: bytes, *, seal: bool) -> bytes:
        return (b"sealed:" if seal else b"signed:") + data

    def unwrap(self, data: bytes) -> bytes:
        if data[:7] not in (b"sealed:", b"signed:"):
            raise KerberosError("altered")
        return data[7:]


@dataclass
class PlainMechanism:
    """Kerberos' exchange over plain contexts, on one side."""

    exchange: type[GssapiClient] | type[GssapiServer]
    protections: tuple[Protection, ...] = ALL
    auth: SaslAuth = field(default_factory=lambda: kerberos_auth("recon/host@R"))

    def begin(self, auth: SaslAuth) -> GssapiClient | GssapiServer:
        return self.exchange(PlainContext(), self.protections)


def client_step(offer: bytes, wanted: tuple[Protection, ...] = ALL) -> tuple[GssapiClient, bytes]:
    client = GssapiClient(PlainContext(), wanted)
    assert client.step(b"") == b"hello"
    assert client.step(b"welcome") == b"", "the answer to AP-REP is an empty token"
    return client, client.step(b"signed:" + offer)


def server_after_offer(allowed: tuple[Protection, ...] = ALL) -> tuple[GssapiServer, bytes | None]:
    server = GssapiServer(PlainContext(), allowed)
    assert server.step(b"hello") == b"welcome"
    return server, server.step(b"")


def test_the_choice_is_the_one_that_java_sends() -> None:
    client, choice = client_step(bytes.fromhex("01010000"), (Protection.AUTHENTICATION,))
    assert choice == b"signed:" + bytes.fromhex("01000000")
    assert client.complete
    assert not client.wraps


@pytest.mark.parametrize(
    ("allowed", "offer"),
    [((Protection.AUTHENTICATION,), "01010000"), ((Protection.PRIVACY,), "04010000"), (ALL, "07010000")],
)
def test_the_offer_is_the_one_that_java_sends(allowed: tuple[Protection, ...], offer: str) -> None:
    assert server_after_offer(allowed)[1] == b"signed:" + bytes.fromhex(offer)


@pytest.mark.parametrize("wanted", [(one,) for one in ALL] + [(Protection.PRIVACY, Protection.AUTHENTICATION)])
def test_calls_at_each_level(wanted: tuple[Protection, ...]) -> None:
    client = ClientConnection("dn/host@R", CLIENT_ID, [PlainMechanism(GssapiClient, wanted)])
    server = ServerConnection([PlainMechanism(GssapiServer)])
    client.connect()
    client.call("protocol", "method", b"request")
    _, at_server, _, _ = converse(client, server)
    assert [event.request for event in at_server if isinstance(event, Call)] == [b"request"]
    (call,) = (one for one in at_server if isinstance(one, Call))
    server.respond(call, bytes(1 << 20))
    wrapped = wanted[0] is not Protection.AUTHENTICATION
    data = server.data_to_send()
    assert list(client.receive(data[: 1 << 19])) == []
    assert client.is_within_long_wrapped is wrapped
    (response,) = client.receive(data[1 << 19 :])
    assert isinstance(response, Response)
    assert response.message == bytes(1 << 20)
    assert not client.is_within_long_wrapped


def test_a_long_wrapped_frame_is_dropped_once_its_content_is_there() -> None:
    size = 8 << 20
    client = ClientConnection("dn/host@R", CLIENT_ID, [PlainMechanism(GssapiClient, (Protection.PRIVACY,))])
    server = ServerConnection([PlainMechanism(GssapiServer)])
    client.connect()
    converse(client, server)
    client.call("protocol", "method", bytes(size))
    data = memoryview(client.data_to_send())
    tracemalloc.start()
    (call,) = (
        event
        for at in range(0, len(data), 1 << 16)
        for event in server.receive(bytes(data[at : at + (1 << 16)]))
        if isinstance(event, Call)
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(call.request) == size
    assert peak < 2.5 * size, "the frame and its token, the token and its content, or the content and the request"


def test_no_common_level() -> None:
    with pytest.raises(SourceError, match=r"offers integrity, privacy, this client authentication"):
        client_step(bytes.fromhex("06010000"), (Protection.AUTHENTICATION,))
    for choice in ("02000000", "07000000", "00000000", "03000000", "01", ""):
        server, _ = server_after_offer((Protection.AUTHENTICATION, Protection.PRIVACY))
        with pytest.raises(SourceError, match="was not offered"):
            server.step(b"signed:" + bytes.fromhex(choice))
        assert not server.complete


def test_another_user_is_refused() -> None:
    server, _ = server_after_offer()
    with pytest.raises(SourceError, match="asks to act as 'om'"):
        server.step(b"signed:" + bytes.fromhex("01000000") + b"om")
    server, _ = server_after_offer()
    assert server.step(b"signed:" + bytes.fromhex("01000000") + b"dn/host@R") is None
    assert server.complete


def test_unexpected_tokens_are_refused() -> None:
    server = GssapiServer(PlainContext(), ALL)
    server.step(b"hello")
    with pytest.raises(DecodeError, match="instead of an empty token"):
        server.step(b"signed:01")
    for offer in (b"", b"\1", bytes(5)):
        with pytest.raises(DecodeError, match="offer of protection"):
            client_step(offer)
    client, _ = client_step(bytes.fromhex("01010000"))
    with pytest.raises(DecodeError, match="after its end"):
        client.step(b"signed:" + bytes.fromhex("01010000"))


@given(
    st.lists(st.sampled_from([b"", b"hello", b"welcome", b"signed:\1\0\0\0", b"sealed:\7\1\0\0", b"\xff"]), max_size=6)
)
def test_any_tokens_are_answered_or_refused(tokens: list[bytes]) -> None:
    for exchange in (GssapiClient(PlainContext(), ALL), GssapiServer(PlainContext(), ALL)):
        try:
            for token in tokens:
                exchange.step(token)
        except ReconError:
            continue
        if exchange.complete:
            assert b"signed:\1\0\0\0" in tokens or b"sealed:\7\1\0\0" in tokens
