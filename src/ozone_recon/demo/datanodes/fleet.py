"""Runs the datanodes of a simulated cluster: each registers with Recon and sends it heartbeats over Hadoop RPC."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from ozone_recon.config.connections import RpcSettings
from ozone_recon.demo.datanodes.datanode import SimulatedDatanode
from ozone_recon.demo.datanodes.messages import must_register, version_request
from ozone_recon.demo.plan import Plan
from ozone_recon.demo.scm.scm import SimulatedScm
from ozone_recon.errors import ReconError
from ozone_recon.sources.hadoop_rpc.client import RpcConnection
from ozone_recon.wire.ozone.datanode_calls import METHOD, PROTOCOL

_LOG: Final = logging.getLogger(__name__)
_PATIENCE: Final = 5.0
"""Timeout of a call in seconds (`ozone.scm.heartbeat.rpc-timeout`)."""
_NODE_REPORT_INTERVAL: Final = 5
"""Heartbeats between two reports of the disk and the pipelines."""


@dataclass(slots=True)
class AnswerCounts:
    """Counts the calls that Recon answered and failed to answer, with the latencies of the last ones in seconds."""

    registrations: int = 0
    heartbeats: int = 0
    failures: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=10_000))

    def __str__(self) -> str:
        calls = f"{self.registrations:,} registrations and {self.heartbeats:,} heartbeats, {self.failures:,} failed"
        if not self.seconds:
            return calls
        took = sorted(self.seconds)
        middle, slow = (1000 * took[int(part * (len(took) - 1))] for part in (0.5, 0.99))
        return f"{calls}; latency p50 {middle:.1f} ms, p99 {slow:.1f} ms"


class Fleet:
    """All datanodes of the cluster."""

    def __init__(self, scm: SimulatedScm, plan: Plan, recon: str, settings: RpcSettings | None = None) -> None:
        """`recon` is the address of Recon's datanode server: `host:port`; `settings` have the datanodes' user."""
        self.answers = AnswerCounts()
        self._settings = replace(
            settings or RpcSettings("hadoop"),
            connect_timeout=_PATIENCE,
            call_timeout=_PATIENCE,
            idle_limit=3 * plan.heartbeat,
        )
        self._scm, self._plan, self._recon = scm, plan, recon
        self._uuids = [one.details.uuid for one in scm.datanodes]
        self._chance = random.Random(plan.seed)
        """A generator of its own, so that the timing of calls does not change what happens in the cluster."""

    async def run(self) -> None:
        """Runs all datanodes until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for datanode in self._scm.datanodes:
                tasks.create_task(_Caller(self, datanode).run(self._chance.random() * self._plan.heartbeat))


class _Caller:
    """The connection of one datanode to Recon."""

    def __init__(self, fleet: Fleet, datanode: SimulatedDatanode) -> None:
        self._answers, self._uuids, self._recon = fleet.answers, fleet._uuids, fleet._recon
        self._containers, self._plan, self._datanode = fleet._scm.containers, fleet._plan, datanode
        self._settings = fleet._settings
        self._connection: RpcConnection | None = None
        self._registered = False
        self._beats = 0
        self._reported = 0.0
        """Time of the last full container report, on the monotonic clock."""

    async def run(self, after: float) -> None:
        await asyncio.sleep(after)
        while True:
            if self._datanode.running:
                try:
                    await self._beat()
                except ReconError as failed:
                    self._answers.failures += 1
                    _LOG.info("%s: %s", self._datanode.name, failed)
                    await self._disconnect()
            else:
                self._registered = False
                await self._disconnect()
            await asyncio.sleep(self._plan.heartbeat)

    async def _beat(self) -> None:
        if not self._registered:
            await self._call(version_request())
            await self._call(self._datanode.registration(self._containers, self._uuids))
            self._registered, self._reported = True, time.monotonic()
            self._answers.registrations += 1
            return
        self._beats += 1
        full = time.monotonic() - self._reported > self._plan.full_report
        with_node_report = self._beats % _NODE_REPORT_INTERVAL == 0
        answer = await self._call(
            self._datanode.heartbeat(self._containers, self._uuids, full=full, with_node_report=with_node_report)
        )
        self._datanode.acknowledge()
        if full:
            self._reported = time.monotonic()
        self._answers.heartbeats += 1
        self._registered = not must_register(answer)

    async def _call(self, request: bytes) -> bytes:
        if self._connection is None or self._connection.closed:
            self._connection = await RpcConnection.open(self._recon, self._settings)
        began = time.perf_counter()
        answer = await self._connection.call(PROTOCOL, METHOD, request)
        self._answers.seconds.append(time.perf_counter() - began)
        return answer

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
