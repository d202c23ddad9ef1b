"""Progress on standard error: a bar that moves on a terminal, and plain lines, seldom, where nobody watches."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from ozone_recon.cli.sheet import human_size
from ozone_recon.logs import one_line

if TYPE_CHECKING:
    from ozone_recon.build.progress import Progress
    from ozone_recon.follow.om.state import OmSyncState
    from ozone_recon.follow.om.sync import OmSync
    from ozone_recon.sources.checkpoint.fetch import Retry, Transfer

_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY: Final = 0.2
_SAY_EVERY: Final = 10.0
"""Seconds between two looks at the synchronisation, and between two plain lines about one stage."""


@contextmanager
def watching(sync: OmSync, *, logged: bool = False) -> Iterator[None]:
    """Shows, or has logged, what `sync` does while the block runs; whoever runs it tells of its failures."""
    ended = threading.Event()
    show = _Lines(_LOG.info) if logged else (_Moving if sys.stderr.isatty() else _Lines)(_line)
    watch = threading.Thread(target=_watch, args=(sync, show, ended), name="progress")
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def _watch(sync: OmSync, show: _Lines, ended: threading.Event) -> None:
    while not ended.wait(_LOOK_EVERY):
        show.state(sync.state)
    show.state(sync.state)
    show.close()


_LONG: Final = ("checkpoint", "build")
"""What is shown: changes come all the time."""


class _Lines:
    """Plain lines: when something begins, every ten seconds while it goes on, and its end."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._doing = ""
        self._said = 0.0
        self._built = 0

    def state(self, state: OmSyncState) -> None:
        """Shows what is new in a state."""
        if state.at is not None and state.doing in _LONG:
            self.going_on(state.doing, step(state.at))
        elif self._doing and state.doing not in _LONG:
            self._doing = ""
            self.close()
        if state.built - state.applied > self._built:
            self._built = state.built - state.applied
            self._say(f"Built, at sequence number {state.snapshot.sequence_number:,}.")

    def going_on(self, doing: str, now: ProgressStep) -> None:
        """Something is going on."""
        if doing != self._doing or time.monotonic() - self._said > _SAY_EVERY:
            self._doing, self._said = doing, time.monotonic()
            self._say(f"{now.title} {now.detail}".strip())

    def close(self) -> None:
        """Takes away what moves."""


class _Moving(_Lines):
    """A bar with what is going on, how fast, and how long it will take; gone when that has ended."""

    def __init__(self, say: Callable[[str], None]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().__init__(say)
        title = TextColumn("{task.description}", markup=False)
        detail = TextColumn("{task.fields[detail]}", markup=False)
        self._bar = Progress(title, BarColumn(), detail, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", detail="")

    def going_on(self, doing: str, now: ProgressStep) -> None:
        self._doing = doing
        self._bar.update(
            self._task, description=now.title, detail=now.detail, completed=now.done, total=now.total or None
        )
        self._bar.start()

    def close(self) -> None:
        self._bar.stop()


def _line(text: str) -> None:
    sys.stderr.write(one_line(text) + "\n")
    sys.stderr.flush()


class ProgressStep(NamedTuple):
    """What is going on: in words, and how far it is; `total` is 0 when it is not known."""

    title: str
    detail: str
    done: int
    total: int


def step(event: Transfer | Retry | Progress) -> ProgressStep:
    """An event for people."""
    from ozone_recon.sources.checkpoint.fetch import Retry, Transfer

    match event:
        case Transfer():
            return ProgressStep(f"Unpacking {event.origin}", _pace(event), event.received, event.total or 0)
        case Retry():
            then = f"(attempt {event.attempt} of {event.attempts} in {event.seconds:.0f} s)"
            return ProgressStep(f"{event.reason}", then, 0, 0)
        case _:
            of = f" of {event.total:,}" if event.total else ""
            detail = f"{event.done:,}{of} {event.unit}" if event.done else ""
            return ProgressStep(f"Building {event.stage}", detail, event.done, event.total)


def _pace(event: Transfer) -> str:
    received = human_size(event.received)
    if event.total:
        received += f" of {human_size(event.total)} ({event.received / event.total:.0%})"
    left = "" if event.seconds_left is None else f", {event.seconds_left:.0f} s left"
    return f"{received} at {human_size(int(event.bytes_per_second))}/s{left}"
