"""A worker process: serves the API on the shared port, with the state that its parent sends.

The parent (`processes.parent`) sends a WorkerJob, then OmUpdates, ClusterUpdates and replies; the worker sends requests
for the cluster process and WorkerReports. It ends when the channel closes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import Awaitable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import uvloop

from ozone_recon.api.context import Context
from ozone_recon.api.middleware.metrics import RequestMetrics
from ozone_recon.config import Config
from ozone_recon.follow.cluster.requests import PendingRequests
from ozone_recon.logs import LogLevel, log_to_stderr
from ozone_recon.model.cluster import Cluster
from ozone_recon.model.metrics import MetricSample
from ozone_recon.model.requests import ClusterRequest, ReplyMessage
from ozone_recon.processes.parent import Parent
from ozone_recon.processes.status import ProcessState, first_process
from ozone_recon.server.accept import SharedListener
from ozone_recon.server.http import opened, served_from, server_for
from ozone_recon.store.generation import Generation, TaskStatus

A = TypeVar("A")
REPORT_EVERY = 1.0
"""Seconds between two reports of metrics."""


class WorkerJob(NamedTuple):
    """The first message to a worker: configuration, inherited descriptors, and its number (see SharedListener)."""

    config: Config
    follows_cluster: bool
    listeners: tuple[tuple[int, bool], ...]
    """Descriptors, each with whether it is for https."""
    counts: int
    number: int = 0


class OmUpdate(NamedTuple):
    """The generation to serve (its directory) and the state of the first process."""

    generation: Path
    tasks: tuple[TaskStatus, ...]
    activity: str
    synchronising: bool
    checked_at: int
    """When the generation was last known to be current, in ms since 1970."""
    metrics: RequestMetrics
    """Request metrics of the other processes, for /prom."""
    om_metrics: tuple[MetricSample, ...]
    """Metrics of the OM synchronisation, for /prom."""
    processes: tuple[ProcessState, ...] = ()
    """The states of all processes but the first."""


class ClusterUpdate(NamedTuple):
    """A new state of the cluster, a new generation of its tables (a directory), or both."""

    cluster: Cluster | None
    generation: Path | None


class WorkerReport(NamedTuple):
    """A worker's report to its parent."""

    generation: Path
    """The generation that it serves."""
    metrics: RequestMetrics
    trigger: bool = False
    """A client requested a synchronisation."""
    checkpoint: bool = False
    """The synchronisation is to begin with a new checkpoint."""


WorkerMessage = OmUpdate | ClusterUpdate | ReplyMessage


def main() -> None:
    """Serves until the channel closes."""
    gc.disable()
    parent = Parent()
    with suppress(EOFError):
        job, update = parent.receive(), parent.receive()
        assert isinstance(job, WorkerJob)
        assert isinstance(update, OmUpdate)
        log_to_stderr(job.config.logs)
        with suppress(BrokenPipeError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(parent, job, update))


async def _serve(parent: Parent, job: WorkerJob, update: OmUpdate) -> None:
    def trigger(checkpoint: bool = False) -> bool:
        if update.synchronising:
            return False
        parent.send(WorkerReport(update.generation, context.metrics, trigger=True, checkpoint=checkpoint))
        return True

    def receive(new: OmUpdate) -> None:
        nonlocal update
        update = new
        context.other_metrics = new.metrics
        context.checked_at = new.checked_at

    def swap(new: OmUpdate, generation: Generation) -> None:
        context.serve(served_from(generation))
        receive(new)
        parent.send(WorkerReport(new.generation, context.metrics))
        ready.set()

    async def report() -> None:
        while not server.should_exit:
            await asyncio.sleep(REPORT_EVERY)
            parent.send(WorkerReport(update.generation, context.metrics))

    def stop() -> None:
        server.should_exit = True
        ready.set()

    def set_log_level(change: LogLevel) -> None:
        change.apply()
        parent.send(change)

    def ask(request: ClusterRequest[A]) -> Awaitable[A]:
        return asyncio.wrap_future(requests.ask(request))

    ready = asyncio.Event()
    """Set when the first generation is served, or on stop."""
    requests = PendingRequests(parent.send)
    context = Context(job.config, lambda: update.tasks, trigger, lambda: update.activity)
    context.rebuild_om = lambda: trigger(checkpoint=True)
    context.om_metrics = lambda: update.om_metrics
    context.set_log_level = set_log_level
    context.ask_cluster = ask if job.follows_cluster else None
    first = os.getppid()
    context.processes = lambda: (first_process(first, parent.silence), *update.processes)
    shared = [
        SharedListener(socket.socket(fileno=listener), job.counts, job.number, is_https)
        for listener, is_https in job.listeners
    ]
    server = server_for(context, shared)
    loop = asyncio.get_running_loop()

    def receive_messages() -> None:
        served = None
        message: WorkerMessage = update
        try:
            while True:
                match message:
                    case ReplyMessage():
                        requests.settle(message)
                    case ClusterUpdate():
                        loop.call_soon_threadsafe(context.update_cluster, message.cluster, opened(message.generation))
                    case OmUpdate() if message.generation == served:
                        loop.call_soon_threadsafe(receive, message)
                    case OmUpdate() if generation := opened(message.generation):
                        loop.call_soon_threadsafe(swap, message, generation)
                        served = message.generation
                message = parent.receive()
        except EOFError:
            pass  # The first process has ended, or has closed the channel.
        finally:
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=receive_messages, daemon=True).start()
    await ready.wait()
    running = [loop.create_task(one) for one in (report(), parent.watch_loop())]
    with ExitStack() as stack:
        for one in shared:
            stack.enter_context(one.listener)
        await server.serve()
    for task in running:
        task.cancel()
