from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decode.om.om_messages import blob, number

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.decode.dictionary import decode_dictionary, decode_optional, distinct
from ozone_recon.wire.protobuf.fields import Message
from ozone_recon.wire.protobuf.messages import Messages


def decode(value: bytes) -> int:
    return Message("M", value).int64(1)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=2) | st.sampled_from([b"", b"user1", b"user2"])))
def test_strings_are_numbered_in_the_order_they_come(items: list[bytes]) -> None:
    strings, indices = distinct(slices_of_texts(ByteColumn.of(items)))
    assert strings.items() == list(dict.fromkeys(items))
    assert [strings[index] for index in indices] == items


def test_each_string_is_decoded_once_and_refused_with_its_message() -> None:
    seen: list[bytes] = []

    def recording_decode(value: bytes) -> int:
        seen.append(value)
        return decode(value)

    one, two, bad = number(1, 1), number(1, 2), number(2, 2)
    values = [blob(1, one) + blob(1, two), blob(1, bad), blob(1, two)]
    messages = Messages(slices_of_texts(ByteColumn.of(values)))
    cells, parents = messages.blobs(1)
    column = decode_dictionary(messages, cells, recording_decode, parents)
    assert seen == [one, two, bad]
    assert column.values == [1, 2]
    assert column.indices[[0, 1, 3]].tolist() == [0, 1, 1]
    assert messages.refused.tolist() == [False, True, False]


def test_what_is_absent_is_none() -> None:
    messages = Messages(slices_of_texts(ByteColumn.of([b"", blob(1, number(1, 4)), blob(1, b"")])))
    column = decode_optional(messages, 1, decode)
    assert [column.values[index] for index in column.indices[:2]] == [None, 4]
    assert messages.refused.tolist() == [False, False, True]
