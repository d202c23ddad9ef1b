"""Shows progress on standard error: a moving bar on a terminal, occasional plain lines elsewhere."""

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
_POLL_SECONDS: Final = 0.2
"""Interval at which the state of the synchronisation is read."""
_LINE_SECONDS: Final = 10.0
"""Minimum interval between two plain lines about the same activity."""


@contextmanager
def show_progress(sync: OmSync, *, logged: bool = False) -> Iterator[None]:
    """Shows or logs the progress of `sync` while the block runs; the caller reports its failures."""
    ended = threading.Event()
    show = _Lines(_LOG.info) if logged else (_Bar if sys.stderr.isatty() else _Lines)(_line)
    watch = threading.Thread(target=_watch, args=(sync, show, ended), name="progress")
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def _watch(sync: OmSync, show: _Lines, ended: threading.Event) -> None:
    while not ended.wait(_POLL_SECONDS):
        show.state(sync.state)
    show.state(sync.state)
    show.close()


_SHOWN: Final = ("checkpoint", "build")
"""Activities that are shown; applying changes is not, since it is frequent and short."""


class _Lines:
    """Prints a plain line when an activity starts, every 10 seconds while it runs, and when a build ends."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._activity = ""
        self._written_at = 0.0
        self._built = 0

    def state(self, state: OmSyncState) -> None:
        """Shows the changes since the last state."""
        if state.at is not None and state.doing in _SHOWN:
            self.update(state.doing, step(state.at))
        elif self._activity and state.doing not in _SHOWN:
            self._activity = ""
            self.close()
        if state.built - state.applied > self._built:
            self._built = state.built - state.applied
            self._write(f"Built a generation at sequence number {state.snapshot.sequence_number:,}.")

    def update(self, activity: str, now: ProgressStep) -> None:
        """Shows the progress of an activity."""
        if activity != self._activity or time.monotonic() - self._written_at > _LINE_SECONDS:
            self._activity, self._written_at = activity, time.monotonic()
            self._write(f"{now.title} {now.detail}".strip())

    def close(self) -> None:
        """Removes the progress bar, if there is one."""


class _Bar(_Lines):
    """Shows a bar with activity, rate and remaining time; removed when the activity ends."""

    def __init__(self, write: Callable[[str], None]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().__init__(write)
        title = TextColumn("{task.description}", markup=False)
        detail = TextColumn("{task.fields[detail]}", markup=False)
        self._bar = Progress(title, BarColumn(), detail, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", detail="")

    def update(self, activity: str, now: ProgressStep) -> None:
        self._activity = activity
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
    """Title and progress of an activity; `total` is 0 if unknown."""

    title: str
    detail: str
    done: int
    total: int


def step(event: Transfer | Retry | Progress) -> ProgressStep:
    """Describes a progress event for display."""
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
