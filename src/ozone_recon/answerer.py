"""One more process that answers on the same port: it knows of the synchronisation and the cluster what it is told.

Its only argument is the descriptor of its end of a connection, on which it gets a Start and then News and answers, and
on which it says what it was asked and how it answered. It ends when it gets None, or no more.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
from collections.abc import Awaitable
from contextlib import suppress
from itertools import chain
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

import uvloop

from ozone_recon.accepting import Door
from ozone_recon.answering import opened, served_from, server_for
from ozone_recon.api.context import Context
from ozone_recon.api.measured import Measured
from ozone_recon.config import Config
from ozone_recon.logs import log_to_stderr
from ozone_recon.model.cluster import Cluster
from ozone_recon.model.cluster_requests import Answered, Asked, ClusterRequest
from ozone_recon.model.metrics import Sample
from ozone_recon.store.generation import Generation, TaskStatus
from ozone_recon.sync.awaited_answers import AwaitedAnswers

A = TypeVar("A")
SAY_EVERY = 1.0
"""Seconds between two reports of what was counted."""


class Start(NamedTuple):
    """The first thing it is told: what to answer by, and where; descriptors that it has, and its number (see Door)."""

    config: Config
    follows_cluster: bool
    listener: int
    counts: int
    number: int = 0


class News(NamedTuple):
    """What has changed: the generation to answer from (its directory), and what only the first process knows."""

    generation: Path
    tasks: tuple[TaskStatus, ...]
    doing: str
    synchronising: bool
    checked_at: int
    """When OM last had nothing that is not in the generation, ms since 1970."""
    measured: Measured
    """By the other processes, for /prom."""
    counted: tuple[Sample, ...]
    """By the synchronisation, for /prom."""


class ClusterNews(NamedTuple):
    """What is new of the cluster: what is known of it, the directory of its tables, or both."""

    cluster: Cluster | None
    generation: Path | None


class Said(NamedTuple):
    """What it says back."""

    generation: Path
    """It answers from this one by now."""
    measured: Measured
    trigger: bool = False
    """Somebody asked for a synchronisation."""


Told = News | ClusterNews | Answered
_Connection: TypeAlias = "Connection[Said | Asked, Start | Told | None]"


def main() -> None:
    """Answer until the connection ends."""
    gc.disable()
    connection: _Connection = Connection(int(sys.argv[1]))
    start, news = connection.recv(), connection.recv()
    assert isinstance(start, Start)
    log_to_stderr(start.config.logs)
    if not isinstance(news, News):
        return
    with suppress(BrokenPipeError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(connection, start, news))


async def _answer(connection: _Connection, start: Start, news: News) -> None:
    def trigger() -> bool:
        if news.synchronising:
            return False
        connection.send(Said(news.generation, context.measured, trigger=True))
        return True

    def hear(heard: News) -> None:
        nonlocal news
        news = heard
        context.measured_elsewhere = heard.measured
        context.checked_at = heard.checked_at

    def swap(heard: News, generation: Generation) -> None:
        context.serve(served_from(generation))
        hear(heard)
        connection.send(Said(heard.generation, context.measured))
        ready.set()

    async def say() -> None:
        while not server.should_exit:
            await asyncio.sleep(SAY_EVERY)
            connection.send(Said(news.generation, context.measured))

    def stop() -> None:
        server.should_exit = True
        ready.set()

    def ask(request: ClusterRequest[A]) -> Awaitable[A]:
        return asyncio.wrap_future(answers.ask(request))

    ready = asyncio.Event()
    """There is something to answer from, or it is to end."""
    answers = AwaitedAnswers(connection.send)
    context = Context(start.config, lambda: news.tasks, trigger, lambda: news.doing)
    context.counted = lambda: news.counted
    context.ask_cluster = ask if start.follows_cluster else None
    door = Door(socket.socket(fileno=start.listener), start.counts, start.number)
    server = server_for(context, door)
    loop = asyncio.get_running_loop()

    def follow() -> None:
        at = None
        try:
            for heard in chain([news], iter(connection.recv, None)):
                match heard:
                    case Answered():
                        answers.settle(heard)
                    case ClusterNews():
                        loop.call_soon_threadsafe(context.see_cluster, heard.cluster, opened(heard.generation))
                    case News() if heard.generation == at:
                        loop.call_soon_threadsafe(hear, heard)
                    case News() if generation := opened(heard.generation):
                        loop.call_soon_threadsafe(swap, heard, generation)
                        at = heard.generation
        except (EOFError, ConnectionResetError):
            pass  # The first process has ended.
        finally:
            # Told to, or by the above, or it is to start another in our place.
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=follow, daemon=True).start()
    await ready.wait()
    saying = loop.create_task(say())
    with door.listener:
        await server.serve()
    saying.cancel()
