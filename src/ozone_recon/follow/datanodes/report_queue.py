"""Queues datanodes' reports between the answer to their heartbeat and the thread that applies them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ozone_recon.model.datanode_reports import Heartbeat


@dataclass(slots=True)
class Dropped:
    """Number of heartbeats whose reports were dropped because the queue was full, and their bytes."""

    heartbeats: int = 0
    size: int = 0


class ReportQueue:
    """Reports not yet applied, one merged entry per datanode, in order of each datanode's oldest report.

    A full report replaces all earlier ones of its datanode, so the queue grows with the number of datanodes, not with
    time. Reports that exceed the limit are dropped, and their datanode must send a full report. For one event loop.
    """

    def __init__(self, limit: int = 256 << 20) -> None:
        """`limit` is in bytes of reports; a single heartbeat is accepted at any size."""
        self.size = 0
        self.dropped = Dropped()
        self._limit = limit
        self._waiting: dict[str, Heartbeat] = {}
        self._must_report: set[str] = set()
        self._filled = asyncio.Event()

    def put(self, heartbeat: Heartbeat) -> None:
        """Adds a heartbeat's reports, or drops them if the queue is full."""
        uuid = heartbeat.datanode.uuid
        known = self._waiting.get(uuid)
        merged = heartbeat if known is None else known.followed_by(heartbeat)
        size = self.size + merged.size - (0 if known is None else known.size)
        if size > self._limit and self._waiting and heartbeat.size:
            self.dropped.heartbeats += 1
            self.dropped.size += heartbeat.size
            self._must_report.add(uuid)
        else:
            self.size = size
            self._waiting[uuid] = merged
            self._filled.set()
            if heartbeat.containers is not None:
                self._must_report.discard(uuid)

    @property
    def waiting(self) -> int:
        """Number of datanodes with reports in the queue."""
        return len(self._waiting)

    def must_report(self, datanode: str) -> bool:
        """Whether the datanode must send a full report, after a dropped one; False until the queue is half empty."""
        return datanode in self._must_report and 2 * self.size <= self._limit

    async def take(self) -> Heartbeat:
        """Removes and returns the reports of the next datanode; waits for one."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        heartbeat = self._waiting.pop(next(iter(self._waiting)))
        self.size -= heartbeat.size
        return heartbeat
