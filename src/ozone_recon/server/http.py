"""What each process that answers needs: a place to listen, a generation to answer from, a server."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ozone_recon.columnar.search import find
from ozone_recon.config.kinds import Address
from ozone_recon.errors import ConfigError, GenerationRemoved, StoreError
from ozone_recon.store.generation import Generation
from ozone_recon.store.schema import CHANGED

if TYPE_CHECKING:
    import uvicorn

    from ozone_recon.api.context import Context, Served
    from ozone_recon.server.accept import SharedListener
    from ozone_recon.sources.rocksdb.checkpoint import Checkpoint

GRACE = 5
"""Seconds that answers under way may still take when the server is told to stop."""
BACKLOG = 1024
CHECK_EVERY = 5
"""Ticks of the server, of a tenth of a second, between two checks of the connections' time-outs."""
FREED = 32 << 20
"""Bytes of freed memory that a process keeps at most."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of mallopt in malloc.h."""
_LOG = logging.getLogger(__name__)


def listening(address: Address) -> socket.socket:
    """A socket that listens there; ConfigError when another program has the port."""
    listener = _bound(address, "Stop it, or give another --port (ozone.recon.http-address, ozone.recon.http-bind-host)")
    listener.setblocking(False)
    return listener


def require_free(address: Address, advice: str) -> None:
    """ConfigError when another program listens there."""
    _bound(address, advice).close()


def _bound(address: Address, advice: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(f"cannot listen on {address}: {error.strerror or error}. {advice}") from error


def served_from(generation: Generation) -> Served:
    """A generation ready for answering."""
    from ozone_recon.api.context import Served

    rows = _RawRows(generation)
    return Served(
        generation,
        f"{generation.id}-{generation.about.built_at}",
        generation.sequence_number,
        generation.taken_at,
        rows.get,
        rows.close,
    )


def opened(path: Path | None) -> Generation | None:
    """The generation in this directory; None when it has been removed since, for news of a newer one are on their way.

    None, too, when it cannot be read, which is logged: the last good one goes on answering.
    """
    try:
        return Generation.open(path) if path else None
    except GenerationRemoved:
        return None
    except StoreError as error:
        _LOG.error("what is new is not served: %s", error)
        return None


def server_for(
    context: Context,
    door: SharedListener,
    stops_at: tuple[signal.Signals, ...] = (),
    stopping: Callable[[], None] = lambda: None,
) -> uvicorn.Server:
    """The API as a server, which these signals stop; it ignores the others that would.

    When it stops, `stopping` is called, the port is free at once, and only requests in progress are waited for.
    """
    import uvicorn

    from ozone_recon.api.application import create_app
    from ozone_recon.server.accept import Acceptor, connection_limit
    from ozone_recon.server.http_protocol import BoundedProtocol, OpenConnections

    class HttpServer(uvicorn.Server):
        """uvicorn, but for its signal handlers: it would raise the signal again before we have tidied up.

        And it would take all connections that it can, whatever the other processes have.
        """

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup([])
            protocol = partial(BoundedProtocol, self.config, self.server_state, {})
            connections = self.server_state.connections
            self.open = OpenConnections(connections)
            self.acceptor = Acceptor(door, protocol, connections, connection_limit(), self.open.make_room)

        async def on_tick(self, counter: int) -> bool:
            self.acceptor.count()
            if not counter % CHECK_EVERY:
                self.open.check_timeouts()
            return await super().on_tick(counter)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            stopping()
            self.acceptor.stop()
            with suppress(OSError):  # Another process was first.
                # Ends the listening in all processes, also in one that hangs, which closing it would not.
                door.listener.shutdown(socket.SHUT_RDWR)
            await super().shutdown()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                if number in stops_at:
                    loop.add_signal_handler(number, self.handle_exit, number, None)
                else:
                    loop.add_signal_handler(number, _ignore)
            yield

    settings = uvicorn.Config(
        create_app(context),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    # What is there by now stays; a collector that goes through it during answers takes a third of their time.
    gc.collect()
    gc.freeze()
    gc.enable()
    _keep_freed()
    return HttpServer(settings)


def _keep_freed() -> None:
    """Has the C library keep what long answers free for the next ones; to get it back takes a fifth of their time."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # It is not in every C library.
        mallopt(_M_TRIM_THRESHOLD, FREED)
        mallopt(_M_MMAP_THRESHOLD, FREED // 2)


def _ignore() -> None:
    """For a signal that the terminal sends to all processes, one of which stops the others."""


class _RawRows:
    """Rows as OM has them: those that have changed are in the generation, the others in its checkpoint."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._checkpoint: Checkpoint | None = None

    def get(self, table: str, key: bytes) -> bytes | None:
        if CHANGED + table in self._generation:
            changed = self._generation.table(CHANGED + table)
            row = find(changed.bytes("key"), key)
            if row is not None:
                return None if changed["deleted"][row] else changed.bytes("value")[row]
        if self._checkpoint is None:
            from ozone_recon.sources.rocksdb.checkpoint import Checkpoint

            self._checkpoint = Checkpoint.open(Path(self._generation.about.checkpoint))
        return self._checkpoint.get(table, key)

    def close(self) -> None:
        if self._checkpoint is not None:
            self._checkpoint.close()
