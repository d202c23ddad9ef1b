"""Supervises one child process: starts it, monitors its heartbeats, stops it, and replaces it if it exits or hangs.

The child sends heartbeats (`processes.parent`). A child that sends none for `SILENCE` seconds, or does not read its
messages, is hung. It is killed with SIGKILL, because a hung process may ignore any other signal, and replaced.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from ozone_recon.logs import LogLevel, changed_levels
from ozone_recon.processes.channel import Channel, pack
from ozone_recon.processes.status import SUSPECT, ProcessState, silent_for

SILENCE: Final = 30
"""Number of consecutive missed heartbeats, one a second, after which a child is hung."""
LOADING: Final = 120
"""The same before the first heartbeat: the child is still loading its modules."""
PAUSE: Final = 2.0
"""Seconds between the end of a child and the start of its replacement."""
_HINTS: Final = {
    signal.SIGKILL: "possibly out of memory: see the kernel log",
    signal.SIGBUS: "a memory-mapped file was truncated, or its disk failed",
    signal.SIGSEGV: "a memory fault in compiled code",
}
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """The program of a child: `main()` of a module. `name` identifies it in messages."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()
    """File descriptors that the child inherits."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables set for the child, unless the user has set them."""
    own_session: bool = True
    """Whether the child gets its own session, or only its own process group; neither receives Ctrl-C."""


class ChildProcess:
    """Runs one child at a time, from `start` until `stop`; may be started again afterwards."""

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
        """Sets the callbacks, which run in the supervising thread, and the restart policy.

        `receive` gets each message; `greeting` returns the first messages for a new process; `ended` gets the reason
        after each process has ended. If `replaced` is False, a child that ends is not restarted. `grace` is the number
        of seconds that a child has to exit on request before it is killed.
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
        self._responsive = False
        """Whether the running child has sent anything."""
        self._hung = ""
        """The reason for killing the running child; empty if it is not being killed."""
        self._state = ProcessState(program.name, "stopped", 0)
        _CHILDREN.add(self)

    @property
    def pid(self) -> int:
        """The process id of the current or last child; 0 before the first."""
        return self._state.pid

    @property
    def returncode(self) -> int | None:
        """The exit code of the last child; None while one runs and before the first."""
        return self._process.returncode if self._process else None

    @property
    def stopping(self) -> bool:
        """Whether the child was requested to end since the last `start`."""
        return self._stopping.is_set()

    @property
    def running(self) -> bool:
        """Whether a child is running."""
        with self._lock:
            return self._channel is not None and self._process is not None and self._process.poll() is None

    @property
    def state(self) -> ProcessState:
        """The state of the child; `hung` as soon as it misses `SUSPECT` heartbeats."""
        with self._lock:
            if self._channel and self._responsive and self._silence >= SUSPECT:
                return self._state._replace(state="hung", reason=silent_for(self._silence))
            return self._state

    def start(self) -> None:
        """Starts a child and a supervising thread; returns once the process exists or `ended` was called."""
        self._stopping.clear()
        self._spawned.clear()
        self._beats_to_end = self._grace
        self._thread = threading.Thread(target=self._supervise, name=self._program.name)
        self._thread.start()
        self._spawned.wait()

    def send(self, message: object) -> None:
        """Queues a message without blocking; BrokenPipeError if no child is running or it does not read."""
        self.send_packed(pack(message))

    def send_packed(self, data: bytes) -> None:
        """Queues a message encoded by `channel.pack`; errors as in `send`."""
        with self._lock:
            if self._channel is None:
                raise BrokenPipeError(f"process {self._program.name} is not running")
            self._channel.send_packed(data)

    def end(self) -> None:
        """Requests the child to end, without waiting; kills it at once if there is no grace period."""
        self._stopping.set()
        with self._lock:
            if self._channel:
                self._channel.end()
            if self._grace == 0 and self._process:
                self._process.kill()

    def stop(self) -> None:
        """Ends the child and waits for its exit."""
        self.end()
        if self._thread:
            self._thread.join()

    def _supervise(self) -> None:
        """Runs a child, and its replacements, until stopped."""
        while True:
            reason = self._run_once()
            with self._lock:
                if self._stopping.is_set():
                    self._state = self._state._replace(state="stopped", reason="")
                else:
                    hung = self._state.hung + bool(self._hung)
                    ended = self._state.ended + (not self._hung)
                    self._state = self._state._replace(state="ended", reason=reason, hung=hung, ended=ended)
            if self._replaced and not self._hung and not self._stopping.is_set():
                _LOG.warning("%s %s: starting another in %.0f s", self._title, reason, PAUSE)
            self._ended(reason)
            if not self._replaced or self._stopping.wait(PAUSE):
                return

    def _run_once(self) -> str:
        """Starts a child and waits for its end; returns the reason for it."""
        own_end, child_end = socket.socketpair()
        try:
            with child_end:
                process = self._spawn(child_end)
        except OSError as error:
            own_end.close()
            self._spawned.set()
            return f"cannot be started ({error.strerror or error})"
        channel = Channel(own_end)
        with self._lock:
            self._process, self._channel = process, channel
            self._responsive, self._silence, self._hung = False, 0, ""
            self._state = self._state._replace(state="starting", pid=process.pid)
            with suppress(BrokenPipeError):
                for message in (*self._greeting(), *changed_levels()):
                    channel.send(message)
        self._spawned.set()
        if self._stopping.is_set():
            self.end()
        try:
            channel.run(self._handle, lambda silence: self._check(process, channel, silence))
        except Exception:
            # The message is broken, or its handler failed. Without this thread the child would be unsupervised.
            _LOG.exception("cannot handle a message from %s: killing it with SIGKILL", self._title)
            process.kill()
        with self._lock:
            self._channel = None
        channel.close()
        try:
            process.wait(PAUSE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return self._hung or _end_reason(process.returncode)

    def _handle(self, message: object) -> None:
        if isinstance(message, LogLevel):
            set_log_level(message)
        else:
            self._receive(message)

    def _spawn(self, end: socket.socket) -> subprocess.Popen[bytes]:
        program = self._program
        return subprocess.Popen(
            [
                *(sys.executable, "-P", "-c", f"from {program.module} import main; main()"),
                *(str(end.fileno()), *program.arguments),
            ],
            stdin=subprocess.DEVNULL,
            # Output of libraries must not mix with the output of a command: it goes to stderr.
            stdout=2,
            pass_fds=(end.fileno(), *program.descriptors),
            env=dict(program.environment) | os.environ,
            start_new_session=program.own_session,
            process_group=None if program.own_session else 0,
        )

    def _check(self, process: subprocess.Popen[bytes], channel: Channel, silence: int) -> bool:
        """Kills a child that hangs or exceeds its grace period; the `check` of `Channel.run`."""
        with self._lock:
            if channel.received_any and not self._responsive:
                self._responsive = True
                self._state = self._state._replace(state="running", reason="")
            self._silence = silence
        reason = ""
        if self._stopping.is_set():
            self._beats_to_end -= 1
            if self._grace and self._beats_to_end < 0:
                reason = "does not end on request"
        elif channel.overflowed:
            reason = "does not read its messages"
        elif silence >= (SILENCE if self._responsive else LOADING):
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


_CHILDREN: Final[weakref.WeakSet[ChildProcess]] = weakref.WeakSet()


def set_log_level(change: LogLevel) -> None:
    """Sets a logger's level in this process and in all of its children, present and future; does not block."""
    change.apply()
    for child in tuple(_CHILDREN):
        with suppress(BrokenPipeError):  # Its replacement gets the level when it starts.
            child.send(change)


def _end_reason(returncode: int) -> str:
    """Describes the exit code of a process."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    try:
        number = signal.Signals(-returncode)
    except ValueError:
        return f"was killed by signal {-returncode}"
    hint = _HINTS.get(number)
    return f"was killed by {number.name}" + (f" ({hint})" if hint else "")
