"""Keys that are written from columns are, byte for byte, what the plain record of each key says."""

from typing import Any

import numpy as np
import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.json.drawn_fields import acls, numbers, pairs, repeated, replications, texts
from tests.decode.om.batches import MAX, damaged, key_infos, longs, unknown_fields
from tests.decode.om.om_messages import blob, block, ec_config, key_info, location_version, number, pair

from ozone_recon.api.json.key_info import key_info_json
from ozone_recon.api.json.key_infos import deleted_keys_json
from ozone_recon.columnar.amounts import sum_amounts
from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.decode.om.values import decode_repeated_key_info
from ozone_recon.errors import DecodeError
from ozone_recon.insights.om.pending_deletion import read_deleted_keys
from ozone_recon.store.generation import Generation

many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Blocks of few versions, so that of one location version some were made for the same one and some for others.
versions = st.builds(
    lambda version, made_for, multipart: (
        location_version(
            version, [block(1, at, 5) + number(5, one) + number(9, one) for at, one in enumerate(made_for)]
        )
        + number(4, multipart)
    ),
    st.sampled_from([None, 0, 1, 2]),
    st.lists(st.sampled_from([0, 1, 2, -1]), max_size=5),
    st.sampled_from([None, 0, 1]),
)
checksums = st.builds(
    lambda field, value: blob(field, number(1, 2) + number(2, 512) + number(3, value) + blob(4, b"md5")),
    st.sampled_from([2, 3, 4]),
    numbers,
)
encryptions = st.builds(
    lambda suite, key: number(1, suite) + number(2, 2) + blob(3, b"k") + blob(4, b"iv") + blob(5, key) + blob(6, b"v"),
    numbers,
    texts,
)


more = st.tuples(
    repeated(11, pairs),
    repeated(21, pairs),
    repeated(13, acls),
    repeated(12, encryptions, 2),
    repeated(18, checksums, 2),
    st.builds(number, st.just(22), st.none() | numbers),
    unknown_fields,
).map(b"".join)
keys = st.builds(
    lambda replication, **fields: key_info(kind=replication[0], factor=replication[1], ec=replication[2], **fields),
    replications,
    volume=texts,
    bucket=texts,
    key=texts,
    size=st.integers(0, 1 << 50),
    locations=st.lists(versions, max_size=3).map(tuple),
    created=longs,
    object_id=st.none() | longs,
    update_id=st.none() | longs,
    parent_id=st.none() | longs,
    owner=st.none() | texts,
    more=more,
)
rows = st.tuples(repeated(1, keys | keys | key_infos), st.builds(number, st.just(2), st.none() | numbers)).map(b"".join)


def plainly(values: list[bytes]) -> tuple[list[int], list[dict[str, Any]]]:
    """Which values are good, and what a page says of them."""
    good, said = [], []
    for row, value in enumerate(values):
        try:
            deleted = decode_repeated_key_info(value)
        except DecodeError:
            continue
        good.append(row)
        size, replicated_size = (
            sum_amounts(getattr(key, name) for key in deleted.keys) for name in ("size", "replicated_size")
        )
        said.append(
            {
                "omKeyInfoList": list(map(key_info_json, deleted.keys)),
                "bucketId": deleted.bucket_id or 0,
                "totalSize": {str(size): replicated_size},
            }
        )
    return good, said


def check(values: list[bytes]) -> None:
    good, said = plainly(values)
    names = [b"%d" % row for row in range(len(values))]
    rows, found = read_deleted_keys(ByteColumn.of(names), ByteColumn.of(values), np.arange(len(values)))
    assert rows.tolist() == good
    assert found.db_key.items() == [names[row] for row in good]
    if good:
        assert b"".join(deleted_keys_json(found).pieces) == orjson.dumps(said)


@many
@given(st.lists(rows, max_size=4))
def test_generated_keys(values: list[bytes]) -> None:
    check(values)


@many
@given(st.lists(damaged(rows), max_size=4))
def test_damaged_keys(values: list[bytes]) -> None:
    check(values)


def test_every_truncation_of_a_key() -> None:
    held = blob(12, number(1, 2) + number(2, 2) + blob(3, b"k") + blob(4, b"i") + blob(5, b"n") + blob(6, b"v"))
    whole = blob(1, key_info(kind=4, ec=ec_config(), locations=(location_version(1, [block(3, 4, 5)]),), more=held))
    check([whole[:end] for end in range(len(whole) + 1)])


def test_pairs_of_one_name() -> None:
    twice = blob(11, pair(b"a", b"1")) + blob(11, pair(b"b", b"2")) + blob(11, pair(b"a", b"3"))
    alike = blob(21, pair(b"\xff", b"1")) + blob(21, pair(b"\xfe", b"2"))
    committed = blob(11, pair(b"CKDEL", b"true")) + blob(11, pair(b"CKDEL", b"false"))
    check([blob(1, key_info(more=more)) for more in (twice, alike, committed, committed + twice)])


def test_the_sample(sample: Generation) -> None:
    values = sample.table("om/deletedTable").bytes("value").items()
    values += [
        blob(1, value)
        for table in ("openKeyTable", "openFileTable", "deletedDirectoryTable")
        for value in sample.table(f"om/{table}").bytes("value")
    ]
    assert len(values) > 10
    check(values)


def test_sizes_whose_replicas_cannot_be_counted() -> None:
    limits = [(1, None, MAX // 3), (77, None, MAX), (4, ec_config(), MAX // 3)]
    check(
        [blob(1, key_info(size=size, kind=kind, ec=ec)) for kind, ec, most in limits for size in (most, most + 1, -1)]
    )


def test_rows_without_keys() -> None:
    none, one = number(2, 7), blob(1, key_info())
    check([none])
    check([none, none, one, one + one, none, none, one + one, none])
    check([])
