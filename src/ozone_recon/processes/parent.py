"""The process that started this one, as a child process sees it: messages both ways, and heartbeats.

A child sends a heartbeat every second as long as it makes progress; one that does not is killed and replaced
(`processes.child`). The only argument of its program is the descriptor of its end of the channel.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
import time
from queue import SimpleQueue
from typing import Any, Final

from ozone_recon.processes.channel import BEAT, Channel

STALLED: Final = 300.0
"""Seconds without progress after which a process counts as hung: far longer than compiling a kernel takes."""


class Parent:
    """The channel to it, from the start of a process to its end."""

    def __init__(self, stalled: float = STALLED) -> None:
        """`stalled` is the number of seconds that work may take from one `progress` to the next."""
        # A terminal or systemd signals all processes at once; the parent ends us when it is done.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._channel = Channel(socket.socket(fileno=int(sys.argv[1])))
        self.silence = 0
        """Beats in a row in which the parent has not been heard."""
        self._stalled = stalled
        self._progress: float | None = None
        self._received: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        threading.Thread(target=self._run, name="parent", daemon=True).start()

    def send(self, message: object) -> None:
        """Never blocks; BrokenPipeError when the parent has ended."""
        self._channel.send(message)

    def receive(self) -> Any:
        """The next message; EOFError when the parent has ended, or wants this process to end."""
        received = self._received.get()
        if not received:
            self._received.put(())
            raise EOFError
        return received[0]

    def progress(self) -> None:
        """Says that work is going on: the next such call has to follow in time."""
        self._progress = time.monotonic()

    def idle(self) -> None:
        """Says that there is nothing to do, for however long that may be."""
        self._progress = None

    async def watch_loop(self) -> None:
        """Makes progress for as long as the event loop that runs it does."""
        while True:
            self.progress()
            await asyncio.sleep(BEAT)

    def _run(self) -> None:
        self._channel.run(lambda message: self._received.put((message,)), self._check)
        self._received.put(())

    def _check(self, silence: int) -> bool:
        self.silence = silence
        return self._progress is None or time.monotonic() - self._progress < self._stalled
