"""The compiled columns equal the plain ones: on valid, truncated, damaged and hostile rows."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.decode.om.batches import (
    MAX,
    MIN,
    damaged,
    directory_infos,
    key_infos,
    object_keys,
    path_keys,
    plain,
    rows_of,
)
from tests.decode.om.om_messages import blob, block, directory_info, ec_config, key_info, location_version, number

from ozone_recon.columnar.byte_column import Rows
from ozone_recon.decode.om import key_columns, key_columns_reference
from ozone_recon.decode.om.key_columns_reference import KeyTable
from ozone_recon.model.key_columns import DirectoryColumns, KeyColumns
from ozone_recon.model.replication import ReplicationConfig


def keys_of(pairs: list[tuple[bytes, bytes]], table: KeyTable = "keyTable") -> KeyColumns:
    """Decodes in both ways, which must agree."""
    rows = rows_of(pairs)
    columns = key_columns.decode_keys(rows, table)
    assert plain(columns) == plain(key_columns_reference.decode_keys(rows, table))
    return columns


def directories_of(pairs: list[tuple[bytes, bytes]]) -> DirectoryColumns:
    rows = rows_of(pairs)
    columns = key_columns.decode_directories(rows)
    assert plain(columns) == plain(key_columns_reference.decode_directories(rows))
    return columns


many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(st.lists(st.tuples(object_keys, damaged(key_infos)), max_size=8))
@example([])
def test_keys_decode_alike(pairs: list[tuple[bytes, bytes]]) -> None:
    keys_of(pairs)


@many
@given(st.lists(st.tuples(path_keys, damaged(key_infos)), max_size=8))
def test_files_decode_alike(pairs: list[tuple[bytes, bytes]]) -> None:
    keys_of(pairs, "fileTable")


@many
@given(st.lists(st.tuples(path_keys, damaged(directory_infos)), max_size=8))
@example([])
def test_directories_decode_alike(pairs: list[tuple[bytes, bytes]]) -> None:
    directories_of(pairs)


VALUE = key_info(
    locations=(location_version(0, [block(1, 2, 3), block(4, 5, 6)]), location_version(1, [block(7, 8, 9)])),
    kind=4,
    ec=ec_config(),
)


def test_every_truncation_decodes_alike() -> None:
    columns = keys_of([(b"/v/b/%d" % end, VALUE[:end]) for end in range(len(VALUE) + 1)])
    assert columns.names.items()[-1] == b"%d" % len(VALUE)
    assert all(int(name) > len(VALUE) // 2 for name in columns.names.items())


def test_every_flipped_bit_decodes_alike() -> None:
    flipped = [
        (b"/v/b/%d.%d" % (at, bit), VALUE[:at] + bytes([VALUE[at] ^ 1 << bit]) + VALUE[at + 1 :])
        for at in range(len(VALUE))
        for bit in range(8)
    ]
    columns = keys_of(flipped)
    assert len(columns.bad) > 100
    assert len(columns) > 100


def test_every_truncation_and_flipped_bit_of_a_directory_decodes_alike() -> None:
    value = directory_info()
    directories_of([(b"/1/2/3/%d" % end, value[:end]) for end in range(len(value) + 1)])
    directories_of(
        [
            (b"/1/2/3/%d.%d" % (at, bit), value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :])
            for at in range(len(value))
            for bit in range(8)
        ]
    )


def test_columns_hold_what_was_written() -> None:
    columns = keys_of(
        [
            (b"/vol1/a/dir/k1", key_info(size=10, locations=(location_version(0, [block(1, 2, 10)]),), owner=b"om")),
            (b"/vol1/a/k2", VALUE),
            (b"/vol1/ab/k1", key_info(size=5, kind=2, factor=1, owner=None)),
        ]
    )
    assert columns.prefixes.items() == [b"/vol1/a/", b"/vol1/ab/"]
    assert columns.group_starts.tolist() == [0, 2, 3]
    assert columns.names.items() == [b"dir/k1", b"k2", b"k1"]
    assert columns.size.tolist() == [10, 1234, 5]
    assert columns.replicated_size.tolist() == [30, 1234 * 3, 5]
    assert columns.object_id.tolist() == [MIN + 4352] * 3
    assert [columns.owners[index] for index in columns.owner] == [b"om", b"hadoop", b""]
    assert [columns.replications[index] for index in columns.replication] == [
        ReplicationConfig("RATIS", 3),
        ReplicationConfig("EC", data=3, parity=2, codec="rs", chunk=1 << 20),
        ReplicationConfig("STAND_ALONE", 1),
    ]
    assert columns.block_starts.tolist() == [0, 1, 4, 4]
    assert columns.block_container.tolist() == [1, 1, 4, 7]
    assert columns.block_local_id.tolist() == [2, 2, 5, 8]
    assert columns.block_length.tolist() == [10, 3, 6, 9]
    assert columns.block_version.tolist() == [0, 0, 0, 1]
    assert columns.bad == ()


def test_a_bad_row_is_named_with_its_reason_and_leaves_no_trace() -> None:
    good = key_info(owner=b"om")
    bad = key_info(owner=b"nobody", locations=(location_version(0, [block(9, 9, 9)]),), more=b"\x08")
    columns = keys_of([(b"/v/a/1", good), (b"/v/b/1", bad), (b"/v/a/2", good), (b"nonsense", good)])
    assert columns.prefixes.items() == [b"/v/a/"]
    assert columns.group_starts.tolist() == [0, 2]
    assert columns.owners == (b"om",)
    assert columns.block_container.tolist() == []
    assert [(row.table, row.key) for row in columns.bad] == [("keyTable", b"/v/b/1"), ("keyTable", b"nonsense")]
    assert columns.bad[0].reason.startswith("keyTable row b'/v/b/1': KeyInfo: varint at byte ")
    assert (
        columns.bad[1].reason == "keyTable row b'nonsense': key b'nonsense' does not have the form /volume/bucket/key"
    )


@pytest.mark.parametrize(
    "value",
    [
        key_info(size=-1),
        key_info(size=MAX // 3 + 1),
        key_info(size=MAX // 3 + 1, kind=4, ec=ec_config()),
        key_info(kind=4),
        key_info(kind=4, ec=ec_config(data=0)),
        key_info(kind=4, ec=ec_config(parity=-1)),
        key_info(kind=4, ec=ec_config(chunk=0)),
        key_info(kind=4, ec=number(1, 3)),
        key_info(factor=-3),
        key_info(locations=(location_version(-1, []),)),
        key_info(locations=(location_version(1 << 31, []),)),
        key_info(locations=(location_version(0, [block(-1, 1, 1)]),)),
        key_info(locations=(location_version(0, [block(1, 1, -1)]),)),
        key_info(locations=(location_version(0, [b""]),)),
        key_info(locations=(location_version(0, [number(3, 1) + number(4, 1) + blob(1, b"")]),)),
        key_info(volume=None),
        key_info(bucket=None),
        key_info(key=None),
        key_info(size=None),
        key_info(kind=None),
        key_info(created=None),
        key_info(modified=None),
        key_info(more=b"\x0c"),
        key_info(more=b"\x0b" * 40),
        key_info(more=b"\x7a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        key_info(more=b"\x7a" + b"\xff" * 9 + b"\x01"),
    ],
)
def test_what_cannot_be_is_refused_alike(value: bytes) -> None:
    columns = keys_of([(b"/v/b/k", value)])
    assert (len(columns), len(columns.bad)) == (0, 1)


@pytest.mark.parametrize(
    "value",
    [
        key_info(size=MAX // 3),
        key_info(size=MAX, kind=77, factor=-5),
        key_info(size=MAX, factor=0),
        key_info(size=MAX // 3, kind=4, ec=ec_config(data=1)),
        key_info(factor=None),
        key_info(kind=3),
        key_info(kind=-1),
        key_info(object_id=None, update_id=None, owner=None),
        key_info(more=b"\x0b" * 40 + b"\x0c" * 40),
        key_info(ec=b"not looked at"),
        key_info(locations=(location_version((1 << 31) - 1, [block(MAX, MIN, MAX)]),)),
    ],
)
def test_what_is_odd_but_can_be_is_kept_alike(value: bytes) -> None:
    columns = keys_of([(b"/v/b/k", value)])
    assert (len(columns), columns.bad) == (1, ())


@pytest.mark.parametrize(
    "key",
    [b"", b"/", b"//", b"///", b"/v", b"/v/", b"/v/b", b"//b/k", b"/v//k", b"v/b/k", b"v/b/k/", b"/vvvvvvv"],
)
def test_a_key_of_another_form_is_bad(key: bytes) -> None:
    assert len(keys_of([(b"/v/b/k", VALUE), (key, VALUE)]).bad) == 1


@pytest.mark.parametrize(
    "key",
    [
        b"/1/2/3",
        b"/1/2/3/",
        b"/1/2/3/a/b",
        b"/1/2/+3/a",
        b"/1/2/03/a",
        b"/1/2/-0/a",
        b"/1/2/-/a",
        b"/1/2//a",
        b"/1/2/9223372036854775808/a",
        b"/1/2/-9223372036854775809/a",
        b"/1/2/99999999999999999999/a",
        b"1/2/3/a",
        b"/1/x/3/a",
    ],
)
def test_a_path_of_another_form_is_bad(key: bytes) -> None:
    pairs = [(b"/1/2/3/a", VALUE), (key, VALUE), (b"/-1/0/-9223372036854775808/b", VALUE)]
    assert [row.key for row in keys_of(pairs, "fileTable").bad] == [key]
    assert [row.key for row in directories_of([(key, directory_info()) for key, _ in pairs]).bad] == [key]


def test_a_directory_has_the_parent_that_its_key_names() -> None:
    columns = directories_of(
        [(b"/1/2/-5/a", directory_info()), (b"/1/2/-5/b", directory_info(owner=None)), (b"/1/2/7/a", directory_info())]
    )
    assert columns.parent_id.tolist() == [-5, -5, 7]
    assert columns.object_id.tolist() == [MIN + 4353] * 3
    assert columns.group_starts.tolist() == [0, 2, 3]
    assert columns.owners == (b"hadoop", b"")


def test_many_owners_and_replications_are_told_apart() -> None:
    columns = keys_of(
        [
            (b"/v/b/%d" % row, key_info(owner=b"user%d" % (row % 700), kind=4, ec=ec_config(data=1 + row % 300)))
            for row in range(2000)
        ]
    )
    assert (len(columns.owners), len(columns.replications)) == (700, 300)


def test_a_slice_of_a_batch_decodes_as_if_it_were_alone() -> None:
    pairs = [(b"/v/b/%d" % row, key_info(size=row)) for row in range(10)]
    rows = rows_of(pairs)
    part = Rows(rows.keys.slice(3, 7), rows.values.slice(3, 7))
    assert plain(key_columns.decode_keys(part, "keyTable")) == plain(keys_of(pairs[3:7]))
