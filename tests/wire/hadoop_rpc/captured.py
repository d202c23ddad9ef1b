"""Replays the captured Hadoop RPC sessions through our client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.real_cluster import needs_cluster
from tests.wire.hadoop_rpc.samples import events
from tools.capture.rpc import OURS, USER, Conversation

from ozone_recon.wire.hadoop_rpc.client import ClientConnection, Failure, Response
from ozone_recon.wire.hadoop_rpc.frames import CONNECTION_HEADER, FrameReader
from ozone_recon.wire.hadoop_rpc.messages import (
    RpcRequestHeader,
)

CAPTURE = Path(__file__).parents[2] / "data" / "hadoop-rpc.jsonl"
CLUSTER = needs_cluster(seconds=600)


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
