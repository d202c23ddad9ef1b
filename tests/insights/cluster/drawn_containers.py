"""Hypothesis strategies for pages of containers, and the container table read row by row."""

from __future__ import annotations

from hypothesis import strategies as st
from tests.decode.cluster.container_records import records
from tests.decode.cluster.scm_messages import PIPELINE, container_info, pipeline_id
from tests.decode.om.om_messages import ec_config

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.decode.cluster.containers import decode_containers
from ozone_recon.insights.cluster.scm_containers import ContainerBlock, ScmContainers
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.scm import ContainerInfo

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
