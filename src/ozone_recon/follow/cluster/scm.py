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
from typing import Final, NamedTuple, TypeVar

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, slices_of_texts
from ozone_recon.config.cluster_settings import ScmPace
from ozone_recon.decode.cluster.containers import decode_container_ids, decode_containers
from ozone_recon.decode.cluster.scm import (
    decode_container_replica,
    decode_decommission_metrics,
    decode_deleted_blocks_summary,
    decode_node,
    decode_pending_containers,
    decode_pipeline,
    decode_scm_info,
)
from ozone_recon.errors import DecodeError, RemoteError, UnknownCommand
from ozone_recon.follow.cluster.state import ClusterState
from ozone_recon.follow.datanodes.ask_each import ask_each
from ozone_recon.follow.periodic import Periodic
from ozone_recon.model.cluster import PIPELINE_SYNC, SCM_SYNC, ClusterTask, LeavingDatanode
from ozone_recon.model.scm import ContainerState, DatanodeDetails, NodeStatus
from ozone_recon.sources.scm import PAGE, ScmClient
from ozone_recon.wire.protobuf.fields import Message

T = TypeVar("T")
_LOG: Final = logging.getLogger(__name__)
AT_ONCE: Final = 5000
"""Containers in doubt to ask for before looking at them again."""
NEIGHBOURS: Final = 1000
"""How many containers may be listed for nothing between two that are wanted."""
PATIENCE: Final = 3
"""Comparisons with SCM that may fail to agree before all containers are read."""
_IN_ORDER: Final = (ContainerState.RECOVERING, *(state for state in ContainerState if state.name != "RECOVERING"))
"""As containers go through them: one that goes on while they are listed is met again, rather than missed."""


class ScmSync:
    """Keeps a state as SCM has it. What keeps SCM from answering ends nothing: it is asked again when that is due."""

    def __init__(
        self, scm: ScmClient, state: ClusterState, pace: ScmPace, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` is that of the state."""
        self.containers = Periodic(SCM_SYNC, pace.containers, self._read_containers, pace.containers_delay)
        self.pipelines = Periodic(PIPELINE_SYNC, pace.pipelines, self._read_pipelines)
        self._all = (
            self.containers,
            self.pipelines,
            Periodic("ScmContainerCountTask", pace.counts, self._compare),
            Periodic("ScmInfoTask", pace.info, self._read_info),
            Periodic("ScmDoubtfulContainersTask", 1.0, self._settle),
            Periodic("ScmLackingContainersTask", 1.0, self._confirm),
        )
        self.repaired = 0
        """Containers that were not as SCM had them, when counts were compared."""
        self._scm = scm
        self._state = state
        self._clock = clock
        self._nodes: tuple[NodeStatus, ...] = ()
        self._disagreed = 0
        self._wrong: dict[ContainerState, _Wrong] = {}
        """What the last comparison did not put right."""
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
        self._state.changes.urgent += bool(gone)
        await asyncio.to_thread(self._state.suspect_all, self._clock())
        self.repaired += gone
        self._state.scm = replace(self._state.scm, read_at=_now())

    async def _read_pipelines(self) -> str:
        """All pipelines and datanodes."""
        return await ask_each(self._take_pipelines(), self._take_nodes())

    async def _take_pipelines(self) -> str:
        pipelines, unreadable = await asyncio.to_thread(_readable, decode_pipeline, await self._scm.pipelines())
        self._state.take_pipelines(pipelines)
        return unreadable

    async def _take_nodes(self) -> str:
        self._nodes, unreadable = await asyncio.to_thread(_readable, decode_node, await self._scm.nodes())
        self._state.take_nodes(self._nodes)
        return unreadable

    async def _read_info(self) -> str:
        """Which cluster it is, what waits for deletion, and who leaves."""
        return await ask_each(self._take_info(), self._take_deleted_blocks(), self._take_leaving())

    async def _take_info(self) -> None:
        info = decode_scm_info(await self._scm.info())
        self._state.scm = replace(self._state.scm, info=info)

    async def _take_deleted_blocks(self) -> None:
        summary = await self._scm.deleted_blocks()
        waiting = None if summary is None else decode_deleted_blocks_summary(summary)
        self._state.scm = replace(self._state.scm, deleted_blocks=waiting)

    async def _take_leaving(self) -> str:
        """Who leaves, with what SCM says of each; where it does not answer, with what it said before."""
        before = {one.datanode.uuid: one for one in self._state.scm.leaving}
        datanodes = {node.datanode.uuid: node.datanode for node in self._nodes if node.op_state == "DECOMMISSIONING"}
        leaving = {
            uuid: replace(before.get(uuid, LeavingDatanode(datanode, None, ())), datanode=datanode)
            for uuid, datanode in datanodes.items()
        }

        async def progress() -> None:
            metrics = await self._scm.decommission_metrics()
            # SCM's metrics tell datanodes apart by their hosts alone.
            hosts = Counter(datanode.host_name for datanode in datanodes.values())
            of_host = {one.host_name: one for one in decode_decommission_metrics(metrics) if hosts[one.host_name] == 1}
            for uuid, datanode in datanodes.items():
                leaving[uuid] = replace(leaving[uuid], progress=of_host.get(datanode.host_name))

        async def pending(datanode: DatanodeDetails) -> None:
            waits_for = await self._scm.pending_containers(datanode)
            decoded = await asyncio.to_thread(lambda: tuple(map(decode_pending_containers, waits_for)))
            leaving[datanode.uuid] = replace(leaving[datanode.uuid], waits_for=decoded)

        try:
            return await ask_each(*([progress()] if datanodes else []), *map(pending, datanodes.values()))
        finally:
            self._state.scm = replace(self._state.scm, leaving=tuple(leaving.values()))

    async def _settle(self) -> None:
        """Asks for containers that do not fit to what datanodes report of them."""
        if self._state.unknown_pipeline:
            self._state.unknown_pipeline = False
            self.pipelines.wake()
        asked = self._state.suspect_containers.due(self._clock(), AT_ONCE)
        if asked:
            await self._fetch(np.array(sorted(asked), np.int64))
            still = await asyncio.to_thread(self._state.still_suspect, asked)
            self._state.suspect_containers.settle(asked, still, self._clock())

    async def _confirm(self) -> str:
        """Asks of containers that lack replicas whether datanodes have those that have not spoken to us yet."""
        late = self._state.late()
        if not late:
            self._state.confirmed, self._asked = np.empty(0, np.int64), set()
            return ""
        lacking: list[int] = []

        async def ask(container: int) -> None:
            try:
                replicas = map(decode_container_replica, await self._scm.replicas(container))
                if not any(replica.datanode.uuid in late for replica in replicas):
                    lacking.append(container)
            except RemoteError as refusal:
                # Such as of a container that SCM does not know.
                _LOG.debug("replicas of container %s: %s", container, refusal)
            self._asked.add(container)

        asked = [one for one in self._state.possibly_missing.tolist() if one not in self._asked][:AT_ONCE]
        try:
            return await ask_each(*map(ask, asked))
        finally:
            if lacking:
                self._state.confirmed = np.union1d(self._state.confirmed, np.array(lacking, np.int64))
                self._state.changes.urgent += 1

    async def _compare(self) -> str:
        """Compares with SCM what no datanode's report would tell us of; says where we still do not agree.

        Until all containers have been read there is nothing to compare.
        """
        if self.containers.status.running or not self._state.complete:
            return ""
        return await ask_each(self._compare_counts(), self._take_suppressed())

    async def _take_suppressed(self) -> None:
        """Which containers are suppressed: that changes without their state."""
        suppressed = await self._scm.suppressed()

        def take() -> int:
            with self._putting:
                return self._state.containers.suppress(suppressed)

        self._state.changes.urgent += bool(await asyncio.to_thread(take))

    async def _compare_counts(self) -> str:
        """Counts containers by state, and reads those again in which SCM and we do not agree.

        A container that moves meanwhile is no drift: it is one that is wrong twice, in one comparison and the next.
        """
        try:
            counts = await self._scm.container_counts()
        except UnknownCommand:
            await self._compare_totals()
            raise
        drift = self._drift(counts)
        wrong: dict[ContainerState, _Wrong] = {}
        for state in sorted(drift, key=lambda state: counts[state]):
            if state in self._drift(counts):  # else another state's repair has put it right
                wrong[state] = await self._repair(state)
        lasting = {state: one.also_in(self._wrong[state]) for state, one in wrong.items() if state in self._wrong}
        left = {state: one.more for state, one in lasting.items() if one.more}
        if drift:
            _LOG.debug("SCM had %s containers more than we; %s, after they were read again", _said(drift), _said(left))
        self._wrong = wrong
        self._state.scm = replace(self._state.scm, drift={state.name: more for state, more in left.items()})
        self._disagree(bool(left))
        return f"SCM has {_said(left)} containers more than we" if left else ""

    async def _compare_totals(self) -> None:
        """The same, where SCM does not count by state."""
        self._disagree(await self._scm.container_count() != self._state.containers.total())

    def _disagree(self, so: bool) -> None:
        """Has all containers read when comparisons fail to agree again and again."""
        self._disagreed = self._disagreed + 1 if so else 0
        if self._disagreed >= PATIENCE:
            self._disagreed = 0
            self.containers.wake()

    def _drift(self, counts: dict[ContainerState, int]) -> dict[ContainerState, int]:
        ours = self._state.containers.counts()
        return {state: count - ours[state] for state, count in counts.items() if count != ours[state]}

    async def _repair(self, state: ContainerState) -> _Wrong:
        """Reads again what is in this state there and not here, or here and not there; what that does not put right."""
        containers = self._state.containers
        listed = await self._listed(state)
        ours = await asyncio.to_thread(containers.ids, state)
        wrong = await asyncio.to_thread(partial(np.setxor1d, assume_unique=True), listed, ours)
        before = containers.states(wrong)
        await self._fetch(wrong)
        is_listed = np.isin(wrong, listed)
        there = wrong[is_listed]
        left = there[containers.states(there) != state]
        async for page in self._neighbours(listed, left, state):
            await asyncio.to_thread(self._put, page)
        after = containers.states(wrong)
        self.repaired += int(np.count_nonzero(after != before))
        return _Wrong(wrong[is_listed & (after != state)], wrong[~is_listed & (after == state)])

    async def _listed(self, state: ContainerState) -> Int64s:
        """The containers that SCM has in a state; where it does not list their ids alone, they are taken whole."""
        thread = asyncio.to_thread
        try:
            found = [(await thread(decode_container_ids, page))[1] async for page in self._scm.container_ids(state)]
        except UnknownCommand:
            found = [await thread(self._put, page) async for page in self._scm.containers(state=state)]
        return np.concatenate([np.empty(0, np.int64), *found])

    async def _neighbours(self, listed: Int64s, wanted: Int64s, state: ContainerState) -> AsyncIterator[ByteSlices]:
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
        self._put(slices_of_texts(ByteColumn.of(infos)))

    def _end(self) -> int:
        """All containers have been put; how many SCM has no more."""
        with self._putting:
            return self._state.containers.end()

    def _put(self, page: ByteSlices) -> Int64s:
        """Takes a page of containers; their ids."""
        readable, containers = decode_containers(page)
        if unreadable := len(page.starts) - len(readable):
            _LOG.warning("%s of %s containers of SCM cannot be read", unreadable, len(page.starts))
        with self._putting:
            news = self._state.containers.put(containers)
        self._state.changes.urgent += news.urgent
        self._state.changes.sizes += news.sizes
        return containers.container_id


class _Wrong(NamedTuple):
    """Containers in a state that were not put right: which SCM has in it and not we, and which we have and not SCM."""

    there: Int64s
    here: Int64s

    @property
    def more(self) -> int:
        """How many more SCM has."""
        return len(self.there) - len(self.here)

    def also_in(self, before: _Wrong) -> _Wrong:
        """Those that were wrong before too."""
        return _Wrong(np.intersect1d(self.there, before.there), np.intersect1d(self.here, before.here))


def _readable(decode: Callable[[bytes], T], messages: tuple[bytes, ...]) -> tuple[tuple[T, ...], str]:
    """The messages that can be read, and what is wrong with the first of the others, if there are any."""
    found: list[T] = []
    unreadable: list[DecodeError] = []
    for message in messages:
        try:
            found.append(decode(message))
        except DecodeError as error:
            unreadable.append(error)
    return tuple(found), f"{len(unreadable)} of {len(messages)} cannot be read: {unreadable[0]}" if unreadable else ""


def _said(drift: dict[ContainerState, int]) -> str:
    return ", ".join(f"{more:+,} {state.name}" for state, more in drift.items()) or "none"


def _now() -> int:
    return time.time_ns() // 1_000_000
