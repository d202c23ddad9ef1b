"""A simulated cluster at work: OM, SCM and datanodes on this machine, and time that goes by."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ozone_recon.demo.datanodes.fleet import Fleet
from ozone_recon.demo.om.database import OmDatabase
from ozone_recon.demo.om.server import HOST, give_checkpoints, om_methods
from ozone_recon.demo.plan import Plan
from ozone_recon.demo.scm.answers import ScmAnswers
from ozone_recon.demo.site import Ports
from ozone_recon.demo.world import World
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings, take_calls
from ozone_recon.sources.scm import METHOD, PROTOCOL


class RestartableServer:
    """A server that can be stopped and started again, on the same port."""

    def __init__(self, serve: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        """`serve` serves for as long as its context lasts."""
        self._serve = serve
        self._on, self._off = asyncio.Event(), asyncio.Event()
        self._on.set()

    def turn(self, *, on: bool) -> None:
        """Has it started or stopped soon."""
        for event, is_so in ((self._on, on), (self._off, not on)):
            if is_so:
                event.set()
            else:
                event.clear()

    async def run(self, started: asyncio.Event) -> None:
        """Serves whenever it is to, until it is cancelled."""
        while True:
            await self._on.wait()
            async with self._serve():
                started.set()
                await self._off.wait()


@dataclass(slots=True)
class RunningCluster:
    """A cluster that runs."""

    world: World
    database: OmDatabase
    fleet: Fleet
    ports: Ports
    om: RestartableServer
    scm: RestartableServer


@asynccontextmanager
async def running(plan: Plan, place: Path, ports: Ports) -> AsyncIterator[RunningCluster]:
    """Runs a cluster until it is left; its world is to be stepped by who does. `place` is where OM keeps its data.

    OSError when a port is taken.
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

    om, scm = RestartableServer(serve_om), RestartableServer(serve_scm)
    fleet = Fleet(world.scm, plan, f"{HOST}:{ports.recon_datanodes}")
    async with asyncio.TaskGroup() as tasks:
        both = [asyncio.Event(), asyncio.Event()]
        at_work = [tasks.create_task(server.run(up)) for server, up in zip((om, scm), both, strict=True)]
        for up in both:
            await up.wait()
        cluster = RunningCluster(world, database, fleet, actual, om, scm)
        at_work.append(tasks.create_task(fleet.run()))
        try:
            yield cluster
        finally:
            for task in at_work:
                task.cancel()
    database.close()
