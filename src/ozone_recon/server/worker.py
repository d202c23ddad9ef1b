"""One more process that answers on the same port: it knows of the synchronisation and the cluster what it is told.

It gets a Start and then News and answers from its parent (`processes.parent`), and says what it was asked and how it
answered. It ends when the channel does.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import uvloop

from ozone_recon.api.context import Context
from ozone_recon.api.middleware.metrics import RequestMetrics
from ozone_recon.config import Config
from ozone_recon.follow.cluster.requests import PendingRequests
from ozone_recon.logs import log_to_stderr
from ozone_recon.model.cluster import Cluster
from ozone_recon.model.metrics import MetricSample
from ozone_recon.model.requests import ClusterRequest, ReplyMessage
from ozone_recon.processes.parent import Parent
from ozone_recon.processes.status import ProcessState, first_process
from ozone_recon.server.accept import SharedListener
from ozone_recon.server.http import opened, served_from, server_for
from ozone_recon.store.generation import Generation, TaskStatus

A = TypeVar("A")
SAY_EVERY = 1.0
"""Seconds between two reports of what was counted."""


class WorkerJob(NamedTuple):
    """The first thing it is told: what to answer by, and where; descriptors that it has, and its number (see Door)."""

    config: Config
    follows_cluster: bool
    listener: int
    counts: int
    number: int = 0


class OmUpdate(NamedTuple):
    """What has changed: the generation to answer from (its directory), and what only the first process knows."""

    generation: Path
    tasks: tuple[TaskStatus, ...]
    doing: str
    synchronising: bool
    checked_at: int
    """When OM last had nothing that is not in the generation, ms since 1970."""
    measured: RequestMetrics
    """By the other processes, for /prom."""
    counted: tuple[MetricSample, ...]
    """By the synchronisation, for /prom."""
    processes: tuple[ProcessState, ...] = ()
    """How all but the first process fare."""


class ClusterUpdate(NamedTuple):
    """What is new of the cluster: what is known of it, the directory of its tables, or both."""

    cluster: Cluster | None
    generation: Path | None


class WorkerReport(NamedTuple):
    """What it says back."""

    generation: Path
    """It answers from this one by now."""
    measured: RequestMetrics
    trigger: bool = False
    """Somebody asked for a synchronisation."""


Told = OmUpdate | ClusterUpdate | ReplyMessage


def main() -> None:
    """Answer until the connection ends."""
    gc.disable()
    parent = Parent()
    with suppress(EOFError):
        start, news = parent.receive(), parent.receive()
        assert isinstance(start, WorkerJob)
        assert isinstance(news, OmUpdate)
        log_to_stderr(start.config.logs)
        with suppress(BrokenPipeError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_answer(parent, start, news))


async def _answer(parent: Parent, start: WorkerJob, news: OmUpdate) -> None:
    def trigger() -> bool:
        if news.synchronising:
            return False
        parent.send(WorkerReport(news.generation, context.measured, trigger=True))
        return True

    def hear(heard: OmUpdate) -> None:
        nonlocal news
        news = heard
        context.measured_elsewhere = heard.measured
        context.checked_at = heard.checked_at

    def swap(heard: OmUpdate, generation: Generation) -> None:
        context.serve(served_from(generation))
        hear(heard)
        parent.send(WorkerReport(heard.generation, context.measured))
        ready.set()

    async def say() -> None:
        while not server.should_exit:
            await asyncio.sleep(SAY_EVERY)
            parent.send(WorkerReport(news.generation, context.measured))

    def stop() -> None:
        server.should_exit = True
        ready.set()

    def ask(request: ClusterRequest[A]) -> Awaitable[A]:
        return asyncio.wrap_future(answers.ask(request))

    ready = asyncio.Event()
    """There is something to answer from, or it is to end."""
    answers = PendingRequests(parent.send)
    context = Context(start.config, lambda: news.tasks, trigger, lambda: news.doing)
    context.counted = lambda: news.counted
    context.ask_cluster = ask if start.follows_cluster else None
    first = os.getppid()
    context.processes = lambda: (first_process(first, parent.silence), *news.processes)
    door = SharedListener(socket.socket(fileno=start.listener), start.counts, start.number)
    server = server_for(context, door)
    loop = asyncio.get_running_loop()

    def follow() -> None:
        at = None
        heard: Told = news
        try:
            while True:
                match heard:
                    case ReplyMessage():
                        answers.settle(heard)
                    case ClusterUpdate():
                        loop.call_soon_threadsafe(context.see_cluster, heard.cluster, opened(heard.generation))
                    case OmUpdate() if heard.generation == at:
                        loop.call_soon_threadsafe(hear, heard)
                    case OmUpdate() if generation := opened(heard.generation):
                        loop.call_soon_threadsafe(swap, heard, generation)
                        at = heard.generation
                heard = parent.receive()
        except EOFError:
            pass  # The first process has ended, or wants us to.
        finally:
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=follow, daemon=True).start()
    await ready.wait()
    running = [loop.create_task(one) for one in (say(), parent.watch_loop())]
    with door.listener:
        await server.serve()
    for task in running:
        task.cancel()
