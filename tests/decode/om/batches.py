"""Random rows, valid, damaged and hostile, and decoded columns as values that compare."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import strategies as st
from tests.decode.om.om_messages import (
    blob,
    block,
    directory_info,
    ec_config,
    key_info,
    location_version,
    number,
    varint,
)

from ozone_recon.columnar.byte_column import ByteColumn, Rows
from ozone_recon.model.key_columns import DirectoryColumns, KeyColumns

MAX = (1 << 63) - 1
MIN = -(1 << 63)

longs = st.integers(MIN, MAX) | st.sampled_from([0, 1, -1, MIN, MAX])
sizes = st.integers(0, 1 << 45) | st.sampled_from([0, MAX, MAX // 3, MAX // 3 + 1, -1])
short = st.binary(max_size=8) | st.sampled_from([b"", b"hadoop", b"om", "größe".encode(), b"\xff\xfe"])
blocks = st.builds(block, st.integers(0, 1 << 40) | longs, longs, sizes, longs)
locations = st.builds(
    location_version, st.sampled_from([None, 0, 1, 5, (1 << 31) - 1]) | longs, st.lists(blocks, max_size=4)
)
ecs = st.builds(
    ec_config,
    st.integers(1, 10) | longs,
    st.integers(0, 5) | longs,
    st.sampled_from([b"rs", b"xor", b"", b"\xf2s"]),
    st.sampled_from([1 << 20, 4096, 1, 0, -1]),
)
unknown_fields = st.sampled_from(
    [
        b"",
        number(30, 5),
        number(1 << 20, -1),
        blob(300, b"what"),
        varint(31 << 3 | 5) + b"abcd",
        varint(31 << 3 | 1) + b"abcdefgh",
        varint(40 << 3 | 3) + number(4, 9) + varint(40 << 3 | 4),
        blob(4, b"size?"),
        number(7, 3),
        varint(4 << 3) + b"\x85" + b"\x80" * 8 + b"\x00",
    ]
)
key_infos = st.builds(
    key_info,
    size=sizes,
    kind=st.sampled_from([1, 2, 3, 4, -1, 77]) | longs,
    factor=st.sampled_from([None, 0, 1, 3, -1]) | longs,
    locations=st.lists(locations, max_size=3).map(tuple),
    created=longs,
    modified=longs,
    object_id=st.none() | longs,
    update_id=st.none() | longs,
    ec=st.none() | ecs,
    owner=st.none() | short,
    more=unknown_fields,
)
directory_infos = st.builds(
    directory_info,
    name=short,
    created=longs,
    modified=longs,
    object_id=longs,
    update_id=longs,
    parent_id=longs,
    owner=st.none() | short,
    more=unknown_fields,
)
segments = st.sampled_from(
    [b"", b"a", b"b", b"vol1", b"-1", b"-9223372036854775808", b"9223372036854775808", b"007", b"-0"]
)
any_keys = st.lists(segments, min_size=0, max_size=6).map(b"/".join).map(lambda key: b"/" + key) | st.binary(
    max_size=12
)
object_keys = st.tuples(st.sampled_from([b"/v/b/", b"/v/bucket/", b"/v/b/d/"]), short).map(b"".join) | any_keys
ids = st.sampled_from([b"0", b"1", b"-9223372036854775808", b"9223372036854775807"])
path_keys = (
    st.tuples(ids, ids, ids, short.filter(lambda name: b"/" not in name)).map(lambda parts: b"/" + b"/".join(parts))
    | any_keys
)
damage = st.sampled_from(["keep", "keep", "keep", "cut", "flip", "garbage", "append"])


@st.composite
def damaged(draw: st.DrawFn, values: st.SearchStrategy[bytes]) -> bytes:
    value, what = draw(values), draw(damage)
    at = draw(st.integers(0, max(0, len(value) - 1)))
    if what == "cut":
        return value[:at]
    if what == "flip" and value:
        return value[:at] + bytes([value[at] ^ 1 << draw(st.integers(0, 7))]) + value[at + 1 :]
    if what == "garbage":
        return draw(st.binary(max_size=40))
    return value + draw(st.binary(max_size=4)) if what == "append" else value


def rows_of(pairs: list[tuple[bytes, bytes]]) -> Rows:
    return Rows(ByteColumn.of(key for key, _ in pairs), ByteColumn.of(value for _, value in pairs))


def plain(columns: KeyColumns | DirectoryColumns) -> dict[str, object]:
    shown: dict[str, object] = {}
    for field in fields(columns):
        value = getattr(columns, field.name)
        if isinstance(value, ByteColumn):
            assert value.offsets.dtype == np.int64 and value.data.dtype == np.uint8
            value = value.items()
        elif isinstance(value, np.ndarray):
            value = (value.dtype, value.tolist())
        shown[field.name] = value
    return shown
