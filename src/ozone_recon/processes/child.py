"""Supervises one child process: starts it, watches that it answers, ends it, and replaces one that ends or hangs.

The child sends heartbeats (`processes.parent`). A child that sends none for `SILENCE` seconds, or does not read its
messages, is hung: it is killed with SIGKILL, because it would not notice anything else, and replaced.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from ozone_recon.processes.channel import Channel, pack
from ozone_recon.processes.status import SUSPECT, ProcessState, silent_for

SILENCE: Final = 30
"""Heartbeats missed in a row, one a second, after which a child is hung."""
LOADING: Final = 120
"""The same for a child that has not been heard yet: it is still loading its modules."""
PAUSE: Final = 2.0
"""Seconds until a child that ended is started again."""
_HINTS: Final = {
    signal.SIGKILL: "possibly out of memory: see the kernel's log",
    signal.SIGBUS: "a file that it had mapped was truncated, or its disk failed",
    signal.SIGSEGV: "a fault in compiled code",
}
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs: `main()` of a module, with a name to call it by in messages."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()
    """Which it inherits."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set for it unless the user has set them."""
    own_session: bool = True
    """Else it has a process group of its own: Ctrl-C is not for it either way."""


class ChildProcess:
    """One child at a time, from `start` until `stop`; it may be started again after."""

    def __init__(
        self,
        program: Program,
        receive: Callable[[Any], object],
        *,
        greeting: Callable[[], Iterable[object]] = tuple,
        ended: Callable[[str], object] = lambda _: None,
        replaced: bool = True,
        grace: int = 0,
    ) -> None:
        """`receive` is called, in a thread, with each message; `greeting` gives the first ones for a new process.

        `ended` is called after the end of each process with what became of it. One that is not `replaced` has to be
        started again. `grace` is the number of seconds that one has to end by itself when it is told to.
        """
        self._program = program
        self._receive = receive
        self._greeting = greeting
        self._ended = ended
        self._replaced = replaced
        self._grace = grace
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._spawned = threading.Event()
        self._beats_to_end = 0
        self._silence = 0
        self._heard = False
        self._hung = ""
        """Why the running child is being killed."""
        self._state = ProcessState(program.name, "stopped", 0)

    @property
    def pid(self) -> int:
        """That of the child which runs, or ran last; 0 before the first."""
        return self._state.pid

    @property
    def returncode(self) -> int | None:
        """That of the child which ended last; None while one runs, or before the first."""
        return self._process.returncode if self._process else None

    @property
    def stopping(self) -> bool:
        """Whether it has been told to end since the last `start`."""
        return self._stopping.is_set()

    @property
    def running(self) -> bool:
        """Whether there is a child that has not ended."""
        with self._lock:
            return self._channel is not None and self._process is not None and self._process.poll() is None

    @property
    def state(self) -> ProcessState:
        """How it fares."""
        with self._lock:
            if self._channel and self._heard and self._silence >= SUSPECT:
                return self._state._replace(state="hung", reason=silent_for(self._silence))
            return self._state

    def start(self) -> None:
        """Start one, and follow it in a thread; at the end there is a process, or `ended` was called."""
        self._stopping.clear()
        self._spawned.clear()
        self._beats_to_end = self._grace
        self._thread = threading.Thread(target=self._keep, name=self._program.name)
        self._thread.start()
        self._spawned.wait()

    def send(self, message: object) -> None:
        """Has a message go on its way, without ever blocking; BrokenPipeError when there is no child to read it."""
        self.send_packed(pack(message))

    def send_packed(self, data: bytes) -> None:
        """The same with a message from `channel.pack`."""
        with self._lock:
            if self._channel is None:
                raise BrokenPipeError(f"there is no process {self._program.name}")
            self._channel.send_packed(data)

    def end(self) -> None:
        """Tell it to end, and do not wait for that."""
        self._stopping.set()
        with self._lock:
            if self._channel:
                self._channel.end()
            if self._grace == 0 and self._process:
                self._process.kill()

    def stop(self) -> None:
        """End it, and wait until it has."""
        self.end()
        if self._thread:
            self._thread.join()

    def _keep(self) -> None:
        """Follows one child after the other."""
        while True:
            fate = self._followed()
            with self._lock:
                if self._stopping.is_set():
                    self._state = self._state._replace(state="stopped", reason="")
                else:
                    hung = self._state.hung + bool(self._hung)
                    ended = self._state.ended + (not self._hung)
                    self._state = self._state._replace(state="ended", reason=fate, hung=hung, ended=ended)
            if self._replaced and not self._hung and not self._stopping.is_set():
                _LOG.warning("%s %s: starting another in %.0f s", self._title, fate, PAUSE)
            self._ended(fate)
            if not self._replaced or self._stopping.wait(PAUSE):
                return

    def _followed(self) -> str:
        """Starts a child and follows it to its end; what became of it."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = self._spawn(theirs)
        except OSError as error:
            ours.close()
            self._spawned.set()
            return f"cannot be started ({error.strerror or error})"
        channel = Channel(ours)
        with self._lock:
            self._process, self._channel = process, channel
            self._heard, self._silence, self._hung = False, 0, ""
            self._state = self._state._replace(state="starting", pid=process.pid)
            with suppress(BrokenPipeError):
                for message in self._greeting():
                    channel.send(message)
        self._spawned.set()
        if self._stopping.is_set():
            self.end()
        try:
            channel.run(self._receive, lambda silence: self._check(process, channel, silence))
        except Exception:
            # From what came or from its use: without this thread, nobody would watch the child.
            _LOG.exception("a message from %s cannot be used: killing it", self._title)
            process.kill()
        with self._lock:
            self._channel = None
        channel.close()
        try:
            process.wait(PAUSE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return self._hung or _fate(process.returncode)

    def _spawn(self, end: socket.socket) -> subprocess.Popen[bytes]:
        program = self._program
        return subprocess.Popen(
            [
                *(sys.executable, "-P", "-c", f"from {program.module} import main; main()"),
                *(str(end.fileno()), *program.arguments),
            ],
            stdin=subprocess.DEVNULL,
            # What a library prints must not get into an answer of the command line.
            stdout=2,
            pass_fds=(end.fileno(), *program.descriptors),
            env=dict(program.environment) | os.environ,
            start_new_session=program.own_session,
            process_group=None if program.own_session else 0,
        )

    def _check(self, process: subprocess.Popen[bytes], channel: Channel, silence: int) -> bool:
        """Kills a child that is hung, or does not end in time; see `Channel.run`."""
        with self._lock:
            if channel.heard and not self._heard:
                self._heard = True
                self._state = self._state._replace(state="running", reason="")
            self._silence = silence
        reason = ""
        if self._stopping.is_set():
            self._beats_to_end -= 1
            if self._grace and self._beats_to_end < 0:
                reason = "does not end"
        elif channel.overflowed:
            reason = "does not read what it is sent"
        elif silence >= (SILENCE if self._heard else LOADING):
            reason = silent_for(silence)
        if reason and not self._hung:
            self._hung = reason
            then = " and starting another" if self._replaced and not self._stopping.is_set() else ""
            _LOG.warning("%s %s: killing it with SIGKILL%s", self._title, reason, then)
            process.kill()
        return True

    @property
    def _title(self) -> str:
        return f"process {self._program.name} (pid {self.pid})"


def _fate(returncode: int) -> str:
    """What an exit code means, in words."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    try:
        number = signal.Signals(-returncode)
    except ValueError:
        return f"was ended by signal {-returncode}"
    hint = _HINTS.get(number)
    return f"was ended by {number.name}" + (f" ({hint})" if hint else "")
