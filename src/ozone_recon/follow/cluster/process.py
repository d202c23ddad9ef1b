"""The process that follows the cluster: answers datanodes, asks SCM, and publishes what is known as generations.

It gets a ClusterJob and then Asked from its parent (`processes.parent`), and says what is new. It ends when the channel
does.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import uvloop

from ozone_recon.errors import NoSpace
from ozone_recon.follow.cluster.job import ClusterJob
from ozone_recon.follow.cluster.publisher import ClusterPublisher
from ozone_recon.follow.cluster.scm import ScmSync
from ozone_recon.follow.cluster.state import ClusterState
from ozone_recon.follow.datanodes.heartbeats import Datanodes, hear_datanodes
from ozone_recon.follow.datanodes.pending_blocks import PendingBlocksOfDatanodes
from ozone_recon.follow.periodic import Periodic
from ozone_recon.logs import log_to_stderr
from ozone_recon.model.cluster import Cluster, ClusterTask
from ozone_recon.model.datanode_reports import DatanodeReports
from ozone_recon.model.metrics import MetricSample
from ozone_recon.model.requests import (
    AskForPendingBlocks,
    RemoveDatanodes,
    ReplyMessage,
    RequestMessage,
    StopSynchronising,
    Synchronise,
)
from ozone_recon.processes.parent import Parent
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings
from ozone_recon.sources.scm import ScmClient
from ozone_recon.store.data_directory import DataDirectory

SAY_EVERY: Final = 1.0
"""Seconds between two Cluster records, at least."""
SAY_SHARE: Final = 0.05
"""Of a CPU's time that they may take: with thousands of datanodes each takes tenths of a second."""
PAGE: Final = 250_000
"""Containers to ask SCM for at once, some 40 MB: it sorts all that there are for every page."""
_SWITCH: Final = 0.0005
"""Seconds that other threads may hold up the one that answers datanodes, while they run Python."""
_ASK_AGAIN: Final = 10.0
"""Seconds until SCM is asked again for its datanodes while some are unknown."""
_COLLECT: Final = (5_000, 2, 5_000)
"""Thresholds of the garbage collector. What is known of thousands of datanodes is told anew again and again and has no
cycles; to look through all of it for some held up every answer for a tenth of a second, every quarter of a minute."""
_LOG: Final = logging.getLogger(__name__)


Said = Cluster | Path | ReplyMessage
"""What the process says: what it knows now, the directory of a new generation, an answer."""


def main() -> None:
    """Follow the cluster until the connection ends."""
    sys.setswitchinterval(_SWITCH)
    gc.set_threshold(*_COLLECT)
    # Every datanode has a connection; 1,024 open files is what a process often has, and more is there for the asking.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    parent = Parent()
    with suppress(EOFError):
        job = parent.receive()
        assert isinstance(job, ClusterJob)
        log_to_stderr(job.logs)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_follow(job, parent))


async def _follow(job: ClusterJob, parent: Parent) -> None:
    with DataDirectory.lock(job.place) as directory:
        process = ClusterProcess(job, directory, parent.send)
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def hear() -> None:
            with suppress(EOFError):
                while True:
                    loop.call_soon_threadsafe(process.hear, parent.receive())
            loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=hear, daemon=True).start()
        tasks = [asyncio.create_task(one) for one in (process.run(), ended.wait(), parent.watch_loop())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError, BrokenPipeError):
            await tasks[0]


class ClusterProcess:
    """All that goes on in the process, on one event loop."""

    def __init__(self, job: ClusterJob, directory: DataDirectory, say: Callable[[Said], None]) -> None:
        """`say` is called in threads, one at a time."""
        settings = self._settings = job.settings
        self.state = ClusterState(settings.intervals)
        self.publication = ClusterPublisher(self.state, directory, settings)
        self.datanodes = Datanodes("CID-unknown", self.state.health, self._use, self.state.is_known)
        self._scms = RpcGroup(settings.scms, settings.rpc)
        self.scm = ScmSync(ScmClient(self._scms.call, PAGE), self.state, settings.pace)
        self._pending = PendingBlocksOfDatanodes(settings)
        self._server = ClusterTask("DatanodeServer")
        self._repeated = (
            Periodic("ClusterPublication", 0.5, self._publish),
            Periodic("DatanodeHealthTask", settings.look, self._look),
            Periodic("ClusterNews", SAY_EVERY, self._tell),
        )
        self._say_now, self._saying = say, asyncio.Lock()
        self._said = Cluster()
        self._next_news = 0.0
        self._disk_full = 0
        self._tables_at = 0
        self._answering: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Goes on for ever."""
        former = await asyncio.to_thread(self.publication.restore, time.monotonic())
        # What is there by now stays; the collector would go through it again and again.
        gc.collect()
        gc.freeze()
        if former is None:
            self.scm.containers.wake()
        else:
            await self._tell()
            await self._say(former.path)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hear_datanodes())
                group.create_task(self.scm.run())
                for one in self._repeated:
                    group.create_task(one.run())
        finally:
            await self._scms.close()

    def hear(self, asked: RequestMessage) -> None:
        """Does what is asked, and says what came of it."""
        task = asyncio.get_running_loop().create_task(self._answer(asked))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, asked: RequestMessage) -> None:
        now = time.monotonic()
        match asked.request:
            case RemoveDatanodes() as request:
                answer: Any = await asyncio.to_thread(self.state.remove, request, _now(), now)
            case Synchronise():
                self.scm.pipelines.wake()
                answer = not self.scm.containers.status.running
                if answer:
                    self.scm.containers.wake()
            case StopSynchronising():
                answer = self.scm.containers.stop()
            case AskForPendingBlocks():
                answer = self._pending.ask(await asyncio.to_thread(self.state.datanodes, now, _now()))
            case other:
                raise TypeError(f"{other} cannot be asked")
        await self._say(ReplyMessage(asked.number, answer))

    def tasks(self) -> tuple[ClusterTask, ...]:
        """How everything fares."""
        trouble = self._scms.trouble
        of_scm = (replace(one, finding=trouble) if trouble and one.running else one for one in self.scm.tasks())
        return (*of_scm, *self.publication.tasks(), self._server, *(one.status for one in self._repeated))

    def counters(self) -> tuple[MetricSample, ...]:
        """What is counted, for /prom."""
        heard, queue = self.datanodes.heard, self.datanodes.queue
        return (
            MetricSample("ozone_recon_datanode_registrations_total", heard.registrations),
            MetricSample("ozone_recon_datanode_heartbeats_total", heard.heartbeats),
            MetricSample("ozone_recon_datanode_reports_refused_total", heard.refused),
            MetricSample("ozone_recon_datanode_heartbeats_dropped_total", queue.dropped.heartbeats),
            MetricSample("ozone_recon_datanodes_unknown", len(self.datanodes.unknown)),
            MetricSample("ozone_recon_datanode_reports_waiting", queue.waiting),
            MetricSample("ozone_recon_datanode_reports_waiting_bytes", queue.size),
            MetricSample("ozone_recon_scm_containers_repaired_total", self.scm.repaired),
            MetricSample("ozone_recon_scm_containers_in_doubt", len(self.state.suspect_containers)),
            MetricSample("ozone_recon_cluster_generations_total", self.publication.published),
            MetricSample("ozone_recon_cluster_generation_seconds", self.publication.seconds),
            MetricSample("ozone_recon_disk_full_total", self._disk_full, ("cluster",)),
        )

    def _use(self, reports: DatanodeReports) -> None:
        self.state.use(reports, time.time_ns() // 1_000_000, time.monotonic())

    async def _hear_datanodes(self) -> None:
        """Answers datanodes; where another program has the port, it is tried again."""
        where = RpcServerSettings(self._settings.host, self._settings.port)
        while True:
            try:
                async with hear_datanodes(self.datanodes, where):
                    self._server = replace(self._server, timestamp=_now(), running=True, error="")
                    await asyncio.Event().wait()
            except OSError as taken:
                error = f"datanodes cannot be heard on {where.host}:{where.port}: {taken.strerror or taken}"
                if error != self._server.error:
                    _LOG.error("%s", error)
                self._server = replace(self._server, timestamp=_now(), running=False, error=error)
            await asyncio.sleep(5)

    async def _look(self) -> None:
        """Notices which datanodes have fallen silent, or have come."""
        waited = _now() - self.scm.pipelines.status.timestamp >= 1000 * _ASK_AGAIN
        if await asyncio.to_thread(self.state.look, time.monotonic()) or (len(self.datanodes.unknown) and waited):
            self.scm.pipelines.wake()
        if self.state.scm.info is not None:
            self.datanodes.cluster_id = self.state.scm.info.cluster_id

    async def _publish(self) -> None:
        """Publishes what is new, once those are heard that SCM has named by now."""
        self.datanodes.admit()
        if self.publication.due(time.monotonic()):
            try:
                generation = await asyncio.to_thread(self.publication.publish, self._cluster)
            except NoSpace:
                self._disk_full += 1
                raise
            await self._say(generation.path)

    async def _tell(self) -> None:
        """Says what is known now, unless that has been said."""
        if time.monotonic() >= self._next_news:
            async with self._saying:
                took = await asyncio.to_thread(self._tell_now)
            self._next_news = time.monotonic() + took / SAY_SHARE

    def _tell_now(self) -> float:
        """The same; the seconds of CPU which that took."""
        began = time.thread_time()
        cluster = self._cluster()
        if replace(cluster, at=self._said.at) != self._said:
            self._said = cluster
            self._say_now(cluster)
        return time.thread_time() - began

    def _cluster(self) -> Cluster:
        now = _now()
        if self.publication.is_current:
            self._tables_at = now
        cluster = self.state.cluster(
            now, time.monotonic(), self.tasks(), self.counters(), self.scm.error or self._scms.trouble
        )
        return replace(cluster, tables_at=self._tables_at)

    async def _say(self, what: Said) -> None:
        async with self._saying:
            await asyncio.to_thread(self._say_now, what)


def _now() -> int:
    return time.time_ns() // 1_000_000
