"""The child's side of a supervised process: exchanges messages with the parent and sends heartbeats.

A child sends a heartbeat every second while it makes progress; otherwise the parent kills and replaces it
(`processes.child`). The first argument of the program is the file descriptor of its end of the channel.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import sys
import threading
import time
from queue import SimpleQueue
from typing import Any, Final

from ozone_recon.logs import LogLevel
from ozone_recon.processes.channel import BEAT, Channel

STALLED: Final = 300.0
"""Seconds without progress after which a process stops its heartbeats; far longer than compiling a kernel takes."""

_PR_SET_PDEATHSIG: Final = 1
"""From linux/prctl.h."""


class Parent:
    """The connection to the parent process, open for the lifetime of this process."""

    def __init__(self, stalled: float = STALLED) -> None:
        """Connects to the parent; `stalled` is the maximum number of seconds between calls of `progress`."""
        _end_with_parent()
        # A terminal or systemd signals all processes at once; the parent ends this one when it is ready.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._channel = Channel(socket.socket(fileno=int(sys.argv[1])))
        self.silence = 0
        """Number of consecutive heartbeats that the parent has missed."""
        self._stalled = stalled
        self._progress: float | None = None
        self._received: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        threading.Thread(target=self._run, name="parent", daemon=True).start()

    def send(self, message: object) -> None:
        """Queues a message without blocking; BrokenPipeError if the parent has ended."""
        self._channel.send(message)

    def receive(self) -> Any:
        """Waits for the next message; EOFError if the parent has ended or requests this process to end."""
        received = self._received.get()
        if not received:
            self._received.put(())
            raise EOFError
        return received[0]

    def progress(self) -> None:
        """Records progress: the next call must follow within `stalled` seconds."""
        self._progress = time.monotonic()

    def idle(self) -> None:
        """Records that there is no work: no progress is expected until the next call of `progress`."""
        self._progress = None

    async def watch_loop(self) -> None:
        """Records progress for as long as the event loop runs."""
        while True:
            self.progress()
            await asyncio.sleep(BEAT)

    def _run(self) -> None:
        self._channel.run(self._handle, self._check)
        self._received.put(())

    def _handle(self, message: object) -> None:
        if isinstance(message, LogLevel):
            message.apply()
        else:
            self._received.put((message,))

    def _check(self, silence: int) -> bool:
        self.silence = silence
        return self._progress is None or time.monotonic() - self._progress < self._stalled


def _end_with_parent() -> None:
    """Makes Linux kill this process when its parent ends: a stopped one does not see the channel close.

    The signal is sent when the parent's *thread* ends that started this process: `ChildProcess` starts it on the thread
    that supervises it, which ends last. A parent that has ended before this call has closed the channel.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
