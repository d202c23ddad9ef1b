"""Containers that SCM tells of, in any pieces and order: the blocks hold what a plain table does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decode.cluster.container_records import records
from tests.decode.cluster.scm_messages import container_info
from tests.insights.cluster.drawn_containers import columns, ids, pages, table

from ozone_recon.insights.cluster.scm_containers import UNKNOWN, ScmContainers
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.scm import ContainerInfo, ContainerState


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
