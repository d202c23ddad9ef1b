"""What real datanodes have told Recon, read and written again, is the same to the byte."""

from __future__ import annotations

from tests.decode.cluster.replica_records import records
from tests.follow.datanodes.captured import EXCHANGES, heartbeats

from ozone_recon.decode.cluster.datanode_reports import decode_node_report, decode_pipeline_reports
from ozone_recon.decode.cluster.heartbeats import decode_request
from ozone_recon.decode.cluster.replicas import decode_replicas
from ozone_recon.demo.datanodes import messages as demo
from ozone_recon.model.datanode_reports import Heartbeat
from ozone_recon.wire.protobuf.fields import Message

IN_SERVICE = b"\x40\x01"
"""Real datanodes do not say this before they have left service once; ours always do."""
NO_COMMANDS = b"\x52\x00"
NOT_USED = b"\x30\x00\x38\x00\x40\x00\x48\x00\x58\x00"
"""A replica that was not read or written since its datanode started, and in which nothing was ever deleted."""


def test_a_real_datanode_asks_for_the_version_as_ours_do() -> None:
    assert [one.request for one in EXCHANGES if decode_request(one.request) is None] == [demo.version_request()]


def raw(report: bytes | memoryview | None) -> bytes | None:
    return None if report is None else bytes(report)


def test_registrations_and_heartbeats() -> None:
    seen = set()
    for one in EXCHANGES:
        said = decode_request(one.request)
        if said is None or said.command_statuses or said.container_actions or said.pipeline_actions:
            continue
        increments = tuple(bytes(one) for one in said.increments)
        reports = demo.Reports(raw(said.node), raw(said.containers), increments, raw(said.pipelines))
        if said.software:
            again = demo.registration(said.datanode, said.software, reports)
        else:
            again = demo.heartbeat(said.datanode, reports)
        assert decode_request(again) == said
        if said.software or one.request.endswith(NO_COMMANDS):
            assert len(again) == len(one.request) + len(IN_SERVICE)
        seen.add((said.software is None, said.node is None, said.containers is None, said.pipelines is None))
    assert len(seen) > 3


def test_reports() -> None:
    replicas = 0
    for said, _ in heartbeats():
        for report in map(bytes, (*said.increments, said.containers or b"")):
            again = demo.container_report(decode_replicas(report))
            assert records(decode_replicas(again)) == records(decode_replicas(report))
            if report.count(NOT_USED) == len(decode_replicas(report)):
                assert again == report
                replicas += len(decode_replicas(report))
        if said.pipelines is not None:
            assert demo.pipeline_reports(decode_pipeline_reports(said.pipelines)) == said.pipelines
        if said.node is not None:
            assert bytes(said.node).startswith(demo.node_report(decode_node_report(said.node)))
    assert replicas > 1


def test_who_is_told_to_register_again() -> None:
    told = [demo.must_register(one.answer) for one in EXCHANGES if isinstance(decode_request(one.request), Heartbeat)]
    assert set(told) == {True, False}
    assert told == [
        b"\x12\x0c\x08\x01\x12\x00" in one.answer for one in EXCHANGES if Message("request", one.request).int32(1) > 1
    ]
