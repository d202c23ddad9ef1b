"""Joins the parts: a configuration and an origin of data in, a running server out.

The API and its framework are imported when they are needed: by then OM is at work on its checkpoint already.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from ozone_recon.config import Config
from ozone_recon.config.kinds import Address
from ozone_recon.errors import ConfigError
from ozone_recon.sources.checkpoint import Retry, Transfer
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.generation import Generation
from ozone_recon.sync.om import OmSync, Settings, SyncState
from ozone_recon.sync.origin import Origin
from ozone_recon.sync.progress import Progress

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from ozone_recon.api.context import Context, Served
    from ozone_recon.sources.rocksdb import Checkpoint

GRACE = 5
"""Seconds that answers under way may still take when the server is told to stop."""


def serve(config: Config, origin: Origin, started: Callable[[str, OmSync], None]) -> None:
    """Answers until SIGINT or SIGTERM; what was built before is answered from at once.

    `started` is told the address when it can be asked, and the synchronisation whose state may be watched. Raises
    ConfigError when the address cannot be listened on, and what the first build raised when it failed, there is
    nothing to serve, and the origin will not change.
    """
    config.require_protection()
    # Until all is loaded there is nothing to collect; see `_server`.
    gc.disable()
    with (
        _listening(config.http) as listener,
        DataDirectory.lock(_made(config), config.checkpoints) as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_answer(config, origin, directory, listener, started))


@contextmanager
def application(generation: Generation, config: Config) -> Iterator[FastAPI]:
    """The same application without a server, over one generation: it can be asked, but synchronises nothing."""
    from ozone_recon.api.application import create_app
    from ozone_recon.api.context import Context

    context = Context(config, lambda: generation.about.tasks, lambda: False)
    served = served_from(generation)
    context.serve(served)
    try:
        yield create_app(context)
    finally:
        served.retire()


def served_from(generation: Generation) -> Served:
    """A generation ready for answering."""
    from ozone_recon.api.context import Served

    rows = _RawRows(Path(generation.about.checkpoint))
    return Served(
        generation,
        f"{generation.id}-{generation.about.built_at}",
        generation.sequence_number,
        generation.taken_at,
        rows.get,
        rows.close,
    )


class _RawRows:
    """Rows of a checkpoint, which is opened when the first one is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._checkpoint: Checkpoint | None = None

    def get(self, table: str, key: bytes) -> bytes | None:
        if self._checkpoint is None:
            from ozone_recon.sources.rocksdb import Checkpoint

            self._checkpoint = Checkpoint.open(self._path)
        return self._checkpoint.get(table, key)

    def close(self) -> None:
        if self._checkpoint is not None:
            self._checkpoint.close()


async def _answer(
    config: Config,
    origin: Origin,
    directory: DataDirectory,
    listener: socket.socket,
    started: Callable[[str, OmSync], None],
) -> None:
    loop = asyncio.get_running_loop()

    def swap(generation: Generation) -> None:
        served = served_from(generation)
        loop.call_soon_threadsafe(lambda: context.serve(served))

    settings = Settings(
        config.memory_limit,
        config.threads,
        config.filesystem_paths,
        config.om_initial_delay if origin.changes and directory.current() else 0,
        config.om_checkpoint_interval,
    )
    sync = OmSync(directory, origin, settings, swap)
    sync.start()
    try:
        context, server = _server(config, sync)
        watch = loop.create_task(_until_hopeless(context, sync, origin, server))
        started(_url(listener, config.http), sync)
        await server.serve(sockets=[listener])
        watch.cancel()
    finally:
        await asyncio.to_thread(sync.stop)
    if context.served:
        context.served.retire()
    if sync.state.error and not context.served and not origin.changes:
        raise sync.state.error


def _server(config: Config, sync: OmSync) -> tuple[Context, uvicorn.Server]:
    import uvicorn

    from ozone_recon.api.application import create_app
    from ozone_recon.api.context import Context

    class Server(uvicorn.Server):
        """uvicorn, but for its signal handlers: it would raise the signal again before we have tidied up."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self.handle_exit, number, None)
            yield

    context = Context(config, sync.tasks, sync.trigger, doing=lambda: _described(sync.state))
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
    return context, Server(settings)


async def _until_hopeless(context: Context, sync: OmSync, origin: Origin, server: uvicorn.Server) -> None:
    """Stops the server when the only build there will be has failed, and nothing can ever be answered."""
    while not context.served and not origin.changes:
        if sync.state.error:
            server.should_exit = True
            return
        await asyncio.sleep(0.1)


def _described(state: SyncState) -> str:
    """What the synchronisation is doing, for those who wait for it."""
    match state.at:
        case Progress(stage=stage, done=done, unit=unit):
            return f"It is being built: {stage}, {done:,} {unit}."
        case Transfer(received=received, total=total):
            return f"It is being fetched: {received:,} bytes" + (f" of {total:,}." if total else ".")
        case Retry(reason=reason, attempt=attempt, attempts=attempts, seconds=seconds):
            return f"Attempt {attempt} of {attempts} follows in {seconds:.0f} s: {reason}."
        case None if state.error and state.doing == "idle":
            return f"The last attempt failed: {state.error}"
        case None:
            return "It is being read."


def _made(config: Config) -> Path:
    """The data directory, made with its mode if it is not there."""
    path = config.require_data_dir()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(config.data_dir_mode)
    return path


def _listening(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {address}: {error.strerror or error}. Stop what listens there, or give another --port "
            "(ozone.recon.http-address, ozone.recon.http-bind-host)"
        ) from error


def _url(listener: socket.socket, address: Address) -> str:
    host = "localhost" if address.host in ("0.0.0.0", "::") else address.host
    return f"http://{Address(host, listener.getsockname()[1])}/"
