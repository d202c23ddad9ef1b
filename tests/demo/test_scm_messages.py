"""What a real SCM has said, read and written again, is the same to the byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decode.cluster.container_records import records
from tools.capture.scm import IN_SERVICE, LEAVING, read

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.decode.cluster import scm as decode
from ozone_recon.decode.cluster.containers import decode_containers
from ozone_recon.demo.scm import messages as encode
from ozone_recon.model.scm import ContainerState
from ozone_recon.wire.protobuf.fields import Message, bytes_field

CAPTURE = Path(__file__).parents[1] / "data" / "scm-answers.jsonl"


def responses(command: int, field: int) -> list[bytes]:
    """What the real SCM said to a command, without the envelope."""
    answers = [answer for when in (IN_SERVICE, LEAVING) for answer in read(CAPTURE)[when].values()]
    return [Message("answer", one).blob(field) for one in answers if Message("answer", one).int32(1) == command]


def each(command: int, field: int) -> list[bytes]:
    return [one for whole in responses(command, field) for one in Message("response", whole).messages(1, bytes)]


def usual(message: bytes) -> bool:
    """Whether each datanode in it says its operational state, as ours do, and no block was deleted in a container."""
    datanodes, states = message.count(b"/default-rack"), message.count(b"\x40\x01\x48\x00\x50\x03")
    containers, untouched = message.count(b"omServiceIdDefault"), message.count(b"omServiceIdDefault\x40\x00")
    return (datanodes, containers) == (states, untouched)


def with_pipeline(data: bytes) -> bytes:
    return encode.encode_container_with_pipeline(*decode.decode_container_with_pipeline(data))


@pytest.mark.parametrize(
    ("messages", "read_one", "write_one"),
    [
        (responses(13, 18), decode.decode_scm_info, encode.encode_scm_info),
        (each(46, 50), decode.decode_deleted_blocks_summary, encode.encode_deleted_blocks_summary),
        (each(42, 46), decode.decode_pending_containers, encode.encode_pending_containers),
        (each(6, 11), decode.decode_node, encode.encode_node),
        (each(34, 39), decode.decode_container_replica, encode.encode_container_replica),
        (each(9, 14), decode.decode_pipeline, encode.encode_pipeline),
        (each(4, 9), decode.decode_container_info, encode.encode_container_info),
        (each(26, 31), bytes, with_pipeline),
    ],
)
def test_a_real_message_is_written_as_it_was(
    messages: list[bytes], read_one: Callable[[bytes], Any], write_one: Callable[[Any], bytes]
) -> None:
    same = [message for message in messages if usual(message)]
    assert same
    assert [write_one(read_one(message)).hex() for message in same] == [message.hex() for message in same]


REAL = [message for message in each(4, 9) if usual(message)]


@settings(deadline=None)
@given(st.lists(st.sampled_from(REAL), max_size=20), st.sampled_from(list(ContainerState)))
def test_containers_out_of_columns_are_written_as_one_by_one(messages: list[bytes], state: ContainerState) -> None:
    changed = [message + b"\x10" + bytes([state]) for message in messages]
    good, columns = decode_containers(slices_of_texts(ByteColumn.of(changed)))
    assert len(good) == len(messages)
    one_by_one = [encode.encode_container_info(one) for one in records(columns)]
    assert encode.encode_containers(columns) == b"".join(bytes_field(1, one) for one in one_by_one)
