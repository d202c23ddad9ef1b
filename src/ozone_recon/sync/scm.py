"""Follows SCM: all containers now and then, those in doubt at once, and every minute whether the counts agree."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from ozone_recon.decode.containers import decode_container_ids, decode_containers
from ozone_recon.decode.scm import (
    decode_container_replica,
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
from ozone_recon.model.scm import ContainerState, NodeStatus
from ozone_recon.sources.scm import PAGE, Scm
from ozone_recon.sync.cluster_settings import ScmPace
from ozone_recon.sync.cluster_state import ClusterState
from ozone_recon.sync.repeated import Repeated
from ozone_recon.wire.protobuf import Message

_LOG: Final = logging.getLogger(__name__)
AT_ONCE: Final = 5000
"""Containers in doubt to ask for before looking at them again."""
AT_A_TIME: Final = 16
"""Calls for a container each."""
NEIGHBOURS: Final = 1000
"""How many containers may be listed for nothing between two that are wanted."""
PATIENCE: Final = 3
"""Comparisons with SCM that may fail to agree before all containers are read."""
_IN_ORDER: Final = (ContainerState.RECOVERING, *(state for state in ContainerState if state.name != "RECOVERING"))
"""As containers go through them: one that goes on while they are listed is met again, rather than missed."""


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
            Repeated("ScmLackingContainersTask", 1.0, self._confirm),
        )
        self.repaired = 0
        """Containers that were not as SCM had them, when counts were compared."""
        self._scm = scm
        self._state = state
        self._clock = clock
        self._nodes: tuple[NodeStatus, ...] = ()
        self._disagreed = 0
        self._asked: set[int] = set()
        """Of the containers that lack replicas."""
        self._putting = threading.Lock()

    async def run(self) -> None:
        """Follows it, for ever."""
        async with asyncio.TaskGroup() as group:
            for one in self._all:
                group.create_task(one.run())

    def tasks(self) -> tuple[ClusterTask, ...]:
        """How each fares."""
        return tuple(one.status for one in self._all)

    @property
    def error(self) -> str:
        """Why SCM cannot be read at present; empty when it can."""
        return "; ".join(dict.fromkeys(one.status.error for one in self._all if one.status.error))

    async def _read_containers(self) -> None:
        """All containers, state by state."""
        self._state.containers.begin()
        for state in _IN_ORDER:
            async for page in self._scm.containers(state=state):
                await asyncio.to_thread(self._put, page)
        gone = await asyncio.to_thread(self._end)
        await asyncio.to_thread(self._state.doubt_all, self._clock())
        self.repaired += gone
        self._state.scm = replace(self._state.scm, read_at=_now())

    async def _read_pipelines(self) -> None:
        """All pipelines and datanodes."""
        pipelines, nodes = await asyncio.gather(self._scm.pipelines(), self._scm.nodes())

        def take() -> None:
            self._nodes = tuple(map(decode_node, nodes))
            self._state.take_pipelines(map(decode_pipeline, pipelines))
            self._state.take_nodes(self._nodes)

        await asyncio.to_thread(take)

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
        datanodes = [node.datanode for node in self._nodes if node.op_state == "DECOMMISSIONING"]
        if not datanodes:
            return ()
        metrics = await self._scm.decommission_metrics()
        waits = [await self._scm.pending_containers(datanode) for datanode in datanodes]

        def read() -> tuple[Leaving, ...]:
            # SCM's metrics tell datanodes apart by their hosts alone.
            hosts = Counter(datanode.host_name for datanode in datanodes)
            progress = {one.host_name: one for one in decode_decommission_metrics(metrics) if hosts[one.host_name] == 1}
            return tuple(
                Leaving(datanode, progress.get(datanode.host_name), tuple(map(decode_pending_containers, pending)))
                for datanode, pending in zip(datanodes, waits, strict=True)
            )

        return await asyncio.to_thread(read)

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

    async def _confirm(self) -> None:
        """Asks of containers that lack replicas whether datanodes have those that have not spoken to us yet."""
        late = self._state.late()
        if not late:
            self._state.confirmed, self._asked = np.empty(0, np.int64), set()
            return
        room = asyncio.Semaphore(AT_A_TIME)

        async def is_lacking(container: int) -> bool:
            async with room:
                replicas = await self._scm.replicas(container)
                return not any(decode_container_replica(one).datanode.uuid in late for one in replicas)

        asked = [one for one in self._state.unsure.tolist() if one not in self._asked][:AT_ONCE]
        lacking = await asyncio.gather(*map(is_lacking, asked))
        self._asked.update(asked)
        if any(lacking):
            found = np.array([one for one, is_so in zip(asked, lacking, strict=True) if is_so], np.int64)
            self._state.confirmed = np.union1d(self._state.confirmed, found)
            self._state.changes.urgent += 1

    async def _compare(self) -> str:
        """Counts containers by state, and reads those again in which SCM and we do not agree; says if we still do not.

        Until all have been read there is nothing to compare.
        """
        if self.containers.status.running or not self._state.complete:
            return ""
        counts = {state: await self._scm.container_count(state) for state in ContainerState}
        drift = self._drift(counts)
        for state in sorted(drift, key=lambda state: counts[state]):
            if state in self._drift(counts):  # else another state's repair has put it right
                await self._repair(state)
        left = self._drift(counts)
        if drift:
            _LOG.info("SCM had %s containers more than we; %s, after they were read again", _said(drift), _said(left))
        self._state.scm = replace(self._state.scm, drift={state.name: more for state, more in left.items()})
        self._disagreed = self._disagreed + 1 if left else 0
        if self._disagreed >= PATIENCE:
            self._disagreed = 0
            self.containers.wake()
        return f"SCM has {_said(left)} containers more than we" if left else ""

    def _drift(self, counts: dict[ContainerState, int]) -> dict[ContainerState, int]:
        ours = self._state.containers.counts()
        return {state: count - ours[state] for state, count in counts.items() if count != ours[state]}

    async def _repair(self, state: ContainerState) -> None:
        """Reads again what is in this state there and not here, or here and not there."""
        containers = self._state.containers
        listed = await self._listed(state)
        ours = await asyncio.to_thread(containers.ids, state)
        wrong = await asyncio.to_thread(partial(np.setxor1d, assume_unique=True), listed, ours)
        before = containers.states(wrong)
        await self._fetch(wrong)
        there = wrong[np.isin(wrong, listed)]
        left = there[containers.states(there) != state]
        async for page in self._neighbours(listed, left, state):
            await asyncio.to_thread(self._put, page)
        self.repaired += int(np.count_nonzero(containers.states(wrong) != before))

    async def _listed(self, state: ContainerState) -> Int64s:
        """The containers that SCM has in a state."""
        pages = [await asyncio.to_thread(decode_container_ids, page) async for page in self._scm.container_ids(state)]
        return np.concatenate([np.empty(0, np.int64), *(ids for _, ids in pages)])

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
            await asyncio.to_thread(self._put_each, answer)

    def _put_each(self, answer: tuple[bytes, ...]) -> None:
        """Takes containers that come with their pipelines."""
        infos = (Message("ContainerWithPipeline", one).blob(1) for one in answer)
        self._put(cells_of(ByteColumn.of(infos)))

    def _end(self) -> int:
        """All containers have been put; how many SCM has no more."""
        with self._putting:
            return self._state.containers.end()

    def _put(self, page: Cells) -> None:
        """Takes a page of containers."""
        readable, containers = decode_containers(page)
        if unreadable := len(page.starts) - len(readable):
            _LOG.warning("%s of %s containers of SCM cannot be read", unreadable, len(page.starts))
        with self._putting:
            before = self._state.containers.states(containers.container_id)
            self._state.containers.put(containers)
        if (before != containers.state).any():
            self._state.changes.urgent += 1
        else:
            self._state.changes.sizes += 1


def _said(drift: dict[ContainerState, int]) -> str:
    return ", ".join(f"{more:+,} {state.name}" for state, more in drift.items()) or "none"


def _now() -> int:
    return time.time_ns() // 1_000_000
