"""What datanodes send: every field lands where it belongs, defaults are Ozone's, broken bytes raise DecodeError."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decode import datanode_messages as sent
from tests.decode.batches import damaged
from tests.decode.om_messages import blob, number
from tests.decode.scm_messages import NODE, OTHER_NODE, PIPELINE, datanode
from tests.decode.test_scm import DATANODE

from ozone_recon.decode import datanode_reports as reports
from ozone_recon.decode.heartbeats import decode_request
from ozone_recon.errors import DecodeError
from ozone_recon.model.datanode_reports import (
    CommandStatus,
    ContainerAction,
    Heartbeat,
    LayoutVersion,
    PipelineAction,
    PipelineReport,
    Registration,
    Replica,
    StorageReport,
)

SAMPLES: list[tuple[Callable[[bytes], object], bytes]] = [
    (decode_request, sent.version_request()),
    (decode_request, sent.registration()),
    (decode_request, sent.full_heartbeat()),
    (reports.decode_node_report, sent.node_report()),
    (reports.decode_replicas, sent.container_report(sent.replica(), sent.replica(index=3))),
    (reports.decode_pipeline_reports, sent.pipeline_reports()),
    (reports.decode_pipeline_actions, sent.pipeline_actions()),
    (reports.decode_container_actions, sent.container_actions()),
    (reports.decode_command_statuses, sent.command_statuses()),
]
REPLICA = Replica(
    container_id=7,
    state="CLOSED",
    sequence_id=46,
    number_of_keys=12,
    used_bytes=3 << 30,
    replica_index=0,
    data_checksum=4_028_331_014,
    is_empty=False,
    origin=NODE,
)


@pytest.mark.parametrize(("decode", "sample"), SAMPLES)
def test_a_truncated_message_decodes_or_raises_decode_error(decode: Callable[[bytes], object], sample: bytes) -> None:
    decode(sample)
    for end in range(len(sample)):
        try:
            decode(sample[:end])
        except DecodeError as error:
            assert str(error)


@given(st.sampled_from(SAMPLES).flatmap(lambda pair: st.tuples(st.just(pair[0]), damaged(st.just(pair[1])))))
def test_a_damaged_message_decodes_or_raises_decode_error(case: tuple[Callable[[bytes], object], bytes]) -> None:
    decode, message = case
    try:
        decode(message)
    except DecodeError as error:
        assert str(error)


def test_a_registration() -> None:
    found = decode_request(sent.registration())
    assert found == Registration(
        heartbeat=Heartbeat(
            datanode=DATANODE,
            layout=LayoutVersion(9, 10),
            node=sent.node_report(),
            containers=sent.container_report(sent.replica()),
            increments=(),
            pipelines=sent.pipeline_reports(),
            pipeline_actions=None,
            container_actions=None,
            command_statuses=(),
        ),
        version="2.2.0",
        setup_time=1_700_000_000_000,
        revision="c5a1095a",
    )
    assert not found.heartbeat.layout.finalized


def test_heartbeats_with_everything_and_with_nothing() -> None:
    whole = decode_request(sent.full_heartbeat())
    assert whole == Heartbeat(
        datanode=DATANODE,
        layout=LayoutVersion(9, 10),
        node=sent.node_report(),
        containers=sent.container_report(sent.replica()),
        increments=(
            sent.container_report(sent.replica(1)),
            sent.container_report(sent.replica(2, origin=OTHER_NODE.encode())),
        ),
        pipelines=sent.pipeline_reports(),
        pipeline_actions=sent.pipeline_actions(),
        container_actions=sent.container_actions(),
        command_statuses=(sent.command_statuses(),),
    )
    bare = decode_request(sent.heartbeat())
    assert bare == Heartbeat(DATANODE, LayoutVersion(0, 0), None, None, (), None, None, None, ())
    assert bare.layout.finalized
    assert decode_request(sent.version_request()) is None


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (b"", "SCMDatanodeRequest: required field 1 is missing"),
        (number(1, 4), "SCMDatanodeRequest: command 4 is not known"),
        (number(1, 2), "SCMDatanodeRequest: required field 4 is missing"),
        (number(1, 3) + blob(5, b""), "SCMDatanodeRequest field 5: SCMHeartbeatRequestProto: required field 1"),
        (number(1, 2) + blob(4, blob(1, blob(1, datanode()))), "SCMRegisterRequestProto: required field"),
    ],
)
def test_what_cannot_be_answered(request_: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        decode_request(request_)


def test_volumes() -> None:
    assert reports.decode_node_report(sent.node_report()) == (
        StorageReport(
            uuid="DS-1",
            location="/data/hdds",
            storage_type="SSD",
            capacity=103,
            used=104,
            remaining=105,
            committed=108,
            free_space_to_spare=109,
            reserved=110,
            filesystem_capacity=111,
            filesystem_available=112,
            failed=True,
        ),
        StorageReport("DS-2", "/data2/hdds", "DISK", 0, 0, 0, 0, 0, 0, 0, 0, False),
    )


def test_replicas() -> None:
    bare = sent.container_report(number(1, 1) + number(2, 9))
    assert reports.decode_replicas(sent.container_report(sent.replica()) + bare) == (
        REPLICA,
        Replica(1, "9", 0, 0, 0, 0, 0, False, ""),
    )
    with pytest.raises(DecodeError, match="container -1 cannot be"):
        reports.decode_replicas(sent.container_report(sent.replica(), sent.replica(-1)))


def test_pipelines_and_what_is_to_be_done() -> None:
    assert reports.decode_pipeline_reports(sent.pipeline_reports()) == (
        PipelineReport(PIPELINE, True),
        PipelineReport(PIPELINE, False),
    )
    assert reports.decode_pipeline_actions(sent.pipeline_actions()) == (
        PipelineAction("CLOSE", PIPELINE, "PIPELINE_FAILED", "follower is slow"),
        PipelineAction("2", None, None, ""),
    )
    assert reports.decode_container_actions(sent.container_actions()) == (
        ContainerAction(7, "CLOSE", "CONTAINER_FULL"),
        ContainerAction(8, "CLOSE", None),
    )
    assert reports.decode_command_statuses(sent.command_statuses()) == (
        CommandStatus(12, "deleteBlocksCommand", "EXECUTED", "done"),
        CommandStatus(13, "13", "PENDING", ""),
    )
