"""Plays the day in a simulated cluster that runs, and does what is typed meanwhile."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvloop

from ozone_recon.demo.plan import Plan
from ozone_recon.demo.running import RunningCluster, running
from ozone_recon.demo.script.commands import DayCommands
from ozone_recon.demo.script.day import Day, Event
from ozone_recon.demo.script.workload import Workload
from ozone_recon.demo.site import Ports

_LOG: Final = logging.getLogger(__name__)
STEP: Final = 0.1
"""Seconds between two steps."""
_SAY_EVERY: Final = 60.0
"""Seconds between two lines about how Recon answers datanodes."""


class Play:
    """A cluster and its day."""

    def __init__(self, cluster: RunningCluster, plan: Plan, events: tuple[Event, ...]) -> None:
        self.cluster = cluster
        world, now = cluster.world, time.time()
        self.workload = Workload(world, lambda why: _LOG.info("  %s", why))
        servers = {"om": cluster.om, "scm": cluster.scm}
        self.commands = DayCommands(world, self.workload, cluster.database.forget, servers)
        self.day = Day(events, plan.day, now, self.commands.do)

    def step(self, now: float) -> None:
        """Does all that is due."""
        self.day.step(now)
        self.workload.step(now)
        self.cluster.world.step(now)

    def type(self, line: str) -> None:
        """Does what somebody wants to be done now."""
        when = self.day.when(time.time())
        if line.strip():
            self.day.say(Event(when % 86_400, line.strip()), when)


def play(
    plan: Plan, place: Path, ports: Ports, events: tuple[Event, ...], ready: Callable[[Ports], None], *, held: bool
) -> None:
    """Plays until SIGTERM or KeyboardInterrupt; when it is held, until SIGTERM or the end of standard input.

    `ready` is told where the servers are once they are there.
    """
    if held:
        # The terminal interrupts us and who holds us, who ends us in time.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_play(plan, place, ports, events, ready, held))


async def _play(
    plan: Plan, place: Path, ports: Ports, events: tuple[Event, ...], ready: Callable[[Ports], None], held: bool
) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    async with running(plan, place, ports) as cluster:
        at_play = Play(cluster, plan, events)
        ready(cluster.ports)
        at_end = ended.set if held else _nothing
        threading.Thread(target=_read_lines, args=(loop, at_play.type, at_end), daemon=True).start()
        said = time.monotonic()
        while not ended.is_set():
            at_play.step(time.time())
            await asyncio.sleep(STEP)
            if time.monotonic() - said > _SAY_EVERY:
                said = time.monotonic()
                _LOG.info("%s", cluster.fleet.heard)


def _read_lines(loop: asyncio.AbstractEventLoop, use: Callable[[str], None], at_end: Callable[[], None]) -> None:
    """Hands on what is typed, for as long as something can be."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(use, line)
    loop.call_soon_threadsafe(at_end)


def _nothing() -> None:
    """For a standard input that need not be there."""
