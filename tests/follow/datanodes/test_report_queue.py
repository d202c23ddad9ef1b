"""Reports in the queue: merging, the limit, and datanodes that must send a full report."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.decode.cluster.sample_datanodes import DATANODE, OTHER_DATANODE
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE

from ozone_recon.follow.datanodes.report_queue import Dropped, ReportQueue
from ozone_recon.model.datanode_reports import REPORT_OVERHEAD, Heartbeat, LayoutVersion

ONE = Heartbeat(DATANODE, LayoutVersion(10, 10))
K = 1000
LONG = 10 * K - REPORT_OVERHEAD
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
    assert queue.size == 7 + 4 * REPORT_OVERHEAD
    assert take_all(queue) == [
        replace(ONE, increments=(b"a1", b"a2")),
        replace(OTHER, containers=b"b", increments=(b"b2",)),
    ]
    assert (queue.size, queue.waiting, queue.dropped) == (0, 0, Dropped())


def test_what_does_not_fit_is_owed_until_a_full_report_comes() -> None:
    queue = ReportQueue(limit=10 * K)
    queue.put(replace(ONE, containers=bytes(8 * K)))
    queue.put(replace(OTHER, increments=(bytes(3 * K),)))
    assert queue.dropped == Dropped(heartbeats=1, size=3 * K + REPORT_OVERHEAD)
    assert not queue.must_report(OTHER_NODE), "there is no room yet"
    assert take_all(queue) == [replace(ONE, containers=bytes(8 * K))]
    assert queue.must_report(OTHER_NODE)
    assert not queue.must_report(NODE)
    queue.put(replace(OTHER, increments=(bytes(K),)))
    assert queue.must_report(OTHER_NODE), "an increment does not make up for it"
    queue.put(replace(OTHER, containers=bytes(4 * K)))
    assert not queue.must_report(OTHER_NODE)
    assert take_all(queue) == [replace(OTHER, containers=bytes(4 * K))]


def test_a_newer_full_report_makes_room_for_itself() -> None:
    queue = ReportQueue(limit=10 * K)
    queue.put(replace(ONE, containers=bytes(3 * K), increments=(bytes(K), bytes(K))))
    queue.put(replace(ONE, containers=bytes(LONG)))
    assert (queue.size, queue.dropped) == (10 * K, Dropped())
    queue.put(replace(ONE, increments=(bytes(K),)))
    queue.put(OTHER)
    assert queue.dropped == Dropped(heartbeats=1, size=K + REPORT_OVERHEAD)
    assert take_all(queue) == [replace(ONE, containers=bytes(LONG)), OTHER]


def test_one_that_is_too_large_alone_is_kept() -> None:
    queue = ReportQueue(limit=10 * K)
    queue.put(replace(ONE, containers=bytes(11 * K)))
    assert (queue.size, queue.dropped) == (11 * K + REPORT_OVERHEAD, Dropped())


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
