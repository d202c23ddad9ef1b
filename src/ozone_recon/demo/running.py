"""Runs the servers and datanodes of a simulated cluster on this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ozone_recon.demo.datanodes.fleet import Fleet
from ozone_recon.demo.om.database import OmDatabase
from ozone_recon.demo.om.server import HOST, om_methods, serve_checkpoints
from ozone_recon.demo.plan import Plan
from ozone_recon.demo.scm.answers import ScmAnswers
from ozone_recon.demo.site import Ports
from ozone_recon.demo.world import World
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings, take_calls
from ozone_recon.sources.scm import METHOD, PROTOCOL


class RestartableServer:
    """A server that can be stopped and restarted on the same port."""

    def __init__(self, serve: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        """`serve` is a context manager that serves while it is entered."""
        self._serve = serve
        self._on, self._off = asyncio.Event(), asyncio.Event()
        self._on.set()

    def turn(self, *, on: bool) -> None:
        """Requests a start or a stop."""
        for event, is_so in ((self._on, on), (self._off, not on)):
            if is_so:
                event.set()
            else:
                event.clear()

    async def run(self, started: asyncio.Event) -> None:
        """Serves while switched on, until cancelled."""
        while True:
            await self._on.wait()
            async with self._serve():
                started.set()
                await self._off.wait()


@dataclass(slots=True)
class RunningCluster:
    """A running cluster."""

    world: World
    database: OmDatabase
    fleet: Fleet
    ports: Ports
    om: RestartableServer
    scm: RestartableServer


@asynccontextmanager
async def running(plan: Plan, directory: Path, ports: Ports) -> AsyncIterator[RunningCluster]:
    """Runs a cluster while entered; the caller steps `world`. OM keeps its data in `directory`.

    Raises OSError when a port is taken.
    """
    database = OmDatabase(directory / "om.db")
    world = World(plan, database, time.time())
    database.forget()
    actual = ports

    @asynccontextmanager
    async def serve_om() -> AsyncIterator[None]:
        nonlocal actual
        with serve_checkpoints(database, directory, actual.om_http) as http:
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
        ready = [asyncio.Event(), asyncio.Event()]
        running_tasks = [tasks.create_task(server.run(up)) for server, up in zip((om, scm), ready, strict=True)]
        for up in ready:
            await up.wait()
        cluster = RunningCluster(world, database, fleet, actual, om, scm)
        running_tasks.append(tasks.create_task(fleet.run()))
        try:
            yield cluster
        finally:
            for task in running_tasks:
                task.cancel()
    database.close()
