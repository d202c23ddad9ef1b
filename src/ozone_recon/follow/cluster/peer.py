"""Copies what datanodes have reported from the other Recon of a pair, while none report here (a standby).

Datanodes report to one address, `ozone.recon.address`, so only one Recon of a pair hears them. The other one follows OM
and SCM by itself and takes the rest from the first one's published generation: replicas with their history, the
datanodes' reports, and since when each container has been unhealthy. When the address moves, the datanodes' heartbeats
end the copying, and the state is that of a Recon that has just been restarted. Both have the same configuration, except
for the address of the peer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from ozone_recon.config.cluster_settings import ClusterSettings
from ozone_recon.follow.cluster.generation import restore_reports
from ozone_recon.follow.cluster.publisher import ClusterPublisher
from ozone_recon.follow.cluster.state import ClusterState
from ozone_recon.follow.periodic import Periodic
from ozone_recon.sources.peer import generation_body
from ozone_recon.store.archive import unpacked
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.disk import remove_tree
from ozone_recon.store.generation import Generation

_LOG: Final = logging.getLogger(__name__)


class PeerCopy:
    """The copies from one peer; without a peer it never copies."""

    def __init__(
        self, state: ClusterState, directory: DataDirectory, publisher: ClusterPublisher, settings: ClusterSettings
    ) -> None:
        self.task = Periodic("PeerCopyTask", settings.peer_interval, self._copy)
        self.reported_at = 0
        """When the reports that are served were current at the peer, ms since 1970; 0 if they are our datanodes'."""
        self._state = state
        self._directory = directory
        self._publisher = publisher
        self._settings = settings
        self._version = ""

    def restored(self, former: Generation) -> None:
        """Notes that the state is that of our own last generation, until a datanode reports."""
        if self._settings.peer:
            self.reported_at = former.taken_at

    def refresh(self) -> None:
        """Ends the copying when datanodes report here."""
        if self.reported_at and self._has_datanodes():
            self.reported_at = 0
            _LOG.info("datanodes report to this Recon: it no longer copies their reports from %s", self._settings.peer)

    async def _copy(self) -> None:
        if self._settings.peer and not self._has_datanodes():
            await asyncio.to_thread(self._fetch)

    def _has_datanodes(self) -> bool:
        return self._state.health.silence(time.monotonic()) <= self._settings.intervals.stale

    def _fetch(self) -> None:
        """Fetches the peer's generation, and restores the reports if they are newer than ours."""
        security = self._settings.security
        identity = security.identity if security else None
        with generation_body(self._settings.peer, self._version, identity, self._settings.trust) as body:
            if body is None:
                return
            target = self._directory.reserve()
            try:
                copy = unpacked(body, target, f"the cluster generation of {self._settings.peer}")
                is_newer = copy.taken_at > self.reported_at and not self._has_datanodes()
                if is_newer:
                    restore_reports(self._state, copy, time.monotonic())
                    self._publisher.adopt(copy)
                    self.reported_at = copy.taken_at
                self._version = body.version
            except BaseException:
                remove_tree(target)
                raise
            if not is_newer:
                remove_tree(target)
