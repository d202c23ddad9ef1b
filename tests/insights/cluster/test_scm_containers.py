"""Containers that SCM tells of, in any pieces and order: the blocks hold what a plain table does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decode.cluster.scm_messages import PIPELINE, container_info, pipeline_id
from tests.decode.cluster.test_containers import records
from tests.decode.om.om_messages import ec_config

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.decode.cluster.containers import decode_containers
from ozone_recon.insights.cluster.scm_containers import UNKNOWN, ContainerBlock, ScmContainers
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.scm import ContainerInfo, ContainerState

longs = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 300)
ids = st.sampled_from([0, 1, 2, 65_535, 65_536, 65_537, 1 << 20, (1 << 63) - 1]) | st.integers(0, 1 << 18)
messages = st.builds(
    container_info,
    container_id=ids,
    state=st.integers(1, 8),
    pipeline=st.sampled_from([None, pipeline_id(), pipeline_id(PIPELINE[::-1].replace("f", "0"))]),
    used=longs,
    keys=longs,
    entered=longs,
    sequence=longs,
    owner=st.sampled_from([b"om1", b"om2", b"\xff"]),
    factor=st.sampled_from([1, 3]),
    suppressed=st.sampled_from([None, 1]),
) | st.builds(container_info, container_id=ids, kind=st.just(4), factor=st.just(0), ec=st.just(ec_config(3, 2)))
pages = st.lists(messages, max_size=12).map(lambda said: columns(*said))


def columns(*said: bytes) -> ContainerColumns:
    return decode_containers(slices_of_texts(ByteColumn.of(said)))[1]


def table(containers: ScmContainers) -> dict[int, ContainerInfo]:
    """What blocks hold, one by one."""
    found: dict[int, ContainerInfo] = {}
    for block in containers.blocks():
        held = {name: getattr(block, name) for name in ContainerBlock.__dataclass_fields__}
        names = (containers.replications, containers.owners, (*containers.pipelines, None))
        for one in records(ContainerColumns(**held, **dict(zip(NAMES, names, strict=True)))):  # type: ignore[arg-type]
            assert one.container_id not in found
            found[one.container_id] = one
    assert list(found) == sorted(found)
    return found


NAMES = ("replications", "owners", "pipelines")


@settings(deadline=None)
@given(st.lists(pages, max_size=5), st.lists(ids, max_size=9))
def test_blocks_hold_what_a_plain_table_does(said: list[ContainerColumns], asked: list[int]) -> None:
    containers = ScmContainers()
    plain: dict[int, ContainerInfo] = {}
    for page in said:
        containers.put(page)
        plain |= {one.container_id: one for one in records(page)}
    assert table(containers) == plain
    assert len(containers) == len(plain)
    numbers = {state.name: state.value for state in ContainerState} | {"0": 0}
    states = {one: numbers[info.state] for one, info in plain.items()}
    assert containers.states(np.array(asked, np.int64)).tolist() == [states.get(one, UNKNOWN) for one in asked]
    for state, count in containers.counts().items():
        wanted = sorted(one for one, held in states.items() if held == state)
        assert (containers.ids(state).tolist(), count) == (wanted, len(wanted))
    of_pipelines = [info.pipeline_id for info in plain.values() if info.state == "OPEN" and info.pipeline_id]
    assert containers.open_by_pipeline() == {one: of_pipelines.count(one) for one in of_pipelines}


@settings(deadline=None)
@given(pages, st.lists(pages, max_size=3))
def test_scm_has_those_no_more_that_it_does_not_list(before: ContainerColumns, listed: list[ContainerColumns]) -> None:
    containers = ScmContainers()
    containers.put(before)
    plain = table(containers)
    containers.begin()
    for page in listed:
        containers.put(page)
    there = {one.container_id: one for page in listed for one in records(page)}
    gone = {one: replace(info, state="0") for one, info in plain.items() if one not in there}
    assert containers.end() == sum(plain[one].state != "0" for one in gone)
    assert table(containers) == gone | there
    containers.begin()
    assert containers.end() == sum(info.state != "0" for info in there.values()), "nothing was listed this time"


def test_a_container_takes_few_bytes() -> None:
    containers = ScmContainers()
    containers.put(
        columns(
            *(
                container_info(container_id=70_000 + row, used=row << 20, keys=row % 3000, sequence=row << 10)
                for row in range(50_000)
            )
        )
    )
    taken = sum(getattr(block, name).nbytes for block in containers.blocks() for name in block.__dataclass_fields__)
    assert taken <= 36 * len(containers)
