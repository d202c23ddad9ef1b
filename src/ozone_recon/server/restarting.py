"""Begins again in place: the same command in the same process, which verifies what it serves when it starts.

A mapped file that is cut short ends a process by SIGBUS, at whichever instruction reads it: nothing can go on from
there, and nothing would be said. So the signal's handler, on the thread that read, says what is damaged and starts the
program anew; so does whoever finds a file missing. A second time within `LOOP` seconds it ends the process.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

LOOP: Final = 60.0
"""Seconds within which a second start does not help."""
_AT: Final = "OZONE_RECON_STARTED_AGAIN_AT"
"""In the environment: when that was, in seconds since 1970."""
_LOG: Final = logging.getLogger(__name__)
_KEPT: list[object] = []
"""The handler, for as long as the process lives."""


def restart(reason: str) -> NoReturn:
    """Start the program anew, or end it where that has just been done; `reason` says why in a sentence."""
    now = time.time()
    if now - float(os.environ.get(_AT, 0)) < LOOP:
        _LOG.critical("%s, again: it ends", reason)
        os._exit(1)
    _LOG.critical("%s: it starts again, and builds anew what is damaged", reason)
    # That children are killed is no news.
    logging.disable()
    end_children()
    # After a signal's handler the signal would be held back for good, and the next one end the process in silence.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execve(sys.executable, sys.orig_argv, {**os.environ, _AT: str(now)})


def end_children() -> None:
    """Kill all processes that this one has started: they have its ports, and the locks of what is served."""
    for listed in Path("/proc/self/task").glob("*/children"):
        for child in listed.read_text().split():
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(int(child), signal.SIGKILL)
                os.waitpid(int(child), 0)


def restart_on_bus_error(damage: Callable[[], str | None]) -> None:
    """Have SIGBUS restart the program; `damage` says what is damaged, if it can be known."""

    def handle(_: int) -> None:
        try:
            reason = damage() or "a file was cut short, or the disk has failed"
        except BaseException as error:
            reason = f"a file cannot be read: {error!r}"
        try:
            restart(f"SIGBUS: {reason}")
        finally:
            # The instruction would be tried again and again.
            os._exit(1)

    # Python's own handlers run later, on the main thread: behind an instruction that never ends.
    called = ctypes.CFUNCTYPE(None, ctypes.c_int)(handle)
    _KEPT[:] = [called]
    ctypes.CDLL(None).signal(int(signal.SIGBUS), called)
