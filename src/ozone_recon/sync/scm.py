"""Follows SCM: all containers now and then, those in doubt at once, and every minute whether the counts agree."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ozone_recon.decode.containers import decode_container_ids, decode_containers
from ozone_recon.decode.scm import (
    decode_decommission_metrics,
    decode_deleted_blocks_summary,
    decode_node,
    decode_pending_containers,
    decode_pipeline,
    decode_scm_info,
)
from ozone_recon.model.cells import Cells, cells_of
from ozone_recon.model.cluster import PIPELINE_SYNC, SCM_SYNC, ClusterTask, Leaving
from ozone_recon.model.columns import ByteColumn, Int64s
from ozone_recon.model.scm import ContainerState, NodeStatus, Pipeline
from ozone_recon.sources.scm import PAGE, Scm
from ozone_recon.sync.cluster_state import ClusterState
from ozone_recon.sync.repeated import Repeated
from ozone_recon.wire.protobuf import Message

AT_ONCE: Final = 5000
"""Containers in doubt to ask for before looking at them again."""
NEIGHBOURS: Final = 1000
"""How many containers may be listed for nothing between two that are wanted."""
PATIENCE: Final = 3
"""Comparisons with SCM that may fail to agree before all containers are read."""
_IN_ORDER: Final = (ContainerState.RECOVERING, *(state for state in ContainerState if state.name != "RECOVERING"))
"""As containers go through them: one that goes on while they are listed is met again, rather than missed."""


@dataclass(frozen=True, slots=True)
class ScmPace:
    """Seconds between two askings for the same, and from the start to the first for all containers."""

    containers: float = 21600.0
    containers_delay: float = 0.0
    counts: float = 60.0
    pipelines: float = 300.0
    info: float = 30.0


class ScmSync:
    """Keeps a state as SCM has it. What keeps SCM from answering ends nothing: it is asked again when that is due."""

    def __init__(
        self, scm: Scm, state: ClusterState, pace: ScmPace, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` is that of the state."""
        self.containers = Repeated(SCM_SYNC, pace.containers, self._read_containers, pace.containers_delay)
        self.pipelines = Repeated(PIPELINE_SYNC, pace.pipelines, self._read_pipelines)
        self._all = (
            self.containers,
            self.pipelines,
            Repeated("ScmContainerCountTask", pace.counts, self._compare),
            Repeated("ScmInfoTask", pace.info, self._read_info),
            Repeated("ScmDoubtfulContainersTask", 1.0, self._settle),
        )
        self.repaired = 0
        """Containers that were not as SCM had them, when counts were compared."""
        self._scm = scm
        self._state = state
        self._clock = clock
        self._nodes: tuple[NodeStatus, ...] = ()
        self._disagreed = 0

    async def run(self) -> None:
        """Follows it, for ever."""
        async with asyncio.TaskGroup() as group:
            for one in self._all:
                group.create_task(one.run())

    def tasks(self) -> tuple[ClusterTask, ...]:
        """How each fares."""
        return tuple(one.status for one in self._all)

    async def _read_containers(self) -> None:
        """All containers, state by state."""
        containers = self._state.containers
        containers.begin()
        for state in _IN_ORDER:
            async for page in self._scm.containers(state=state):
                await asyncio.to_thread(self._put, page)
        gone = await asyncio.to_thread(containers.end)
        await asyncio.to_thread(self._state.doubt_all, self._clock())
        self.repaired += gone
        self._state.scm = replace(self._state.scm, read_at=_now())

    async def _read_pipelines(self) -> None:
        """All pipelines and datanodes."""
        pipelines, nodes = await asyncio.gather(self._scm.pipelines(), self._scm.nodes())

        def decoded() -> tuple[tuple[Pipeline, ...], tuple[NodeStatus, ...]]:
            return tuple(map(decode_pipeline, pipelines)), tuple(map(decode_node, nodes))

        known, self._nodes = await asyncio.to_thread(decoded)
        self._state.take_pipelines(known)
        self._state.take_nodes(self._nodes)

    async def _read_info(self) -> None:
        """Which cluster it is, what waits for deletion, and who leaves."""
        info = decode_scm_info(await self._scm.info())
        summary = await self._scm.deleted_blocks()
        self._state.scm = replace(
            self._state.scm,
            info=info,
            deleted_blocks=None if summary is None else decode_deleted_blocks_summary(summary),
            leaving=await self._leaving(),
        )

    async def _leaving(self) -> tuple[Leaving, ...]:
        leaving = [node.datanode for node in self._nodes if node.op_state == "DECOMMISSIONING"]
        if not leaving:
            return ()
        metrics = decode_decommission_metrics(await self._scm.decommission_metrics())
        progress = {one.host_name: one for one in metrics}
        waits = [await self._scm.pending_containers(datanode) for datanode in leaving]
        return tuple(
            Leaving(datanode, progress.get(datanode.host_name), tuple(map(decode_pending_containers, pending)))
            for datanode, pending in zip(leaving, waits, strict=True)
        )

    async def _settle(self) -> None:
        """Asks for containers that do not fit to what datanodes report of them."""
        if self._state.unknown_pipeline:
            self._state.unknown_pipeline = False
            self.pipelines.wake()
        asked = self._state.doubtful.due(self._clock(), AT_ONCE)
        if asked:
            await self._fetch(np.array(sorted(asked), np.int64))
            still = await asyncio.to_thread(self._state.still_doubtful, asked)
            self._state.doubtful.settle(asked, still, self._clock())

    async def _compare(self) -> None:
        """Counts containers by state, and reads those again in which SCM and we do not agree.

        Until all have been read there is nothing to compare.
        """
        if self.containers.status.running or not self._state.complete:
            return
        counts = {state: await self._scm.container_count(state) for state in ContainerState}
        drift = self._drift(counts)
        for state in sorted(drift, key=lambda state: counts[state]):
            if state in self._drift(counts):  # else another state's repair has put it right
                await self._repair(state)
        left = self._drift(counts)
        self._state.scm = replace(self._state.scm, drift={state.name: more for state, more in left.items()})
        self._disagreed = self._disagreed + 1 if left else 0
        if self._disagreed >= PATIENCE:
            self._disagreed = 0
            self.containers.wake()

    def _drift(self, counts: dict[ContainerState, int]) -> dict[ContainerState, int]:
        ours = self._state.containers.counts()
        return {state: count - ours[state] for state, count in counts.items() if count != ours[state]}

    async def _repair(self, state: ContainerState) -> None:
        """Reads again what is in this state there and not here, or here and not there."""
        pages = [decode_container_ids(page)[1] async for page in self._scm.container_ids(state)]
        listed = np.concatenate([np.empty(0, np.int64), *pages])
        wrong = np.setxor1d(listed, self._state.containers.ids(state), assume_unique=True)
        before = self._state.containers.states(wrong)
        await self._fetch(wrong)
        left = listed[self._state.containers.states(listed) != state]
        async for page in self._neighbours(listed, left, state):
            await asyncio.to_thread(self._put, page)
        self.repaired += int(np.count_nonzero(self._state.containers.states(wrong) != before))

    async def _neighbours(self, listed: Int64s, wanted: Int64s, state: ContainerState) -> AsyncIterator[Cells]:
        """Those of the `listed` containers that are wanted, with what is between them."""
        places = np.searchsorted(listed, wanted)
        cuts = np.flatnonzero(np.diff(places) > NEIGHBOURS) + 1
        for part in np.split(places, cuts) if len(places) else ():
            for first in range(int(part[0]), int(part[-1]) + 1, PAGE):
                count = min(PAGE, int(part[-1]) + 1 - first)
                yield await self._scm.container_page(int(listed[first]), count, state)

    async def _fetch(self, ids: Int64s) -> None:
        """Reads these containers; SCM leaves some out."""
        async for answer in self._scm.containers_with_pipelines(ids.tolist()):
            infos = (Message("ContainerWithPipeline", one).blob(1) for one in answer)
            await asyncio.to_thread(self._put, cells_of(ByteColumn.of(infos)))

    def _put(self, page: Cells) -> None:
        """Takes a page of containers."""
        _, containers = decode_containers(page)
        before = self._state.containers.states(containers.container_id)
        self._state.containers.put(containers)
        if (before != containers.state).any():
            self._state.changes.urgent += 1
        else:
            self._state.changes.sizes += 1


def _now() -> int:
    return time.time_ns() // 1_000_000
