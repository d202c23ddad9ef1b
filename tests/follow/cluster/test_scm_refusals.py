"""Questions that SCM refuses, does not know or answers in part: what it does answer is not lost."""

from __future__ import annotations

import pytest
from tests.decode.cluster.datanode_messages import full_heartbeat
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, PIPELINE
from tests.follow.cluster.followed_scm import Followed, following
from tests.follow.scm_stand_in import DECOMMISSIONING, IN_SERVICE, ScmStandIn

from ozone_recon.decode.cluster.heartbeats import decode_reports, decode_request
from ozone_recon.follow import periodic
from ozone_recon.follow.cluster import scm
from ozone_recon.model.scm import ContainerState

S = ContainerState


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "LEAST_PAUSE", 0.0)


MANY = {one: S.CLOSED if one % 4 else S.OPEN for one in range(1, 20)}


LEAVING = {NODE: ("HEALTHY", DECOMMISSIONING), OTHER_NODE: ("HEALTHY", DECOMMISSIONING)}


@pytest.mark.parametrize(
    ("newest", "unknown"),
    [
        (47, {"ScmInfoTask": [], "ScmContainerCountTask": []}),
        (45, {"ScmInfoTask": ["DELETED_BLOCKS"], "ScmContainerCountTask": ["suppressed containers"]}),
        (
            40,
            {
                "ScmInfoTask": ["DELETED_BLOCKS", "METRICS", "PENDING_CONTAINERS"],
                "ScmContainerCountTask": ["counts by state", "suppressed containers"],
            },
        ),
    ],
)
def test_older_scms_are_followed_as_far_as_they_can_answer(newest: int, unknown: dict[str, list[str]]) -> None:
    stand_in = ScmStandIn(dict(MANY), nodes=dict(LEAVING), newest=newest)
    followed = Followed(stand_in)

    async def look() -> None:
        for name, words in unknown.items():
            await followed.of[name].once_more()
            await followed.of[name].once_more()
            assert followed.of[name].status.error == ""
            assert followed.of[name].status.finding == "; ".join(
                f"this release of SCM does not know {word}" for word in words
            )
        assert followed.sync.error == ""
        assert stand_in.asked[46] == (3 if newest >= 46 else 1), "what it does not know is not asked each time"
        scm_part = followed.state.scm
        assert scm_part.info is not None
        assert [one.datanode.uuid for one in scm_part.decommissioning] == [NODE, OTHER_NODE]
        assert [bool(one.waits_for) for one in scm_part.decommissioning] == [newest > 40] * 2
        assert (scm_part.deleted_blocks is None) == (newest < 46)
        assert followed.states() == MANY

    following(followed, look)


@pytest.mark.parametrize("newest", [45, 40])
def test_drift_is_repaired_without_the_newest_commands(newest: int) -> None:
    stand_in = ScmStandIn(dict(MANY), newest=newest)
    followed = Followed(stand_in)

    async def drift() -> None:
        stand_in.containers |= {3: S.DELETING, 8: S.CLOSED, 25: S.OPEN, 26: S.OPEN}
        read = followed.sync.containers.runs
        comparison = followed.of["ScmContainerCountTask"]
        for _ in range(1 if newest == 45 else scm.MAX_DISAGREEMENTS):
            await comparison.once_more()
        if newest == 40:  # Totals are compared alone, and all is read where they stay apart.
            while followed.sync.containers.runs == read:
                await followed.sync.containers._ended.wait()
        assert followed.states() == stand_in.containers

    following(followed, drift)


@pytest.mark.parametrize(
    ("refused", "shown"),
    [
        ({13}, (False, True, True, True)),
        ({46}, (True, False, True, True)),
        ({43}, (True, True, False, True)),
        ({NODE}, (True, True, True, True)),
        ({13, 43, 46}, (False, False, False, True)),
    ],
)
def test_a_refusal_loses_no_other_answer(refused: set[int | str], shown: tuple[bool, ...]) -> None:
    nodes = dict(LEAVING)
    stand_in = ScmStandIn(nodes=nodes, refuses=refused)
    followed = Followed(stand_in)

    async def look() -> None:
        info = followed.of["ScmInfoTask"]
        await info.once_more()
        of_scm = followed.state.scm
        (one, other) = of_scm.decommissioning
        assert {one.datanode.uuid, other.datanode.uuid} == {NODE, OTHER_NODE}
        waits = {leaving.datanode.uuid: bool(leaving.waits_for) for leaving in of_scm.decommissioning}
        assert waits == {NODE: NODE not in refused, OTHER_NODE: True}
        assert (of_scm.info is not None, of_scm.deleted_blocks is not None) == shown[:2]
        assert all(f"no {command}" in info.status.error for command in refused)

    following(followed, look)


def test_pipelines_and_datanodes_are_read_without_each_other() -> None:
    stand_in = ScmStandIn(pipelines={PIPELINE: (NODE,)}, nodes={NODE: ("HEALTHY", IN_SERVICE)}, refuses={9})
    followed = Followed(stand_in)

    async def look() -> None:
        assert set(followed.state.unreported_nodes()) == {NODE}
        assert followed.state.pipelines() == []
        assert "no 9" in followed.of["PipelineSyncTask"].status.error
        stand_in.refuses = {6}
        await followed.of["PipelineSyncTask"].once_more()
        assert [one.pipeline_id for one in followed.state.pipelines()] == [PIPELINE]

    following(followed, look)


def test_an_unknown_pipeline_is_asked_for_once() -> None:
    followed = Followed(ScmStandIn(nodes={NODE: ("HEALTHY", IN_SERVICE)}))

    async def report() -> None:
        request = decode_request(full_heartbeat())
        assert request is not None
        said = decode_reports(request)
        assert said.pipelines
        followed.stand_in.pipelines = {said.pipelines[0].pipeline_id: (OTHER_NODE,)}
        followed.state.apply_report(said, 5, followed.now)
        await followed.of["ScmSuspectContainersTask"].once_more()
        await followed.sync.pipelines._ended.wait()
        (pipeline,) = followed.state.pipelines()
        assert pipeline.leader == (NODE if said.pipelines[0].is_leader else OTHER_NODE)
        followed.stand_in.pipelines = {}
        await followed.of["PipelineSyncTask"].once_more()
        followed.state.apply_report(said, 5, followed.now)
        assert not followed.state.has_unknown_pipeline, "it is no news that SCM has no such pipeline"

    following(followed, report)


def test_what_keeps_a_datanode_from_leaving() -> None:
    stand_in = ScmStandIn(nodes={NODE: ("HEALTHY", DECOMMISSIONING), OTHER_NODE: ("HEALTHY", IN_SERVICE)})
    followed = Followed(stand_in)

    async def look() -> None:
        await followed.of["ScmInfoTask"].once_more()
        (leaving,) = followed.state.scm.decommissioning
        assert leaving.datanode.uuid == NODE
        assert leaving.progress is not None
        assert leaving.progress.unclosed_containers == 3
        assert [one.container_ids for one in leaving.waits_for] == [(2, 300)]

    following(followed, look)


def test_how_far_datanodes_of_one_host_are_is_not_mixed_up() -> None:
    stand_in = ScmStandIn(nodes=dict.fromkeys((NODE, OTHER_NODE), ("HEALTHY", DECOMMISSIONING)))
    followed = Followed(stand_in)

    async def look() -> None:
        await followed.of["ScmInfoTask"].once_more()
        leaving = followed.state.scm.decommissioning
        assert {one.datanode.uuid for one in leaving} == {NODE, OTHER_NODE}
        assert {one.datanode.host_name for one in leaving} == {"dn1"}
        assert [one.progress for one in leaving] == [None, None]

    following(followed, look)
