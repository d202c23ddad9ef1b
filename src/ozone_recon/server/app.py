"""Joins the parts: a configuration and an origin of data in, a running server out.

The API and its framework are imported when they are needed: by then OM is at work on its checkpoint already.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
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
"""Seconds that the first build has the CPUs to itself, before the cluster is followed too."""
CHECK_EVERY = 2.0
"""Seconds between two looks at whether the files of what is served are there."""
LOOK_EVERY = 0.2
"""Seconds between two looks at what is to be told to the other processes."""
ELECTION = 10.0
"""Seconds that OMs may take to elect a leader before the synchronisation is said to fail."""
MOST_PROCESSES = 4
"""That answer, when nobody says how many."""


def serve(config: Config, origin: DataOrigin, started: Callable[[str, OmSync], None]) -> None:
    """Answers until SIGINT or SIGTERM; what was built before is answered from at once.

    `started` is told the address when it can be asked, and the synchronisation whose state may be watched. Raises
    ConfigError when the address cannot be listened on, and what the first build raised when it failed, there is
    nothing to serve, and the origin will not change.
    """
    config.require_protection()
    raise_descriptor_limit()
    # Until all is loaded there is nothing to collect; see `server_for`.
    gc.disable()
    with (
        listening(config.http) as listener,
        DataDirectory.lock(config.make_data_dir(), config.checkpoints) as directory,
        counts_file(directory.scratch_directory, _processes(config)) as counts,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_answer(config, origin, directory, SharedListener(listener, counts, 0), started))


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


async def _answer(
    config: Config,
    origin: DataOrigin,
    directory: DataDirectory,
    door: SharedListener,
    started: Callable[[str, OmSync], None],
) -> None:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Generation] = asyncio.Queue()
    settings = OmSyncSettings(
        config.memory_limit,
        config.threads,
        config.filesystem_paths,
        config.om_initial_delay if origin.changes and directory.current() else 0,
        config.om_interval,
    )

    def swap(generation: Generation) -> None:
        loop.call_soon_threadsafe(arrived.put_nowait, generation)

    sync = OmSync(directory, origin, settings, swap, _changes(config) if origin.changes else None)
    told: asyncio.Queue[Cluster | Path] = asyncio.Queue()
    watch = _watch(config, origin, directory, lambda news: loop.call_soon_threadsafe(told.put_nowait, news))
    sync.start()
    try:
        from ozone_recon.api.context import Context
        from ozone_recon.server.worker import WorkerJob
        from ozone_recon.server.workers import Workers

        context = Context(config, sync.tasks, sync.trigger, doing=lambda: _described(sync.state))
        context.counted = lambda: om_samples(sync.state)
        restart_on_bus_error(partial(_damage, context))
        context.ask_cluster = (lambda request: asyncio.wrap_future(watch.ask(request))) if watch else None
        start = WorkerJob(config, watch is not None, door.listener.fileno(), door.counts)
        answerers = Workers(_processes(config) - 1, start, sync.trigger, watch.ask if watch else None)
        server = server_for(context, door, (signal.SIGINT, signal.SIGTERM), answerers.end)
        context.processes = lambda: (*answerers.states, *(one.state for one in (watch, sync.builder) if one))
        tasks = [
            loop.create_task(_until_hopeless(context, sync, origin, server)),
            loop.create_task(_pass_on(arrived, context, sync, answerers)),
            loop.create_task(_follow_cluster(watch, told, context, answerers)),
            loop.create_task(_watch_files(context)),
        ]
        for task in tasks:
            task.add_done_callback(partial(_stop_when_broken, server))
        started(_url(Address(config.http.host, door.listener.getsockname()[1])), sync)
        await server.serve()
        for task in tasks:
            task.cancel()
        await asyncio.to_thread(answerers.stop)
        await _ended(tasks)
    finally:
        await asyncio.gather(*(asyncio.to_thread(one.stop) for one in (sync, watch) if one))
    if context.served:
        context.served.retire()
    if sync.state.error and not context.served and not origin.changes:
        raise sync.state.error


async def _pass_on(arrived: asyncio.Queue[Generation], context: Context, sync: OmSync, answerers: Workers) -> None:
    """Switches all processes to each generation as it arrives, and tells them how the synchronisation goes."""
    from ozone_recon.server.worker import OmUpdate

    def news(generation: Generation) -> OmUpdate:
        state = sync.state
        if state.delta.sequence_number == generation.sequence_number:
            context.checked_at = state.checked_at
        return OmUpdate(
            generation.path,
            sync.tasks(),
            _described(state),
            state.doing not in ("idle", "changes"),
            context.checked_at,
            context.measured.plus(),
            om_samples(state),
            tuple(context.processes()),
        )

    while True:
        try:
            generation = await asyncio.wait_for(arrived.get(), LOOK_EVERY)
        except TimeoutError:
            if context.served:
                answerers.tell(news(context.served.generation))
                context.measured_elsewhere = answerers.measured()
            continue
        served = served_from(generation)
        if context.served:
            answerers.tell(news(generation))
        context.serve(served)


async def _watch_files(context: Context) -> None:
    """Starts the program again when a file of what is served is missing or cut short."""
    while True:
        await asyncio.sleep(CHECK_EVERY)
        if damage := await asyncio.to_thread(_damage, context):
            restart(damage)


def _damage(context: Context) -> str | None:
    """What is damaged of what is served, as far as the sizes of files tell."""
    for generation in (context.served.generation if context.served else None, context.cluster_generation):
        try:
            if generation:
                generation.check()
        except StoreError as damage:
            return str(damage)
    return None


def _watch(
    config: Config, origin: DataOrigin, directory: DataDirectory, told: Callable[[Cluster | Path], object]
) -> ClusterSupervisor | None:
    """What has a process follow the cluster; None when a checkpoint is looked at, or nobody said where SCM is."""
    if config.cluster is None or not origin.changes:
        return None
    from ozone_recon.follow.cluster.job import ClusterJob
    from ozone_recon.follow.cluster.supervisor import ClusterSupervisor

    where = Address(config.cluster.host, config.cluster.port)
    require_free(where, "Java Recon may. Or give another port (ozone.recon.datanode.address)")
    return ClusterSupervisor(ClusterJob(config.cluster, directory.path / "cluster", config.logs), told)


async def _follow_cluster(
    watch: ClusterSupervisor | None, told: asyncio.Queue[Cluster | Path], context: Context, answerers: Workers
) -> None:
    """Lets all processes see the cluster as it is told of; an OM that is read in seconds is read before."""
    from ozone_recon.server.worker import ClusterUpdate

    if watch is None:
        return
    for _ in range(round(HEAD_START / LOOK_EVERY)):
        if context.served:
            break
        await asyncio.sleep(LOOK_EVERY)
    watch.start()
    while True:
        news = await told.get()
        if not isinstance(news, Path):
            context.see_cluster(news, None)
            await asyncio.to_thread(answerers.tell_cluster, ClusterUpdate(news, None))
        elif generation := opened(news):
            context.see_cluster(None, generation)
            await asyncio.to_thread(answerers.tell_cluster, ClusterUpdate(None, news))


def _stop_when_broken(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    """A server that no longer hears what is new must not look as if it did."""
    if not task.cancelled() and task.exception():
        server.should_exit = True


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Waits for what was cancelled; raises what had ended a task before."""
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def _changes(config: Config) -> OmChanges:
    """What tells of changes in the OMs."""
    rpc = RpcSettings(user_name(), attempts=2 * len(config.om_rpc), retry_for=ELECTION)
    return OmChanges(config.om_rpc, rpc, config.om_delta_limit, config.om_delta_lag_threshold)


def _processes(config: Config) -> int:
    """How many answer."""
    return config.http_processes or min(os.cpu_count() or 1, MOST_PROCESSES)


async def _until_hopeless(context: Context, sync: OmSync, origin: DataOrigin, server: uvicorn.Server) -> None:
    """Stops the server when the only build there will be has failed, and nothing can ever be answered."""
    while not context.served and not origin.changes:
        if sync.state.error:
            server.should_exit = True
            return
        await asyncio.sleep(0.1)


def _described(state: OmSyncState) -> str:
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


def _url(address: Address) -> str:
    host = "localhost" if address.host in ("0.0.0.0", "::") else address.host
    return f"http://{Address(host, address.port)}/"
