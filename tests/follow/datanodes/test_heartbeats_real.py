"""Real datanodes: what they told Java Recon, by tools/capture/datanodes.py, and what they tell us in its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.decode.cluster.replica_records import records
from tests.follow.datanodes.captured import EXCHANGES, heartbeats
from tests.wire.format_pages import example
from tests.wire.hadoop_rpc.captured import CLUSTER
from tools.capture.datanodes import SETTINGS, fill
from tools.capture.rpc import RECON_PORT
from tools.cluster.real import RealCluster

from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.decode.cluster import datanode_reports
from ozone_recon.decode.cluster.heartbeats import decode_reports, decode_request
from ozone_recon.decode.cluster.replicas import decode_replicas
from ozone_recon.follow.datanodes.heartbeats import HeartbeatService, serve_datanodes
from ozone_recon.insights.cluster.datanode_health import DatanodeHealth
from ozone_recon.insights.cluster.replica_history import ReplicaHistory
from ozone_recon.model.datanode_reports import DatanodeReports, LayoutVersion, Replica, ReplicaState
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings
from ozone_recon.wire.ozone.datanode_calls import heartbeat_answer, registered_answer, version_answer
from ozone_recon.wire.protobuf.fields import Message, delimited

PATIENCE = 180
"""Seconds."""


def test_all_that_datanodes_tell_is_read() -> None:
    read = [decode_reports(heartbeat) for heartbeat, _ in heartbeats()]
    assert not [reason for reports in read for reason in reports.refused]
    assert {reports.layout for reports in read} == {LayoutVersion(10, 10)}
    assert {reports.software.version for reports in read if reports.software} == {"2.2.0"}
    assert all(volume.capacity > volume.used > 0 for reports in read for volume in reports.node or ())
    assert {len(reports.node) for reports in read if reports.node is not None} == {1}
    assert any(pipeline.is_leader for reports in read for pipeline in reports.pipelines or ())
    assert {(one.action, one.reason) for reports in read for one in reports.container_actions} == {
        ("CLOSE", "CONTAINER_FULL")
    }
    assert ("CLOSE", "PIPELINE_FAILED") in {
        (one.action, one.reason) for reports in read for one in reports.pipeline_actions
    }
    assert {one.command for reports in read for one in reports.command_statuses} == {"deleteBlocksCommand"}


def test_replicas_are_read_alike_in_both_ways() -> None:
    found: list[Replica] = []
    for heartbeat, _ in heartbeats():
        for report in (*heartbeat.increments, heartbeat.containers or b""):
            replicas = datanode_reports.decode_replicas(report)
            assert records(decode_replicas(report)) == replicas
            found += replicas
    assert {"OPEN", "CLOSED"} <= {replica.state for replica in found}
    assert any(replica.used_bytes == 16 << 20 for replica in found)
    assert all(len(replica.origin) == 36 for replica in found)


def test_we_answer_heartbeats_as_java_recon_does() -> None:
    assert [one.answer for one in EXCHANGES if decode_request(one.request) is None] == [version_answer()]
    answers = [(heartbeat.datanode.uuid, answer) for heartbeat, answer in heartbeats() if heartbeat.software is None]
    again = {heartbeat_answer(uuid, reregister=True) for uuid, _ in answers}
    for uuid, answer in answers:
        assert answer in (heartbeat_answer(uuid, reregister=False), heartbeat_answer(uuid, reregister=True))
    assert again & {answer for _, answer in answers}


def test_we_answer_registrations_as_java_recon_does_but_for_the_network() -> None:
    def registered(answer: bytes) -> bytes:
        return Message("SCMDatanodeResponse", answer).blob(7)

    for heartbeat, answer in heartbeats():
        if heartbeat.software is not None:
            theirs = Message("SCMRegisteredResponseProto", registered(answer))
            ours = registered_answer(heartbeat.datanode.uuid, theirs.text(3))
            assert answer.removesuffix(delimited(registered(answer))) == ours.removesuffix(delimited(registered(ours)))
            network = Message("SCMRegisteredResponseProto", registered(answer).removeprefix(registered(ours)))
            assert (network.text(1, None), network.text(3, None)) == (None, None)
            assert network.text(7) == heartbeat.datanode.uuid


def test_the_example_of_the_page_is_real() -> None:
    assert example("datanode-protocol.md") in {one.answer for one in EXCHANGES}


class Recon:
    """Ours, in place of Java's."""

    def __init__(self) -> None:
        self.health = DatanodeHealth(Intervals.of(stale=20, dead=40, check=3, heartbeat=2, recon_heartbeat=60))
        self.history = ReplicaHistory()
        self.reports: list[DatanodeReports] = []
        self.datanodes = HeartbeatService("CID-not-that-of-SCM", self.health, self.apply, lambda _: True)

    def apply(self, reports: DatanodeReports) -> None:
        self.reports.append(reports)
        self.history.add(reports, time.time_ns() // 1_000_000)

    def healths(self) -> list[str]:
        """How the datanodes are."""
        return sorted(self.health.health(datanode, time.monotonic()) for datanode in self.health)

    def replicas(self, state: ReplicaState) -> dict[int, int]:
        """How many replicas in this state each container has."""
        found: dict[int, int] = {}
        for datanode in self.health:
            replicas = self.history.of_datanode(datanode)
            for container in replicas.container_id[replicas.present & (replicas.state == state)].tolist():
                found[container] = found.get(container, 0) + 1
        return found


async def becomes(what: Callable[[], bool]) -> bool:
    """Whether it is so before patience ends."""
    for _ in range(PATIENCE):
        if what():
            return True
        await asyncio.sleep(1)
    return what()


async def watch(cluster: RealCluster) -> None:
    """Hears datanodes that register, fill a container, and die; and, begun anew, those that are left."""
    settings = RpcServerSettings("localhost", RECON_PORT)
    recon = Recon()
    async with serve_datanodes(recon.datanodes, settings):
        assert await becomes(lambda: recon.healths() == ["HEALTHY"] * 3)
        assert await becomes(lambda: any(one.software is None and one.pipelines for one in recon.reports))
        await fill(cluster)
        assert await becomes(lambda: 3 in recon.replicas(ReplicaState.CLOSED).values())
        await asyncio.to_thread(cluster, "stop", "dn3")
        assert await becomes(lambda: recon.healths() == ["HEALTHY", "HEALTHY", "STALE"])
        assert await becomes(lambda: recon.healths() == ["DEAD", "HEALTHY", "HEALTHY"])
        assert 3 in recon.replicas(ReplicaState.CLOSED).values(), "we still know what the dead one had"
    assert recon.datanodes.counts.refused == 0
    assert recon.datanodes.counts.registrations == 3, "nobody has to register twice"
    assert not [reason for one in recon.reports for reason in one.refused]
    recon = Recon()
    async with serve_datanodes(recon.datanodes, settings):
        assert await becomes(lambda: recon.healths() == ["HEALTHY"] * 2)
        assert await becomes(lambda: 2 in recon.replicas(ReplicaState.CLOSED).values())


@pytest.mark.parametrize("datanodes", [pytest.param(3, marks=CLUSTER)])
def test_datanodes_take_us_for_recon(datanodes: int, tmp_path: Path) -> None:
    cluster = RealCluster(tmp_path)
    try:
        cluster("up", "--datanodes", str(datanodes), *(f"--set={setting}" for setting in SETTINGS))
        asyncio.run(watch(cluster))
    finally:
        cluster("down", "--wipe")
