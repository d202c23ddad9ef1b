"""Jobs that are done again and again, fail, are woken, and are stopped."""

from __future__ import annotations

import asyncio

import pytest

from ozone_recon.errors import NoLeader, TransferError
from ozone_recon.follow import periodic
from ozone_recon.follow.periodic import Periodic


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "LEAST_PAUSE", 0.0)


class Job:
    """Fails when it is told to; lasts until it may go on."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.may = asyncio.Event()
        self.may.set()
        self.begun = asyncio.Event()

    async def __call__(self) -> None:
        self.begun.set()
        await self.may.wait()
        if self.failure:
            raise self.failure


async def ended(once: Periodic) -> None:
    """Its next run."""
    await once._ended.wait()


def test_a_failure_is_shown_and_ends_nothing() -> None:
    async def go() -> None:
        job = Job()
        once = Periodic("Task", 3600, job)
        running = asyncio.create_task(once.run())
        for failure, error in (
            (TransferError("scm:9860 cannot be reached"), "scm:9860 cannot be reached"),
            (ValueError("odd"), "ValueError('odd')"),
            (None, ""),
        ):
            job.failure = failure
            await once.once_more()
            assert (once.status.error, once.status.running) == (error, False)
            assert once.status.timestamp >= once.status.began > 0
        assert (once.runs, once.failures) == (3, 0)
        running.cancel()

    asyncio.run(go())


def test_it_is_done_at_its_interval_and_sooner_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ozone_recon")

    async def go() -> None:
        job = Job()
        often = Periodic("Task", 0.001, job)
        running = asyncio.create_task(often.run())
        for runs in range(1, 4):
            await ended(often)
            assert often.runs == runs
        running.cancel()
        monkeypatch.setattr(periodic, "FIRST_PAUSE", 0.001)
        job.failure = TransferError("no")
        failing = Periodic("Task", 3600, job)
        running = asyncio.create_task(failing.run())
        for failures in range(1, 4):
            await ended(failing)
            assert failing.failures == failures
        job.failure = None
        await ended(failing)
        running.cancel()
        assert [record.getMessage() for record in caplog.records] == ["Task: no", "Task succeeded after 3 failures"]

    asyncio.run(go())


def test_that_nobody_leads_is_not_logged_by_each_that_waits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ozone_recon")
    monkeypatch.setattr(periodic, "FIRST_PAUSE", 0.001)

    async def go() -> None:
        job = Job()
        job.failure = NoLeader("no SCM leads")
        waiting = Periodic("Task", 3600, job)
        running = asyncio.create_task(waiting.run())
        await ended(waiting)
        assert waiting.status.error == "no SCM leads"
        job.failure = None
        await ended(waiting)
        running.cancel()

    asyncio.run(go())
    assert caplog.records == []


def test_it_can_be_stopped_until_it_is_due_again() -> None:
    async def go() -> None:
        job = Job()
        job.may.clear()
        once = Periodic("Task", 3600, job)
        assert not once.stop()
        running = asyncio.create_task(once.run())
        await job.begun.wait()
        assert once.status.running
        job.begun.clear()
        assert once.stop()
        await ended(once)
        assert (once.status.running, once.status.error) == (False, "it was stopped")
        await job.begun.wait()
        job.may.set()
        await ended(once)
        assert once.status.error == ""
        running.cancel()

    asyncio.run(go())
