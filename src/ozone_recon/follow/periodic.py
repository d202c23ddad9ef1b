"""Runs a job periodically and keeps its status; a failure is logged and retried, and never ends the schedule."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from ozone_recon.errors import NoLeader, ReconError
from ozone_recon.model.cluster import STOPPED, ClusterTask

FIRST_PAUSE: Final = 5.0
"""Seconds from a failure to the next attempt, at most the interval; doubles with each consecutive failure."""
LONGEST_PAUSE: Final = 300.0
LEAST_PAUSE: Final = 1.0
"""Minimum seconds between two runs, however often it is woken."""
_LOG: Final = logging.getLogger(__name__)


class Periodic:
    """Runs a job at its interval, and immediately when woken. For one event loop."""

    def __init__(
        self, name: str, interval: float, job: Callable[[], Awaitable[str | None]], delay: float = 0.0
    ) -> None:
        """`interval` and `delay` (before the first run) are in seconds. The job may return a finding for its status."""
        self.status = ClusterTask(name)
        self.runs = 0
        self.failures = 0
        """Consecutive failures."""
        self._interval = interval
        self._job = job
        self._delay = delay
        self._woken = asyncio.Event()
        self._ended = asyncio.Event()
        self._running: asyncio.Future[str | None] | None = None
        self._quiet = False
        """Whether the cause of the last failure is logged elsewhere."""

    async def run(self) -> None:
        """Runs the job until cancelled."""
        await self._wait(self._delay)
        while True:
            await self._once()
            await asyncio.sleep(min(self._interval, LEAST_PAUSE))
            await self._wait(self._pause() - LEAST_PAUSE)

    def wake(self) -> None:
        """Runs the job now, or once more if it is running."""
        self._woken.set()

    def stop(self) -> bool:
        """Cancels the current run; False if the job is not running. The schedule continues."""
        return self._running is not None and self._running.cancel()

    async def once_more(self) -> None:
        """Runs the job now and waits until it has ended."""
        ended = self._ended
        self.wake()
        await ended.wait()

    async def _once(self) -> None:
        self._woken.clear()
        began = _now()
        self.status = replace(self.status, timestamp=began, began=began, running=True)
        self._running = asyncio.ensure_future(self._job())
        try:
            await asyncio.wait({self._running})
            error = STOPPED if self._running.cancelled() else self._log_failure(self._running.exception())
            finding = "" if error else self._running.result() or ""
        finally:
            self._running.cancel()
            self._running = None
        if self.failures and not error:
            _LOG.log(
                logging.DEBUG if self._quiet else logging.INFO,
                "%s succeeded after %s failures",
                self.status.name,
                self.failures,
            )
        self.runs += 1
        self.failures = self.failures + 1 if error else 0
        self.status = replace(self.status, timestamp=_now(), running=False, error=error, finding=finding)
        ended, self._ended = self._ended, asyncio.Event()
        ended.set()

    def _log_failure(self, failure: BaseException | None) -> str:
        """Returns the error text; logs it if it differs from that of the last run."""
        if failure is None:
            return ""
        error = str(failure) if isinstance(failure, ReconError) else repr(failure)
        # The RPC group logs a missing leader once, for all callers that wait for it.
        self._quiet = isinstance(failure, NoLeader)
        if error != self.status.error:
            level = logging.DEBUG if self._quiet else logging.WARNING
            exc_info = None if isinstance(failure, ReconError) else failure
            _LOG.log(level, "%s: %s", self.status.name, error, exc_info=exc_info)
        return error

    def _pause(self) -> float:
        if not self.failures:
            return self._interval
        return min(self._interval, FIRST_PAUSE * float(2 ** min(self.failures - 1, 16)), LONGEST_PAUSE)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._woken.wait()
        except TimeoutError:
            pass


def _now() -> int:
    return time.time_ns() // 1_000_000
