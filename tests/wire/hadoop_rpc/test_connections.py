"""Hadoop RPC in memory: frames and messages to the byte, client against server, cut anywhere, damaged anywhere."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.hadoop_rpc.samples import CLIENT_ID, PROTOCOL, WAYS, client_of, converse, events, server_of

from ozone_recon.errors import DecodeError, MessageTooLong, TransferError
from ozone_recon.wire.hadoop_rpc.client import ClientConnection, Failure, Response
from ozone_recon.wire.hadoop_rpc.connection import Event, RpcProtocol
from ozone_recon.wire.hadoop_rpc.frames import AuthMethod, Bounds, FrameReader, connection_header, frame
from ozone_recon.wire.hadoop_rpc.messages import (
    PING_CALL,
    ConnectionContext,
    RequestHeader,
    RpcErrorDetail,
    RpcRequestHeader,
    RpcResponseHeader,
    RpcStatus,
    SaslAuth,
    SaslMessage,
    SaslState,
)
from ozone_recon.wire.hadoop_rpc.sasl import Mechanism
from ozone_recon.wire.hadoop_rpc.server import Call, Connected, Ping, ServerConnection
from ozone_recon.wire.protobuf.fields import varint


def test_bytes_that_were_worked_out_by_hand() -> None:
    assert connection_header(AuthMethod.NONE) == b"hrpc\x09\x00\x00"
    assert connection_header(AuthMethod.SASL) == b"hrpc\x09\x00\xdf"
    header = RpcRequestHeader(-3, b"id")
    assert header.encode() == b"\x08\x02\x10\x00\x18\x05\x22\x02id\x28\x01"
    context = ConnectionContext("me", protocol="p")
    assert context.encode() == b"\x12\x04\x0a\x02me\x1a\x01p"
    assert frame(header.encode(), context.encode()) == (
        b"\x00\x00\x00\x17\x0c\x08\x02\x10\x00\x18\x05\x22\x02id\x28\x01\x09\x12\x04\x0a\x02me\x1a\x01p"
    )
    response = RpcResponseHeader(-33, RpcStatus.FATAL, b"", -1, "a.B", "why", RpcErrorDetail.UNAUTHORIZED)
    assert response.encode() == (
        b"\x08\xdf\xff\xff\xff\x0f\x10\x02\x18\x09\x22\x03a.B\x2a\x03why\x30\x0f\x3a\x00\x40\x01"
    )


texts = st.text(max_size=20)
some_bytes = st.binary(max_size=40)
auths = st.builds(SaslAuth, texts, texts, st.none() | texts, st.none() | texts, st.none() | some_bytes)
int32 = st.integers(-(1 << 31), (1 << 31) - 1)
messages = (
    st.builds(RpcRequestHeader, int32, some_bytes, int32, int32, int32)
    | st.builds(
        RpcResponseHeader,
        int32,
        st.sampled_from(RpcStatus),
        some_bytes,
        int32,
        st.none() | texts,
        st.none() | texts,
        st.none() | int32,
    )
    | st.builds(RequestHeader, texts, texts, st.integers(0, (1 << 63) - 1))
    | st.builds(ConnectionContext, st.none() | texts, st.none() | texts, st.none() | texts)
    | auths
    | st.builds(SaslMessage, st.sampled_from(SaslState), st.none() | some_bytes, st.lists(auths).map(tuple))
)


@given(messages)
def test_messages_come_back(message: SaslMessage | RequestHeader) -> None:
    assert type(message).decode(message.encode()) == message


@given(messages, st.data())
def test_damaged_messages_are_read_or_refused(message: SaslMessage | RequestHeader, data: st.DataObject) -> None:
    written = bytearray(message.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        if written:
            written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(written[: data.draw(st.integers(0, len(written)))])
    try:
        read = type(message).decode(cut)
    except DecodeError:
        return
    assert type(message).decode(read.encode()) == read


some_messages = st.lists(st.binary(max_size=300), min_size=1, max_size=3)


@given(st.lists(some_messages, max_size=5), st.lists(st.integers(0, 2000), max_size=8))
def test_frames_come_back_wherever_they_are_cut(sent: list[list[bytes]], cuts: list[int]) -> None:
    data = b"".join(frame(*messages) for messages in sent)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    frames = FrameReader()
    came: list[list[bytes]] = []
    for start, end in pairwise(places):
        came += frames.cut(data[start:end])
    frames.end()
    assert came == sent
    assert frames.number == len(sent)


@pytest.mark.parametrize("size", [(1 << 16) - 1, 1 << 16, (1 << 16) + 1, 300_000])
def test_long_messages_come_back_and_what_is_behind_them(size: int) -> None:
    long = bytes(range(256)) * 1200
    sent = [[b"a", long[:size]], [long[:size], b"b"], [b"c"]]
    data = b"".join(frame(*messages) for messages in sent)
    for piece in (1 << 16, 65_537, 100_000, len(data)):
        frames = FrameReader()
        pieces = (data[at : at + piece] for at in range(0, len(data), piece))
        assert [messages for one in pieces for messages in frames.cut(one)] == sent
        frames.end()


def test_a_long_message_is_not_copied_when_it_is_whole() -> None:
    size = 8 << 20
    data = frame(b"header", bytes(size))
    frames = FrameReader()
    list(frames.cut(data[: -(1 << 16)]))
    tracemalloc.start()
    ((_, message),) = frames.cut(data[-(1 << 16) :])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(message) == size
    assert peak < 2 * size, "the buffer may have moved once, and is the message"


def test_a_frame_over_the_limit_is_refused_by_its_length_alone() -> None:
    with pytest.raises(MessageTooLong, match=r"frame 1 has 209,715,200 bytes, which is over the limit of 134,217,728"):
        list(FrameReader().cut((200 << 20).to_bytes(4, "big")))
    with pytest.raises(MessageTooLong, match="frame 2 has 4,294,967,295 bytes"):
        list(FrameReader().cut(b"\0\0\0\1\0\xff\xff\xff\xff"))
    assert list(FrameReader(Bounds(3)).cut(b"\0\0\0\3\2ab")) == [[b"ab"]]
    with pytest.raises(MessageTooLong):
        list(FrameReader(Bounds(2)).cut(b"\0\0\0\3"))
    with pytest.raises(MessageTooLong, match="frame 1: message 2 has 5 bytes, which is over the limit of 4"):
        list(FrameReader(Bounds(100, (9, 4))).cut(b"\0\0\0\x63\1a\5"))


def test_nothing_is_set_aside_for_a_length_that_has_not_come() -> None:
    tracemalloc.start()
    frames = FrameReader()
    assert list(frames.cut((100 << 20).to_bytes(4, "big") + varint((100 << 20) - 4) + b"b")) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    with pytest.raises(TransferError, match="the connection ended 9 bytes into frame 1"):
        frames.end()


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"HTTP/1.1 400 Bad Request", "the server speaks HTTP"), (b"\0\0\0\0", "frame 1 has a length of 0")],
)
def test_what_is_no_frame(data: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        list(FrameReader().cut(data))


def test_a_ping_is_an_event() -> None:
    ping = frame(RpcRequestHeader(PING_CALL, CLIENT_ID).encode())
    assert list(ServerConnection().receive(connection_header(AuthMethod.NONE) + ping)) == [Ping()]


@pytest.mark.parametrize(("user", "client_ways", "server_ways"), WAYS)
def test_calls_are_answered_in_any_order(
    user: str, client_ways: Sequence[Mechanism], server_ways: Sequence[Mechanism]
) -> None:
    client, server = ClientConnection(user, CLIENT_ID, client_ways), ServerConnection(server_ways)
    client.connect()
    ids = [client.call(PROTOCOL, method, request) for method, request in (("one", b"1"), ("two", b""), ("three", b"3"))]
    assert ids == [0, 1, 2]
    at_client, at_server, _, _ = converse(client, server)
    calls = [event for event in at_server if isinstance(event, Call)]
    assert [event for event in at_server if event not in calls] == [Connected(user, PROTOCOL)]
    assert [(call.call_id, call.protocol, call.method, call.request) for call in calls] == [
        (0, PROTOCOL, "one", b"1"),
        (1, PROTOCOL, "two", b""),
        (2, PROTOCOL, "three", b"3"),
    ]
    assert at_client == []
    server.respond(calls[2], b"third")
    server.fail(calls[0], "org.example.Outer$Bad", "no good\n\n\tat org.example.Outer.main(Outer.java:1)")
    server.respond(calls[1], b"")
    at_client, _, _, _ = converse(client, server)
    assert at_client == [
        Response(2, b"third"),
        Failure(0, "Bad", "no good", False),
        Response(1, b""),
    ]
    assert client.pending == set()
    client.close()
    with pytest.raises(TransferError, match="the connection is closed"):
        client.call(PROTOCOL, "four", b"")


def conversation(way: int) -> tuple[bytes, bytes]:
    """All that this client and a server that answers both calls send each other."""
    client, server = client_of(way), server_of(way)
    _, happened, sent, answered = converse(client, server)
    one, two = (event for event in happened if isinstance(event, Call))
    server.respond(two, b"x" * 300)
    server.fail(one, "java.io.IOException", "no", RpcErrorDetail.NO_SUCH_METHOD)
    return sent, answered + server.data_to_send()


CONVERSATIONS = [conversation(way) for way in range(len(WAYS))]
ANSWERS = [Response(1, b"x" * 300), Failure(0, "IOException", "no", False)]
ways = st.integers(0, len(WAYS) - 1)
cuts = st.lists(st.integers(0, max(map(len, sum(CONVERSATIONS, ())))), max_size=12)


@settings(deadline=None)
@given(ways, cuts)
def test_it_does_not_matter_where_the_bytes_are_split(way: int, cuts: list[int]) -> None:
    sent, answered = CONVERSATIONS[way]
    whole = events(server_of(way), sent)
    assert [type(event) for event in whole] == [Connected, Call, Call]
    assert events(server_of(way), sent, cuts) == whole
    assert events(client_of(way), answered, cuts) == ANSWERS


def check_cuts(fresh: Callable[[], RpcProtocol[Event]], data: bytes) -> None:
    whole = events(fresh(), data)
    for end in range(len(data)):
        *happened, last = events(fresh(), data[:end]) or [""]
        if not isinstance(last, str):
            happened.append(last)
        elif last:
            assert "the connection ended" in last
        assert happened == whole[: len(happened)]


@pytest.mark.parametrize("way", range(len(WAYS)))
def test_every_cut_is_noticed(way: int) -> None:
    sent, answered = CONVERSATIONS[way]
    check_cuts(lambda: server_of(way), sent)
    check_cuts(lambda: client_of(way), answered)


@settings(deadline=None)
@given(ways, st.data())
def test_damaged_bytes_are_read_or_refused(way: int, data: st.DataObject) -> None:
    sides: tuple[Callable[[int], RpcProtocol[Any]], ...] = server_of, client_of
    for bytes_, fresh in zip(CONVERSATIONS[way], sides, strict=True):
        damaged = bytearray(bytes_)
        for _ in range(data.draw(st.integers(1, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        connection = fresh(way)
        events(connection, bytes(damaged))
        assert connection.closed
        assert events(connection, b"more") == []


@given(st.binary(max_size=100), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, begun: bool) -> None:
    server = server_of(0)
    assert all(
        isinstance(event, (Connected, Call, Ping, str))
        for event in events(server, connection_header(AuthMethod.NONE) * begun + data)
    )
    assert all(isinstance(event, (Response, Failure, str)) for event in events(client_of(0), data))
