"""Messages between a process and its child over a socket pair; a sender never blocks.

Each end has one thread. It reads, writes the bytes that the socket did not accept at once, and sends a heartbeat every
second. A message is a length (8 bytes, big-endian) followed by a pickle; pickles are safe here because both ends run
the same program and no other process has the socket. A heartbeat is a message of length 0. Silence is counted in
heartbeats, not by the clock: a process that was suspended does not take the other end for hung when it resumes.
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
"""Maximum bytes queued for the other end; an end that leaves more unread is hung."""
_READ: Final = 1 << 18
_LENGTH: Final = struct.Struct("!Q")


def pack(message: object) -> bytes:
    """Encodes a message once, to send it over several channels."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


class Channel:
    """One end of the connection. `send` and `end` may be called from any thread; `run` needs a thread of its own."""

    def __init__(self, end: socket.socket, buffer: int = BUFFER) -> None:
        end.setblocking(False)
        self.overflowed = False
        """True once more than `buffer` bytes were waiting for the other end to read."""
        self.received_any = False
        """True once the other end has sent anything."""
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
        """Queues a message; BrokenPipeError if the channel has ended or the other end does not read."""
        self.send_packed(pack(message))

    def send_packed(self, data: bytes) -> None:
        """Queues a message encoded by `pack`; errors as in `send`."""
        with self._lock:
            if self._unread > self._buffer:
                self.overflowed = True
            if self._ending or self.overflowed:
                raise BrokenPipeError("the other process has ended or does not read its messages")
            self._outgoing.append(memoryview(data))
            self._unread += len(data)
            if len(self._outgoing) == 1:
                self._write()
            pending = bool(self._outgoing)
        if pending:
            self._wake()

    def end(self) -> None:
        """Closes the sending side after the queued messages; the other end then ends too."""
        with self._lock:
            self._ending = True
            self._write()
        self._wake()

    def run(self, receive: Callable[[Any], object], check: Callable[[int], bool]) -> None:
        """Calls `receive` with each message until the other end closes.

        Calls `check` every second with the number of consecutive heartbeat periods without data from the other end,
        and sends a heartbeat if it returns True.
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
                silence, self.received_any = 0, True
                incoming += data
                _take_messages(incoming, receive)
            if time.monotonic() >= next_beat:
                silence += 1
                if check(silence) and not self._outgoing:
                    self._beat()
                next_beat = time.monotonic() + BEAT

    def close(self) -> None:
        """Closes this end; call it after `run` has returned."""
        with self._lock:
            self._ending = True
            self._outgoing.clear()
            for one in (self._socket, self._wake_reader, self._wake_writer):
                one.close()

    def _beat(self) -> None:
        with suppress(BrokenPipeError):  # The channel is ending, or has overflowed: `check` handles that.
            self.send_packed(_LENGTH.pack(0))

    def _read(self) -> bytes | None:
        """Reads available bytes: empty at the end of the stream, None after a spurious wake-up."""
        try:
            return self._socket.recv(_READ)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _write(self) -> None:
        """Writes as many bytes as the socket accepts; the caller holds the lock."""
        try:
            while self._outgoing:
                sent = self._socket.send(self._outgoing[0])
                self._unread -= sent
                if rest := self._outgoing[0][sent:]:
                    self._outgoing[0] = rest
                else:
                    self._outgoing.popleft()
            if self._ending:
                self._socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            # The other end has closed; `run` notices that too.
            self._ending = True
            self._outgoing.clear()

    def _wake(self) -> None:
        with suppress(OSError):  # The reader is already awake, or closed.
            self._wake_writer.send(b"!")


def _take_messages(incoming: bytearray, receive: Callable[[Any], object]) -> None:
    """Decodes all complete messages at the start of `incoming` and removes their bytes."""
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
