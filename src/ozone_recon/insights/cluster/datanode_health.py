"""Which datanodes are alive, by when they were last heard of. The clock is the caller's: seconds that never go back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.model.datanode_reports import Heartbeat, LayoutVersion

Health = Literal["HEALTHY", "HEALTHY_READONLY", "STALE", "DEAD"]


@dataclass(slots=True)
class _Datanode:
    heard: float
    layout: LayoutVersion
    due: bool
    """Whether it has to register."""
    spoken: bool = True
    """Whether it has ever been heard of."""


class DatanodeHealth:
    """The datanodes that have registered, or are known from before, by their UUIDs."""

    def __init__(self, intervals: Intervals) -> None:
        self._intervals = intervals
        self._datanodes: dict[str, _Datanode] = {}

    def __contains__(self, datanode: str) -> bool:
        return datanode in self._datanodes

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._datanodes))

    def expect(self, datanode: str, layout: LayoutVersion, now: float) -> None:
        """Says that there is such a datanode: it counts as heard of just now, and has to register."""
        self._datanodes[datanode] = _Datanode(now, layout, due=True, spoken=False)

    def hear(self, heartbeat: Heartbeat, now: float) -> bool:
        """Takes note of a heartbeat; whether the datanode has to register.

        It has to when it never has, and after a long silence, in which reports may have been lost.
        """
        uuid = heartbeat.datanode.uuid
        if heartbeat.software is not None:
            self._datanodes[uuid] = _Datanode(now, heartbeat.layout, due=False)
            return False
        known = self._datanodes.get(uuid)
        if known is None:
            return True
        known.due |= now - known.heard >= self._intervals.register
        known.heard, known.layout, known.spoken = now, heartbeat.layout, True
        return known.due

    def forget(self, datanode: str) -> None:
        """Says that there is no such datanode, until it registers again."""
        self._datanodes.pop(datanode, None)

    def has_spoken(self, datanode: str) -> bool:
        """Whether a datanode has been heard of, rather than expected only."""
        known = self._datanodes.get(datanode)
        return known is not None and known.spoken

    def silence(self, datanode: str, now: float) -> float:
        """Seconds since a datanode was heard of; KeyError when it is not known."""
        return now - self._datanodes[datanode].heard

    def health(self, datanode: str, now: float) -> Health:
        """How a datanode is; KeyError when it is not known. One whose upgrade is not complete is HEALTHY_READONLY."""
        silence = self.silence(datanode, now)
        if silence > self._intervals.dead:
            return "DEAD"
        if silence > self._intervals.stale:
            return "STALE"
        return "HEALTHY" if self._datanodes[datanode].layout.finalized else "HEALTHY_READONLY"
