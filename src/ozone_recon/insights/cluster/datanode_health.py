"""Derives the health of datanodes from the time of their last heartbeat (SCM's NodeStateManager).

Times are the caller's monotonic clock, in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Literal

from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.model.datanode_reports import Heartbeat, LayoutVersion

Health = Literal["HEALTHY", "HEALTHY_READONLY", "STALE", "DEAD"]


@dataclass(slots=True)
class _Datanode:
    last_heartbeat: float
    layout: LayoutVersion
    must_register: bool
    has_heartbeat: bool = True
    """False for a datanode restored from a generation that has sent nothing since the start."""


class DatanodeHealth:
    """The datanodes that have registered or were restored, by UUID."""

    def __init__(self, intervals: Intervals) -> None:
        self._intervals = intervals
        self._datanodes: dict[str, _Datanode] = {}

    def __contains__(self, datanode: str) -> bool:
        return datanode in self._datanodes

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._datanodes))

    def restore(self, datanode: str, layout: LayoutVersion, now: float) -> None:
        """Adds a datanode known from an earlier run: its silence counts from `now`, and it must register."""
        self._datanodes[datanode] = _Datanode(now, layout, must_register=True, has_heartbeat=False)

    def receive(self, heartbeat: Heartbeat, now: float) -> bool:
        """Records a heartbeat; returns whether the datanode must register.

        It must if it never has, and after a long silence, in which reports may have been lost.
        """
        uuid = heartbeat.datanode.uuid
        if heartbeat.software is not None:
            self._datanodes[uuid] = _Datanode(now, heartbeat.layout, must_register=False)
            return False
        known = self._datanodes.get(uuid)
        if known is None:
            return True
        known.must_register |= now - known.last_heartbeat >= self._intervals.register
        known.last_heartbeat, known.layout, known.has_heartbeat = now, heartbeat.layout, True
        return known.must_register

    def forget(self, datanode: str) -> None:
        """Removes a datanode; it is unknown until it registers again."""
        self._datanodes.pop(datanode, None)

    def has_heartbeat(self, datanode: str) -> bool:
        """Whether a datanode has sent a heartbeat since the start."""
        known = self._datanodes.get(datanode)
        return known is not None and known.has_heartbeat

    def silence(self, now: float) -> float:
        """Returns the seconds since the last heartbeat of any datanode; infinity without one since the start."""
        return now - max(
            (one.last_heartbeat for one in self._datanodes.copy().values() if one.has_heartbeat), default=-inf
        )

    def since_heartbeat(self, datanode: str, now: float) -> float:
        """Returns the seconds since the last heartbeat; KeyError for an unknown datanode."""
        return now - self._datanodes[datanode].last_heartbeat

    def health(self, datanode: str, now: float) -> Health:
        """Returns the health of a datanode; HEALTHY_READONLY if its upgrade is not finalized. KeyError if unknown."""
        silence = self.since_heartbeat(datanode, now)
        if silence > self._intervals.dead:
            return "DEAD"
        if silence > self._intervals.stale:
            return "STALE"
        return "HEALTHY" if self._datanodes[datanode].layout.finalized else "HEALTHY_READONLY"
