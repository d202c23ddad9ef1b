"""Messages read as columns say what each says alone, and refuse what is refused alone."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decode.om.batches import damaged
from tests.decode.om.om_messages import blob, number, varint

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import joined, slices_of_texts
from ozone_recon.errors import DecodeError
from ozone_recon.wire.protobuf.fields import Message
from ozone_recon.wire.protobuf.messages import Messages, read_messages

T = TypeVar("T")

longs = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-2, 2)
field_numbers = st.sampled_from([1, 2, 3, 23, 24, 1 << 20])
fields = (
    st.builds(number, field_numbers, longs)
    | st.builds(blob, field_numbers, st.binary(max_size=4))
    | st.sampled_from([varint(1 << 3 | 1) + b"12345678", varint(2 << 3 | 5) + b"1234", varint(3 << 3 | 3) + b"\x1c"])
)
messages = st.lists(fields, max_size=6).map(b"".join)
nested = st.lists(fields | st.builds(blob, field_numbers, messages), max_size=6).map(b"".join)


def column_of(values: list[bytes]) -> Messages:
    return Messages(slices_of_texts(ByteColumn.of([b"before", *values, b"behind"]).slice(1, len(values) + 1)))


def check(values: list[bytes], ask: Callable[[Messages], list[T]], one: Callable[[Message], T]) -> None:
    """Asks all at once and each alone."""
    column = column_of(values)
    found = ask(column)
    for row, value in enumerate(values):
        try:
            wanted = one(Message("M", value))
        except DecodeError:
            assert column.refused[row]
        else:
            assert not column.refused[row]
            assert found[row] == wanted


@settings(deadline=None)
@given(st.lists(damaged(messages), max_size=5), st.sampled_from([1, 2, 23]))
def test_fields_are_those_of_each_message(values: list[bytes], field: int) -> None:
    check(values, lambda all: all.int64(field).tolist(), lambda one: one.int64(field))
    check(values, lambda all: all.int64(field, -7).tolist(), lambda one: one.int64(field, -7))
    check(values, lambda all: all.int32(field, 5).tolist(), lambda one: one.int32(field, 5))
    check(values, lambda all: all.boolean(field, False).tolist(), lambda one: one.boolean(field, False))
    check(values, lambda all: all.has_number(field).tolist(), lambda one: one.int64(field, None) is not None)
    check(values, lambda all: all.has_blob(field).tolist(), lambda one: one.blob(field, None) is not None)
    check(values, lambda all: joined([all.blob(field)]).items(), lambda one: one.blob(field))
    check(values, lambda all: joined([all.blob(field, required=False)]).items(), lambda one: one.blob(field, b""))


@settings(deadline=None)
@given(st.lists(damaged(nested), max_size=5))
def test_messages_within_messages(values: list[bytes]) -> None:
    def of_all(column: Messages) -> list[list[int]]:
        inner = column.messages(1)
        numbers = inner.int64(2)
        return [numbers[inner.parent == row].tolist() for row in range(len(column))]

    check(values, of_all, lambda one: list(one.messages(1, lambda value: Message("inner", value).int64(2))))
    check(
        values,
        lambda all: all.message(3).int32(1, 9).tolist(),
        lambda one: one.message(3, lambda value: Message("inner", value).int32(1, 9)),
    )


def test_what_is_refused_deep_down_is_refused_above_and_read_without() -> None:
    good, bad = blob(1, blob(1, number(1, 5))), blob(1, blob(1, number(2, 5)))
    values = slices_of_texts(ByteColumn.of([good, bad, good + good, good + bad, b""]))
    rows, found = read_messages(values, lambda top: top.messages(1).messages(1).int64(1))
    assert rows.tolist() == [0, 2, 4]
    assert np.array_equal(found, [5, 5, 5])
