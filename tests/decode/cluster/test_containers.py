"""Containers as columns are those that the readable decoder reads, and refused is what it refuses."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decode.cluster.container_records import records
from tests.decode.cluster.scm_messages import PIPELINE, container_info, pipeline_id
from tests.decode.om.batches import damaged, ecs, longs, short, unknown_fields
from tests.decode.om.om_messages import blob, number

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.decode.cluster.containers import decode_container_ids, decode_containers
from ozone_recon.decode.cluster.scm import CONTAINER_STATES, decode_container_id, decode_container_info
from ozone_recon.errors import DecodeError
from ozone_recon.model.scm import ContainerInfo

container_infos = st.builds(
    container_info,
    container_id=st.integers(0, 1 << 40) | longs,
    state=st.integers(1, 7) | longs,
    pipeline=st.none()
    | st.sampled_from([pipeline_id(), pipeline_id(PIPELINE[::-1]), blob(1, PIPELINE.encode()), b""])
    | st.binary(max_size=5),
    used=st.none() | longs,
    keys=st.none() | longs,
    entered=st.none() | longs,
    owner=st.none() | short,
    sequence=st.none() | longs,
    factor=st.sampled_from([None, 0, 1, 3, -1]) | longs,
    kind=st.sampled_from([1, 2, 3, 4, -1, 77]) | longs,
    ec=st.none() | ecs,
    suppressed=st.sampled_from([None, 0, 1]),
    more=unknown_fields,
)


@settings(deadline=None)
@given(st.lists(container_infos | damaged(container_infos), max_size=6))
def test_columns_are_what_is_read_one_by_one(messages: list[bytes]) -> None:
    expected: dict[int, ContainerInfo] = {}
    for row, message in enumerate(messages):
        try:
            expected[row] = decode_container_info(message)
        except DecodeError:
            continue
    good, columns = decode_containers(slices_of_texts(ByteColumn.of(messages)))
    assert good.tolist() == list(expected)
    for found, wanted in zip(records(columns), expected.values(), strict=True):
        assert found.state == (wanted.state if wanted.state in CONTAINER_STATES.values() else "0")
        assert replace(found, state=wanted.state) == wanted


def test_every_truncation_of_one_among_others() -> None:
    whole = container_info(pipeline=pipeline_id(), suppressed=1)
    for end in range(len(whole)):
        good, _ = decode_containers(slices_of_texts(ByteColumn.of([whole, whole[:end], whole])))
        try:
            decode_container_info(whole[:end])
        except DecodeError:
            assert good.tolist() == [0, 2]
        else:
            assert good.tolist() == [0, 1, 2]


@settings(deadline=None)
@given(st.lists(st.builds(number, st.just(1), longs) | st.binary(max_size=6), max_size=6))
def test_ids(messages: list[bytes]) -> None:
    expected: dict[int, int] = {}
    for row, message in enumerate(messages):
        try:
            expected[row] = decode_container_id(message)
        except DecodeError:
            continue
    good, ids = decode_container_ids(slices_of_texts(ByteColumn.of(messages)))
    assert dict(zip(good.tolist(), ids.tolist(), strict=True)) == expected
