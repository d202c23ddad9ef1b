"""A simulated cluster that runs, asked by those of ours who ask a real one."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.eventually import until
from tests.sources.captured_deltas import applied, tables_of
from tests.sources.captured_scm import check
from tests.sources.rpc_stand_in import QUICK
from tools.capture.deltas import families_of, sequence_of
from tools.capture.scm import ask_everything

from ozone_recon.config import Config
from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.demo.plan import Plan
from ozone_recon.demo.running import running
from ozone_recon.demo.script.day import Event
from ozone_recon.demo.script.play import Play
from ozone_recon.demo.site import Ports, settings, write
from ozone_recon.errors import CheckpointNeeded, RemoteError, TransferError
from ozone_recon.follow.datanodes.heartbeats import HeartbeatService, serve_datanodes
from ozone_recon.insights.cluster.datanode_health import DatanodeHealth
from ozone_recon.model.datanode_reports import DatanodeReports
from ozone_recon.sources.checkpoint.tar import unpack
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings
from ozone_recon.sources.om_deltas import OmDeltas
from ozone_recon.sources.scm import METHOD, PROTOCOL, ScmClient
from ozone_recon.wire.ozone.om_calls import OmRequest, OmResponse
from ozone_recon.wire.ozone.schema import OmCommand
from ozone_recon.wire.protobuf.fields import Message, number_field

PLAN = Plan(datanodes=6, keys=300, heartbeat=0.2, stale=1, dead=2, full_report=60)


@asynccontextmanager
async def playing(place: Path, recon: int = 1, events: tuple[Event, ...] = ()) -> AsyncIterator[Play]:
    """A cluster that nobody steps."""
    async with running(PLAN, place, Ports(recon_datanodes=recon).anywhere()) as cluster:
        yield Play(cluster, PLAN, events)


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[RpcGroup]:
    group = RpcGroup({"om1": f"127.0.0.1:{port}"}, QUICK)
    try:
        yield group
    finally:
        await group.close()


def go_on(play: Play, seconds: float) -> None:
    """Lets time go by in the cluster, but not here."""
    now = play.cluster.world.clock.now
    for step in range(int(seconds * 10)):
        play.step(now + step / 10)


async def take_checkpoint(play: Play, into: Path) -> Path:
    """What OM gives, unpacked."""
    address = f"http://127.0.0.1:{play.cluster.ports.om_http}/dbCheckpoint?flushBeforeCheckpoint=false"
    async with httpx.AsyncClient() as client:
        answer = await client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
    assert answer.headers["transfer-encoding"] == "chunked"
    names: list[str] = []
    unpack(io.BytesIO(answer.content), into, "OM", names.append)
    assert names[-1] == "OZONE_RATIS_SNAPSHOT_COMPLETE"
    return into


def test_scm_says_the_same_in_all_ways(tmp_path: Path) -> None:
    async def ask() -> None:
        async with playing(tmp_path) as play, calling(play.cluster.ports.scm) as group:
            play.commands.do("load iot/sensors 30 over 0.1", 0)
            go_on(play, 10)
            known = await ask_everything(group.call)
            check(known)
            assert known.info == play.cluster.world.scm.info
            play.commands.do("replication off", 0)
            play.commands.do("decommission dn-2", 0)
            go_on(play, 5)
            known = await ask_everything(group.call)
            leaving = play.cluster.world.scm.datanodes[1]
            assert known.nodes[leaving.details.uuid].op_state == "DECOMMISSIONING"
            (progress,) = known.decommissioning
            assert progress.host_name == leaving.details.host_name
            assert progress.under_replicated_containers == len(leaving.waits_for)
            waits = {one for part in known.pending[leaving.details.uuid] for one in part.container_ids}
            assert waits == leaving.waits_for

    asyncio.run(ask())


def test_scm_refuses_as_a_real_one_does(tmp_path: Path) -> None:
    async def ask() -> None:
        async with playing(tmp_path) as play, calling(play.cluster.ports.scm) as group:
            with pytest.raises(RemoteError, match="ContainerNotFoundException"):
                await ScmClient(group.call).replicas(1_000_000)
            with pytest.raises(RemoteError, match="is not simulated"):
                await group.call(PROTOCOL, METHOD, number_field(1, 31))
            with pytest.raises(RemoteError, match="RpcNoSuchProtocolException"):
                await group.call("org.example.Protocol", METHOD, b"")

    asyncio.run(ask())


def test_om_gives_a_checkpoint_and_what_changes_after_it(tmp_path: Path) -> None:
    async def ask() -> None:
        async with playing(tmp_path) as play, calling(play.cluster.ports.om_rpc) as group:
            before = await take_checkpoint(play, tmp_path / "before")
            tables, last = tables_of(before), sequence_of(before)
            play.commands.do("load warehouse/events 40 over 0.1", 0)
            go_on(play, 10)
            deltas = OmDeltas(group.call_leader, 20, 0)
            answers = 0
            async for delta in deltas.since(last, "om1", families_of(before)):
                tables, last, answers = applied(tables, delta.changes), delta.changes.last_sequence, answers + 1
            assert answers > 1
            assert tables == tables_of(await take_checkpoint(play, tmp_path / "after"))
            play.commands.do("om forget", 0)
            with pytest.raises(CheckpointNeeded, match="no longer has all changes"):
                async for _ in deltas.since(last - 1, "om1", families_of(before)):
                    pass

    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    asyncio.run(ask())


def test_om_says_where_its_web_server_is(tmp_path: Path) -> None:
    async def ask() -> None:
        async with playing(tmp_path) as play, calling(play.cluster.ports.om_rpc) as group:
            request = OmRequest(OmCommand.SERVICE_LIST, b"", "client-1").encode()
            answer = await group.call("org.apache.hadoop.ozone.om.protocol.OzoneManagerProtocol", METHOD, request)
            service = Message(
                "service", Message("list", OmResponse.decode(answer, OmCommand.SERVICE_LIST).message).blob(2)
            )
            ports = [Message("port", port) for port in service.messages(3, bytes)]
            assert {port.int32(1): port.int32(2) for port in ports} == {
                1: play.cluster.ports.om_rpc,
                2: play.cluster.ports.om_http,
            }
            assert Message("role", service.blob(4)).texts(2) == ("LEADER",)

    asyncio.run(ask())


def test_servers_stop_and_are_back_where_they_were(tmp_path: Path) -> None:
    async def ask() -> None:
        async with playing(tmp_path) as play, calling(play.cluster.ports.scm) as group:
            await group.call(PROTOCOL, METHOD, number_field(1, 13) + b"\x92\x01\x00")
            play.commands.do("scm stop", 0)
            with pytest.raises(TransferError):
                while True:
                    await asyncio.sleep(0.05)
                    await group.call(PROTOCOL, METHOD, number_field(1, 13) + b"\x92\x01\x00")
            play.commands.do("scm start", 0)
            await asyncio.sleep(0.2)
            assert await ScmClient(group.call).container_count() == len(play.cluster.world.scm.containers)

    asyncio.run(ask())


def test_datanodes_report_what_they_have(tmp_path: Path) -> None:
    reports: list[DatanodeReports] = []
    held: dict[str, set[int]] = {}

    def use(said: DatanodeReports) -> None:
        reports.append(said)
        assert not said.refused
        if said.containers is not None:
            held[said.datanode.host_name] = set(said.containers.container_id.tolist())
        for change in said.increments:
            for container, state in zip(change.container_id.tolist(), change.state.tolist(), strict=True):
                (held[said.datanode.host_name].discard if state == 7 else held[said.datanode.host_name].add)(container)

    async def hear() -> None:
        hearing = HeartbeatService("CID-1", DatanodeHealth(Intervals()), use, lambda _: True)
        async with (
            serve_datanodes(hearing, RpcServerSettings("127.0.0.1", 0)) as port,
            playing(tmp_path, port) as play,
        ):
            datanodes = play.cluster.world.scm.datanodes

            def as_held() -> dict[str, set[int]]:
                return {one.details.host_name: set(one.replicas.containers.tolist()) for one in datanodes}

            await until(lambda: hearing.counts.registrations == 6)
            await until(lambda: held == as_held())
            play.commands.do("load iot/sensors 30 over 0.1", 0)
            go_on(play, 10)
            await until(lambda: held == as_held())
            play.commands.do("kill dn-3", 0)
            await asyncio.sleep(0.3)
            before = sum(said.datanode.host_name == "dn-3.demo" for said in reports)
            await asyncio.sleep(0.5)
            assert sum(said.datanode.host_name == "dn-3.demo" for said in reports) == before
            go_on(play, 10)
            play.commands.do("start dn-3", 0)
            go_on(play, 10)
            await until(lambda: hearing.counts.registrations == 7)
            await until(lambda: held == as_held())
            assert any(said.pipelines for said in reports)
            assert any(said.node for said in reports)
            assert play.cluster.fleet.answers.failures == 0

    asyncio.run(asyncio.wait_for(hear(), 60))


def test_a_datanode_registers_again_when_it_is_told_to(tmp_path: Path) -> None:
    async def hear() -> None:
        health = DatanodeHealth(Intervals())
        hearing = HeartbeatService("CID-1", health, lambda _: None, lambda _: True)
        async with (
            serve_datanodes(hearing, RpcServerSettings("127.0.0.1", 0)) as port,
            playing(tmp_path, port) as play,
        ):
            await until(lambda: hearing.counts.registrations == 6)
            health.forget(play.cluster.world.scm.datanodes[0].details.uuid)
            await until(lambda: hearing.counts.registrations == 7)

    asyncio.run(asyncio.wait_for(hear(), 60))


def test_what_recon_does_not_answer_is_said_again(tmp_path: Path) -> None:
    """A datanode that cannot reach Recon goes on, and loses nothing that it has to say."""

    async def hear() -> None:
        async with playing(tmp_path, recon=1) as play:
            datanode = play.cluster.world.scm.datanodes[0]
            containers = play.cluster.world.scm.containers
            uuids = [one.details.uuid for one in play.cluster.world.scm.datanodes]
            datanode.registration(containers, uuids)
            datanode.replicas.touch(int(datanode.replicas.containers[0]))
            first = datanode.heartbeat(containers, uuids, full=False, with_node_report=False)
            again = datanode.heartbeat(containers, uuids, full=False, with_node_report=False)
            assert first == again
            datanode.acknowledge()
            assert len(datanode.heartbeat(containers, uuids, full=False, with_node_report=False)) < len(again)
            await until(lambda: play.cluster.fleet.answers.failures > 6)

    asyncio.run(asyncio.wait_for(hear(), 60))


def test_the_site_says_where_all_are(tmp_path: Path) -> None:
    write(tmp_path, settings(PLAN, Ports(1862, 1874, 1860, 1888, 1891)))
    config = Config.load(tmp_path, {}, {})
    assert config.http.port == 1888
    assert config.om.addresses == ("http://localhost:1874",)
