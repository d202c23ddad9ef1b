"""Reports that wait to be read: what a newer one stands for, what there is no room for, and who then owes us one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.decode.scm_messages import NODE, OTHER_NODE
from tests.decode.test_scm import DATANODE, OTHER_DATANODE

from ozone_recon.model.datanode_reports import Heartbeat, LayoutVersion
from ozone_recon.sync.report_queue import Dropped, ReportQueue

ONE = Heartbeat(DATANODE, LayoutVersion(10, 10))
OTHER = replace(ONE, datanode=OTHER_DATANODE)


def take_all(queue: ReportQueue) -> list[Heartbeat]:
    async def take() -> list[Heartbeat]:
        return [await queue.take() for _ in range(queue.waiting)]

    return asyncio.run(take())


def test_datanodes_take_turns_and_what_one_has_said_stays_together() -> None:
    queue = ReportQueue()
    for heartbeat in (
        replace(ONE, increments=(b"a1",)),
        replace(OTHER, increments=(b"b1",)),
        replace(ONE, increments=(b"a2",)),
        replace(OTHER, containers=b"b"),
        replace(OTHER, increments=(b"b2",)),
        ONE,
    ):
        queue.put(heartbeat)
    assert queue.size == 7
    assert take_all(queue) == [
        replace(ONE, increments=(b"a1", b"a2")),
        replace(OTHER, containers=b"b", increments=(b"b2",)),
    ]
    assert (queue.size, queue.waiting, queue.dropped) == (0, 0, Dropped())


def test_what_does_not_fit_is_owed_until_a_full_report_comes() -> None:
    queue = ReportQueue(limit=10)
    queue.put(replace(ONE, containers=b"12345678"))
    queue.put(replace(OTHER, increments=(b"123",)))
    assert queue.dropped == Dropped(heartbeats=1, size=3)
    assert not queue.owes(OTHER_NODE), "there is no room yet"
    assert take_all(queue) == [replace(ONE, containers=b"12345678")]
    assert queue.owes(OTHER_NODE)
    assert not queue.owes(NODE)
    queue.put(replace(OTHER, increments=(b"4",)))
    assert queue.owes(OTHER_NODE), "an increment does not make up for it"
    queue.put(replace(OTHER, containers=b"1234"))
    assert not queue.owes(OTHER_NODE)
    assert take_all(queue) == [replace(OTHER, containers=b"1234")]


def test_a_newer_full_report_makes_room_for_itself() -> None:
    queue = ReportQueue(limit=10)
    queue.put(replace(ONE, containers=b"123", increments=(b"4", b"5")))
    queue.put(replace(ONE, containers=b"1234567890"))
    assert (queue.size, queue.dropped) == (10, Dropped())
    queue.put(replace(ONE, increments=(b"1",)))
    queue.put(OTHER)
    assert queue.dropped == Dropped(heartbeats=1, size=1)
    assert take_all(queue) == [replace(ONE, containers=b"1234567890"), OTHER]


def test_one_that_is_too_large_alone_is_kept() -> None:
    queue = ReportQueue(limit=10)
    queue.put(replace(ONE, containers=bytes(11)))
    assert (queue.size, queue.dropped) == (11, Dropped())


def test_taking_waits() -> None:
    async def run() -> None:
        queue = ReportQueue()
        for _ in range(2):
            taking = asyncio.create_task(queue.take())
            await asyncio.sleep(0)
            assert not taking.done()
            queue.put(ONE)
            assert await taking == ONE

    asyncio.run(run())
