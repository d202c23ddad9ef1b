"""Balances connections across worker processes: the one with the fewest open connections accepts.

A keep-alive connection stays with its process, so one with most of the connections would keep its clients waiting while
others are idle. All processes listen on one socket, and each publishes its connection count in shared memory.

SO_REUSEPORT, a listening socket per process, is no alternative. The kernel then selects a process by a hash of the
addresses, which balances neither a few keep-alive connections nor clients behind one proxy. Connections queued for a
process that hangs or ends are lost; here, any other process accepts them. The first process could neither hold the port
while others are replaced, nor stop all of them from listening at once.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import mmap
import resource
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

DEFER: Final = 0.005
"""Seconds for which a connection is left to processes with fewer; if it is still queued then, they are busy or gone."""
DEFER_STEP: Final = 0.001
"""Seconds between two checks of that."""
RETRY_AFTER: Final = 1.0
"""Seconds until the next attempt after accept has failed, for example with too many open files."""
MAX_CONNECTIONS: Final = 1000
"""Maximum number of connections of a process; at the limit, a new one replaces the longest-idle one."""
HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds for a TLS handshake."""
SPARE_DESCRIPTORS: Final = 256
"""File descriptors reserved for files and outgoing connections."""
_LOG: Final = logging.getLogger(__name__)


class SharedListener(NamedTuple):
    """A listening socket that all HTTP processes share, as seen by process `number`."""

    listener: socket.socket
    """Non-blocking."""
    counts: int
    """Descriptor of the file made by `counts_file`."""
    number: int
    is_https: bool = False
    """Whether its clients speak https."""


def raise_descriptor_limit() -> None:
    """Raises the soft limit on open files, usually 1,024, to the hard limit; child processes inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # Some systems report no limit, but have one.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connection_limit() -> int:
    """The number of connections that a process accepts, below its limit on open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(soft - SPARE_DESCRIPTORS, soft // 4))


@contextmanager
def counts_file(directory: Path, processes: int) -> Iterator[int]:
    """Creates an unnamed file in `directory` for the connection counts of `processes` processes; yields its descriptor.

    Each count is a native 32-bit unsigned integer.
    """
    with tempfile.TemporaryFile(dir=directory) as file:
        file.truncate(processes * 4)
        yield file.fileno()


class Acceptor:
    """Accepts the connections of one listener; `connections` are the open ones of the process.

    At `limit` connections, `make_room` closes one for the next; while it returns False, the oldest handshake of TLS
    that has not ended makes room, and without one none is accepted. `tls` returns the context of a listener for https;
    `arriving` has the connections of all listeners that are not open yet, the oldest first.
    """

    def __init__(
        self,
        shared: SharedListener,
        protocol: Callable[[], asyncio.Protocol],
        connections: Collection[object],
        limit: int = sys.maxsize,
        make_room: Callable[[], bool] = lambda: False,
        tls: Callable[[], ssl.SSLContext] | None = None,
        arriving: dict[asyncio.Task[object], None] | None = None,
    ) -> None:
        self._listener = shared.listener
        self._number = shared.number
        self._tls = tls
        self._protocol = protocol
        self._connections = connections
        self._limit = limit
        self._make_room = make_room
        self._counts = memoryview(mmap.mmap(shared.counts, 0)).cast("I")
        self._arriving = {} if arriving is None else arriving
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._watch()

    def count(self) -> int:
        """Publishes and returns the process's number of connections."""
        self._counts[self._number] = mine = len(self._connections) + len(self._arriving)
        return mine

    def stop(self) -> None:
        """Stops accepting."""
        self._loop.remove_reader(self._listener)
        if self._later:
            self._later.cancel()

    def _watch(self) -> None:
        self._loop.add_reader(self._listener, self._on_readable)

    def _on_readable(self, left: float = DEFER) -> None:
        """Accepts a queued connection, unless a process with fewer may do so within `left` seconds."""
        if self.count() > min(self._counts) and left > 0:
            self._pause(DEFER_STEP, lambda: self._on_readable(left - DEFER_STEP))
        else:
            self._accept()

    def _pause(self, seconds: float, resume: Callable[[], None] = lambda: None) -> None:
        def watch_again() -> None:
            self._watch()
            resume()

        self._loop.remove_reader(self._listener)
        self._later = self._loop.call_later(seconds, watch_again)

    def _accept(self) -> None:
        if self.count() >= self._limit and not self._make_room() and not self._end_handshake():
            self._pause(RETRY_AFTER)
            return
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # Another process was faster, or the client has disconnected.
        except OSError as error:
            if error.errno == errno.EINVAL:  # Another process has shut down the listener.
                self.stop()
                return
            _LOG.warning("cannot accept a connection (retrying in %s s): %s", RETRY_AFTER, error)
            self._make_room()
            self._pause(RETRY_AFTER)
            return
        connection.setblocking(False)
        timeout = HANDSHAKE_TIMEOUT if self._tls else None
        opening = self._loop.connect_accepted_socket(
            self._protocol, connection, ssl=self._tls() if self._tls else None, ssl_handshake_timeout=timeout
        )
        task: asyncio.Task[object] = self._loop.create_task(opening)
        self._arriving[task] = None
        task.add_done_callback(partial(self._arrived, connection))
        self.count()

    def _arrived(self, connection: socket.socket, task: asyncio.Task[object]) -> None:
        del self._arriving[task]
        if task.cancelled():
            connection.close()
        elif failure := task.exception():
            # Clients that do not trust the certificate, or speak http, are no events of the server.
            _LOG.debug("a client's TLS handshake failed: %s", failure)
            connection.close()

    def _end_handshake(self) -> bool:
        """Ends the oldest handshake; returns False without one."""
        oldest = next(iter(self._arriving), None)
        return oldest is not None and oldest.cancel()
