"""An SCM that is followed in this process, and what is known of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.decode.cluster.datanode_messages import container_report, replica
from tests.decode.cluster.sample_datanodes import DATANODE
from tests.follow.scm_stand_in import NEVER, ScmStandIn
from tests.insights.cluster.drawn_containers import table
from tests.insights.cluster.drawn_replicas import HEARTBEAT

from ozone_recon.config.cluster_settings import Intervals, ScmPace
from ozone_recon.decode.cluster.heartbeats import decode_reports
from ozone_recon.follow.cluster.scm import ScmSync
from ozone_recon.follow.cluster.state import ClusterState
from ozone_recon.model.datanode_reports import DatanodeReports, ReplicaState
from ozone_recon.model.scm import ContainerState
from ozone_recon.sources.scm import ScmClient


class Followed:
    """An SCM, what is known of it, and a clock that stands still."""

    def __init__(self, stand_in: ScmStandIn, pace: ScmPace = NEVER, page: int = 3) -> None:
        self.now = 1000.0
        self.stand_in = stand_in
        self.state = ClusterState(Intervals())
        self.sync = ScmSync(ScmClient(stand_in.call, page), self.state, pace, lambda: self.now)
        self.of = {one.status.name: one for one in self.sync._all}

    def report(self, *containers: tuple[int, ReplicaState]) -> None:
        """A datanode says that it has these."""
        self.state.apply_report(reports(*containers), 5, self.now)

    def states(self) -> dict[int, ContainerState]:
        return {one: ContainerState[info.state] for one, info in table(self.state.containers).items()}


def reports(*containers: tuple[int, ReplicaState]) -> DatanodeReports:
    report = container_report(*(replica(one, state) for one, state in containers))
    return decode_reports(replace(HEARTBEAT, datanode=DATANODE, containers=report))


def following(followed: Followed, then: Callable[[], Awaitable[None]]) -> None:
    """Has it followed while something happens; everything has been read once before."""

    async def whole() -> None:
        async with asyncio.timeout(60):
            running = asyncio.create_task(followed.sync.run())
            await asyncio.gather(*(one.once_more() for one in followed.of.values()))
            await then()
            running.cancel()

    asyncio.run(whole())
