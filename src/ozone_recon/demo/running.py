"""A simulated cluster at work: OM, SCM and datanodes on this machine, and time that goes by."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ozone_recon.demo.fleet import Fleet
from ozone_recon.demo.om_database import OmDatabase
from ozone_recon.demo.om_server import HOST, give_checkpoints, om_methods
from ozone_recon.demo.plan import Plan
from ozone_recon.demo.scm_answers import ScmAnswers
from ozone_recon.demo.site import Ports
from ozone_recon.demo.world import World
from ozone_recon.sources.hadoop_rpc_server import RpcServerSettings, take_calls
from ozone_recon.sources.scm import METHOD, PROTOCOL

STEP: Final = 0.1
"""Seconds between two steps."""


class Server:
    """A server that can be stopped and started again, on the same port."""

    def __init__(self, serve: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        """`serve` serves for as long as its context lasts."""
        self._serve = serve
        self._wanted = asyncio.Condition()
        self._on = True

    async def turn(self, *, on: bool) -> None:
        """Has it started or stopped soon."""
        async with self._wanted:
            self._on = on
            self._wanted.notify_all()

    async def run(self, started: asyncio.Event) -> None:
        """Serves whenever it is to, until it is cancelled."""
        while True:
            await self._until(on=True)
            async with self._serve():
                started.set()
                await self._until(on=False)

    async def _until(self, *, on: bool) -> None:
        async with self._wanted:
            await self._wanted.wait_for(lambda: self._on is on)


@dataclass(slots=True)
class Running:
    """A cluster that runs."""

    world: World
    database: OmDatabase
    fleet: Fleet
    ports: Ports
    om: Server
    scm: Server


@asynccontextmanager
async def running(
    plan: Plan, place: Path, ports: Ports, step: Callable[[Running, float], None]
) -> AsyncIterator[Running]:
    """Runs a cluster until it is left; `step` is called ten times a second with the time, and has the world go on.

    `place` is a directory for what OM keeps. OSError when a port is taken.
    """
    database = OmDatabase(place / "om.db")
    world = World(plan, database, time.time())
    database.forget()
    actual = ports

    @asynccontextmanager
    async def serve_om() -> AsyncIterator[None]:
        nonlocal actual
        with give_checkpoints(database, place, actual.om_http) as http:
            methods = om_methods(database, lambda: (actual.om_rpc, actual.om_http))
            async with take_calls(methods, RpcServerSettings(HOST, actual.om_rpc)) as rpc:
                actual = replace(actual, om_http=http, om_rpc=rpc)
                yield

    @asynccontextmanager
    async def serve_scm() -> AsyncIterator[None]:
        nonlocal actual
        answers = ScmAnswers(world.scm)

        async def submit(request: bytes) -> bytes:
            return answers.answer(request)

        async with take_calls({(PROTOCOL, METHOD): submit}, RpcServerSettings(HOST, actual.scm)) as port:
            actual = replace(actual, scm=port)
            yield

    om, scm = Server(serve_om), Server(serve_scm)
    fleet = Fleet(world.scm, plan, f"{HOST}:{ports.recon_datanodes}")
    async with asyncio.TaskGroup() as tasks:
        both = [asyncio.Event(), asyncio.Event()]
        at_work = [tasks.create_task(server.run(up)) for server, up in zip((om, scm), both, strict=True)]
        for up in both:
            await up.wait()
        cluster = Running(world, database, fleet, actual, om, scm)
        at_work += [tasks.create_task(fleet.run()), tasks.create_task(_go_on(cluster, step))]
        try:
            yield cluster
        finally:
            for task in at_work:
                task.cancel()
    database.close()


async def _go_on(cluster: Running, step: Callable[[Running, float], None]) -> None:
    while True:
        step(cluster, time.time())
        await asyncio.sleep(STEP)
