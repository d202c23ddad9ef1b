"""Plays the day in a running simulated cluster, and executes commands typed meanwhile."""

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
_REPORT_INTERVAL: Final = 60.0
"""Seconds between two log lines on how Recon answers datanodes."""


class Play:
    """A running cluster and its day."""

    def __init__(self, cluster: RunningCluster, plan: Plan, events: tuple[Event, ...]) -> None:
        self.cluster = cluster
        world, now = cluster.world, time.time()
        self.workload = Workload(world, lambda why: _LOG.info("  %s", why))
        servers = {"om": cluster.om, "scm": cluster.scm}
        self.commands = DayCommands(world, self.workload, cluster.database.forget, servers)
        self.day = Day(events, plan.day, now, self.commands.do)

    def step(self, now: float) -> None:
        """Advances the day, the workload and the cluster to `now`."""
        self.day.step(now)
        self.workload.step(now)
        self.cluster.world.step(now)

    def type(self, line: str) -> None:
        """Executes a typed command."""
        when = self.day.when(time.time())
        if line.strip():
            self.day.execute(Event(when % 86_400, line.strip()), when)


def play(
    plan: Plan, directory: Path, ports: Ports, events: tuple[Event, ...], ready: Callable[[Ports], None], *, held: bool
) -> None:
    """Plays until SIGTERM or KeyboardInterrupt; with `held`, until SIGTERM or the end of standard input.

    Calls `ready` with the ports once the servers listen.
    """
    if held:
        # Ctrl-C also interrupts the parent process, which then ends this one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_play(plan, directory, ports, events, ready, held))


async def _play(
    plan: Plan, directory: Path, ports: Ports, events: tuple[Event, ...], ready: Callable[[Ports], None], held: bool
) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    async with running(plan, directory, ports) as cluster:
        current = Play(cluster, plan, events)
        ready(cluster.ports)
        at_end = ended.set if held else _nothing
        threading.Thread(target=_read_lines, args=(loop, current.type, at_end), daemon=True).start()
        said = time.monotonic()
        while not ended.is_set():
            current.step(time.time())
            await asyncio.sleep(STEP)
            if time.monotonic() - said > _REPORT_INTERVAL:
                said = time.monotonic()
                _LOG.info("%s", cluster.fleet.answers)


def _read_lines(loop: asyncio.AbstractEventLoop, use: Callable[[str], None], at_end: Callable[[], None]) -> None:
    """Passes typed lines to `use` until standard input ends."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(use, line)
    loop.call_soon_threadsafe(at_end)


def _nothing() -> None:
    """The end of standard input ends nothing."""
