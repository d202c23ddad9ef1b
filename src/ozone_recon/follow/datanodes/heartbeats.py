"""Answers datanodes, which report what they have, at once whatever else is to be done; their reports are read later."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ozone_recon.decode.cluster.heartbeats import decode_reports, decode_request
from ozone_recon.errors import MessageTooLong
from ozone_recon.follow.datanodes.report_queue import ReportQueue
from ozone_recon.follow.datanodes.unknown_datanodes import UnknownDatanodes
from ozone_recon.insights.cluster.datanode_health import DatanodeHealth
from ozone_recon.model.datanode_reports import DatanodeReports, Heartbeat
from ozone_recon.sources.hadoop_rpc.server import Recognised, RpcServerSettings, take_calls
from ozone_recon.wire.ozone.datanode_calls import METHOD, PROTOCOL, heartbeat_answer, registered_answer, version_answer

_LOG: Final = logging.getLogger(__name__)
_FEW: Final = 256
"""Fields of a message that take less time to tell apart than to hand to a thread. A datanode's have a dozen, and one
for each container that has changed."""


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
        is_known: Callable[[str], bool],
        queue: ReportQueue | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cluster_id` must not be blank; datanodes do not compare it with SCM's. `clock` is that of `health`.

        `is_known` says whether SCM has named the datanode with this UUID.
        """
        self.heard = Heard()
        self.queue = queue or ReportQueue()
        self.unknown = UnknownDatanodes()
        self.cluster_id = cluster_id
        self._health = health
        self._use = use
        self._is_known = is_known
        self._clock = clock
        self._cutting = asyncio.Lock()
        """Held by the one whose request has many fields: one thread is enough for all of these."""

    async def answer(self, request: bytes) -> bytes | Recognised:
        """What a datanode is answered; DecodeError when it is not clear who asks or what."""
        heartbeat = await self._cut(request)
        if heartbeat is None:
            return version_answer()
        uuid, host = heartbeat.datanode.uuid, heartbeat.datanode.host_name
        is_known = self._is_known(uuid)
        if is_known:
            if uuid in self.unknown:
                self.admit()
            must_register = self._hear(heartbeat)
        else:
            must_register = self.unknown.hear(heartbeat)
        if heartbeat.software is None:
            self.heard.heartbeats += 1
            answer = heartbeat_answer(uuid, reregister=must_register)
        else:
            self.heard.registrations += 1
            if is_known:
                _LOG.info("datanode %s (%s) has registered", host, uuid)
            else:
                waits = "datanode %s (%s) has registered; SCM has not named it, and its reports wait until it does"
                _LOG.info(waits, host, uuid)
            answer = registered_answer(uuid, self.cluster_id)
        return Recognised(answer) if is_known else answer

    def admit(self) -> None:
        """Takes what those have reported that were unknown and are not any more."""
        for heartbeat in self.unknown.take(self._is_known):
            self._hear(heartbeat)

    def _hear(self, heartbeat: Heartbeat) -> bool:
        """Takes what a known datanode reports; whether it has to register."""
        uuid = heartbeat.datanode.uuid
        must_register = self._health.hear(heartbeat, self._clock())
        if uuid in self._health:
            self.queue.put(heartbeat)
        return must_register or self.queue.owes(uuid)

    async def _cut(self, request: bytes) -> Heartbeat | None:
        """The reports in a request: at once when there are few, and else in a thread, where they hold nobody up."""
        try:
            return decode_request(request, _FEW)
        except MessageTooLong:
            async with self._cutting:
                return await asyncio.to_thread(decode_request, request)

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
