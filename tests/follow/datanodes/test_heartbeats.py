"""Datanodes that register, report more than can be read, fall silent, or are none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import pytest
from tests.decode.cluster.datanode_messages import (
    container_report,
    full_heartbeat,
    heartbeat,
    registration,
    replica,
    version_request,
)
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, datanode
from tests.decode.om.om_messages import blob, number
from tests.sources.rpc_stand_in import HERE, QUICK

from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.errors import DecodeError, MessageTooLong, RemoteError
from ozone_recon.follow.datanodes.heartbeats import HeartbeatCounts, HeartbeatService, serve_datanodes
from ozone_recon.follow.datanodes.report_queue import ReportQueue
from ozone_recon.insights.cluster.datanode_health import DatanodeHealth
from ozone_recon.model.datanode_reports import DatanodeReports
from ozone_recon.sources.hadoop_rpc.client import RpcConnection
from ozone_recon.wire.ozone.datanode_calls import (
    METHOD,
    PROTOCOL,
    heartbeat_answer,
    registered_answer,
    version_answer,
)

Call = Callable[[bytes], Coroutine[Any, Any, bytes]]
FINE = heartbeat_answer(NODE, reregister=False)
AGAIN = heartbeat_answer(NODE, reregister=True)


class Recon:
    """Datanodes with a clock that stands still, and a reader that can be held up."""

    def __init__(self, limit: int = 1 << 20) -> None:
        self.now = 1000.0
        self.used: list[DatanodeReports] = []
        self.go_on = threading.Event()
        self.begun = threading.Event()
        self.done = threading.Event()
        self.health = DatanodeHealth(Intervals())
        self.named = {NODE, OTHER_NODE}
        self.datanodes = HeartbeatService(
            "CID-1", self.health, self.apply, lambda uuid: uuid in self.named, ReportQueue(limit), lambda: self.now
        )

    def apply(self, reports: DatanodeReports) -> None:
        self.begun.set()
        assert self.go_on.wait(60)
        if reports.datanode.uuid == OTHER_NODE:
            self.done.set()
        else:
            self.used.append(reports)

    def containers(self) -> list[tuple[list[int] | None, list[list[int]]]]:
        """The full report and the increments that were used, of each use."""
        return [
            (
                None if one.containers is None else one.containers.container_id.tolist(),
                [part.container_id.tolist() for part in one.increments],
            )
            for one in self.used
        ]


def run(recon: Recon, talk: Callable[[Call], Coroutine[Any, Any, None]]) -> None:
    """Lets a datanode talk to Recon over the network; another one has the last word, so that all is read then."""

    async def whole() -> None:
        async with asyncio.timeout(60), serve_datanodes(recon.datanodes, HERE) as port:
            connection = await RpcConnection.open(f"127.0.0.1:{port}", QUICK)
            await talk(lambda request: connection.call(PROTOCOL, METHOD, request))
            await connection.call(PROTOCOL, METHOD, registration(datanode(OTHER_NODE)))
            recon.go_on.set()
            assert await asyncio.to_thread(recon.done.wait, 60)
            await connection.close()

    asyncio.run(whole())


def increment(*containers: int) -> bytes:
    return heartbeat(reports=blob(4, container_report(*(replica(one) for one in containers))))


def test_a_datanode_from_its_first_word_on() -> None:
    recon = Recon()

    async def talk(call: Call) -> None:
        assert await call(version_request()) == version_answer()
        assert await call(increment(1)) == AGAIN, "it is not known yet, and not listened to"
        assert await call(registration()) == registered_answer(NODE, "CID-1")
        assert await call(heartbeat()) == FINE
        assert await call(full_heartbeat()) == FINE
        recon.now += 180
        assert await call(increment(8)) == AGAIN, "it was silent"
        assert await call(registration()) == registered_answer(NODE, "CID-1")
        assert await call(heartbeat()) == FINE

    run(recon, talk)
    assert recon.datanodes.counts == HeartbeatCounts(registrations=3, heartbeats=5)
    assert recon.health.health(NODE, recon.now) == "HEALTHY"
    assert recon.used[0].software is not None
    assert [one.datanode.uuid for one in recon.used] == [NODE] * len(recon.used)
    assert recon.containers()[-1] == ([7], []), "the last registration says all"


def test_heartbeats_are_answered_while_reports_wait_to_be_read() -> None:
    recon = Recon()

    async def talk(call: Call) -> None:
        await call(registration())
        assert await asyncio.to_thread(recon.begun.wait, 60)
        for container in range(10, 15):
            assert await call(increment(container)) == FINE
        assert not recon.used

    run(recon, talk)
    assert recon.containers() == [([7], []), (None, [[10], [11], [12], [13], [14]])]


def test_what_there_is_no_room_for_is_reported_again() -> None:
    first = registration(containers=container_report(*map(replica, range(20))))
    recon = Recon(limit=len(first) * 8 // 5)

    async def talk(call: Call) -> None:
        await call(first)
        assert await asyncio.to_thread(recon.begun.wait, 60)
        assert await call(first.replace(b"2.2.0", b"2.2.1")) == registered_answer(NODE, "CID-1")
        assert await call(increment(*range(20))) == FINE, "there is no room for it, and none for another registration"
        recon.go_on.set()
        recon.done.clear()
        assert await call(registration(datanode(OTHER_NODE))) == registered_answer(OTHER_NODE, "CID-1")
        assert await asyncio.to_thread(recon.done.wait, 60)
        recon.done.clear()
        assert await call(heartbeat()) == AGAIN
        assert await call(registration()) == registered_answer(NODE, "CID-1")
        assert await call(heartbeat()) == FINE

    run(recon, talk)
    assert recon.datanodes.queue.dropped.heartbeats == 1
    full = [containers for containers, _ in recon.containers() if containers is not None]
    assert full == [list(range(20)), list(range(20)), [7]]


def test_a_large_registration() -> None:
    recon = Recon()
    large = registration(containers=container_report(*map(replica, range(30_000))))

    async def talk(call: Call) -> None:
        assert await call(large) == registered_answer(NODE, "CID-1")
        with pytest.raises(RemoteError):
            await call(large[:-1])

    run(recon, talk)
    assert recon.containers() == [(list(range(30_000)), [])]


def test_reports_that_cannot_be_read_or_used(caplog: pytest.LogCaptureFixture) -> None:
    recon = Recon()

    async def talk(call: Call) -> None:
        await call(registration())
        assert await call(heartbeat(reports=blob(4, b"\0") + blob(4, container_report(replica(5))))) == FINE
        with pytest.raises(RemoteError) as refusal:
            await call(number(1, 9))
        assert refusal.value.message == "SCMDatanodeRequest: command 9 is not known"

    run(recon, talk)
    assert [5] in [part for _, parts in recon.containers() for part in parts]
    assert recon.datanodes.counts.refused == 1
    assert "report of datanode dn1: ContainerReportsProto: tag at byte 0 has the invalid field number 0" in caplog.text


def test_a_bug_in_what_uses_reports_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Recon):
        def apply(self, reports: DatanodeReports) -> None:
            super().apply(reports)
            raise ValueError("this is a bug")

    recon = Broken()

    async def talk(call: Call) -> None:
        await call(registration())

    run(recon, talk)
    assert recon.datanodes.counts.refused >= 3
    assert "cannot apply the reports of datanode dn1" in caplog.text
    assert "this is a bug" in caplog.text


def test_nobody_is_answered_who_does_not_say_what_he_wants() -> None:
    recon = Recon()
    for request in (b"", b"\xff", registration()[:-1], full_heartbeat()[:-1]):
        with pytest.raises(DecodeError):
            asyncio.run(recon.datanodes.answer(request))
    assert recon.datanodes.counts == HeartbeatCounts()


def test_a_datanode_that_scm_has_not_named_is_answered_and_used_once_it_has() -> None:
    recon = Recon()
    recon.named.discard(NODE)

    async def talk(call: Call) -> None:
        assert await call(increment(1)) == AGAIN
        assert await call(registration()) == registered_answer(NODE, "CID-1")
        assert await call(increment(8)) == FINE
        assert NODE not in recon.health, "it is not among the datanodes"
        assert (recon.datanodes.queue.waiting, len(recon.datanodes.unknown)) == (0, 1)
        recon.named.add(NODE)
        assert await call(increment(9)) == FINE
        assert len(recon.datanodes.unknown) == 0

    run(recon, talk)
    assert recon.containers() == [([7], [[8], [9]])]


def test_one_that_does_not_speak_again_is_admitted_all_the_same() -> None:
    recon = Recon()
    recon.named.discard(NODE)

    async def talk(call: Call) -> None:
        await call(registration())
        recon.datanodes.admit()
        assert NODE not in recon.health
        recon.named.add(NODE)
        recon.datanodes.admit()
        assert NODE in recon.health

    run(recon, talk)
    assert recon.containers() == [([7], [])]


def test_no_number_of_unknown_datanodes_keeps_known_ones_waiting() -> None:
    recon = Recon(limit=1 << 30)
    recon.go_on.set()

    async def flood() -> None:
        for one in range(3000):
            details = datanode(str(UUID(int=one + 1)))
            assert await recon.datanodes.answer(registration(details)) == registered_answer(
                str(UUID(int=one + 1)), "CID-1"
            )
        assert len(recon.datanodes.unknown) == 1000
        assert recon.datanodes.queue.waiting == 0, "whoever is known comes next"
        many = container_report(replica()) * 250_000
        await recon.datanodes.answer(registration(datanode(str(UUID(int=1))), many))
        assert recon.datanodes.unknown.size < len(many), "such a report is left out"
        await recon.datanodes.answer(registration())
        assert recon.datanodes.queue.waiting == 1

    asyncio.run(flood())
    assert list(recon.health) == [NODE]


def test_a_request_of_many_fields_holds_nobody_up() -> None:
    recon = Recon()
    recon.go_on.set()
    many = heartbeat(reports=blob(4, b"") * 300_000)

    async def talk() -> list[str]:
        done: list[str] = []

        async def answer(what: str, request: bytes) -> None:
            await recon.datanodes.answer(request)
            done.append(what)

        await recon.datanodes.answer(registration())
        await asyncio.gather(answer("many", many), answer("many", many), answer("few", heartbeat()))
        return done

    assert asyncio.run(talk()) == ["few", "many", "many"]


def test_a_large_heartbeat_is_decoded_only_for_a_datanode_that_scm_has_named() -> None:
    recon = Recon()
    recon.go_on.set()
    recon.named.discard(NODE)
    increments = blob(4, container_report(replica())) * 300

    async def talk(call: Call) -> None:
        await call(registration())
        with pytest.raises(RemoteError, match=f"IOException: .*{NODE}.* 256 fields: it is accepted once SCM names"):
            await call(heartbeat(reports=increments))
        recon.named.add(NODE)
        assert await call(heartbeat(reports=increments)) == FINE

    run(recon, talk)
    (used,) = recon.containers()
    assert used[0] == [7]
    assert len(used[1]) == 300


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: number(1, 3) + blob(5, blob(3, b"") * 300 + blob(1, datanode(NODE))),
        lambda: number(1, 3) + blob(5, b"\x0b" + blob(3, b"") * 300 + b"\x0c"),
        lambda: number(1, 3) + blob(5, blob(1, bytes(9000)) + blob(4, b"") * 300),
        lambda: number(1, 3) + number(5, 7) + blob(4, b"") * 300,
        lambda: registration() + blob(9, b"") * 300,
    ],
    ids=["its datanode comes last", "a group", "a long datanode", "no heartbeat", "a registration"],
)
def test_a_large_request_without_a_readable_sender_is_refused(request_of: Callable[[], bytes]) -> None:
    with pytest.raises(DecodeError):
        asyncio.run(Recon().datanodes.answer(request_of()))


def test_a_request_of_too_many_fields_is_refused() -> None:
    with pytest.raises(MessageTooLong, match="it has more than 1,048,576 fields"):
        asyncio.run(Recon().datanodes.answer(heartbeat(reports=blob(4, b"") * (1 << 20))))
