"""Messages between a process and its child over a socket pair; a sender never blocks.

Each end has one thread, which reads, writes what the socket did not take at once, and sends a heartbeat every second.
A message is a pickle behind its length: both ends are the same program, and nobody else has the socket. A heartbeat is
a message of no bytes. Silence is counted in beats, not by the clock, so a process that was stopped itself does not
take the other end for hung when it goes on.
"""

from __future__ import annotations

import pickle
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

BEAT: Final = 1.0
"""Seconds from one heartbeat to the next."""
BUFFER: Final = 64 << 20
"""Bytes that may wait for the other end to read; one that leaves more unread is hung."""
_READ: Final = 1 << 18
_LENGTH: Final = struct.Struct("!Q")


def pack(message: object) -> bytes:
    """A message as it is sent; for one that goes to several channels."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


class Channel:
    """One end. `send` and `end` may be called from any thread; `run` has a thread of its own."""

    def __init__(self, end: socket.socket, buffer: int = BUFFER) -> None:
        end.setblocking(False)
        self.overflowed = False
        """Whether the other end has left more than `buffer` bytes unread."""
        self.heard = False
        """Whether anything has come yet."""
        self._socket = end
        self._buffer = buffer
        self._lock = threading.Lock()
        self._outgoing: deque[memoryview] = deque()
        self._unread = 0
        """Bytes in `_outgoing`."""
        self._ending = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_writer.setblocking(False)

    def send(self, message: object) -> None:
        """Has a message go on its way; BrokenPipeError when the channel has ended or the other end does not read."""
        self.send_packed(pack(message))

    def send_packed(self, data: bytes) -> None:
        """The same with a message that `pack` has made."""
        with self._lock:
            if self._unread > self._buffer:
                self.overflowed = True
            if self._ending or self.overflowed:
                raise BrokenPipeError("the other process is gone, or does not read")
            self._outgoing.append(memoryview(data))
            self._unread += len(data)
            if len(self._outgoing) == 1:
                self._write()
            left = bool(self._outgoing)
        if left:
            self._wake()

    def end(self) -> None:
        """Says that no more messages follow, after those that were sent; the other end then ends too."""
        with self._lock:
            self._ending = True
            self._write()
        self._wake()

    def run(self, receive: Callable[[Any], object], check: Callable[[int], bool]) -> None:
        """Calls `receive` with each message, until the other end closes.

        `check` is called every second with the number of beats in a row in which nothing has come; while it gives
        True, a heartbeat is sent.
        """
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        incoming = bytearray()
        silence = 0
        next_beat = time.monotonic() + BEAT
        while True:
            with self._lock:
                wanted = select.POLLIN | (select.POLLOUT if self._outgoing else 0)
            poll.register(self._socket, wanted)
            ready = dict(poll.poll(max(0.0, next_beat - time.monotonic()) * 1000))
            if self._wake_reader.fileno() in ready:
                self._wake_reader.recv(_READ)
            events = ready.get(self._socket.fileno(), 0)
            if events & select.POLLOUT:
                with self._lock:
                    self._write()
            if events & ~select.POLLOUT and (data := self._read()) is not None:
                if not data:
                    return
                silence, self.heard = 0, True
                incoming += data
                _take_messages(incoming, receive)
            if time.monotonic() >= next_beat:
                silence += 1
                if check(silence) and not self._outgoing:
                    self._beat()
                next_beat = time.monotonic() + BEAT

    def close(self) -> None:
        """Close this end, after `run`."""
        with self._lock:
            self._ending = True
            self._outgoing.clear()
            for one in (self._socket, self._wake_reader, self._wake_writer):
                one.close()

    def _beat(self) -> None:
        with suppress(BrokenPipeError):  # It is ending, or `check` sees that it has overflowed.
            self.send_packed(_LENGTH.pack(0))

    def _read(self) -> bytes | None:
        """What has come; nothing at the end, None when it was no more than a false alarm."""
        try:
            return self._socket.recv(_READ)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _write(self) -> None:
        """Writes as much as the socket takes; with the lock held."""
        try:
            while self._outgoing:
                sent = self._socket.send(self._outgoing[0])
                self._unread -= sent
                if left := self._outgoing[0][sent:]:
                    self._outgoing[0] = left
                else:
                    self._outgoing.popleft()
            if self._ending:
                self._socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            # The other end is gone, which `run` sees too.
            self._ending = True
            self._outgoing.clear()

    def _wake(self) -> None:
        with suppress(OSError):  # It is awake already, or closed.
            self._wake_writer.send(b"!")


def _take_messages(incoming: bytearray, receive: Callable[[Any], object]) -> None:
    """Takes all whole messages off the front of what has come."""
    start = 0
    while len(incoming) - start >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(incoming, start)
        end = start + _LENGTH.size + length
        if len(incoming) < end:
            break
        if length:
            with memoryview(incoming) as view:
                message = pickle.loads(view[start + _LENGTH.size : end])
            receive(message)
        start = end
    del incoming[:start]
