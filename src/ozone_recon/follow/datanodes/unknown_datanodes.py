"""Holds the reports of datanodes that have registered but that SCM has not named, within bounds: anybody can register.

They are answered like others, and their reports are held until SCM names them. Beyond the limits, the longest silent
ones are evicted. Nothing is lost: an evicted datanode must register again and then sends a full report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ozone_recon.model.datanode_reports import Heartbeat


class UnknownDatanodes:
    """The merged heartbeats of unknown datanodes by UUID, in the order of their last heartbeat."""

    def __init__(self, max_datanodes: int = 1000, limit: int = 64 << 20) -> None:
        """Holds at most `max_datanodes` datanodes and `limit` bytes of reports, a quarter of these per datanode."""
        self.size = 0
        self._max_datanodes = max_datanodes
        self._limit = limit
        self._heartbeats: dict[str, Heartbeat] = {}

    def __len__(self) -> int:
        return len(self._heartbeats)

    def __contains__(self, datanode: str) -> bool:
        return datanode in self._heartbeats

    def receive(self, heartbeat: Heartbeat) -> bool:
        """Holds a heartbeat; returns whether the datanode must register first."""
        uuid = heartbeat.datanode.uuid
        before = self._pop(uuid)
        if heartbeat.software is None and before is None:
            return True
        if heartbeat.software is not None or before is None:
            merged = heartbeat
        else:
            merged = before.followed_by(heartbeat) if _is_complete(before) else before
        if merged.size > self._limit // 4:
            merged = Heartbeat(merged.datanode, merged.layout, merged.software)
        self._heartbeats[uuid] = merged
        self.size += merged.size
        while len(self._heartbeats) > self._max_datanodes or self.size > self._limit:
            self._pop(next(iter(self._heartbeats)))
        return False

    def take_known(self, is_known: Callable[[str], bool]) -> Iterator[Heartbeat]:
        """Removes datanodes that are known by now; yields those whose reports are complete, the others re-register."""
        for uuid in [one for one in self._heartbeats if is_known(one)]:
            heartbeat = self._pop(uuid)
            if heartbeat is not None and _is_complete(heartbeat):
                yield heartbeat

    def _pop(self, uuid: str) -> Heartbeat | None:
        heartbeat = self._heartbeats.pop(uuid, None)
        self.size -= 0 if heartbeat is None else heartbeat.size
        return heartbeat


def _is_complete(heartbeat: Heartbeat) -> bool:
    """Whether all reports since the registration are held."""
    return heartbeat.containers is not None
