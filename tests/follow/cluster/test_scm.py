"""Following an SCM that changes, goes away, and comes back: what we have is what it has, whatever was missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.decode.cluster.sample_datanodes import OTHER_DATANODE
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, PIPELINE
from tests.follow.cluster.followed_scm import Followed, following, reports
from tests.follow.scm_stand_in import IN_SERVICE, ScmStandIn
from tests.insights.cluster.drawn_containers import table

from ozone_recon.follow import periodic
from ozone_recon.follow.cluster import scm
from ozone_recon.follow.cluster.generation import write_state
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.generation import GenerationBuild
from ozone_recon.wire.protobuf.fields import Message

S = ContainerState


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "LEAST_PAUSE", 0.0)


MANY = {one: S.CLOSED if one % 4 else S.OPEN for one in range(1, 20)}


def test_all_is_read_at_the_start() -> None:
    stand_in = ScmStandIn(dict(MANY), pipelines={PIPELINE: (NODE, OTHER_NODE)}, nodes={NODE: ("HEALTHY", IN_SERVICE)})
    followed = Followed(stand_in)

    async def look() -> None:
        assert followed.states() == MANY
        assert followed.state.complete
        cluster = followed.state.cluster(7, followed.now, followed.sync.tasks(), (), followed.sync.error)
        assert cluster.scm is not None
        assert (cluster.scm.cluster_id, cluster.at, cluster.error) == ("CID-1", 7, "")
        assert cluster.scm_at > 0
        assert cluster.deleted_blocks is not None
        (pipeline,) = cluster.pipelines
        assert (pipeline.pipeline_id, pipeline.leader) == (PIPELINE, NODE)
        (datanode,) = cluster.datanodes
        assert (datanode.details.uuid, datanode.health, datanode.op_state) == (NODE, "HEALTHY", "IN_SERVICE")
        assert cluster.waiting_for == ("dn1",)
        assert {task.name for task in cluster.tasks} >= {"PipelineSyncTask", "ScmSnapshotRequest"}

    following(followed, look)


def test_while_scm_is_away_nothing_is_lost_and_the_cause_is_shown() -> None:
    stand_in = ScmStandIn(dict(MANY), nodes={NODE: ("HEALTHY", IN_SERVICE)})
    followed = Followed(stand_in)

    async def go_away_and_come_back() -> None:
        stand_in.away = True
        for name in followed.of:
            await followed.of[name].once_more()
        cluster = followed.state.cluster(7, followed.now, followed.sync.tasks(), (), followed.sync.error)
        assert cluster.error == "scm:9860 cannot be reached"
        assert followed.states() == MANY
        assert len(cluster.datanodes) == 1
        stand_in.away = False
        stand_in.containers[50] = S.OPEN
        for name in followed.of:
            await followed.of[name].once_more()
        assert followed.states() == stand_in.containers
        assert followed.state.cluster(7, followed.now, followed.sync.tasks(), (), followed.sync.error).error == ""

    following(followed, go_away_and_come_back)


def test_a_container_that_does_not_fit_to_its_replicas_is_asked_for() -> None:
    stand_in = ScmStandIn({1: S.OPEN, 2: S.OPEN, 3: S.CLOSED, 4: S.QUASI_CLOSED})
    followed = Followed(stand_in)

    async def report() -> None:
        stand_in.containers |= {2: S.CLOSED, 9: S.OPEN}
        all_read = stand_in.asked[4]
        followed.report(
            (1, ReplicaState.CLOSING),
            (2, ReplicaState.CLOSED),
            (3, ReplicaState.CLOSED),
            (4, ReplicaState.QUASI_CLOSED),
            (9, ReplicaState.OPEN),
            (70, ReplicaState.CLOSED),
        )
        assert len(followed.state.suspect_containers) == 4
        await followed.of["ScmSuspectContainersTask"].once_more()
        assert followed.states()[2] == S.OPEN, "not at once: SCM may not have heard of it yet"
        followed.now += 1
        await followed.of["ScmSuspectContainersTask"].once_more()
        assert followed.states() == stand_in.containers
        assert len(followed.state.suspect_containers) == 2, "one is still open, one is not known"
        stand_in.containers[1] = S.CLOSING
        followed.now += 10
        await followed.of["ScmSuspectContainersTask"].once_more()
        assert followed.states() == stand_in.containers
        followed.now += 60
        await followed.of["ScmSuspectContainersTask"].once_more()
        assert len(followed.state.suspect_containers) == 0, "SCM does not know it, and is not asked for ever"
        assert stand_in.asked[4] == all_read

    following(followed, report)


def test_what_was_reported_before_containers_were_read_is_looked_at_after() -> None:
    stand_in = ScmStandIn({1: S.CLOSED})
    followed = Followed(stand_in)
    followed.report((1, ReplicaState.CLOSED), (2, ReplicaState.OPEN))

    async def look() -> None:
        stand_in.containers[2] = S.OPEN
        followed.now += 1
        await followed.of["ScmSuspectContainersTask"].once_more()
        assert followed.states() == stand_in.containers

    following(followed, look)


@pytest.mark.parametrize("without_pipeline", [set(), set(range(1, 99))])
def test_drift_is_noticed_and_repaired(
    without_pipeline: set[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "ozone_recon")
    monkeypatch.setattr(scm, "LARGEST_GAP", 4)
    monkeypatch.setattr(scm, "PAGE", 3)
    stand_in = ScmStandIn(dict(MANY), without_pipeline)
    followed = Followed(stand_in)

    async def drift() -> None:
        name = "ScmContainerCountTask"
        await followed.of[name].once_more()
        assert stand_in.asked[47] == 0, "nothing to repair"
        stand_in.containers |= {3: S.DELETING, 5: S.DELETED, 8: S.CLOSED, 12: S.QUASI_CLOSED}
        stand_in.containers |= dict.fromkeys((25, 26, 33, 40, 41, 42, 43, 44), S.OPEN)
        read = followed.sync.containers.runs
        await followed.of[name].once_more()
        assert followed.states() == stand_in.containers
        assert followed.state.scm.drift == {}
        assert followed.sync.repaired == 12
        assert any(record.getMessage().endswith("; after re-reading: none") for record in caplog.records)
        assert followed.sync.containers.runs == read, "without reading all of them again"

    following(followed, drift)


def test_what_cannot_be_repaired_one_by_one_has_all_read_again() -> None:
    stand_in = ScmStandIn(dict(MANY))
    followed = Followed(stand_in)

    async def forget_one() -> None:
        comparison = followed.of["ScmContainerCountTask"]
        del stand_in.containers[3]
        await comparison.once_more()
        assert followed.state.scm.drift == {}, "it may be on its way"
        for _ in range(3):
            await comparison.once_more()
            assert followed.state.scm.drift == {"CLOSED": -1}
            assert comparison.status.finding == "container counts differ from SCM (SCM minus Recon): -1 CLOSED"
        await followed.sync.containers._ended.wait()
        assert followed.state.containers.states(np.array([3])).tolist() == [0]
        await comparison.once_more()
        assert followed.state.scm.drift == {}
        assert comparison.status.finding == ""

    following(followed, forget_one)


def test_containers_that_move_while_they_are_counted_are_no_drift() -> None:
    stand_in = ScmStandIn(dict(MANY))
    followed = Followed(stand_in)
    counted = stand_in.call

    async def move_after(protocol: str, method: str, request: bytes) -> bytes:
        """Each time that ids have been listed, another one closes: the list is true no more."""
        answer = await counted(protocol, method, request)
        if Message("", request).int32(1) == 47:
            opened = next(one for one, state in stand_in.containers.items() if state == S.OPEN)
            stand_in.containers[opened] = S.CLOSED
        return answer

    async def look() -> None:
        stand_in.containers[4] = S.CLOSED
        followed.sync._scm._call = move_after
        for _ in range(3):
            await followed.of["ScmContainerCountTask"].once_more()
            assert followed.state.scm.drift == {}
            assert followed.of["ScmContainerCountTask"].status.finding == ""
        assert stand_in.asked[47] > 3

    following(followed, look)


def test_containers_are_suppressed_and_not_any_more_though_their_state_stays() -> None:
    stand_in = ScmStandIn(dict(MANY), without_pipeline={3})
    followed = Followed(stand_in, page=2)

    def suppressed() -> list[int]:
        return [one for one, info in table(followed.state.containers).items() if info.suppressed]

    async def look() -> None:
        comparison = followed.of["ScmContainerCountTask"]
        for said in ({3}, {3, 5, 7, 9, 11, 19}, {7}, set()):
            stand_in.suppressed = set(said)
            urgent = followed.state.changes.urgent
            await comparison.once_more()
            assert suppressed() == sorted(said)
            assert followed.state.changes.urgent == urgent + 1
            await comparison.once_more()
            assert followed.state.changes.urgent == urgent + 1, "it is no news"
            assert comparison.status.finding == ""

    following(followed, look)


def test_reading_all_again_tells_of_every_field_that_differs() -> None:
    stand_in = ScmStandIn(dict(MANY))
    followed = Followed(stand_in)

    async def look() -> None:
        before = replace(followed.state.changes)
        await followed.sync.containers.once_more()
        assert followed.state.changes == before, "nothing is new"
        stand_in.keys = 13
        await followed.sync.containers.once_more()
        assert (followed.state.changes.urgent, followed.state.changes.sizes > before.sizes) == (before.urgent, True)
        stand_in.suppressed = {3}
        await followed.sync.containers.once_more()
        assert followed.state.changes.urgent == before.urgent + 1
        del stand_in.containers[7]
        await followed.sync.containers.once_more()
        assert followed.state.changes.urgent == before.urgent + 2

    following(followed, look)


def test_containers_are_not_missed_that_datanodes_may_have_which_are_late(tmp_path: Path) -> None:
    stand_in = ScmStandIn(
        {1: S.CLOSED, 2: S.CLOSED, 3: S.CLOSED, 4: S.OPEN},
        nodes={NODE: ("HEALTHY", IN_SERVICE), OTHER_NODE: ("HEALTHY", IN_SERVICE)},
        replicas={1: (NODE, OTHER_NODE), 2: (OTHER_NODE,), 3: (NODE,)},
    )
    followed = Followed(stand_in)

    def suppressed(name: str) -> list[int]:
        with GenerationBuild(tmp_path / name) as build:
            write_state(followed.state, followed.state.cluster(7, followed.now, (), (), ""), build)
            found: list[int] = build.table("containers")["suppressed"].tolist()
            build.seal()
            return found

    async def look() -> None:
        followed.report((1, ReplicaState.CLOSED))
        assert suppressed("1") == [2, 2, 2, 0], "an open one is not missed in any case"
        urgent = followed.state.changes.urgent
        del stand_in.containers[1]  # SCM refuses the question for its replicas, and the others are heard.
        await followed.of["ScmMissingContainersTask"].once_more()
        assert followed.state.changes.urgent == urgent + 1
        assert suppressed("2") == [2, 2, 0, 0], "SCM has no more of the third one either"
        await followed.of["ScmMissingContainersTask"].once_more()
        assert stand_in.asked[34] == 3, "each is asked for once"
        followed.state.apply_report(
            replace(reports((1, ReplicaState.CLOSED)), datanode=OTHER_DATANODE), 5, followed.now
        )
        assert suppressed("3") == [0, 0, 0, 0], "all have spoken"
        await followed.of["ScmMissingContainersTask"].once_more()
        assert followed.state.confirmed_missing.tolist() == []

    following(followed, look)
