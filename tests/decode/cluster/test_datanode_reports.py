"""Decoders of datanode requests: each field arrives, defaults are Ozone's, broken bytes raise DecodeError."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.decode.cluster import datanode_messages as sent
from tests.decode.cluster.sample_datanodes import DATANODE
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, PIPELINE, datanode
from tests.decode.om.batches import damaged
from tests.decode.om.om_messages import blob, number

from ozone_recon.decode.cluster import datanode_reports as reports
from ozone_recon.decode.cluster.heartbeats import decode_reports, decode_request
from ozone_recon.errors import DecodeError, MessageTooLong
from ozone_recon.model.datanode_reports import (
    REPORT_OVERHEAD,
    CommandStatus,
    ContainerAction,
    Heartbeat,
    LayoutVersion,
    PipelineAction,
    PipelineReport,
    Replica,
    Software,
    StorageReport,
)
from ozone_recon.model.scm import DatanodeDetails

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
    assert found == Heartbeat(
        datanode=DATANODE,
        layout=LayoutVersion(9, 10),
        software=Software(version="2.2.0", revision="c5a1095a", setup_time=1_700_000_000_000),
        node=sent.node_report(),
        containers=sent.container_report(sent.replica()),
        pipelines=sent.pipeline_reports(),
    )
    assert not found.layout.finalized


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
        pipeline_actions=(sent.pipeline_actions(),),
        container_actions=(sent.container_actions(),),
        command_statuses=(sent.command_statuses(),),
    )
    bare = decode_request(sent.heartbeat())
    assert bare == Heartbeat(DATANODE, LayoutVersion(0, 0))
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


def test_all_reports_are_read_but_those_that_are_broken() -> None:
    heartbeat = decode_request(sent.full_heartbeat())
    assert heartbeat is not None
    found = decode_reports(heartbeat)
    assert (found.datanode, found.layout, found.software, found.refused) == (DATANODE, (9, 10), None, ())
    assert found.node == reports.decode_node_report(sent.node_report())
    assert found.containers is not None
    assert found.containers.container_id.tolist() == [7]
    assert [one.container_id.tolist() for one in found.increments] == [[1], [2]]
    assert found.pipelines == reports.decode_pipeline_reports(sent.pipeline_reports())
    assert found.pipeline_actions == reports.decode_pipeline_actions(sent.pipeline_actions())
    assert found.container_actions == reports.decode_container_actions(sent.container_actions())
    assert found.command_statuses == reports.decode_command_statuses(sent.command_statuses())
    broken = decode_reports(replace(heartbeat, containers=b"\0", increments=(b"\0", *heartbeat.increments), node=None))
    assert (broken.containers, broken.node, len(broken.increments)) == (None, None, 2)
    assert len(broken.refused) == 2
    assert replace(broken, refused=(), increments=()) == replace(found, containers=None, node=None, increments=())


def test_what_two_heartbeats_say_together() -> None:
    one, two = (Heartbeat(DATANODE, LayoutVersion(number, 10)) for number in (9, 10))
    old = replace(one, node=b"n1", containers=b"c1", increments=(b"i1",), pipelines=b"", command_statuses=(b"s1",))
    together = old.followed_by(replace(two, increments=(b"i2",), command_statuses=(b"s2",), node=b"n2"))
    assert together == replace(
        two,
        node=b"n2",
        containers=b"c1",
        increments=(b"i1", b"i2"),
        pipelines=b"",
        command_statuses=(b"s1", b"s2"),
    )
    assert together.size == 12 + 7 * REPORT_OVERHEAD
    newest = together.followed_by(replace(two, containers=b"c3", increments=(b"i3",)))
    assert (newest.containers, newest.increments) == (b"c3", (b"i3",))
    software = Software("2.2.0", "", 0)
    assert replace(one, software=software).followed_by(two) == replace(two, software=software)


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
    with pytest.raises(DecodeError, match="container id -1 is negative"):
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


UNKNOWN = b"\x98\x06\0"
"""An unknown field."""


def test_what_is_read_at_once_is_bounded_and_what_is_long_is_not_copied() -> None:
    long = sent.container_report(*map(sent.replica, range(3000)))
    found = decode_request(sent.registration(containers=long), 64)
    assert found is not None
    assert isinstance(found.containers, memoryview)
    assert found.containers == long
    assert found.size > len(sent.registration(containers=long)), "it keeps all of the request"
    assert decode_reports(found).containers is not None
    for request in (
        UNKNOWN * 65 + sent.registration(),
        number(1, 3) + blob(5, blob(1, datanode()) + UNKNOWN * 65),
        sent.heartbeat(reports=blob(4, b"") * 65),
        number(1, 2) + blob(4, blob(1, blob(1, datanode()) + UNKNOWN * 65)),
    ):
        with pytest.raises(MessageTooLong, match="it has more than 64 fields"):
            decode_request(request, 64)
    for request in (
        sent.heartbeat(datanode(more=UNKNOWN * 3000)),
        sent.registration(datanode(more=blob(99, bytes(9000)))),
        sent.heartbeat(reports=blob(9, UNKNOWN * 3000)),
    ):
        with pytest.raises(DecodeError, match=r"over the limit of 8,192"):
            decode_request(request)


def test_names_that_are_no_text_are_made_some() -> None:
    found = decode_request(sent.heartbeat(datanode().replace(b"dn1", b"dn\xff")))
    assert found is not None
    assert found.datanode.host_name == "dn\ufffd"
    TypeAdapter(DatanodeDetails).dump_json(found.datanode)
