"""Restarts the program in place after a served file was damaged; the data is verified at startup.

Reading a truncated memory-mapped file raises SIGBUS, which ends the process without a message. The signal handler runs
on the reading thread: it logs what is damaged and executes the same command again in the same process. A check that
finds a file missing does the same. A second restart within `LOOP` seconds ends the process instead.
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
"""Seconds within which a second restart is a loop."""
_RESTARTED_AT: Final = "OZONE_RECON_STARTED_AGAIN_AT"
"""Environment variable with the time of the last restart, in seconds since 1970."""
_LOG: Final = logging.getLogger(__name__)
_CALLBACK: list[object] = []
"""Keeps the C callback alive as long as the process."""


def restart(reason: str) -> NoReturn:
    """Restarts the program, or ends it if it has just been restarted; `reason` is a sentence for the log."""
    now = time.time()
    if now - float(os.environ.get(_RESTARTED_AT, 0)) < LOOP:
        _LOG.critical("%s again, after a restart: exiting", reason)
        os._exit(1)
    _LOG.critical("%s: restarting, the damaged data will be rebuilt", reason)
    # Suppresses messages about the killed children.
    logging.disable()
    end_children()
    # exec preserves the signal mask: SIGBUS would stay blocked, and the next one end the process without a message.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execve(sys.executable, sys.orig_argv, {**os.environ, _RESTARTED_AT: str(now)})


def end_children() -> None:
    """Kills all child processes: they hold its ports and locks."""
    for listed in Path("/proc/self/task").glob("*/children"):
        for child in listed.read_text().split():
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(int(child), signal.SIGKILL)
                os.waitpid(int(child), 0)


def restart_on_bus_error(damage: Callable[[], str | None]) -> None:
    """Makes SIGBUS restart the program; `damage` returns what is damaged, if it can tell."""

    def handle(_: int) -> None:
        try:
            reason = damage() or "a file was truncated, or the disk has failed"
        except BaseException as error:
            reason = f"cannot read a file: {error!r}"
        try:
            restart(f"SIGBUS: {reason}")
        finally:
            # Otherwise the instruction would be repeated for ever.
            os._exit(1)

    # Python's own handlers run later on the main thread, after the instruction, which never completes.
    called = ctypes.CFUNCTYPE(None, ctypes.c_int)(handle)
    _CALLBACK[:] = [called]
    ctypes.CDLL(None).signal(int(signal.SIGBUS), called)
