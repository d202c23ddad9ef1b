"""Hadoop RPC as Ozone speaks it: the conversations of tools/capture/rpc.py, as captured once and as captured now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.real_cluster import needs_cluster
from tests.wire.hadoop_rpc.samples import events
from tests.wire.test_format_pages import example
from tools.capture.rpc import DATANODE, OM, OURS, SUBMIT, USER, Conversation, capture, start
from tools.cluster.real import RealCluster

from ozone_recon.wire.hadoop_rpc.client import ClientConnection, Failure, Response
from ozone_recon.wire.hadoop_rpc.failures import Remedy, remedy
from ozone_recon.wire.hadoop_rpc.frames import CONNECTION_HEADER, FrameReader
from ozone_recon.wire.hadoop_rpc.messages import (
    CONTEXT_CALL,
    SASL_CALL,
    ConnectionContext,
    RequestHeader,
    RpcRequestHeader,
    RpcResponseHeader,
    SaslMessage,
)
from ozone_recon.wire.hadoop_rpc.server import Call, Connected, ServerConnection
from ozone_recon.wire.protobuf.fields import Message
from ozone_recon.wire.write_batch.batch import read_write_batch

CAPTURE = Path(__file__).parents[2] / "data" / "hadoop-rpc.jsonl"
Conversations = dict[str, Conversation]
CLUSTER = needs_cluster(seconds=600)


@pytest.fixture(scope="module", params=["captured", pytest.param("cluster", marks=CLUSTER)])
def conversations(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversations]:
    if request.param == "captured":
        held = list(map(Conversation.of, CAPTURE.read_text().splitlines()))
    else:
        ozone = RealCluster(tmp_path_factory.mktemp("ozone"))
        try:
            start(ozone)
            held = asyncio.run(capture(ozone))
        finally:
            ozone("down", "--wipe")
    yield {conversation.name: conversation for conversation in held}


def frames(data: bytes) -> Iterator[Iterator[bytes]]:
    cut = FrameReader()
    for messages in cut.cut(data):
        yield iter(messages)
    cut.end()


def client_id(conversation: Conversation) -> bytes:
    """That of the connection's context."""
    ids = {
        RpcRequestHeader.decode(next(body)).client_id for body in frames(bytes(conversation.client)[CONNECTION_HEADER:])
    }
    return max(ids)


def replay(conversation: Conversation) -> tuple[bytes, list[Response | Failure | str]]:
    """What our client sends in this conversation of its, and what it makes of the answers."""
    _, mechanisms, calls = OURS[conversation.name]
    client = ClientConnection(USER, client_id(conversation), mechanisms)
    client.connect()
    for call in calls:
        client.call(*call)
    sent = client.data_to_send()
    happened = events(client, bytes(conversation.server))
    return sent + client.data_to_send(), happened


def test_headers_are_written_as_java_writes_them(conversations: Conversations) -> None:
    for conversation in conversations.values():
        for body in frames(bytes(conversation.client)[CONNECTION_HEADER:]):
            written = next(body)
            header = RpcRequestHeader.decode(written)
            assert header.encode() == written
            message = next(body)
            kind: type[ConnectionContext | SaslMessage | RequestHeader] = {
                CONTEXT_CALL: ConnectionContext,
                SASL_CALL: SaslMessage,
            }.get(header.call_id, RequestHeader)
            assert kind.decode(message).encode() == message
        for body in frames(bytes(conversation.server)):
            written = next(body)
            answer = RpcResponseHeader.decode(written)
            assert answer.encode() == written
            if answer.call_id == SASL_CALL:
                message = next(body)
                assert SaslMessage.decode(message).encode() == message


def test_our_client_sends_what_it_sent(conversations: Conversations) -> None:
    for name in OURS:
        assert replay(conversations[name])[0] == conversations[name].client


def test_what_om_answers(conversations: Conversations) -> None:
    _, answers = replay(conversations["OM"])
    services, volume, updates, *failures = answers
    assert isinstance(services, Response)
    assert b"LEADER" in services.message
    assert isinstance(volume, Response)
    assert b"vol1" in volume.message
    assert isinstance(updates, Response)
    changes = Message("OMResponse", updates.message).message(52, lambda data: Message("DBUpdatesResponse", data))
    assert changes.boolean(4)
    assert read_write_batch(changes.blob(2)).sequence == changes.int64(1) >= 1
    expected = [
        "IllegalArgumentException",
        "InvalidProtocolBufferException",
        "RpcNoSuchMethodException",
        "RpcNoSuchProtocolException",
    ]
    for failure, exception in zip(failures, expected, strict=True):
        assert isinstance(failure, Failure)
        assert (failure.exception, failure.fatal) == (exception, False)
        assert remedy(failure.exception, failure.message) is Remedy.NONE
        assert "\n" not in failure.message


def test_what_om_answers_to_one_who_asks_for_sasl(conversations: Conversations) -> None:
    _, (answer,) = replay(conversations["OM by SASL"])
    assert isinstance(answer, Response)
    assert b"LEADER" in answer.message


def test_what_scm_answers(conversations: Conversations) -> None:
    _, (answer,) = replay(conversations["SCM"])
    assert isinstance(answer, Response)
    info = Message("ScmContainerLocationResponse", answer.message).message(18, lambda data: Message("Info", data))
    assert info.text(1).startswith("CID-")
    assert ":LEADER:" in info.text(3)


def test_what_om_says_to_a_newer_version(conversations: Conversations) -> None:
    client = ClientConnection(USER, bytes(16))
    (failure,) = client.receive(bytes(conversations["a newer version"].server))
    assert isinstance(failure, Failure)
    assert (failure.call_id, failure.exception, failure.fatal) == (-1, "VersionMismatch", True)


def test_what_javas_shell_asks(conversations: Conversations) -> None:
    connected, *calls = events(ServerConnection(), bytes(conversations["Java's shell"].client))
    assert connected == Connected("root", OM)
    assert {(call.protocol, call.method) for call in calls if isinstance(call, Call)} == {(OM, SUBMIT)}


def test_what_a_datanode_asks_and_takes_from_us(conversations: Conversations) -> None:
    conversation = conversations["Java's datanode"]
    connected, *calls = events(ServerConnection(), bytes(conversation.client))
    assert isinstance(connected, Connected)
    assert connected.protocol == DATANODE
    asked = [Message("SCMDatanodeRequest", call.request).int32(1) for call in calls if isinstance(call, Call)]
    assert asked[:4] == [1, 2, 3, 3], "version, registration, heartbeats"


def test_it_may_come_a_byte_at_a_time(conversations: Conversations) -> None:
    for conversation in conversations.values():
        data = bytes(conversation.client)
        every = range(1, len(data))
        assert events(ServerConnection(), data, every) == events(ServerConnection(), data)


def test_the_example_of_the_page_is_real(conversations: Conversations) -> None:
    real = conversations["OM by SASL"]
    assert example("hadoop-rpc.md") == real.client[:25] + real.server[:22]
