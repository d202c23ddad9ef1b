"""Progress on standard error: one line that moves on a terminal, and plain lines, seldom, where nobody watches."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ozone_recon.cli.sheet import human_size

if TYPE_CHECKING:
    from ozone_recon.sources.checkpoint import Retry, Transfer
    from ozone_recon.sync.om import OmSync, SyncState
    from ozone_recon.sync.progress import Progress

_LOOK_EVERY: Final = 0.2
_SAY_EVERY: Final = 10.0
"""Seconds between two looks at the synchronisation, and between two plain lines about one stage."""


@contextmanager
def watching(sync: OmSync) -> Iterator[None]:
    """Shows what `sync` does while the block runs; whoever runs it tells of its failures."""
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(sync, ended), name="progress")
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def _watch(sync: OmSync, ended: threading.Event) -> None:
    show = (_Moving if sys.stderr.isatty() else _Lines)()
    while not ended.wait(_LOOK_EVERY):
        show.state(sync.state)
    show.state(sync.state)
    show.close()


class _Lines:
    """Plain lines: when something begins, every ten seconds while it goes on, and how it ended."""

    def __init__(self) -> None:
        self._doing = ""
        self._said = 0.0

    def state(self, state: SyncState) -> None:
        """Shows what is new in a state."""
        if state.at is not None and state.doing != "idle":
            self.going_on(state.doing, describe(state.at))
        elif self._doing and state.doing == "idle":
            self._doing = ""
            self.ended(state)

    def going_on(self, doing: str, text: str) -> None:
        """Something is going on."""
        now = time.monotonic()
        if doing != self._doing or now - self._said > _SAY_EVERY:
            self._doing, self._said = doing, now
            _line(text)

    def ended(self, state: SyncState) -> None:
        """It went well, or not."""
        if not state.error:
            _line(f"Built, at sequence number {state.snapshot.sequence_number:,}.")

    def close(self) -> None:
        """Ends the showing."""


class _Moving(_Lines):
    """One line that moves, gone when something has ended."""

    def __init__(self) -> None:
        from rich.console import Console

        super().__init__()
        self._status = Console(stderr=True, highlight=False, markup=False).status("")

    def going_on(self, doing: str, text: str) -> None:
        self._doing = doing
        self._status.update(text)
        self._status.start()

    def ended(self, state: SyncState) -> None:
        self._status.stop()
        super().ended(state)

    def close(self) -> None:
        self._status.stop()


def _line(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def describe(event: Transfer | Retry | Progress) -> str:
    """What is going on, in a line of words."""
    from ozone_recon.sources.checkpoint import Retry, Transfer

    match event:
        case Transfer():
            return _transfer(event)
        case Retry():
            return f"{event.reason}; attempt {event.attempt} of {event.attempts} in {event.seconds:.0f} s"
        case _:
            of = f" of {event.total:,}" if event.total else ""
            return f"Building {event.stage}" + (f": {event.done:,}{of} {event.unit}" if event.done else "")


def _transfer(event: Transfer) -> str:
    received = human_size(event.received)
    if event.total:
        received += f" of {human_size(event.total)} ({event.received / event.total:.0%})"
    left = "" if event.seconds_left is None else f", {event.seconds_left:.0f} s left"
    return f"Unpacking {event.origin}: {received} at {human_size(int(event.bytes_per_second))}/s{left}"
