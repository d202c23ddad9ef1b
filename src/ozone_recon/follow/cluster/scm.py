"""Follows SCM: reads all containers every few hours, suspect ones within seconds, and compares counts every minute.

Each query is a Periodic of its own: a failure of one delays no other.
"""

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
from ozone_recon.follow.datanodes.request_each import request_each
from ozone_recon.follow.periodic import Periodic
from ozone_recon.model.cluster import PIPELINE_SYNC, SCM_SYNC, ClusterTask, DecommissioningDatanode
from ozone_recon.model.scm import ContainerState, DatanodeDetails, NodeStatus
from ozone_recon.sources.scm import PAGE, ScmClient
from ozone_recon.wire.protobuf.fields import Message

T = TypeVar("T")
_LOG: Final = logging.getLogger(__name__)
BATCH: Final = 5000
"""Containers queried at a time, at most."""
LARGEST_GAP: Final = 1000
"""Unwanted containers that a page may include between two wanted ones."""
MAX_DISAGREEMENTS: Final = 3
"""Consecutive comparisons that find drift before all containers are read again."""
_LISTING_ORDER: Final = (ContainerState.RECOVERING, *(state for state in ContainerState if state.name != "RECOVERING"))
"""The order of the life cycle: a container that changes state during the listing is seen twice rather than missed."""


class ScmSync:
    """Keeps the state up to date with SCM. Failed queries are retried at their interval."""

    def __init__(
        self, scm: ScmClient, state: ClusterState, pace: ScmPace, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` is the monotonic clock of the state."""
        self.containers = Periodic(SCM_SYNC, pace.containers, self._read_containers, pace.containers_delay)
        self.pipelines = Periodic(PIPELINE_SYNC, pace.pipelines, self._read_pipelines)
        self._all = (
            self.containers,
            self.pipelines,
            Periodic("ScmContainerCountTask", pace.counts, self._compare),
            Periodic("ScmInfoTask", pace.info, self._read_info),
            Periodic("ScmSuspectContainersTask", 1.0, self._query_suspects),
            Periodic("ScmMissingContainersTask", 1.0, self._confirm_missing),
        )
        self.repaired = 0
        """Number of containers corrected because their state differed from SCM's."""
        self._scm = scm
        self._state = state
        self._clock = clock
        self._nodes: tuple[NodeStatus, ...] = ()
        self._disagreed = 0
        self._unrepaired: dict[ContainerState, _Drift] = {}
        """The differences that the last comparison did not repair."""
        self._queried: set[int] = set()
        """Possibly missing containers whose replicas SCM has been queried for."""
        self._write_lock = threading.Lock()

    async def run(self) -> None:
        """Runs all queries until cancelled."""
        async with asyncio.TaskGroup() as group:
            for one in self._all:
                group.create_task(one.run())

    def tasks(self) -> tuple[ClusterTask, ...]:
        """Returns the status of each query."""
        return tuple(one.status for one in self._all)

    @property
    def error(self) -> str:
        """Why SCM cannot be read; empty if it can."""
        return "; ".join(dict.fromkeys(one.status.error for one in self._all if one.status.error))

    async def _read_containers(self) -> None:
        """Reads all containers, state by state."""
        self._state.containers.begin()
        for state in _LISTING_ORDER:
            async for page in self._scm.containers(state=state):
                await asyncio.to_thread(self._put, page)
        gone = await asyncio.to_thread(self._end)
        self._state.changes.urgent += bool(gone)
        await asyncio.to_thread(self._state.find_suspects, self._clock())
        self.repaired += gone
        self._state.scm = replace(self._state.scm, read_at=_now())

    async def _read_pipelines(self) -> str:
        """Reads all pipelines and datanodes."""
        return await request_each(self._read_pipeline_list(), self._read_nodes())

    async def _read_pipeline_list(self) -> str:
        pipelines, unreadable = await asyncio.to_thread(_readable, decode_pipeline, await self._scm.pipelines())
        self._state.apply_pipelines(pipelines)
        return unreadable

    async def _read_nodes(self) -> str:
        self._nodes, unreadable = await asyncio.to_thread(_readable, decode_node, await self._scm.nodes())
        self._state.apply_nodes(self._nodes)
        return unreadable

    async def _read_info(self) -> str:
        """Reads the cluster's identity, pending deletions and decommissioning datanodes."""
        return await request_each(self._read_identity(), self._read_deleted_blocks(), self._read_decommissioning())

    async def _read_identity(self) -> None:
        info = decode_scm_info(await self._scm.info())
        self._state.scm = replace(self._state.scm, info=info)

    async def _read_deleted_blocks(self) -> None:
        summary = await self._scm.deleted_blocks()
        pending = None if summary is None else decode_deleted_blocks_summary(summary)
        self._state.scm = replace(self._state.scm, deleted_blocks=pending)

    async def _read_decommissioning(self) -> str:
        """Reads the progress of decommissioning datanodes; keeps the previous values where SCM does not answer."""
        before = {one.datanode.uuid: one for one in self._state.scm.decommissioning}
        datanodes = {node.datanode.uuid: node.datanode for node in self._nodes if node.op_state == "DECOMMISSIONING"}
        decommissioning = {
            uuid: replace(before.get(uuid, DecommissioningDatanode(datanode, None, ())), datanode=datanode)
            for uuid, datanode in datanodes.items()
        }

        async def progress() -> None:
            metrics = await self._scm.decommission_metrics()
            # SCM's metrics identify datanodes by host name only.
            hosts = Counter(datanode.host_name for datanode in datanodes.values())
            of_host = {one.host_name: one for one in decode_decommission_metrics(metrics) if hosts[one.host_name] == 1}
            for uuid, datanode in datanodes.items():
                decommissioning[uuid] = replace(decommissioning[uuid], progress=of_host.get(datanode.host_name))

        async def pending(datanode: DatanodeDetails) -> None:
            waits_for = await self._scm.pending_containers(datanode)
            decoded = await asyncio.to_thread(lambda: tuple(map(decode_pending_containers, waits_for)))
            decommissioning[datanode.uuid] = replace(decommissioning[datanode.uuid], waits_for=decoded)

        try:
            return await request_each(*([progress()] if datanodes else []), *map(pending, datanodes.values()))
        finally:
            self._state.scm = replace(self._state.scm, decommissioning=tuple(decommissioning.values()))

    async def _query_suspects(self) -> None:
        """Re-reads containers whose datanode reports contradict SCM's state, and pipelines if one is unknown."""
        if self._state.has_unknown_pipeline:
            self._state.has_unknown_pipeline = False
            self.pipelines.wake()
        suspects = self._state.suspect_containers.pending(self._clock(), BATCH)
        if suspects:
            await self._fetch(np.array(sorted(suspects), np.int64))
            still_suspect = await asyncio.to_thread(self._state.still_suspect, suspects)
            self._state.suspect_containers.resolve(suspects, still_suspect, self._clock())

    async def _confirm_missing(self) -> str:
        """Asks SCM whether unreported datanodes hold replicas of the possibly missing containers."""
        unreported = self._state.unreported_nodes()
        if not unreported:
            self._state.confirmed_missing, self._queried = np.empty(0, np.int64), set()
            return ""
        missing: list[int] = []

        async def query(container: int) -> None:
            try:
                replicas = map(decode_container_replica, await self._scm.replicas(container))
                if not any(replica.datanode.uuid in unreported for replica in replicas):
                    missing.append(container)
            except RemoteError as refusal:
                # For example, a container that SCM does not know.
                _LOG.debug("cannot read the replicas of container %s: %s", container, refusal)
            self._queried.add(container)

        containers = [one for one in self._state.possibly_missing.tolist() if one not in self._queried][:BATCH]
        try:
            return await request_each(*map(query, containers))
        finally:
            if missing:
                self._state.confirmed_missing = np.union1d(self._state.confirmed_missing, np.array(missing, np.int64))
                self._state.changes.urgent += 1

    async def _compare(self) -> str:
        """Finds changes in SCM that no datanode report reveals; returns the remaining drift.

        Does nothing until all containers have been read.
        """
        if self.containers.status.running or not self._state.complete:
            return ""
        return await request_each(self._compare_counts(), self._read_suppressed())

    async def _read_suppressed(self) -> None:
        """Reads the suppressed containers: suppression does not change a container's state."""
        suppressed = await self._scm.suppressed()

        def apply() -> int:
            with self._write_lock:
                return self._state.containers.suppress(suppressed)

        self._state.changes.urgent += bool(await asyncio.to_thread(apply))

    async def _compare_counts(self) -> str:
        """Compares the number of containers in each state with SCM, and re-reads the containers of differing states.

        Only a container that differs in two consecutive comparisons is drift: one that changes state meanwhile is not.
        """
        try:
            counts = await self._scm.container_counts()
        except UnknownCommand:
            await self._compare_totals()
            raise
        drift = self._drift(counts)
        differences: dict[ContainerState, _Drift] = {}
        for state in sorted(drift, key=lambda state: counts[state]):
            if state in self._drift(counts):  # unless the repair of another state has fixed it
                differences[state] = await self._repair(state)
        lasting = {
            state: one.also_in(self._unrepaired[state])
            for state, one in differences.items()
            if state in self._unrepaired
        }
        left = {state: one.more for state, one in lasting.items() if one.more}
        if drift:
            _LOG.debug(
                "container drift (SCM minus Recon): %s; after re-reading: %s", _drift_text(drift), _drift_text(left)
            )
        self._unrepaired = differences
        self._state.scm = replace(self._state.scm, drift={state.name: more for state, more in left.items()})
        self._record_comparison(differs=bool(left))
        return f"container counts differ from SCM (SCM minus Recon): {_drift_text(left)}" if left else ""

    async def _compare_totals(self) -> None:
        """Compares the total number of containers, for an SCM that does not count by state."""
        self._record_comparison(differs=await self._scm.container_count() != self._state.containers.total())

    def _record_comparison(self, *, differs: bool) -> None:
        """Starts a full read of SCM's containers after several consecutive comparisons with drift."""
        self._disagreed = self._disagreed + 1 if differs else 0
        if self._disagreed >= MAX_DISAGREEMENTS:
            self._disagreed = 0
            self.containers.wake()

    def _drift(self, counts: dict[ContainerState, int]) -> dict[ContainerState, int]:
        ours = self._state.containers.counts()
        return {state: count - ours[state] for state, count in counts.items() if count != ours[state]}

    async def _repair(self, state: ContainerState) -> _Drift:
        """Re-reads the containers that are in this state only in SCM or only here; returns those still different."""
        containers = self._state.containers
        listed = await self._listed(state)
        ours = await asyncio.to_thread(containers.ids, state)
        differing = await asyncio.to_thread(partial(np.setxor1d, assume_unique=True), listed, ours)
        before = containers.states(differing)
        await self._fetch(differing)
        is_listed = np.isin(differing, listed)
        there = differing[is_listed]
        left = there[containers.states(there) != state]
        async for page in self._pages_with(listed, left, state):
            await asyncio.to_thread(self._put, page)
        after = containers.states(differing)
        self.repaired += int(np.count_nonzero(after != before))
        return _Drift(differing[is_listed & (after != state)], differing[~is_listed & (after == state)])

    async def _listed(self, state: ContainerState) -> Int64s:
        """Returns the ids of SCM's containers in a state; reads full containers from an SCM that cannot list ids."""
        thread = asyncio.to_thread
        try:
            ids = [(await thread(decode_container_ids, page))[1] async for page in self._scm.container_ids(state)]
        except UnknownCommand:
            ids = [await thread(self._put, page) async for page in self._scm.containers(state=state)]
        return np.concatenate([np.empty(0, np.int64), *ids])

    async def _pages_with(self, listed: Int64s, wanted: Int64s, state: ContainerState) -> AsyncIterator[ByteSlices]:
        """Reads the `wanted` ones of the `listed` containers, in pages that may include others between them."""
        positions = np.searchsorted(listed, wanted)
        cuts = np.flatnonzero(np.diff(positions) > LARGEST_GAP) + 1
        for part in np.split(positions, cuts) if len(positions) else ():
            for first in range(int(part[0]), int(part[-1]) + 1, PAGE):
                count = min(PAGE, int(part[-1]) + 1 - first)
                yield await self._scm.container_page(int(listed[first]), count, state)

    async def _fetch(self, ids: Int64s) -> None:
        """Reads these containers by id; SCM omits those that it does not know or cannot return."""
        async for answer in self._scm.containers_with_pipelines(ids.tolist()):
            await asyncio.to_thread(self._put_each, answer)

    def _put_each(self, answer: tuple[bytes, ...]) -> None:
        """Applies containers that come with their pipelines."""
        infos = (Message("ContainerWithPipeline", one).blob(1) for one in answer)
        self._put(slices_of_texts(ByteColumn.of(infos)))

    def _end(self) -> int:
        """Ends a full read; returns the number of containers that SCM no longer has."""
        with self._write_lock:
            return self._state.containers.end()

    def _put(self, page: ByteSlices) -> Int64s:
        """Applies a page of containers; returns their ids."""
        readable, containers = decode_containers(page)
        if unreadable := len(page.starts) - len(readable):
            _LOG.warning("cannot decode %s of %s containers from SCM: skipping them", unreadable, len(page.starts))
        with self._write_lock:
            difference = self._state.containers.put(containers)
        self._state.changes.urgent += difference.urgent
        self._state.changes.sizes += difference.sizes
        return containers.container_id


class _Drift(NamedTuple):
    """Containers whose state still differs: those that only SCM has in a state (`there`), and those only we have."""

    there: Int64s
    here: Int64s

    @property
    def more(self) -> int:
        """The number that SCM has more than we."""
        return len(self.there) - len(self.here)

    def also_in(self, before: _Drift) -> _Drift:
        """Returns the containers that differed before too."""
        return _Drift(np.intersect1d(self.there, before.there), np.intersect1d(self.here, before.here))


def _readable(decode: Callable[[bytes], T], messages: tuple[bytes, ...]) -> tuple[tuple[T, ...], str]:
    """Decodes messages; returns the decoded ones, and a text about the others or an empty one."""
    decoded: list[T] = []
    unreadable: list[DecodeError] = []
    for message in messages:
        try:
            decoded.append(decode(message))
        except DecodeError as error:
            unreadable.append(error)
    return tuple(
        decoded
    ), f"cannot decode {len(unreadable)} of {len(messages)} messages from SCM: {unreadable[0]}" if unreadable else ""


def _drift_text(drift: dict[ContainerState, int]) -> str:
    return ", ".join(f"{more:+,} {state.name}" for state, more in drift.items()) or "none"


def _now() -> int:
    return time.time_ns() // 1_000_000
