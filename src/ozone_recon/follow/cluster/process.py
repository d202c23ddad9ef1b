"""The cluster process: answers datanodes' heartbeats, queries SCM, and publishes the cluster's state as generations.

It receives a ClusterJob and then RequestMessages from its parent (`processes.parent`), and sends ClusterMessages. It
ends when the channel closes.
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

from ozone_recon.config.cluster_settings import ClusterSettings
from ozone_recon.errors import NoSpace
from ozone_recon.follow.cluster.job import ClusterJob
from ozone_recon.follow.cluster.peer import PeerCopy
from ozone_recon.follow.cluster.publisher import ClusterPublisher
from ozone_recon.follow.cluster.scm import ScmSync
from ozone_recon.follow.cluster.state import ClusterState
from ozone_recon.follow.datanodes.heartbeats import HeartbeatService, serve_datanodes
from ozone_recon.follow.datanodes.pending_blocks import PendingBlocksClient
from ozone_recon.follow.periodic import Periodic
from ozone_recon.logs import log_to_stderr
from ozone_recon.model.cluster import Cluster, ClusterTask
from ozone_recon.model.datanode_reports import DatanodeReports
from ozone_recon.model.metrics import MetricSample
from ozone_recon.model.requests import (
    GetPendingBlocks,
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

UPDATE_INTERVAL: Final = 1.0
"""Minimum seconds between two Cluster records."""
UPDATE_CPU_SHARE: Final = 0.05
"""Share of one CPU that Cluster records may take: with thousands of datanodes each takes tenths of a second."""
PAGE: Final = 250_000
"""Containers per page (about 40 MB): SCM sorts all of its containers for every page."""
_SWITCH: Final = 0.0005
"""Python's thread switch interval in seconds: the longest that a thread delays the one that answers datanodes."""
_UNKNOWN_RETRY: Final = 10.0
"""Seconds between queries for SCM's datanodes while unknown ones have registered."""
_COLLECT: Final = (5_000, 2, 5_000)
"""Thresholds of the garbage collector. The state of thousands of datanodes is replaced continuously and has no cycles;
with the default thresholds, a full collection delayed every answer by 0.1 s four times a minute."""
REPLAYS: Final = "kerberos-replays"
"""The file in the data directory that remembers datanodes' authenticators."""
_LOG: Final = logging.getLogger(__name__)

ClusterMessage = Cluster | Path | ReplyMessage
"""A message to the parent: the current Cluster record, the directory of a new generation, or a reply."""


def main() -> None:
    """Follows the cluster until the channel closes."""
    sys.setswitchinterval(_SWITCH)
    gc.set_threshold(*_COLLECT)
    # Every datanode has a connection; the soft limit of open files is often 1,024, and may be raised to the hard one.
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
    with DataDirectory.lock(job.directory) as directory:
        process = ClusterProcess(job, directory, parent.send)
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def receive() -> None:
            with suppress(EOFError):
                while True:
                    loop.call_soon_threadsafe(process.receive, parent.receive())
            loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=receive, daemon=True).start()
        tasks = [asyncio.create_task(one) for one in (process.run(), ended.wait(), parent.watch_loop())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError, BrokenPipeError):
            await tasks[0]


class ClusterProcess:
    """Connects the parts of the process, on one event loop."""

    def __init__(self, job: ClusterJob, directory: DataDirectory, send: Callable[[ClusterMessage], None]) -> None:
        """`send` is called in threads, one at a time."""
        settings = self._settings = job.settings
        self.state = ClusterState(settings.intervals)
        self.publisher = ClusterPublisher(self.state, directory, settings)
        self.datanodes = HeartbeatService("CID-unknown", self.state.health, self._apply_report, self.state.is_known)
        self._directory = directory
        self._scms = RpcGroup(settings.scms, settings.rpc)
        self.scm = ScmSync(ScmClient(self._scms.call, PAGE), self.state, settings.pace)
        self.peer = PeerCopy(self.state, directory, self.publisher, settings)
        self._pending = PendingBlocksClient(settings)
        self._server = ClusterTask("DatanodeServer")
        self._repeated = (
            Periodic("ClusterPublication", 0.5, self._publish),
            Periodic("DatanodeHealthTask", settings.health_interval, self._refresh_health),
            Periodic("ClusterUpdateTask", UPDATE_INTERVAL, self._send_update),
            *((self.peer.task,) if settings.peer else ()),
        )
        self._send_now, self._sending = send, asyncio.Lock()
        self._last_sent = Cluster()
        self._next_update = 0.0
        self._disk_full = 0
        self._tables_at = 0
        self._replying: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Runs until cancelled."""
        former = await asyncio.to_thread(self.publisher.restore, time.monotonic())
        # The restored state is long-lived: exclude it from every later collection.
        gc.collect()
        gc.freeze()
        if former is None:
            self.scm.containers.wake()
        else:
            self.peer.restored(former)
            await self._send_update()
            await self._send(former.path)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._serve_datanodes())
                group.create_task(self.scm.run())
                for one in self._repeated:
                    group.create_task(one.run())
        finally:
            await self._scms.close()

    def receive(self, message: RequestMessage) -> None:
        """Handles a request in a task and sends the reply."""
        task = asyncio.get_running_loop().create_task(self._reply(message))
        self._replying.add(task)
        task.add_done_callback(self._replying.discard)

    async def _reply(self, message: RequestMessage) -> None:
        now = time.monotonic()
        match message.request:
            case RemoveDatanodes() as request:
                answer: Any = await asyncio.to_thread(self.state.remove, request, _now(), now)
            case Synchronise():
                self.scm.pipelines.wake()
                answer = not self.scm.containers.status.running
                if answer:
                    self.scm.containers.wake()
            case StopSynchronising():
                answer = self.scm.containers.stop()
            case GetPendingBlocks():
                answer = self._pending.ask(await asyncio.to_thread(self.state.datanodes, now, _now()))
            case other:
                raise TypeError(f"unknown request: {other}")
        await self._send(ReplyMessage(message.number, answer))

    def tasks(self) -> tuple[ClusterTask, ...]:
        """Returns the status of every task."""
        problem = self._scms.problem
        of_scm = (replace(one, finding=problem) if problem and one.running else one for one in self.scm.tasks())
        return (*of_scm, *self.publisher.tasks(), self._server, *(one.status for one in self._repeated))

    def counters(self) -> tuple[MetricSample, ...]:
        """Returns the samples for /prom."""
        counts, queue = self.datanodes.counts, self.datanodes.queue
        return (
            MetricSample("ozone_recon_datanode_registrations_total", counts.registrations),
            MetricSample("ozone_recon_datanode_heartbeats_total", counts.heartbeats),
            MetricSample("ozone_recon_datanode_reports_refused_total", counts.refused),
            MetricSample("ozone_recon_datanode_heartbeats_dropped_total", queue.dropped.heartbeats),
            MetricSample("ozone_recon_datanodes_unknown", len(self.datanodes.unknown)),
            MetricSample("ozone_recon_datanode_reports_waiting", queue.waiting),
            MetricSample("ozone_recon_datanode_reports_waiting_bytes", queue.size),
            MetricSample("ozone_recon_scm_containers_repaired_total", self.scm.repaired),
            MetricSample("ozone_recon_scm_suspect_containers", len(self.state.suspect_containers)),
            MetricSample("ozone_recon_cluster_generations_total", self.publisher.published),
            MetricSample("ozone_recon_cluster_generation_seconds", self.publisher.seconds),
            MetricSample("ozone_recon_disk_full_total", self._disk_full, ("cluster",)),
        )

    def _apply_report(self, reports: DatanodeReports) -> None:
        self.state.apply_report(reports, time.time_ns() // 1_000_000, time.monotonic())

    async def _serve_datanodes(self) -> None:
        """Answers datanodes; retries every 5 s while another program occupies the port."""
        address = _server_settings(self._settings, self._directory.path)
        while True:
            try:
                async with serve_datanodes(self.datanodes, address):
                    self._server = replace(self._server, timestamp=_now(), running=True, error="")
                    await asyncio.Event().wait()
            except OSError as taken:
                error = f"cannot listen for datanodes on {address.host}:{address.port}: {taken.strerror or taken}"
                if error != self._server.error:
                    _LOG.error("%s", error)
                self._server = replace(self._server, timestamp=_now(), running=False, error=error)
            await asyncio.sleep(5)

    async def _refresh_health(self) -> None:
        """Refreshes the health of datanodes; queries SCM's datanodes again when one changed or is unknown."""
        waited = _now() - self.scm.pipelines.status.timestamp >= 1000 * _UNKNOWN_RETRY
        self.peer.refresh()
        if await asyncio.to_thread(self.state.refresh_health, time.monotonic()) or (
            len(self.datanodes.unknown) and waited
        ):
            self.scm.pipelines.wake()
        if self.state.scm.info is not None:
            self.datanodes.cluster_id = self.state.scm.info.cluster_id

    async def _publish(self) -> None:
        """Admits datanodes that SCM has named meanwhile, then publishes if there are changes."""
        self.datanodes.admit()
        if self.publisher.should_publish(time.monotonic()):
            try:
                generation = await asyncio.to_thread(self.publisher.publish, self._cluster)
            except NoSpace:
                self._disk_full += 1
                raise
            await self._send(generation.path)

    async def _send_update(self) -> None:
        """Sends the current Cluster record, unless it is unchanged."""
        if time.monotonic() >= self._next_update:
            async with self._sending:
                took = await asyncio.to_thread(self._send_update_now)
            self._next_update = time.monotonic() + took / UPDATE_CPU_SHARE

    def _send_update_now(self) -> float:
        """Sends the record if it has changed; returns the CPU seconds taken."""
        began = time.thread_time()
        cluster = self._cluster()
        if replace(cluster, at=self._last_sent.at) != self._last_sent:
            self._last_sent = cluster
            self._send_now(cluster)
        return time.thread_time() - began

    def _cluster(self) -> Cluster:
        now = _now()
        if self.publisher.is_current:
            self._tables_at = now
        cluster = self.state.cluster(
            now, time.monotonic(), self.tasks(), self.counters(), self.scm.error or self._scms.problem
        )
        return replace(cluster, reported_at=self.peer.reported_at, tables_at=self._tables_at)

    async def _send(self, message: ClusterMessage) -> None:
        async with self._sending:
            await asyncio.to_thread(self._send_now, message)


def _server_settings(settings: ClusterSettings, directory: Path) -> RpcServerSettings:
    """The settings of the datanodes' server; in a secure cluster it admits only datanodes that authenticate."""
    if settings.security is None:
        return RpcServerSettings(settings.host, settings.port)
    # Loads the Kerberos library.
    from ozone_recon.security.kerberos import DatanodeAdmission, KerberosServer

    return RpcServerSettings(
        settings.host,
        settings.port,
        (KerberosServer(settings.security, directory / REPLAYS),),
        DatanodeAdmission(settings.security).refusal,
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
