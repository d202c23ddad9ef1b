"""Protobuf, read and written: encoding rules, defaults, and refusal of everything that is cut short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.varints import varint

from ozone_recon.errors import DecodeError, MessageTooLong
from ozone_recon.wire.protobuf.fields import (
    Message,
    bytes_field,
    from_zigzag,
    number_field,
    read_varint,
    to_int32,
    to_int64,
    zigzag,
)
from ozone_recon.wire.protobuf.fields import varint as written_varint


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_varint_is_a_java_long(number: int) -> None:
    value, after = read_varint(varint(number) + b"rest", 0)
    assert (to_int64(value), after) == (number, len(varint(number)))


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_an_enum_is_a_java_int(number: int) -> None:
    assert to_int32(number & (1 << 64) - 1) == number


def test_a_padded_varint_of_ten_bytes_is_read_and_one_of_eleven_is_not() -> None:
    assert read_varint(b"\x85" + b"\x80" * 8 + b"\x00", 0) == (5, 10)
    assert read_varint(b"\xff" * 9 + b"\x7f", 0) == ((1 << 64) - 1, 10)
    with pytest.raises(DecodeError, match="longer than 10 bytes"):
        read_varint(b"\x80" * 10 + b"\x00", 0)


def test_fields_are_asked_for_by_number() -> None:
    data = b"\x08\x05" + b"\x12\x02hi" + b"\x1a\x01\xff" + b"\x20\x01" + b"\x12\x03two"
    message = Message("M", data)
    assert message.int64(1) == 5
    assert message.text(2) == "two"
    assert message.texts(2) == ("hi", "two")
    assert message.text(3).encode("utf-8", "surrogateescape") == b"\xff"
    assert message.name(3) == "\ufffd", "as Java reads it"
    assert message.names(2) == ("hi", "two")
    assert message.boolean(4) is True
    assert message.int64(9, -2) == -2
    assert message.message(9, bytes, None) is None
    assert message.messages(2, len) == (2, 3)
    assert Message("M", b"\x08\x05\x10\x07\x08" + varint(-6)).int64s(1) == (5, -6)
    assert message.int64s(2) == ()


def test_the_last_value_wins() -> None:
    assert Message("M", b"\x08\x05\x08\x06").int64(1) == 6


def test_a_known_field_of_another_wire_type_is_skipped() -> None:
    message = Message("M", b"\x0a\x01\x05" + b"\x15abcd" + b"\x19abcdefgh")
    assert message.int64(1, None) is None
    assert message.text(2, None) is None
    assert message.int64(3, None) is None


def test_groups_are_skipped_with_what_is_in_them() -> None:
    group = b"\x0b" + b"\x08\x01" + b"\x13\x14" + b"\x0a\x01\x0c" + b"\x0c"
    assert Message("M", group + b"\x08\x07").int64(1) == 7


def test_a_required_field_that_is_missing_is_named() -> None:
    with pytest.raises(DecodeError, match="Thing: required field 3 is missing"):
        Message("Thing", b"\x08\x05").text(3)


def test_an_error_says_its_way_down() -> None:
    def inner(data: bytes) -> int:
        return Message("Inner", data).int64(1)

    with pytest.raises(DecodeError, match="Outer field 2: Inner: varint at byte 1 runs over the end at byte 2"):
        Message("Outer", b"\x12\x02\x08\x80").message(2, inner)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x08", "runs over the end"),
        (b"\x80", "runs over the end"),
        (b"\x12\x05hi", "5 bytes are announced at byte 2, but 2 are left"),
        (b"\x12" + b"\xff" * 9 + b"\x01", "are left"),
        (b"\x0d\x00\x00\x00", "4 bytes are announced"),
        (b"\x09\x00\x00\x00\x00\x00\x00\x00", "8 bytes are announced"),
        (b"\x0b\x08\x01", "runs over the end"),
        (b"\x0c", "wire type 4"),
        (b"\x0e\x00", "wire type 6"),
        (b"\x0f\x00", "wire type 7"),
        (b"\x00\x00", "has the invalid field number 0"),
        (b"\x03\x04", "has the invalid field number 0"),
        (b"\x0b\x04", "has the invalid field number 0"),
        (b"\x80\x80\x80\x80\x10\x00", "has the invalid field number 536870912"),
    ],
)
def test_what_is_not_a_message_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        Message("M", data)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        Message("M", data)
    except DecodeError as error:
        assert str(error).startswith("M: ")


@given(st.integers(-(1 << 63), (1 << 64) - 1))
def test_a_number_is_written_as_the_independent_encoder_writes_it(number: int) -> None:
    assert written_varint(number) == varint(number)


@pytest.mark.parametrize(("signed", "unsigned"), [(0, 0), (-1, 1), (1, 2), (-33, 65), (2**31 - 1, 2**32 - 2)])
def test_zigzag_is_as_the_encoding_guide_says(signed: int, unsigned: int) -> None:
    assert (zigzag(signed), from_zigzag(unsigned)) == (unsigned, signed)


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_a_signed_number_comes_back(number: int) -> None:
    assert Message("M", number_field(3, zigzag(number))).sint32(3) == number


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.binary(max_size=300))
def test_fields_come_back(number: int, value: bytes) -> None:
    text = value.decode("utf-8", "surrogateescape")
    data = number_field(1, number) + bytes_field(200, value) + bytes_field(3, text) + number_field(4, None)
    message = Message("M", data)
    assert (message.int64(1), message.blob(200), message.text(3)) == (number, value, text)
    assert message.int64(4, None) is None


def test_the_number_of_fields_is_bounded_those_of_groups_too() -> None:
    field, group = b"\x08\x05", b"\x0b" + b"\x10\x01" * 4 + b"\x0c"
    assert Message("M", field * 8, 8).int64(1) == 5
    for data in (field * 9, field * 4 + group, group * 2, b"\x0b" * 9 + b"\x0c" * 9, b"\x0b" + field * 100):
        with pytest.raises(MessageTooLong, match=r"^M: .*(more than|too many) "):
            Message("M", data, 8)
    with pytest.raises(MessageTooLong, match=r"^M field 2: N: it has more than 8 fields"):
        Message("M", bytes_field(2, field * 9), 8).part(2, "N")


def test_what_is_long_is_not_copied_and_what_is_short_keeps_nothing_long() -> None:
    long = bytes(100_000)
    message = Message("M", memoryview(bytes_field(1, bytes_field(2, long) + bytes_field(3, b"short"))))
    part = message.part(1, "N")
    view = part.view(2)
    assert isinstance(view, memoryview)
    assert view == long
    assert part.views(2) == (view,)
    assert part.blob(2) == long
    assert type(part.blob(2)) is type(part.view(3)) is bytes
    assert part.view(9, None) is None
    assert part.text(3) == "short"
