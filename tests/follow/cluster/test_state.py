"""What is known of a cluster, as datanodes report and fall silent, are removed, and as we start again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.decode.cluster.datanode_messages import container_report, full_heartbeat, registration, replica
from tests.decode.cluster.sample_datanodes import DATANODE, OTHER_DATANODE
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, PIPELINE, container_info
from tests.insights.cluster.drawn_containers import columns, table
from tests.insights.cluster.drawn_replicas import HEARTBEAT

from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.decode.cluster.heartbeats import decode_reports, decode_request
from ozone_recon.errors import StoreError
from ozone_recon.follow.cluster.generation import restore_state, write_state
from ozone_recon.follow.cluster.state import ClusterState
from ozone_recon.insights.cluster.tables import TABLES
from ozone_recon.model.cluster import Datanode
from ozone_recon.model.datanode_reports import DatanodeReports, Heartbeat, LayoutVersion, Software
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.requests import RemoveDatanodes
from ozone_recon.model.scm import DatanodeDetails, NodeStatus, Pipeline
from ozone_recon.store.generation import Generation, GenerationBuild

AT = 1_795_461_700_000
SILENT = Intervals().dead + 1


def state_with(*datanodes: DatanodeDetails) -> ClusterState:
    """These datanodes have registered, with a container each, and SCM knows them, their containers and a pipeline."""
    state = ClusterState(Intervals())
    state.containers.put(
        columns(*(container_info(container_id=one, state=1 + 3 * (one % 2)) for one in (1, 2, 3, 4, 5)))
    )
    for one, datanode in enumerate(datanodes, 2):
        heard = Heartbeat(datanode, LayoutVersion(10, 10), Software("2.2.0", "abc", 7))
        state.health.receive(heard, 0.0)
        state.apply_report(
            decode_reports(replace(heard, containers=container_report(replica(one, 1), replica(5)))), AT, 0.0
        )
    state.apply_nodes(NodeStatus(one, "HEALTHY", "IN_SERVICE") for one in datanodes)
    state.apply_pipelines(
        [Pipeline(PIPELINE, "CLOSED", ReplicationConfig("RATIS", 3), datanodes, (0,) * len(datanodes), NODE, None, 5)]
    )
    return state


def written(state: ClusterState, place: Path, now: float) -> Generation:
    with GenerationBuild(place) as build:
        write_state(state, state.cluster(AT, now, (), (), ""), build)
        build.seal()
    return Generation.open(place)


def of(state: ClusterState, uuid: str, now: float = 0.0) -> Datanode:
    return next(one for one in state.datanodes(now, AT) if one.details.uuid == uuid)


def said(request: bytes) -> DatanodeReports:
    heartbeat = decode_request(request)
    assert heartbeat is not None
    return decode_reports(heartbeat)


def test_a_datanode_is_what_it_says_and_what_scm_says_of_it_when_it_is_silent() -> None:
    state = state_with(DATANODE)
    state.apply_nodes(
        [NodeStatus(DATANODE, "DEAD", "IN_MAINTENANCE"), NodeStatus(OTHER_DATANODE, "STALE", "IN_SERVICE")]
    )
    assert (of(state, NODE).health, of(state, NODE).op_state) == ("HEALTHY", DATANODE.op_state)
    assert of(state, NODE).last_heartbeat == AT
    assert of(state, NODE, 301).last_heartbeat == AT - 301_000
    assert (of(state, NODE, 301).health, of(state, NODE, SILENT).health) == ("STALE", "DEAD")
    assert of(state, NODE, SILENT).op_state == "IN_MAINTENANCE"
    assert (of(state, NODE).containers, of(state, NODE).software) == (2, Software("2.2.0", "abc", 7))
    other = of(state, OTHER_NODE)
    assert (other.health, other.last_heartbeat, other.storage, other.layout) == ("STALE", 0, None, None)


def test_the_volumes_of_a_datanode_are_added_up() -> None:
    state = state_with(DATANODE)
    reports = said(full_heartbeat())
    assert reports.node
    sound, broken = (replace(reports.node[0], failed=failed) for failed in (False, True))
    state.apply_report(replace(reports, node=(sound, sound, broken)), AT, 0.0)
    storage = of(state, NODE).storage
    assert storage is not None
    assert (storage.capacity, storage.minimum_free_space) == (3 * sound.capacity, 3 * sound.free_space_to_spare)
    assert (storage.filesystem_capacity, storage.failed_volumes) == (2 * sound.filesystem_capacity, 1)
    state.apply_report(replace(reports, node=None), AT, 0.0)
    assert of(state, NODE).storage == storage, "a heartbeat without a report leaves it"


def hosts(state: ClusterState) -> list[str]:
    return [node.datanode.host_name for node in state.unreported_nodes().values()]


def test_who_is_waited_for() -> None:
    state = state_with(DATANODE)
    dead = replace(OTHER_DATANODE, uuid="dead", host_name="dead")
    nodes = [NodeStatus(DATANODE, "HEALTHY", "IN_SERVICE"), NodeStatus(dead, "DEAD", "IN_SERVICE")]
    state.apply_nodes([*nodes, NodeStatus(replace(OTHER_DATANODE, host_name="late"), "HEALTHY", "IN_SERVICE")])
    assert hosts(state) == ["late"]
    heartbeat = replace(HEARTBEAT, datanode=OTHER_DATANODE)
    state.apply_report(decode_reports(heartbeat), AT, 0.0)
    assert hosts(state) == ["late"], "it has not said what it has"
    state.apply_report(decode_reports(replace(heartbeat, containers=container_report())), AT, 0.0)
    assert hosts(state) == []


def test_new_healths_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "ozone_recon")
    state = state_with(DATANODE, OTHER_DATANODE)
    assert state.refresh_health(0.0) == {"HEALTHY"}
    assert state.refresh_health(1.0) == set()
    urgent = state.changes.urgent
    assert (state.refresh_health(301), state.refresh_health(302), state.refresh_health(SILENT)) == (
        {"STALE"},
        set(),
        {"DEAD"},
    )
    assert state.changes.urgent == urgent + 2
    state.health.receive(HEARTBEAT, SILENT)
    assert state.refresh_health(SILENT) == {"HEALTHY"}
    name = f"datanode {DATANODE.host_name} ({DATANODE.uuid}) is"
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith(name)]
    assert said == [f"{name} STALE", f"{name} DEAD", f"{name} HEALTHY again"]


def test_what_changes_nothing_but_sizes_is_no_haste() -> None:
    state = state_with(DATANODE)
    urgent, sizes = state.changes.urgent, state.changes.sizes
    heartbeat = replace(HEARTBEAT, datanode=DATANODE)
    state.apply_report(
        decode_reports(replace(heartbeat, containers=container_report(replica(2, 1), replica(5)))), AT, 0.0
    )
    assert (state.changes.urgent, state.changes.sizes) == (urgent, sizes + 1)
    state.apply_report(decode_reports(heartbeat), AT, 0.0)
    assert (state.changes.urgent, state.changes.sizes) == (urgent, sizes + 1)
    state.apply_report(decode_reports(replace(heartbeat, increments=(container_report(replica(2, 7)),))), AT, 0.0)
    assert state.changes.urgent == urgent + 1


def test_datanodes_are_removed_that_are_dead_and_have_nothing_open(tmp_path: Path) -> None:
    state = state_with(DATANODE, OTHER_DATANODE)
    written(state, tmp_path / "1", 0.0)
    assert state.open_replicas == {NODE: 1}
    answer = state.remove(RemoveDatanodes((NODE, "nobody", OTHER_NODE, "nobody")), AT, 0.0)
    assert answer.not_found == ("nobody",)
    assert answer.refused.keys() == {NODE, OTHER_NODE}
    answer = state.remove(RemoveDatanodes((NODE, OTHER_NODE)), AT, SILENT)
    assert [one.details.uuid for one in answer.removed] == [OTHER_NODE]
    assert [one.last_heartbeat for one in answer.removed] == [AT - round(1000 * SILENT)]
    assert answer.refused == {NODE: "Open Containers/Pipelines"}
    assert [one.details.uuid for one in state.datanodes(SILENT, AT)] == [NODE]
    generation = written(state, tmp_path / "2", SILENT)
    datanodes, replicas = generation.table("datanodes"), generation.table("replicas")
    assert [uuid.decode() for uuid in datanodes.bytes("uuid")] == sorted((NODE, OTHER_NODE))
    of_other = sorted((NODE, OTHER_NODE)).index(OTHER_NODE)
    assert replicas["present"][replicas["datanode"] == of_other].tolist() == [0, 0], "it had them"
    again = ClusterState(Intervals())
    restore_state(again, generation, 0.0)
    again.apply_nodes([NodeStatus(OTHER_DATANODE, "DEAD", "IN_SERVICE")])
    assert OTHER_NODE not in {one.details.uuid for one in again.datanodes(0.0, AT)}, "also when SCM still knows it"
    again.apply_report(replace(said(registration()), datanode=OTHER_DATANODE), AT, 0.0)
    assert OTHER_NODE in {one.details.uuid for one in again.datanodes(0.0, AT)}, "it lives after all"


def test_a_datanode_with_an_open_pipeline_stays() -> None:
    state = state_with(DATANODE)
    state.apply_pipelines(replace(one, state="OPEN") for one in state.pipelines())
    assert state.remove(RemoveDatanodes((NODE,)), AT, SILENT).refused == {NODE: "Open Containers/Pipelines"}


def test_what_was_known_is_known_again(tmp_path: Path) -> None:
    state = state_with(DATANODE, OTHER_DATANODE)
    written(state, tmp_path / "0", 100.0)
    generation = written(state, tmp_path / "1", 100.0)
    assert set(generation.tables) == set(TABLES)
    assert generation.taken_at == AT
    again = ClusterState(Intervals())
    restore_state(again, generation, 5000.0)
    assert again.complete
    assert table(again.containers).keys() == table(state.containers).keys()
    assert again.pipelines() == state.pipelines()
    assert hosts(again) == []
    for uuid in (NODE, OTHER_NODE):
        assert of(again, uuid, 5000.0) == of(state, uuid, 100.0)
    second = written(again, tmp_path / "2", 5000.0)
    for name, schema in TABLES.items():
        for column, kind in schema.items():
            one, other = generation.table(name), second.table(name)
            if kind == "bytes":
                assert one.bytes(column).items() == other.bytes(column).items(), f"{name}.{column}"
            else:
                assert one[column].tolist() == other[column].tolist(), f"{name}.{column}"


def test_a_name_that_is_no_text_is_kept_and_nothing_is_said_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = state_with(replace(DATANODE, host_name="\udcff"))
    generation = written(state, tmp_path / "1", 0.0)
    assert generation.table("datanodes").bytes("host").items() == [b"\xff"]
    again = ClusterState(Intervals())
    restore_state(again, generation, 0.0)
    assert of(again, NODE, 0.0) == of(state, NODE, 0.0)
    assert of(again, NODE, 0.0).details.host_name == "\udcff"
    assert not caplog.records


def test_a_generation_with_other_tables_is_not_taken(tmp_path: Path) -> None:
    with GenerationBuild(tmp_path / "1") as build:
        for name in ("containers", "replicas"):
            build.create(name, {"id": "i8"}).close()
        build.seal()
    state = ClusterState(Intervals())
    with pytest.raises(StoreError):
        restore_state(state, Generation.open(tmp_path / "1"), 0.0)
    assert not state.complete
    assert not state.datanodes(0.0, AT)


def test_who_is_known() -> None:
    state = ClusterState(Intervals())
    assert not state.is_known(NODE)
    state.apply_nodes([NodeStatus(DATANODE, "DEAD", "IN_SERVICE")])
    assert state.is_known(NODE)
    assert not state.is_known(OTHER_NODE)
    state.apply_nodes([])
    assert state.is_known(NODE), "an SCM that has just started names nobody"
    again = ClusterState(Intervals())
    again.restore(state_with(DATANODE).cluster(AT, 0.0, (), (), ""), (), 0.0)
    assert again.is_known(NODE), "SCM need not be there"


def test_one_that_is_removed_is_unknown_unless_scm_names_it_still() -> None:
    state = state_with(DATANODE, OTHER_DATANODE)
    state.apply_pipelines([])
    state.apply_nodes([NodeStatus(DATANODE, "DEAD", "IN_SERVICE")])
    state.open_replicas = {}
    assert not state.remove(RemoveDatanodes((NODE, OTHER_NODE)), AT, SILENT).refused
    assert state.is_known(NODE)
    assert not state.is_known(OTHER_NODE)
