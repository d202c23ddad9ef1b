"""OM's calls, both sides: to the byte what Java's shell asked and OM answered, and nothing cut short is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.format_pages import example
from tests.wire.hadoop_rpc.captured import CAPTURE, replay
from tests.wire.rocksdb.batches import slices_of_texts
from tools.capture.rpc import Conversation

from ozone_recon.errors import DecodeError
from ozone_recon.wire.hadoop_rpc.client import Response
from ozone_recon.wire.hadoop_rpc.server import Call, ServerConnection
from ozone_recon.wire.ozone.om_calls import INTERNAL_ERROR, OmRequest, OmResponse, Updates, UpdatesRequest
from ozone_recon.wire.ozone.schema import OmCommand
from ozone_recon.wire.protobuf.fields import bytes_field, number_field

numbers = st.integers(-1, 2**56)


def captured(name: str) -> Conversation:
    held = map(Conversation.of, CAPTURE.read_text().splitlines())
    return next(one for one in held if one.name == name)


def as_held(updates: Updates) -> tuple[list[bytes], int, int, bool]:
    data, starts, ends = updates.batches
    batches = [data[start:end].tobytes() for start, end in zip(starts, ends, strict=True)]
    return batches, updates.sequence_number, updates.latest_sequence_number, updates.success


def test_a_request_is_as_javas_shell_writes_one() -> None:
    events = ServerConnection().receive(bytes(captured("Java's shell").client))
    asked = next(event.request for event in events if isinstance(event, Call))
    client_id = asked[6:25].decode()
    ours = OmRequest(OmCommand.DB_UPDATES, b"", client_id).encode()
    service_list = ours.replace(number_field(1, 53), number_field(1, 51)).replace(
        bytes_field(53, ""), bytes_field(51, "")
    )
    assert (service_list, client_id[:7]) == (asked, "client-")


def test_an_answer_is_as_om_writes_it() -> None:
    _, answers = replay(captured("OM"))
    answer = answers[2]
    assert isinstance(answer, Response)
    response = OmResponse.decode(answer.message, OmCommand.DB_UPDATES)
    updates = Updates.decode(response.message)
    (batch,), *told = as_held(updates)
    assert told == [1, 5, True]
    assert batch[:12] == (1).to_bytes(8, "little") + (2).to_bytes(4, "little")
    written = OmResponse(OmCommand.DB_UPDATES, updates.encode()).encode()
    assert written == answer.message


def test_the_example_of_the_page() -> None:
    asked = OmRequest(OmCommand.DB_UPDATES, UpdatesRequest(216_949, 50_000).encode(), "client-CCE492EAADE7")
    answer = OmResponse(OmCommand.DB_UPDATES, Updates(slices_of_texts([]), -1, 216_949, True).encode())
    assert example("om-deltas.md") == asked.encode() + answer.encode()


@given(numbers, st.none() | numbers)
def test_a_request_comes_back(sequence: int, limit: int | None) -> None:
    request = UpdatesRequest(sequence, limit)
    whole = OmRequest(OmCommand.DB_UPDATES, request.encode(), "client-1").encode()
    assert UpdatesRequest.decode(OmRequest.decode(whole).message) == request


@given(st.lists(st.binary(max_size=40), max_size=5), numbers, numbers, st.booleans())
def test_updates_come_back(batches: list[bytes], sequence: int, latest: int, success: bool) -> None:
    updates = Updates.decode(Updates(slices_of_texts(batches, b"--"), sequence, latest, success).encode())
    assert as_held(updates) == (batches, sequence, latest, success)


def test_a_refusal_comes_back() -> None:
    refusal = OmResponse(OmCommand.DB_UPDATES, b"", INTERNAL_ERROR, "Unable to read full data from RocksDB wal")
    assert OmResponse.decode(refusal.encode(), OmCommand.DB_UPDATES) == refusal


def test_what_an_older_om_leaves_out() -> None:
    assert as_held(Updates.decode(number_field(1, 7))) == ([], 7, 0, False)


def test_what_is_not_asked_of_us() -> None:
    with pytest.raises(DecodeError, match="command 52 is not known"):
        OmRequest.decode(number_field(1, 52) + bytes_field(3, "client-1") + bytes_field(52, b""))


def test_every_cut_is_refused_or_loses_whole_fields() -> None:
    whole = Updates(slices_of_texts([b"batch", b"another"]), 3, 9, True).encode()
    for end in range(len(whole)):
        try:
            batches, _, latest, success = as_held(Updates.decode(whole[:end]))
        except DecodeError:
            continue
        assert batches == [b"batch", b"another"][: len(batches)]
        assert latest in (0, 9)
        assert not success
    response = OmResponse(OmCommand.DB_UPDATES, whole).encode()
    for end in range(len(response)):
        with pytest.raises(DecodeError):
            OmResponse.decode(response[:end], OmCommand.DB_UPDATES)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for decode in (Updates.decode, UpdatesRequest.decode, OmRequest.decode):
        try:
            assert decode(data) is not None
        except DecodeError as error:
            assert str(error)
