"""Reports of datanodes on their way from the answer that says they have come to the reader of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ozone_recon.model.datanode_reports import Heartbeat


@dataclass(slots=True)
class Dropped:
    """Heartbeats whose reports were not kept, for want of room, and the bytes of those."""

    heartbeats: int = 0
    size: int = 0


class ReportQueue:
    """What datanodes have reported and nobody has read yet: the datanode whose oldest report is the oldest comes first.

    A full report takes the place of all earlier ones of its datanode, so that the queue grows with the datanodes, not
    with time. What would make it too large is dropped, and its datanode owes us a full report. To be used on one event
    loop.
    """

    def __init__(self, limit: int = 256 << 20) -> None:
        """`limit` is in bytes of reports; a single heartbeat is kept, however large it is."""
        self.size = 0
        self.dropped = Dropped()
        self._limit = limit
        self._waiting: dict[str, Heartbeat] = {}
        self._owing: set[str] = set()
        self._filled = asyncio.Event()

    def put(self, heartbeat: Heartbeat) -> None:
        """Keeps the heartbeat with its reports, or drops it."""
        uuid = heartbeat.datanode.uuid
        known = self._waiting.get(uuid)
        both = heartbeat if known is None else known.followed_by(heartbeat)
        size = self.size + both.size - (0 if known is None else known.size)
        if size > self._limit and self._waiting and heartbeat.size:
            self.dropped.heartbeats += 1
            self.dropped.size += heartbeat.size
            self._owing.add(uuid)
        else:
            self.size = size
            self._waiting[uuid] = both
            self._filled.set()
            if heartbeat.containers is not None:
                self._owing.discard(uuid)

    @property
    def waiting(self) -> int:
        """Datanodes that have reported something."""
        return len(self._waiting)

    def owes(self, datanode: str) -> bool:
        """Whether the datanode is to report all it has; not before there is room for that."""
        return datanode in self._owing and 2 * self.size <= self._limit

    async def take(self) -> Heartbeat:
        """The reports of the next datanode; waits for them."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        heartbeat = self._waiting.pop(next(iter(self._waiting)))
        self.size -= heartbeat.size
        return heartbeat
