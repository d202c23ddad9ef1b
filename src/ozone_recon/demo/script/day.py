"""Reads the script of a simulated day, and plays it in fast motion, day after day."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ozone_recon.demo.om.content import date_of
from ozone_recon.errors import BadRequest, ReconError

_LOG: Final = logging.getLogger(__name__)
_LINE: Final = re.compile(r"(\d\d):(\d\d)\s+(.+)")
_DATE: Final = re.compile(r"\{date([+-]\d+)?\}")
_SECONDS: Final = 86_400.0
SCRIPT: Final = Path(__file__).with_name("day.txt")
"""The default script."""


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the script; `at` is in seconds of the script's day."""

    at: float
    command: str

    def __str__(self) -> str:
        return f"{int(self.at) // 3600:02}:{int(self.at) // 60 % 60:02} {self.command}"


def read_script(text: str) -> tuple[Event, ...]:
    """The events of a script, ordered by time; raises BadRequest for a malformed line."""
    events = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.partition("#")[0].strip()
        if not stripped:
            continue
        found = _LINE.fullmatch(stripped)
        if found is None or int(found[1]) > 23 or int(found[2]) > 59:
            raise BadRequest(f"line {number} of the script is not of the form `HH:MM COMMAND`: {line!r}")
        events.append(Event(int(found[1]) * 3600.0 + int(found[2]) * 60, found[3]))
    return tuple(sorted(events, key=lambda event: event.at))


class Day:
    """Plays a script."""

    def __init__(
        self, events: tuple[Event, ...], length: float, began: float, do: Callable[[str, float], None]
    ) -> None:
        """A day takes `length` seconds; `do` receives each command and its time in the script's days."""
        self._events, self._length, self._began, self._do = events, length, began, do
        self._next = 0
        self._midnight = began - began % _SECONDS
        """The midnight that began the script's first day."""

    def step(self, now: float) -> None:
        """Executes all events up to `now`."""
        while self._events:
            days, number = divmod(self._next, len(self._events))
            event = self._events[number]
            if now < self._began + (days + event.at / _SECONDS) * self._length:
                return
            self._next += 1
            self.execute(event, self._midnight + days * _SECONDS + event.at)

    def when(self, now: float) -> float:
        """The time in the script's days that corresponds to `now`."""
        return self._midnight + (now - self._began) / self._length * _SECONDS

    def execute(self, event: Event, when: float) -> None:
        """Logs and executes an event; logs a command that fails. `{date-14}` becomes the date 14 days before."""
        command = _DATE.sub(lambda found: date_of(when, int(found[1] or 0)), event.command)
        event = replace(event, command=command)
        _LOG.info("%s", event)
        try:
            self._do(command, when)
        except ReconError as error:
            _LOG.warning("%s: %s", event, error)
