"""A small simulated cluster without servers, and its time, which goes as fast as it can."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from ozone_recon.demo.om.database import OmDatabase
from ozone_recon.demo.plan import Plan
from ozone_recon.demo.script.commands import DayCommands
from ozone_recon.demo.script.day import Day, Event
from ozone_recon.demo.script.workload import Workload
from ozone_recon.demo.world import World

BEGAN = 1_800_000_000.0
SMALL = Plan(datanodes=10, keys=600, day=240, stale=5, dead=10)
_LOG = logging.getLogger(__name__)


class Simulated:
    """A cluster, and what can be done with it."""

    def __init__(self, place: Path, plan: Plan = SMALL, events: tuple[Event, ...] = ()) -> None:
        self.database = OmDatabase(place / "om.db")
        self.world = World(plan, self.database, BEGAN)
        self.refused: list[str] = []
        self.workload = Workload(self.world, self.refused.append)
        self.commands = DayCommands(self.world, self.workload, self.database.forget, {})
        self.day = Day(events, plan.day, BEGAN, self.commands.do)
        self.now = BEGAN
        self.plan = plan

    def go_on(self, seconds: float, each: Callable[[], None] = lambda: None, step: float = 0.25) -> None:
        """Lets time go by."""
        end = self.now + seconds
        while self.now < end:
            self.now += step
            self.day.step(self.now)
            self.workload.step(self.now)
            self.world.step(self.now)
            each()

    def do(self, *lines: str) -> None:
        """Does these things now."""
        for line in lines:
            self.commands.do(line, self.day.when(self.now))

    def close(self) -> None:
        self.database.close()
