"""One more process that answers on the same port: it knows of the synchronisation what it is told.

Its only argument is the descriptor of its end of a connection, on which it gets a Start and then News, and on which
it says what it was asked and how it answered. It ends when it gets None, or no more.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import uvloop

from ozone_recon.accepting import Door
from ozone_recon.answering import served_from, server_for
from ozone_recon.api.context import Context
from ozone_recon.api.measured import Measured
from ozone_recon.config import Config
from ozone_recon.logs import log_to_stderr
from ozone_recon.model.metrics import Sample
from ozone_recon.store.generation import Generation, TaskStatus

SAY_EVERY = 1.0
"""Seconds between two reports of what was counted."""


class Start(NamedTuple):
    """The first thing it is told: what to answer by, and where; descriptors that it has, and its number (see Door)."""

    config: Config
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


class Said(NamedTuple):
    """What it says back."""

    generation: Path
    """It answers from this one by now."""
    measured: Measured
    trigger: bool = False
    """Somebody asked for a synchronisation."""


def main() -> None:
    """Answer until the connection ends."""
    gc.disable()
    connection: Connection[Said, Start | News | None] = Connection(int(sys.argv[1]))
    start, news = connection.recv(), connection.recv()
    assert isinstance(start, Start)
    log_to_stderr(start.config.logs)
    if not isinstance(news, News):
        return
    with suppress(BrokenPipeError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(connection, start, news))


async def _answer(connection: Connection[Said, Start | News | None], start: Start, news: News) -> None:
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

    async def say() -> None:
        while not server.should_exit:
            await asyncio.sleep(SAY_EVERY)
            connection.send(Said(news.generation, context.measured))

    def stop() -> None:
        server.should_exit = True

    context = Context(start.config, lambda: news.tasks, trigger, lambda: news.doing)
    context.counted = lambda: news.counted
    door = Door(socket.socket(fileno=start.listener), start.counts, start.number)
    server = server_for(context, door)
    swap(news, Generation.open(news.generation))
    loop = asyncio.get_running_loop()

    def follow() -> None:
        at = news.generation
        try:
            while isinstance(heard := connection.recv(), News):
                if heard.generation == at:
                    loop.call_soon_threadsafe(hear, heard)
                else:
                    loop.call_soon_threadsafe(swap, heard, Generation.open(heard.generation))
                    at = heard.generation
        finally:
            # Told to, or the first process has ended, or it is to start another in our place.
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=follow, daemon=True).start()
    saying = loop.create_task(say())
    with door.listener:
        await server.serve()
    saying.cancel()
