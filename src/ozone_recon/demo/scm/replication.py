"""Copies missing replicas and deletes excess ones, as a simplified ReplicationManager of SCM.

A replica on a decommissioning datanode does not count. A replica in maintenance counts while two others are in service
(for EC: while one part more than the data parts is).
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ozone_recon.demo.datanodes.datanode import SimulatedDatanode
from ozone_recon.demo.scm.containers import SimulatedContainers
from ozone_recon.demo.scm.placement import RackPlacement
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import ContainerState

_MOST_PER_STEP = 200
"""Containers evaluated in a step, at most: a longer step would delay all heartbeats."""
_COPY_SECONDS = 3.0
"""Duration of a copy."""
_LIVING = (ContainerState.CLOSED, ContainerState.QUASI_CLOSED)
_IN_MAINTENANCE = ("ENTERING_MAINTENANCE", "IN_MAINTENANCE")
_LEAST_IN_SERVICE = 2


@dataclass(frozen=True, slots=True)
class _RunningCopy:
    ends: float
    container: int
    source: int
    target: int
    index: int


@dataclass(frozen=True, slots=True)
class _ReplicationState:
    """`missing` are the replica indexes to copy (0 unless EC), `surplus` the datanodes with an excess replica."""

    missing: tuple[int, ...] = ()
    surplus: tuple[int, ...] = ()
    sources: tuple[int, ...] = ()
    """Datanodes to copy from; empty when the data is lost."""
    serving: tuple[int, ...] = ()
    """Datanodes in service with a good replica."""


class ReplicationManager:
    """Evaluates the containers that are queued, and starts copies and deletions at a limited rate."""

    def __init__(
        self,
        datanodes: Sequence[SimulatedDatanode],
        containers: SimulatedContainers,
        placement: RackPlacement,
        chance: random.Random,
        per_second: float,
    ) -> None:
        self.enabled = True
        self._datanodes, self._containers, self._placement, self._chance = datanodes, containers, placement, chance
        self._rate = per_second
        self._allowed = 0.0
        """Tokens for copies and deletions that may start now (a token bucket)."""
        self._at = 0.0
        self._waiting: deque[int] = deque()
        self._queued: set[int] = set()
        self._copying: dict[int, _RunningCopy] = {}

    def enqueue(self, containers: Iterable[int]) -> None:
        """Queues containers for evaluation after a change."""
        for container in containers:
            if container not in self._queued:
                self._queued.add(container)
                self._waiting.append(container)

    def step(self, now: float) -> None:
        """Ends finished copies and evaluates queued containers."""
        for copy in [copy for copy in self._copying.values() if copy.ends <= now]:
            del self._copying[copy.container]
            self._finish_copy(copy)
            self.enqueue((copy.container,))
        if not self.enabled:
            return
        self._allowed = min(self._allowed + (now - self._at) * self._rate, self._rate)
        self._at = now
        for _ in range(min(_MOST_PER_STEP, len(self._waiting))):
            if self._allowed < 1:
                return
            container = self._waiting.popleft()
            self._queued.discard(container)
            if container not in self._copying and not self._repair(container, now):
                self.enqueue((container,))

    def _repair(self, container: int, now: float) -> bool:
        """Starts the copy or the deletions a container needs; False when it must be evaluated again soon."""
        if self._containers.state(container) not in _LIVING:
            return True
        state = self.evaluate(container)
        if state.missing:
            if not state.sources:
                return True
            targets = self._placement.pick(1, self._containers.holders(container), state.serving)
            if targets is None:
                return False
            self._allowed -= 1
            source = self._chance.choice(state.sources)
            self._copying[container] = _RunningCopy(
                now + _COPY_SECONDS, container, source, targets[0], state.missing[0]
            )
            return True
        for holder in self._containers.holders(container):
            self._datanodes[holder].waits_for.discard(container)
        self._allowed -= len(state.surplus)
        for datanode in state.surplus:
            self._datanodes[datanode].replicas.remove(container)
            self._containers.release(container, datanode)
        return True

    def _finish_copy(self, copy: _RunningCopy) -> None:
        target, source = self._datanodes[copy.target], self._datanodes[copy.source]
        state = self._containers.state(copy.container)
        if target.running and state in _LIVING and copy.container in source.replicas:
            origin = source.replicas.origin(copy.container)
            target.replicas.add(copy.container, ReplicaState[state.name], copy.index, origin)
            self._containers.hold(copy.container, copy.target)

    def evaluate(self, container: int) -> _ReplicationState:
        """Finds the missing and the excess replicas of a container."""
        holders = self._containers.holders(container)
        bad = [one for one in holders if self._datanodes[one].replicas.state(container) is ReplicaState.UNHEALTHY]
        good = [one for one in holders if one not in bad]
        state = {one: self._datanodes[one].details.op_state for one in good}
        serving = [one for one in good if state[one] == "IN_SERVICE"]
        resting = [one for one in good if state[one] in _IN_MAINTENANCE]
        replication = self._containers.replication(container)
        if replication.kind == "EC":
            return self._evaluate_parts(container, good, serving, resting, bad)
        wanted = replication.factor
        fewest = min(wanted, _LEAST_IN_SERVICE)
        missing = max(wanted - len(serving) - len(resting), fewest - len(serving), 0)
        if missing:
            return _ReplicationState((0,) * missing, sources=tuple(good), serving=tuple(serving))
        surplus = bad or self._crowded(serving, serving, len(serving) - wanted)
        return _ReplicationState(surplus=tuple(surplus))

    def _evaluate_parts(
        self, container: int, good: list[int], serving: list[int], resting: list[int], bad: list[int]
    ) -> _ReplicationState:
        replication = self._containers.replication(container)
        index = {one: self._datanodes[one].replicas.index(container) for one in good}
        there = {index[one] for one in serving}
        rests = {index[one] for one in resting} if len(there) > replication.data else set()
        missing = tuple(part for part in range(1, replication.required_nodes + 1) if part not in there | rests)
        if missing:
            sources = good if len(set(index.values())) >= replication.data else []
            return _ReplicationState(missing, sources=tuple(sources), serving=tuple(serving))
        twice = Counter(index[one] for one in serving)
        surplus = [one for one in serving if twice[index[one]] > 1]
        return _ReplicationState(surplus=tuple(bad or self._crowded(serving, surplus, min(1, len(surplus)))))

    def _crowded(self, serving: list[int], surplus: list[int], count: int) -> list[int]:
        """Chooses `count` datanodes of the surplus, from the most crowded racks first."""
        left = list(serving)
        chosen: list[int] = []
        for _ in range(count):
            racks = Counter(self._datanodes[one].rack for one in left)
            chosen.append(max(set(surplus) & set(left), key=lambda one: (racks[self._datanodes[one].rack], one)))
            left.remove(chosen[-1])
        return chosen
