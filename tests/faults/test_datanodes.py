"""Datanodes report over a network that breaks, beside clients that mean no good: all is heard in the end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.decode.cluster.datanode_messages import container_report, heartbeat, registration, replica, version_request
from tests.decode.cluster.scm_messages import NODE
from tests.decode.om.om_messages import blob
from tests.eventually import until
from tests.faults.every_fault import every_fault
from tests.faults.proxy import Does, Fault, Side, proxy
from tests.sources.rpc_stand_in import HERE, QUICK, begun

from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.config.connections import RpcSettings
from ozone_recon.errors import ReconError
from ozone_recon.follow.datanodes.heartbeats import HeartbeatService, serve_datanodes
from ozone_recon.insights.cluster.datanode_health import DatanodeHealth
from ozone_recon.insights.cluster.replica_history import ReplicaHistory
from ozone_recon.model.datanode_reports import DatanodeReports
from ozone_recon.sources.hadoop_rpc.client import RpcConnection, RpcGroup
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings
from ozone_recon.wire.hadoop_rpc.frames import AuthMethod, connection_header
from ozone_recon.wire.ozone.datanode_calls import METHOD, PROTOCOL, heartbeat_answer, registered_answer

QUICKLY = replace(HERE, patience=0.5)
FINE = heartbeat_answer(NODE, reregister=False)
LAST_STATE = 6
HELLO = connection_header(AuthMethod.NONE)
SAID = [
    version_request(),
    registration(containers=container_report(*map(replica, range(200)))),
    *(heartbeat(reports=blob(4, container_report(replica(one)))) for one in range(200, 250)),
    heartbeat(reports=blob(4, container_report(*(replica(one, LAST_STATE) for one in range(100, 220))))),
    heartbeat(),
]


class Recon:
    """What is known of replicas, at a time that stands still."""

    def __init__(self) -> None:
        self.history = ReplicaHistory()
        self.datanodes = HeartbeatService("CID-1", DatanodeHealth(Intervals()), self._add, lambda _: True)

    def _add(self, said: DatanodeReports) -> None:
        self.history.add(said, 5)

    @asynccontextmanager
    async def hears(self, settings: RpcServerSettings = QUICKLY) -> AsyncIterator[str]:
        """Where."""
        async with asyncio.timeout(60), serve_datanodes(self.datanodes, settings) as port:
            yield f"127.0.0.1:{port}"

    async def has_read(self) -> None:
        """Waits until all that a datanode says is read."""
        await until(lambda: list(self.replicas()["state"]).count(LAST_STATE) == 120)

    def replicas(self) -> dict[str, Any]:
        held = self.history.of_datanode(NODE)
        return {name: getattr(held, name) for name in ("container_id", "state", "present", "used_bytes", "origin")}


async def report(address: str, settings: RpcSettings = QUICK) -> list[bytes]:
    """Says all, each until it is answered, as datanodes do; the answers."""
    group = RpcGroup({"": address}, settings)
    answers: list[bytes] = []
    while len(answers) < len(SAID):
        try:
            answers.append(await group.call(PROTOCOL, METHOD, SAID[len(answers)]))
        except ReconError:
            await asyncio.sleep(0.01)
    await group.close()
    return answers


SLOW = Fault(Does.DRIP)
"""Of answers that are short enough to come all the same."""
REASONS = {
    Does.CUT: r"the connection ended \d+ bytes into frame \d+",
    Does.RESET: "Connection reset by peer|Connection lost",
    Does.STALL: r"after 0\.5 s (a request is incomplete \([\d,]+ bytes received\)|the client sent no context)",
    Does.GARBAGE: "not Hadoop RPC|frame 1: ",
    Does.HUGE: "frame 1 has 209,715,200 bytes, which is over the limit",
    Does.DRIP: r"after 0\.5 s (a request is incomplete \([\d,]+ bytes received\)|the client sent no context)",
}


@pytest.mark.parametrize(
    "fault",
    [
        *(one for one in every_fault(2000, 4000) if one != SLOW),
        Fault(Does.DRIP, Side.CLIENT, 9),
        Fault(Does.STALL, Side.CLIENT, 3),
    ],
    ids=str,
)
def test_all_that_is_reported_is_known_in_the_end(fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(*faults: Fault) -> dict[str, Any]:
        recon = Recon()
        async with recon.hears() as address:
            with proxy(address, *faults) as between:
                answers = await report(between.address, replace(QUICK, call_timeout=1))
                assert between.connections == 1 + len(faults)
            assert answers[2:] == [FINE] * (len(SAID) - 2)
            await recon.has_read()
        return recon.replicas()

    disturbed = asyncio.run(talk(fault))
    said = [one.getMessage() for one in caplog.records if "hadoop_rpc.server" in one.name]
    if fault.of is Side.CLIENT:
        assert len(said) == 1
        assert re.fullmatch(rf"127\.0\.0\.1:\d+: .*({REASONS[fault.does]}).*", said[0])
    undisturbed = asyncio.run(talk())
    assert {name: list(held) for name, held in disturbed.items()} == {
        name: list(held) for name, held in undisturbed.items()
    }


def test_many_that_say_nothing_or_never_end_keep_nobody_from_being_heard(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        recon = Recon()
        async with recon.hears(replace(HERE, max_connections=20)) as address:
            host, port = address.split(":")
            known = await RpcConnection.open(address, QUICK)
            await known.call(PROTOCOL, METHOD, SAID[1])
            held = []
            for number in range(100):
                held.append(await asyncio.open_connection(host, int(port)))
                held[-1][1].write((HELLO + b"\0\0\1\0\7")[: number % 12])
                if number % 10 == 9:
                    assert await known.call(PROTOCOL, METHOD, heartbeat()) == FINE
            assert await report(address) == [*(await report(address))[:2], *[FINE] * (len(SAID) - 2)]
            ended = 0
            for reader, writer in held[:80]:
                ended += await reader.read() == b""
                writer.close()
            assert ended == 80
            for _, writer in held[80:]:
                writer.close()
            await known.close()

    asyncio.run(run())
    evicted = [message for message in caplog.messages if "closing the longest-idle connection" in message]
    assert len(evicted) >= 80
    assert evicted[0].endswith("the limit of 20 connections is reached")


def test_silent_clients_time_out(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with Recon().hears(replace(HERE, patience=0.1)) as address:
            host, port = address.split(":")
            held = [await asyncio.open_connection(host, int(port)) for _ in range(50)]
            for reader, writer in held:
                assert await reader.read() == b""
                writer.close()

    asyncio.run(run())
    assert sum("after 0.1 s the client sent no context" in message for message in caplog.messages) == 50


def test_requests_that_never_end_do_not_fill_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    large = registration(containers=container_report(*map(replica, range(3000))))

    async def run() -> None:
        recon = Recon()
        async with recon.hears(replace(QUICKLY, max_buffered=1 << 20)) as address:
            host, port = address.split(":")
            held = [await asyncio.open_connection(host, int(port)) for _ in range(10)]
            for _, writer in held:
                writer.write(begun(1 << 20) + bytes(900_000))
            assert (await report(address))[-1] == FINE, "there is always room for what is small"
            await recon.has_read()
            group = RpcGroup({"": address}, QUICK)
            assert await group.call(PROTOCOL, METHOD, large) == registered_answer(NODE, "CID-1")
            await group.close()
            await until(lambda: len(recon.replicas()["container_id"]) == 3000)
            for _, writer in held:
                writer.transport.abort()

    asyncio.run(run())
    timed_out = re.findall(r"after 0\.5 s a request is incomplete \(([\d,]+) bytes received", caplog.text)
    assert len(timed_out) >= 10, "a datanode that waits for them may be, and comes again"
    assert sum(int(size.replace(",", "")) for size in timed_out) < 4_000_000
