"""Datanodes that have registered here and that SCM has not named: anybody can be one, so what they may keep is bounded.

They are answered as others are, and their reports wait until SCM names them. Of too many, those that were silent for
longest are evicted, and lose nothing: whoever is not here has to register again, with all it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ozone_recon.model.datanode_reports import Heartbeat


class UnknownDatanodes:
    """The heartbeats of unknown datanodes, by their UUIDs, the one heard last at the end."""

    def __init__(self, most: int = 1000, limit: int = 64 << 20) -> None:
        """At most `most` datanodes and `limit` bytes of reports are kept, and a quarter of these of one datanode."""
        self.size = 0
        self._most = most
        self._limit = limit
        self._held: dict[str, Heartbeat] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, datanode: str) -> bool:
        return datanode in self._held

    def hear(self, heartbeat: Heartbeat) -> bool:
        """Keeps what a datanode says; whether it has to register first."""
        uuid = heartbeat.datanode.uuid
        before = self._pop(uuid)
        if heartbeat.software is None and before is None:
            return True
        if heartbeat.software is not None or before is None:
            both = heartbeat
        else:
            both = before.followed_by(heartbeat) if _is_whole(before) else before
        if both.size > self._limit // 4:
            both = Heartbeat(both.datanode, both.layout, both.software)
        self._held[uuid] = both
        self.size += both.size
        while len(self._held) > self._most or self.size > self._limit:
            self._pop(next(iter(self._held)))
        return False

    def take(self, is_known: Callable[[str], bool]) -> Iterator[Heartbeat]:
        """Those that are known by now, but for the ones that have reported too much: these have to register again."""
        for uuid in [one for one in self._held if is_known(one)]:
            heartbeat = self._pop(uuid)
            if heartbeat is not None and _is_whole(heartbeat):
                yield heartbeat

    def _pop(self, uuid: str) -> Heartbeat | None:
        heartbeat = self._held.pop(uuid, None)
        self.size -= 0 if heartbeat is None else heartbeat.size
        return heartbeat


def _is_whole(heartbeat: Heartbeat) -> bool:
    """Whether all reports since the registration are there."""
    return heartbeat.containers is not None
