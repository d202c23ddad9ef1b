"""Starts the server: wires OM synchronisation, cluster process, workers and the HTTP server together.

The API and its framework are imported late, while OM already creates its checkpoint.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from ozone_recon.build.progress import Progress
from ozone_recon.config import Config
from ozone_recon.config.connections import RpcSettings
from ozone_recon.config.kinds import Address
from ozone_recon.config.settings import user_name
from ozone_recon.errors import StoreError
from ozone_recon.follow.om.changes import OmChanges
from ozone_recon.follow.om.metrics import om_samples
from ozone_recon.follow.om.origin import DataOrigin
from ozone_recon.follow.om.state import OmSyncState
from ozone_recon.follow.om.sync import OmSync, OmSyncSettings
from ozone_recon.processes.child import set_log_level
from ozone_recon.security.cookie import secret_of
from ozone_recon.security.gssapi import require_library
from ozone_recon.security.spnego import require_keytab
from ozone_recon.server.accept import SharedListener, counts_file, raise_descriptor_limit
from ozone_recon.server.http import listening, opened, require_free, served_from, server_for
from ozone_recon.server.restarting import restart, restart_on_bus_error
from ozone_recon.sources.checkpoint.fetch import Retry, Transfer
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.generation import Generation

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from ozone_recon.api.context import Context
    from ozone_recon.follow.cluster.supervisor import ClusterSupervisor
    from ozone_recon.model.cluster import Cluster
    from ozone_recon.server.workers import Workers

HEAD_START = 10.0
"""Maximum seconds that the first build has the CPUs to itself before the cluster process starts."""
CHECK_EVERY = 2.0
"""Seconds between two checks of the served files."""
VERIFY_RATE = 16 << 20
"""Bytes of served files per second whose checksums are verified: 5 GB in five minutes, at 1 % of a CPU."""
UPDATE_EVERY = 0.2
"""Seconds between two updates to the workers."""
ELECTION = 10.0
"""Seconds for the OMs to elect a leader before a call fails."""
MAX_PROCESSES = 4
"""Maximum default number of HTTP processes."""


def serve(config: Config, origin: DataOrigin, started: Callable[[str, OmSync], None]) -> None:
    """Serves until SIGINT or SIGTERM, at once if the data directory has a generation.

    Calls `started` with the URL and the synchronisation as soon as the port accepts connections. Raises ConfigError if
    the address cannot be bound. If the origin never changes and there is nothing to serve, raises the first build's
    failure.
    """
    config = with_login_secret(config)
    config.require_protection()
    if config.security and origin.changes:
        require_library()
    raise_descriptor_limit()
    # Startup creates no garbage; `server_for` enables collection.
    gc.disable()
    with (
        _listeners(config) as listeners,
        DataDirectory.lock(config.make_data_dir(), config.checkpoints) as directory,
        counts_file(directory.scratch_directory, _processes(config)) as counts,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        shared = tuple(SharedListener(one, counts, 0, is_https) for one, is_https in listeners)
        runner.run(_serve(config, origin, directory, shared, counts, started))


def with_login_secret(config: Config) -> Config:
    """Reads what logins over HTTP need; ConfigError if a file cannot be read or the Kerberos library is missing."""
    security = config.http_security
    if security is None:
        return config
    if security.kerberos:
        require_library()
        require_keytab(security.keytab, security.principal)
    secret = secret_of(security.secret_file, is_default=security.secret_file_is_default)
    return replace(config, http_security=replace(security, secret=secret))


@contextmanager
def application(generation: Generation, config: Config) -> Iterator[FastAPI]:
    """The ASGI application over one generation, without a server, synchronisation and logins.

    Whoever runs this can read the files of the generation anyway.
    """
    from ozone_recon.api.application import create_app
    from ozone_recon.api.context import Context

    context = Context(replace(config, http_security=None), lambda: generation.about.tasks, lambda: False)
    served = served_from(generation)
    context.serve(served)
    try:
        yield create_app(context)
    finally:
        served.retire()


async def _serve(
    config: Config,
    origin: DataOrigin,
    directory: DataDirectory,
    shared: Sequence[SharedListener],
    counts: int,
    started: Callable[[str, OmSync], None],
) -> None:
    loop = asyncio.get_running_loop()
    generations: asyncio.Queue[Generation] = asyncio.Queue()
    settings = OmSyncSettings(
        config.memory_limit,
        config.threads,
        config.filesystem_paths,
        config.om_initial_delay if origin.changes and directory.current() else 0,
        config.om_interval,
    )

    def swap(generation: Generation) -> None:
        loop.call_soon_threadsafe(generations.put_nowait, generation)

    sync = OmSync(directory, origin, settings, swap, _changes(config) if origin.changes else None)
    cluster_updates: asyncio.Queue[Cluster | Path] = asyncio.Queue()
    supervisor = _cluster_supervisor(
        config, origin, directory, lambda update: loop.call_soon_threadsafe(cluster_updates.put_nowait, update)
    )
    sync.start()
    try:
        from ozone_recon.api.context import Context
        from ozone_recon.server.worker import WorkerJob
        from ozone_recon.server.workers import Workers

        context = Context(config, sync.tasks, sync.trigger, activity=lambda: _describe(sync.state))
        context.rebuild_om = lambda: sync.trigger(checkpoint=True)
        context.om_metrics = lambda: om_samples(sync.state)
        context.set_log_level = set_log_level
        restart_on_bus_error(partial(_damage, context))
        context.ask_cluster = (lambda request: asyncio.wrap_future(supervisor.ask(request))) if supervisor else None
        listeners = tuple((one.listener.fileno(), one.is_https) for one in shared)
        job = WorkerJob(config, supervisor is not None, listeners, counts)
        workers = Workers(_processes(config) - 1, job, sync.trigger, supervisor.ask if supervisor else None)
        server = server_for(context, shared, (signal.SIGINT, signal.SIGTERM), workers.end)
        context.processes = lambda: (*workers.states, *(one.state for one in (supervisor, sync.builder) if one))
        tasks = [
            loop.create_task(_stop_if_nothing_to_serve(context, sync, origin, server)),
            loop.create_task(_publish(generations, context, sync, workers)),
            loop.create_task(_follow_cluster(supervisor, cluster_updates, context, workers)),
            loop.create_task(_watch_files(context)),
            loop.create_task(_verify_files(context)),
        ]
        for task in tasks:
            task.add_done_callback(partial(_stop_on_failure, server))
        started(_url(config, shared), sync)
        await server.serve()
        for task in tasks:
            task.cancel()
        await asyncio.to_thread(workers.stop)
        await _join(tasks)
    finally:
        await asyncio.gather(*(asyncio.to_thread(one.stop) for one in (sync, supervisor) if one))
    if context.served:
        context.served.retire()
    if sync.state.error and not context.served and not origin.changes:
        raise sync.state.error


async def _publish(generations: asyncio.Queue[Generation], context: Context, sync: OmSync, workers: Workers) -> None:
    """Switches all processes to each new generation, and sends the workers the state of the synchronisation."""
    from ozone_recon.server.worker import OmUpdate

    def update_of(generation: Generation) -> OmUpdate:
        state = sync.state
        if state.delta.sequence_number == generation.sequence_number:
            context.checked_at = state.checked_at
        return OmUpdate(
            generation.path,
            sync.tasks(),
            _describe(state),
            state.doing not in ("idle", "changes"),
            context.checked_at,
            context.metrics.plus(),
            om_samples(state),
            tuple(context.processes()),
        )

    while True:
        try:
            generation = await asyncio.wait_for(generations.get(), UPDATE_EVERY)
        except TimeoutError:
            if context.served:
                workers.send(update_of(context.served.generation))
                context.other_metrics = workers.metrics()
            continue
        served = served_from(generation)
        if context.served:
            workers.send(update_of(generation))
        context.serve(served)


async def _watch_files(context: Context) -> None:
    """Restarts the program when a served file is missing or truncated."""
    while True:
        await asyncio.sleep(CHECK_EVERY)
        if damage := await asyncio.to_thread(_damage, context):
            restart(damage)


async def _verify_files(context: Context) -> None:
    """Verifies the checksums of the served generations again and again, and restarts the program on a mismatch.

    It reads `VERIFY_RATE` bytes per second, and gives up a generation that is no longer served: its files would stay.
    """

    async def verify(served: Callable[[], Generation | None]) -> None:
        if generation := served():
            steps = generation.verify_in_steps()
            try:
                while served() is generation:
                    read = await asyncio.to_thread(next, steps, 0)
                    if not read:
                        return
                    await asyncio.sleep(read / VERIFY_RATE)
            except StoreError as damage:
                restart(str(damage))

    while True:
        await verify(lambda: context.served.generation if context.served else None)
        await verify(lambda: context.cluster_generation)
        await asyncio.sleep(CHECK_EVERY)


def _damage(context: Context) -> str | None:
    """Describes damage to the served generations, as far as the file sizes show it; None if there is none."""
    for generation in (context.served.generation if context.served else None, context.cluster_generation):
        try:
            if generation:
                generation.check()
        except StoreError as damage:
            return str(damage)
    return None


def _cluster_supervisor(
    config: Config, origin: DataOrigin, directory: DataDirectory, receive: Callable[[Cluster | Path], object]
) -> ClusterSupervisor | None:
    """The supervisor of the cluster process; None without a running OM or without a configured SCM."""
    if config.cluster is None or not origin.changes:
        return None
    from ozone_recon.follow.cluster.job import ClusterJob
    from ozone_recon.follow.cluster.supervisor import ClusterSupervisor

    address = Address(config.cluster.host, config.cluster.port)
    require_free(address, "Stop its owner (Java Recon?), or use another port (ozone.recon.datanode.address)")
    return ClusterSupervisor(ClusterJob(config.cluster, directory.path / "cluster", config.logs), receive)


async def _follow_cluster(
    supervisor: ClusterSupervisor | None, updates: asyncio.Queue[Cluster | Path], context: Context, workers: Workers
) -> None:
    """Passes cluster updates to all processes; starts the cluster process after the first build, or `HEAD_START`."""
    from ozone_recon.server.worker import ClusterUpdate

    if supervisor is None:
        return
    for _ in range(round(HEAD_START / UPDATE_EVERY)):
        if context.served:
            break
        await asyncio.sleep(UPDATE_EVERY)
    supervisor.start()
    while True:
        update = await updates.get()
        if not isinstance(update, Path):
            context.update_cluster(update, None)
            await asyncio.to_thread(workers.send_cluster, ClusterUpdate(update, None))
        elif generation := opened(update):
            context.update_cluster(None, generation)
            await asyncio.to_thread(workers.send_cluster, ClusterUpdate(None, update))


def _stop_on_failure(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    """Stops the server when a task fails: it would serve ever older data."""
    if not task.cancelled() and task.exception():
        server.should_exit = True


async def _join(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Waits for cancelled tasks; raises the failure of one that had failed before."""
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def _changes(config: Config) -> OmChanges:
    """The source of OM's changes."""
    security = config.security
    rpc = RpcSettings(
        security.identity.principal if security else user_name(),
        security.client(security.om) if security else None,
        attempts=2 * len(config.om_rpc),
        retry_for=ELECTION,
    )
    return OmChanges(config.om_rpc, rpc, config.om_delta_limit, config.om_delta_lag_threshold)


def _processes(config: Config) -> int:
    """The number of HTTP processes, the first one included."""
    if not (config.https or config.http_enabled):
        return 1
    return config.http_processes or min(os.cpu_count() or 1, MAX_PROCESSES)


async def _stop_if_nothing_to_serve(context: Context, sync: OmSync, origin: DataOrigin, server: uvicorn.Server) -> None:
    """Stops the server when the only build has failed."""
    while not context.served and not origin.changes:
        if sync.state.error:
            server.should_exit = True
            return
        await asyncio.sleep(0.1)


def _describe(state: OmSyncState) -> str:
    """Describes the current step, for clients that wait for the first generation."""
    match state.at:
        case Progress(stage=stage, done=done, unit=unit):
            return f"Building: {stage}, {done:,} {unit}."
        case Transfer(received=received, total=total):
            return f"Downloading the checkpoint: {received:,} bytes" + (f" of {total:,}." if total else ".")
        case Retry(reason=reason, attempt=attempt, attempts=attempts, seconds=seconds):
            return f"Retrying in {seconds:.0f} s (attempt {attempt} of {attempts}): {reason}."
        case None if state.error and state.doing == "idle":
            return f"The last attempt failed: {state.error}"
        case None:
            return "Synchronising with OM."


@contextmanager
def _listeners(config: Config) -> Iterator[list[tuple[socket.socket, bool]]]:
    """The listening sockets, https first, each with whether it is for https; raises ConfigError."""
    with ExitStack() as stack:
        addresses = [(config.https.address, True)] if config.https else []
        addresses += [(config.http, False)] if config.http_enabled else []
        yield [(stack.enter_context(listening(address)), is_https) for address, is_https in addresses]


def _url(config: Config, listeners: Sequence[SharedListener]) -> str:
    if not listeners:
        return "no port (ozone.recon.http.enabled=false)"
    shared = listeners[0]
    configured = config.https.address if config.https and shared.is_https else config.http
    host = "localhost" if configured.host in ("0.0.0.0", "::") else configured.host
    address = Address(host, shared.listener.getsockname()[1])
    return f"{'https' if shared.is_https else 'http'}://{address}/"
