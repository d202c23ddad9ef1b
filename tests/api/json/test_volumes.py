"""Volumes and buckets serialised from columns equal, byte for byte, the serialised records."""

from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.json.drawn_fields import acls, numbers, pairs, repeated, replications, texts
from tests.decode.om.batches import damaged
from tests.decode.om.om_messages import blob, number

from ozone_recon.api.json.om import bucket_json, volume_json
from ozone_recon.api.json.volumes import buckets_json, volumes_json
from ozone_recon.api.responses import RawJson
from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, slices_of_texts
from ozone_recon.decode.om.bucket_info_columns import decode_buckets, decode_volumes
from ozone_recon.decode.om.values import decode_bucket, decode_volume
from ozone_recon.errors import DecodeError
from ozone_recon.store.generation import Generation

many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def maybe(field: int, values: st.SearchStrategy[int] = numbers) -> st.SearchStrategy[bytes]:
    return st.builds(number, st.just(field), st.none() | values)


def text(field: int) -> st.SearchStrategy[bytes]:
    return st.builds(blob, st.just(field), texts)


def maybe_text(field: int) -> st.SearchStrategy[bytes]:
    return st.just(b"") | text(field)


volumes = st.tuples(
    text(1), text(2), text(3), *map(maybe, (4, 7, 10, 11, 12)), repeated(5, pairs), repeated(6, acls)
).map(b"".join)
encryptions = st.tuples(text(1), maybe(2), maybe(3)).map(b"".join)
defaults = replications.map(lambda said: number(1, said[0]) + number(2, said[1]) + blob(3, said[2]))
buckets = st.tuples(
    text(1),
    text(2),
    repeated(3, acls),
    st.builds(number, st.just(4), st.sampled_from([0, 1])),
    st.builds(number, st.just(5), numbers),
    *map(maybe, (6, 11, 14, 15, 16, 17, 18, 21)),
    repeated(7, pairs),
    repeated(8, encryptions, 2),
    *map(maybe_text, (12, 13, 19)),
    repeated(20, defaults, 2),
).map(b"".join)


def check(
    values: list[bytes],
    read: Callable[[ByteSlices], tuple[Int64s, Any]],
    write: Callable[[Any], RawJson],
    decode: Callable[[bytes], Any],
    json: Callable[[Any], object],
) -> None:
    good, said = [], []
    for row, value in enumerate(values):
        try:
            said.append(json(decode(value)))
        except DecodeError:
            continue
        good.append(row)
    rows, found = read(slices_of_texts(ByteColumn.of(values)))
    assert rows.tolist() == good
    assert len(found) == len(good)
    assert b"".join(write(found).pieces) == orjson.dumps(said)


def check_volumes(values: list[bytes]) -> None:
    check(values, decode_volumes, volumes_json, decode_volume, volume_json)


def check_buckets(values: list[bytes]) -> None:
    check(values, decode_buckets, buckets_json, decode_bucket, bucket_json)


@many
@given(st.lists(volumes | damaged(volumes), max_size=4))
def test_generated_volumes(values: list[bytes]) -> None:
    check_volumes(values)


@many
@given(st.lists(buckets | damaged(buckets), max_size=4))
def test_generated_buckets(values: list[bytes]) -> None:
    check_buckets(values)


def test_the_sample(sample: Generation) -> None:
    check_volumes(sample.table("om/volumeTable").bytes("value").items())
    check_buckets(sample.table("om/bucketTable").bytes("value").items())
