"""Who takes a new connection, of the processes that listen on one socket: one that has no more of them than another.

A kept connection stays with its process: one that has most of them keeps its clients waiting while others are idle.
So each writes down how many it has, in memory that all of them see.

Why not SO_REUSEPORT, a listening socket for each process: the kernel then chooses by a hash of the addresses, which
balances neither a few kept connections nor those of clients behind one proxy. What waits in the queue of a process that
hangs or ends is lost, where here any other process takes it. And the first process could neither hold the port while
others are replaced nor end the listening of all at once.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import mmap
import resource
import socket
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

LEAVE: Final = 0.005
"""Seconds that a connection is left to processes with fewer; if it is still there, they are busy or gone."""
STEP: Final = 0.001
"""Seconds from one look at that to the next."""
RECOVER: Final = 1.0
"""Seconds until the next attempt when none can be taken, as when too many files are open."""
MOST_CONNECTIONS: Final = 1000
"""Limit for each process; at the limit the longest-idle connection is closed for a new one."""
SPARE_DESCRIPTORS: Final = 256
"""Kept free for files and outgoing connections."""
_LOG: Final = logging.getLogger(__name__)


class SharedListener(NamedTuple):
    """Where connections come in, and the number of the process among those that take them."""

    listener: socket.socket
    """Not blocking."""
    counts: int
    """Descriptor of a file of `counts_file`."""
    number: int


def raise_descriptor_limit() -> None:
    """Raises the soft limit on open files, usually 1,024, to the hard limit; child processes inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # Some systems report no limit, and have one.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connection_limit() -> int:
    """The number of connections that a process accepts, below its limit on open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, max(soft - SPARE_DESCRIPTORS, soft // 4))


@contextmanager
def counts_file(place: Path, processes: int) -> Iterator[int]:
    """Descriptor of a file on the disk of `place` where so many processes write down their numbers of connections.

    It has no name.
    """
    with tempfile.TemporaryFile(dir=place) as file:
        file.truncate(processes * 4)
        yield file.fileno()


class Acceptor:
    """Takes connections at a door; `connections` are those that the process has by now.

    At `limit` connections, `make_room` closes one for the next; while it returns False, none is accepted.
    """

    def __init__(
        self,
        door: SharedListener,
        protocol: Callable[[], asyncio.Protocol],
        connections: Collection[object],
        limit: int = sys.maxsize,
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        self._door = door
        self._protocol = protocol
        self._connections = connections
        self._limit = limit
        self._make_room = make_room
        self._counts = memoryview(mmap.mmap(door.counts, 0)).cast("I")
        self._arriving: set[asyncio.Task[object]] = set()
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._watch()

    def count(self) -> int:
        """How many connections the process has. It is written down, for the other processes go by it."""
        self._counts[self._door.number] = mine = len(self._connections) + len(self._arriving)
        return mine

    def stop(self) -> None:
        """Takes no more."""
        self._loop.remove_reader(self._door.listener)
        if self._later:
            self._later.cancel()

    def _watch(self) -> None:
        self._loop.add_reader(self._door.listener, self._knock)

    def _knock(self, left: float = LEAVE) -> None:
        """There is one to take, for all processes alike; it is left to others for so many seconds yet."""
        if self.count() > min(self._counts) and left > 0:
            self._pause(STEP, lambda: self._knock(left - STEP))
        else:
            self._take()

    def _pause(self, seconds: float, then: Callable[[], None] = lambda: None) -> None:
        def go_on() -> None:
            self._watch()
            then()

        self._loop.remove_reader(self._door.listener)
        self._later = self._loop.call_later(seconds, go_on)

    def _take(self) -> None:
        if self.count() >= self._limit and not self._make_room():
            self._pause(RECOVER)
            return
        try:
            connection, _ = self._door.listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # Another process was first, or the client has gone.
        except OSError as error:
            if error.errno == errno.EINVAL:  # Another process has ended the listening.
                self.stop()
                return
            _LOG.warning("cannot take a connection: %s", error)
            self._make_room()
            self._pause(RECOVER)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)
        self.count()
