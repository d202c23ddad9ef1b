"""Answers datanodes' registrations and heartbeats immediately; their reports are queued and applied in a thread.

A datanode waits at most 5 s for an answer, so nothing slow runs before it (protocol: Ozone's ReconDatanodeProtocol).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ozone_recon.decode.cluster.heartbeats import decode_reports, decode_request, decode_sender
from ozone_recon.errors import MessageTooLong
from ozone_recon.follow.datanodes.report_queue import ReportQueue
from ozone_recon.follow.datanodes.unknown_datanodes import UnknownDatanodes
from ozone_recon.insights.cluster.datanode_health import DatanodeHealth
from ozone_recon.model.datanode_reports import DatanodeReports, Heartbeat
from ozone_recon.sources.hadoop_rpc.server import Recognised, RpcServerSettings, take_calls
from ozone_recon.wire.ozone.datanode_calls import METHOD, PROTOCOL, heartbeat_answer, registered_answer, version_answer

_LOG: Final = logging.getLogger(__name__)
_MAX_INLINE_FIELDS: Final = 256
"""Messages with at most this many fields are decoded on the event loop: that takes less time than a thread switch. A
heartbeat has a dozen fields, and one for each container that has changed."""


@dataclass(slots=True)
class HeartbeatCounts:
    """Numbers of registrations, heartbeats, and reports that could not be decoded or applied."""

    registrations: int = 0
    heartbeats: int = 0
    refused: int = 0


class HeartbeatService:
    """Answers datanodes on one event loop, and applies their reports.

    `apply` is called in a thread, with the reports of one datanode at a time.
    """

    def __init__(
        self,
        cluster_id: str,
        health: DatanodeHealth,
        apply: Callable[[DatanodeReports], None],
        is_known: Callable[[str], bool],
        queue: ReportQueue | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cluster_id` must not be blank; datanodes do not compare it with SCM's. `clock` is the clock of `health`.

        `is_known` returns whether SCM has named the datanode with this UUID.
        """
        self.counts = HeartbeatCounts()
        self.queue = queue or ReportQueue()
        self.unknown = UnknownDatanodes()
        self.cluster_id = cluster_id
        self._health = health
        self._apply = apply
        self._is_known = is_known
        self._clock = clock
        self._decoding = asyncio.Lock()
        """Limits the decoding of large requests to one thread."""

    async def answer(self, request: bytes) -> bytes | Recognised:
        """Answers a request; DecodeError if its sender or command is unreadable."""
        heartbeat = await self._decode(request)
        if heartbeat is None:
            return version_answer()
        uuid, host = heartbeat.datanode.uuid, heartbeat.datanode.host_name
        is_known = self._is_known(uuid)
        if is_known:
            if uuid in self.unknown:
                self.admit()
            must_register = self._receive(heartbeat)
        else:
            must_register = self.unknown.receive(heartbeat)
        if heartbeat.software is None:
            self.counts.heartbeats += 1
            answer = heartbeat_answer(uuid, reregister=must_register)
        else:
            self.counts.registrations += 1
            if is_known:
                _LOG.info("datanode %s (%s) registered", host, uuid)
            else:
                message = (
                    "datanode %s (%s) registered, but SCM does not know it: its reports are held until SCM names it"
                )
                _LOG.info(message, host, uuid)
            answer = registered_answer(uuid, self.cluster_id)
        return Recognised(answer) if is_known else answer

    def admit(self) -> None:
        """Queues the reports of datanodes that SCM has named since they registered."""
        for heartbeat in self.unknown.take_known(self._is_known):
            self._receive(heartbeat)

    def _receive(self, heartbeat: Heartbeat) -> bool:
        """Queues the reports of a known datanode; returns whether it must register."""
        uuid = heartbeat.datanode.uuid
        must_register = self._health.receive(heartbeat, self._clock())
        if uuid in self._health:
            self.queue.put(heartbeat)
        return must_register or self.queue.must_report(uuid)

    async def _decode(self, request: bytes) -> Heartbeat | None:
        """Decodes a request: a small one directly, a large one in a thread, where it delays others less.

        MessageTooLong for a large one of a datanode that SCM has not named: the thread shares Python's lock with the
        event loop, which strangers must not keep waiting. Such a datanode asks again.
        """
        try:
            return decode_request(request, _MAX_INLINE_FIELDS)
        except MessageTooLong:
            sender = decode_sender(request, _MAX_INLINE_FIELDS)
            if not self._is_known(sender.uuid):
                raise MessageTooLong(
                    f"the heartbeat of {sender.host_name} ({sender.uuid}) has more than {_MAX_INLINE_FIELDS} fields: "
                    "it is accepted once SCM names this datanode"
                ) from None
            async with self._decoding:
                return await asyncio.to_thread(decode_request, request)

    async def read_reports(self) -> None:
        """Applies queued reports until cancelled."""
        while True:
            heartbeat = await self.queue.take()
            self.counts.refused += await asyncio.to_thread(self._apply_reports, heartbeat)

    def _apply_reports(self, heartbeat: Heartbeat) -> int:
        """Decodes and applies reports; returns the number that failed."""
        name = heartbeat.datanode.host_name
        reports = decode_reports(heartbeat)
        for reason in reports.refused:
            _LOG.warning("cannot decode a report of datanode %s: %s", name, reason)
        try:
            self._apply(reports)
        except Exception:
            _LOG.exception("cannot apply the reports of datanode %s", name)
            return len(heartbeat.reports())
        return len(reports.refused)


@asynccontextmanager
async def serve_datanodes(datanodes: HeartbeatService, settings: RpcServerSettings) -> AsyncIterator[int]:
    """Serves datanodes while the context is open; yields the port. OSError if the port is in use."""
    async with take_calls({(PROTOCOL, METHOD): datanodes.answer}, settings) as port:
        reader = asyncio.create_task(datanodes.read_reports())
        try:
            yield port
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
