"""What a simulated SCM does for the health of containers: copies what is missing, deletes what is too much.

Judged is as SCM's replication manager does, but simpler: a copy on a datanode that leaves service does not count, one
in maintenance does as long as two are in service (for EC: one part more than is needed to read).
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

_LOOKS = 200
"""Containers to look at in a step, at most: longer ones would keep all datanodes waiting."""
_COPYING = 3.0
"""Seconds that a copy takes."""
_LIVING = (ContainerState.CLOSED, ContainerState.QUASI_CLOSED)
_IN_MAINTENANCE = ("ENTERING_MAINTENANCE", "IN_MAINTENANCE")
_LEAST_IN_SERVICE = 2


@dataclass(frozen=True, slots=True)
class _Copy:
    due: float
    container: int
    source: int
    target: int
    index: int


@dataclass(frozen=True, slots=True)
class _Judgement:
    """`missing` are indexes to copy (0 for other than EC), `surplus` datanodes that have too much."""

    missing: tuple[int, ...] = ()
    surplus: tuple[int, ...] = ()
    sources: tuple[int, ...] = ()
    """Datanodes to copy from; none when what is missing is lost."""
    serving: tuple[int, ...] = ()
    """Datanodes whose copies count."""


class ReplicationManager:
    """Looks at the containers that it is told of."""

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
        """Copies that may begin now, and replicas that may be deleted."""
        self._at = 0.0
        self._waiting: deque[int] = deque()
        self._queued: set[int] = set()
        self._copying: dict[int, _Copy] = {}

    def look(self, containers: Iterable[int]) -> None:
        """Has containers looked at, because something has changed for them."""
        for container in containers:
            if container not in self._queued:
                self._queued.add(container)
                self._waiting.append(container)

    def step(self, now: float) -> None:
        """Does what there is to do up to now."""
        for copy in [copy for copy in self._copying.values() if copy.due <= now]:
            del self._copying[copy.container]
            self._arrive(copy)
            self.look((copy.container,))
        if not self.enabled:
            return
        self._allowed = min(self._allowed + (now - self._at) * self._rate, self._rate)
        self._at = now
        for _ in range(min(_LOOKS, len(self._waiting))):
            if self._allowed < 1:
                return
            container = self._waiting.popleft()
            self._queued.discard(container)
            if container not in self._copying and not self._tend(container, now):
                self.look((container,))

    def _tend(self, container: int, now: float) -> bool:
        """Does what a container needs; False when it is to be looked at again soon, whatever happens."""
        if self._containers.state(container) not in _LIVING:
            return True
        judged = self.judge(container)
        if judged.missing:
            if not judged.sources:
                return True
            targets = self._placement.pick(1, self._containers.holders(container), judged.serving)
            if targets is None:
                return False
            self._allowed -= 1
            source = self._chance.choice(judged.sources)
            self._copying[container] = _Copy(now + _COPYING, container, source, targets[0], judged.missing[0])
            return True
        for holder in self._containers.holders(container):
            self._datanodes[holder].waits_for.discard(container)
        self._allowed -= len(judged.surplus)
        for datanode in judged.surplus:
            self._datanodes[datanode].replicas.remove(container)
            self._containers.release(container, datanode)
        return True

    def _arrive(self, copy: _Copy) -> None:
        target, source = self._datanodes[copy.target], self._datanodes[copy.source]
        state = self._containers.state(copy.container)
        if target.running and state in _LIVING and copy.container in source.replicas:
            origin = source.replicas.origin(copy.container)
            target.replicas.add(copy.container, ReplicaState[state.name], copy.index, origin)
            self._containers.hold(copy.container, copy.target)

    def judge(self, container: int) -> _Judgement:
        """What a container is short of, and what it has too much of."""
        holders = self._containers.holders(container)
        bad = [one for one in holders if self._datanodes[one].replicas.state(container) is ReplicaState.UNHEALTHY]
        good = [one for one in holders if one not in bad]
        state = {one: self._datanodes[one].details.op_state for one in good}
        serving = [one for one in good if state[one] == "IN_SERVICE"]
        resting = [one for one in good if state[one] in _IN_MAINTENANCE]
        replication = self._containers.replication(container)
        if replication.kind == "EC":
            return self._judge_parts(container, good, serving, resting, bad)
        wanted = replication.factor
        fewest = min(wanted, _LEAST_IN_SERVICE)
        missing = max(wanted - len(serving) - len(resting), fewest - len(serving), 0)
        if missing:
            return _Judgement((0,) * missing, sources=tuple(good), serving=tuple(serving))
        surplus = bad or self._crowded(serving, serving, len(serving) - wanted)
        return _Judgement(surplus=tuple(surplus))

    def _judge_parts(
        self, container: int, good: list[int], serving: list[int], resting: list[int], bad: list[int]
    ) -> _Judgement:
        replication = self._containers.replication(container)
        index = {one: self._datanodes[one].replicas.index(container) for one in good}
        there = {index[one] for one in serving}
        rests = {index[one] for one in resting} if len(there) > replication.data else set()
        missing = tuple(part for part in range(1, replication.required_nodes + 1) if part not in there | rests)
        if missing:
            sources = good if len(set(index.values())) >= replication.data else []
            return _Judgement(missing, sources=tuple(sources), serving=tuple(serving))
        twice = Counter(index[one] for one in serving)
        surplus = [one for one in serving if twice[index[one]] > 1]
        return _Judgement(surplus=tuple(bad or self._crowded(serving, surplus, min(1, len(surplus)))))

    def _crowded(self, serving: list[int], surplus: list[int], count: int) -> list[int]:
        """So many of the surplus, of the racks that have most."""
        left = list(serving)
        chosen: list[int] = []
        for _ in range(count):
            racks = Counter(self._datanodes[one].rack for one in left)
            chosen.append(max(set(surplus) & set(left), key=lambda one: (racks[self._datanodes[one].rack], one)))
            left.remove(chosen[-1])
        return chosen
