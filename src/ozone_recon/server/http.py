"""Parts of every HTTP process: the listening socket, the served generation, the uvicorn server."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
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
"""Seconds for requests in progress when the server stops."""
BACKLOG = 1024
CHECK_EVERY = 5
"""Server ticks (0.1 s) between two checks of the connections' timeouts."""
REFRESH_EVERY = 50
"""Server ticks between two looks at the certificate's files."""
RETAINED = 32 << 20
"""Maximum freed memory that a process retains, in bytes."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt, from malloc.h."""
_LOG = logging.getLogger(__name__)


def listening(address: Address) -> socket.socket:
    """Returns a listening socket; raises ConfigError if the address cannot be bound."""
    listener = _bound(
        address,
        "Use another --port (ozone.recon.http-address and -bind-host; for https ozone.recon.https-address and "
        "-bind-host), or stop its owner",
    )
    listener.setblocking(False)
    return listener


def require_free(address: Address, advice: str) -> None:
    """Raises ConfigError if the address cannot be bound."""
    _bound(address, advice).close()


def _bound(address: Address, advice: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(f"cannot listen on {address}: {error.strerror or error}. {advice}") from error


def served_from(generation: Generation) -> Served:
    """Opens a generation for requests."""
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
    """Opens the generation in a directory; returns None if it is already removed: an update with a newer one follows.

    Returns None and logs an error if it cannot be read: the previous generation stays in service.
    """
    try:
        return Generation.open(path) if path else None
    except GenerationRemoved:
        return None
    except StoreError as error:
        _LOG.error("cannot open the new generation %s, still serving the previous one: %s", path, error)
        return None


def server_for(
    context: Context,
    shared: Sequence[SharedListener],
    stops_at: tuple[signal.Signals, ...] = (),
    stopping: Callable[[], None] = lambda: None,
) -> uvicorn.Server:
    """Returns a server for the API. The signals `stops_at` stop it; it ignores the other termination signals.

    On stop, it calls `stopping`, closes the port at once, and waits only for requests in progress.
    """
    import uvicorn

    from ozone_recon.api.application import create_app
    from ozone_recon.api.middleware.metrics import NO_ROUTE
    from ozone_recon.security.tls import ServerTls
    from ozone_recon.server.accept import Acceptor, connection_limit
    from ozone_recon.server.http_protocol import BoundedProtocol, OpenConnections

    def observe_refusal(status: int) -> None:
        context.metrics.observe(NO_ROUTE, status, 0.0)

    https = context.config.https if any(one.is_https for one in shared) else None
    tls = ServerTls(https) if https else None

    class HttpServer(uvicorn.Server):
        """uvicorn with other signal handlers and another accept loop.

        uvicorn would raise the signal again before the shutdown is complete, and accept connections without regard to
        the other processes.
        """

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup([])
            protocol = partial(BoundedProtocol, observe_refusal, self.config, self.server_state, {})
            connections = self.server_state.connections
            self.open_connections = OpenConnections(connections)
            arriving: dict[asyncio.Task[object], None] = {}
            self.acceptors = [
                Acceptor(
                    one,
                    protocol,
                    connections,
                    connection_limit(),
                    self.open_connections.make_room,
                    (lambda: tls.context) if tls and one.is_https else None,
                    arriving,
                )
                for one in shared
            ]

        async def on_tick(self, counter: int) -> bool:
            for acceptor in self.acceptors:
                acceptor.count()
            if tls and not counter % REFRESH_EVERY:
                await asyncio.to_thread(tls.refresh)
            if not counter % CHECK_EVERY:
                self.open_connections.check_timeouts()
            return await super().on_tick(counter)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            stopping()
            for acceptor, one in zip(self.acceptors, shared, strict=True):
                acceptor.stop()
                with suppress(OSError):  # Another process was faster.
                    # Unlike close, shutdown stops the listening in all processes, also in one that hangs.
                    one.listener.shutdown(socket.SHUT_RDWR)
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
    # Startup objects live for ever: collecting them during requests takes a third of the time.
    gc.collect()
    gc.freeze()
    gc.enable()
    _retain_freed_memory()
    return HttpServer(settings)


def _retain_freed_memory() -> None:
    """Makes malloc retain memory that large responses free: allocating it again takes a fifth of their time."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # Not every C library has it.
        mallopt(_M_TRIM_THRESHOLD, RETAINED)
        mallopt(_M_MMAP_THRESHOLD, RETAINED // 2)


def _ignore() -> None:
    """Ignores a signal: the terminal sends it to all processes, and the first one stops the others."""


class _RawRows:
    """Raw OM rows: changed rows are in the generation, all others in its checkpoint."""

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
