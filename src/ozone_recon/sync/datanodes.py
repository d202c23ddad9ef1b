"""Answers datanodes, which report what they have, at once whatever else is to be done; their reports are read later."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ozone_recon.decode.heartbeats import decode_reports, decode_request
from ozone_recon.insights.datanode_health import DatanodeHealth
from ozone_recon.model.datanode_reports import DatanodeReports, Heartbeat
from ozone_recon.sources.hadoop_rpc_server import RpcServerSettings, take_calls
from ozone_recon.sync.report_queue import ReportQueue
from ozone_recon.wire.datanode_answers import METHOD, PROTOCOL, heartbeat_answer, registered_answer, version_answer

_LOG: Final = logging.getLogger(__name__)
_SHORT: Final = 1 << 21
"""Bytes of a request that takes less time to cut into reports than to hand to a thread."""


@dataclass(slots=True)
class Heard:
    """How many registrations and heartbeats have come, and how many of their reports could not be read."""

    registrations: int = 0
    heartbeats: int = 0
    refused: int = 0


class Datanodes:
    """What datanodes say, and whom they say it to; on one event loop, but for `use`.

    `use` is called in a thread with the reports of one datanode after the other.
    """

    def __init__(
        self,
        cluster_id: str,
        health: DatanodeHealth,
        use: Callable[[DatanodeReports], None],
        queue: ReportQueue | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cluster_id` must not be blank; datanodes do not compare it with SCM's. `clock` is that of `health`."""
        self.heard = Heard()
        self.queue = queue or ReportQueue()
        self.cluster_id = cluster_id
        self._health = health
        self._use = use
        self._clock = clock

    async def answer(self, request: bytes) -> bytes:
        """What a datanode is answered; DecodeError when it is not clear who asks or what."""
        short = len(request) <= _SHORT
        heartbeat = decode_request(request) if short else await asyncio.to_thread(decode_request, request)
        if heartbeat is None:
            return version_answer()
        uuid = heartbeat.datanode.uuid
        must_register = self._health.hear(heartbeat, self._clock())
        if uuid in self._health:
            self.queue.put(heartbeat)
        if heartbeat.software is not None:
            self.heard.registrations += 1
            _LOG.info("datanode %s (%s) has registered", heartbeat.datanode.host_name, uuid)
            return registered_answer(uuid, self.cluster_id)
        self.heard.heartbeats += 1
        return heartbeat_answer(uuid, reregister=must_register or self.queue.owes(uuid))

    async def read_reports(self) -> None:
        """Reads what is reported, for ever."""
        while True:
            heartbeat = await self.queue.take()
            self.heard.refused += await asyncio.to_thread(self._read, heartbeat)

    def _read(self, heartbeat: Heartbeat) -> int:
        """Has reports used; how many could not be."""
        name = heartbeat.datanode.host_name
        reports = decode_reports(heartbeat)
        for reason in reports.refused:
            _LOG.warning("a report of datanode %s: %s", name, reason)
        try:
            self._use(reports)
        except Exception:
            _LOG.exception("the reports of datanode %s could not be used", name)
            return len(heartbeat.reports())
        return len(reports.refused)


@asynccontextmanager
async def hear_datanodes(datanodes: Datanodes, settings: RpcServerSettings) -> AsyncIterator[int]:
    """Answers datanodes until it is left, and gives the port on which it does; OSError when that is taken."""
    async with take_calls({(PROTOCOL, METHOD): datanodes.answer}, settings) as port:
        reader = asyncio.create_task(datanodes.read_reports())
        try:
            yield port
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
