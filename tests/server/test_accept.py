"""Processes that listen on one socket balance its connections: here two of them on one loop."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from ozone_recon.config.kinds import Address
from ozone_recon.server.accept import DEFER, Acceptor, SharedListener, counts_file
from ozone_recon.server.http import listening


class Holding(asyncio.Protocol):
    """A connection among those of its process, for as long as it lasts; it says hello."""

    def __init__(self, held: "set[Holding]") -> None:
        self.held = held

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"!")
        self.held.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.held.remove(self)


class Refusing(socket.socket):
    """A listening socket that fails at first, as one does when too many files are open."""

    failed = False

    def accept(self) -> tuple[socket.socket, object]:
        if not self.failed:
            self.failed = True
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


@contextmanager
def accepting(listener: socket.socket, counts: int, number: int) -> Iterator[set[Holding]]:
    """The connections of a process that accepts on this socket."""
    held: set[Holding] = set()
    with listener:
        acceptor = Acceptor(SharedListener(listener, counts, number), lambda: Holding(held), held)
        yield held
        acceptor.stop()
        for one in held:
            one.transport.close()


@asynccontextmanager
async def connected(listener: socket.socket, connections: int) -> AsyncIterator[None]:
    """Connects `connections` clients, one after the other; each is accepted."""
    writers = []
    for _ in range(connections):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writers.append(writer)
        assert await reader.read(1) == b"!"
    yield
    for writer in writers:
        writer.close()


def test_each_takes_as_many_as_the_other(tmp_path: Path) -> None:
    async def shares() -> list[int]:
        listener = listening(Address("127.0.0.1", 0))
        with (
            counts_file(tmp_path, 2) as counts,
            accepting(listener, counts, 0) as ours,
            accepting(listener.dup(), counts, 1) as theirs,
        ):
            async with connected(listener, 10):
                return [len(ours), len(theirs)]

    assert asyncio.run(shares()) == [5, 5]


def test_what_one_with_fewer_leaves_is_taken(tmp_path: Path) -> None:
    async def taken() -> int:
        listener = listening(Address("127.0.0.1", 0))
        with counts_file(tmp_path, 2) as counts, accepting(listener, counts, 0) as held:
            async with connected(listener, 5):
                return len(held)

    assert asyncio.run(taken()) == 5


def test_the_end_of_listening_in_one_process_is_that_of_all(tmp_path: Path) -> None:
    async def taken() -> int:
        listener = listening(Address("127.0.0.1", 0))
        with (
            counts_file(tmp_path, 2) as counts,
            accepting(listener, counts, 0) as ours,
            accepting(listener.dup(), counts, 1) as theirs,
        ):
            host, port = listener.getsockname()
            async with connected(listener, 2):
                listener.shutdown(socket.SHUT_RDWR)
                # As another program would that is started now.
                with socket.create_server((host, port)), socket.create_connection((host, port)) as client:
                    await asyncio.sleep(3 * DEFER)
                    client.setblocking(False)
                    with pytest.raises(BlockingIOError):
                        client.recv(1)
                return len(ours) + len(theirs)

    assert asyncio.run(taken()) == 2


def test_none_is_lost_when_none_can_be_taken_for_a_while(tmp_path: Path) -> None:
    async def taken() -> int:
        listener = Refusing(fileno=listening(Address("127.0.0.1", 0)).detach())
        with counts_file(tmp_path, 1) as counts, accepting(listener, counts, 0) as held:
            async with connected(listener, 2):
                return len(held)

    assert asyncio.run(taken()) == 2
