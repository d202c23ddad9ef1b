"""KeyInfos in values of raw tables: compiled and plain decoding agree on what is there and what is refused."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.decode.om.batches import MAX, damaged, key_infos
from tests.decode.om.om_messages import blob, ec_config, key_info, number

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.decode.om.key_columns_reference import KeyFacts, key_facts
from ozone_recon.decode.om.key_infos import KeyInfoMatches, decode_key_infos, decode_part_infos
from ozone_recon.decode.om.key_infos_reference import key_infos_of_repeated, key_infos_of_upload
from ozone_recon.errors import DecodeError
from ozone_recon.model.replication import ReplicationConfig

Decode = Callable[[ByteColumn], KeyInfoMatches]
Reference = Callable[[bytes], tuple[KeyFacts, ...]]

many = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
numbers = st.sampled_from([None, 0, 1, 3])
repeated = st.lists(damaged(key_infos), max_size=3).map(lambda keys: b"".join(blob(1, key) for key in keys))
parts = st.builds(
    lambda name, part, key: blob(1, name) + number(2, part) + blob(3, key),
    st.sampled_from([None, b"part"]),
    numbers,
    st.none() | key_infos,
)
uploads = st.builds(
    lambda name, created, kind, held: blob(1, name) + number(2, created) + number(3, kind) + held,
    st.sampled_from([b"id", b"id", None]),
    numbers,
    numbers,
    st.lists(damaged(parts), max_size=3).map(lambda held: b"".join(blob(5, part) for part in held)),
)


def check(values: list[bytes], decode: Decode, reference: Reference) -> KeyInfoMatches:
    """Decodes in both ways, which must agree."""
    expected: list[tuple[int, KeyFacts]] = []
    refused = []
    for row, value in enumerate(values):
        try:
            expected += [(row, key) for key in reference(value)]
        except DecodeError:
            refused.append(row)
    found = decode(ByteColumn.of(values))
    assert found.row.tolist() == [row for row, _ in expected]
    assert found.refused.tolist() == refused
    assert found.bad == len(refused)
    for name in ("size", "replicated_size", "creation_time", "modification_time", "object_id", "is_file"):
        assert getattr(found, name).tolist() == [getattr(key, name) for _, key in expected], name
    assert replications(found) == [key.replication for _, key in expected]
    return found


def replications(found: KeyInfoMatches) -> list[ReplicationConfig]:
    column = found.replication()
    return [column.values[index] for index in column.indices]


def of_one(value: bytes) -> tuple[KeyFacts, ...]:
    return (key_facts(value),)


def decode_repeated(values: ByteColumn) -> KeyInfoMatches:
    return decode_key_infos(values, repeated=True)


@many
@given(st.lists(damaged(key_infos), max_size=6))
def test_open_keys_decode_alike(values: list[bytes]) -> None:
    check(values, decode_key_infos, of_one)


@many
@given(st.lists(damaged(repeated), max_size=5))
def test_deleted_keys_decode_alike(values: list[bytes]) -> None:
    check(values, decode_repeated, key_infos_of_repeated)


@many
@given(st.lists(damaged(uploads), max_size=5))
def test_uploads_decode_alike(values: list[bytes]) -> None:
    check(values, decode_part_infos, key_infos_of_upload)


def test_every_truncation_of_an_upload_decodes_alike() -> None:
    part = blob(1, b"part") + number(2, 1) + blob(3, key_info(kind=4, ec=ec_config()))
    whole = blob(1, b"id") + number(2, 5) + number(3, 1) + blob(5, part) * 3
    found = check([whole[:end] for end in range(len(whole) + 1)], decode_part_infos, key_infos_of_upload)
    assert found.row.tolist()[-3:] == [len(whole)] * 3


def test_sizes_of_all_versions_of_a_deleted_key() -> None:
    value = blob(1, key_info(size=10)) + blob(1, key_info(size=3 << 20, kind=4, ec=ec_config())) + number(2, 77)
    found = check([b"", value], decode_repeated, key_infos_of_repeated)
    assert found.row.tolist() == [1, 1]
    assert found.replicated_size.tolist() == [30, 5 << 20]
    assert replications(found) == [
        ReplicationConfig("RATIS", 3),
        ReplicationConfig("EC", data=3, parity=2, codec="rs", chunk=1 << 20),
    ]


def test_a_value_with_a_refused_message_gives_none() -> None:
    good, bad = key_info(), key_info(size=MAX // 3 + 1)
    found = check([blob(1, good) + blob(1, bad), blob(1, good)], decode_repeated, key_infos_of_repeated)
    assert (found.row.tolist(), found.refused.tolist()) == ([1], [0])


@pytest.mark.parametrize("decode", [decode_key_infos, decode_repeated, decode_part_infos])
def test_no_values(decode: Decode) -> None:
    assert len(decode(ByteColumn.of([]))) == 0
