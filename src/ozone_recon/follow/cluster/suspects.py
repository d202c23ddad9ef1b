"""Tracks suspect containers: those whose datanode reports contradict SCM's state, to be queried from SCM again."""

from __future__ import annotations

import threading
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.insights.cluster.merged_ids import Bools, Numbers
from ozone_recon.insights.cluster.scm_containers import UNKNOWN
from ozone_recon.model.datanode_reports import ReplicaState
from ozone_recon.model.scm import ContainerState

PAUSES: Final = (1.0, 10.0, 60.0)
"""Seconds before the first and each further query of a container: SCM may receive the same report after us."""
MOST: Final = 1 << 20
"""Containers tracked at most; the periodic comparison of counts finds the others."""

_CONSISTENT: Final[dict[ContainerState, tuple[ReplicaState, ...]]] = {
    ContainerState.OPEN: (ReplicaState.OPEN,),
    ContainerState.CLOSING: (ReplicaState.OPEN, ReplicaState.CLOSING, ReplicaState.UNHEALTHY),
    ContainerState.QUASI_CLOSED: tuple(state for state in ReplicaState if state != ReplicaState.CLOSED),
    ContainerState.CLOSED: tuple(ReplicaState),
    ContainerState.DELETING: tuple(ReplicaState),
    ContainerState.RECOVERING: tuple(ReplicaState),
}
_IS_CONSISTENT: Final = np.zeros((UNKNOWN + 1, max(ReplicaState) + 1), np.bool_)
_IS_CONSISTENT[:UNKNOWN, [0, ReplicaState.INVALID, ReplicaState.DELETED]] = True
for _state, _replica_states in _CONSISTENT.items():
    _IS_CONSISTENT[_state, _replica_states] = True


def states_contradict(states: Numbers, replica_states: Numbers) -> Bools:
    """Whether each container state (UNKNOWN and 0 included) contradicts the replica state reported for it."""
    contradict: Bools = ~_IS_CONSISTENT[states, replica_states]
    return contradict


class SuspectContainers:
    """The suspect containers and when to query each. Thread-safe; times are monotonic seconds."""

    def __init__(self) -> None:
        self._pending: dict[int, tuple[float, int]] = {}
        """Container id → (time of the next query, number of queries made)."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, ids: Int64s, now: float) -> None:
        """Adds containers; those already tracked keep their schedule."""
        with self._lock:
            for container in ids[: max(0, MOST - len(self._pending))].tolist():
                self._pending.setdefault(container, (now + PAUSES[0], 0))

    def pending(self, now: float, limit: int) -> list[int]:
        """Returns at most `limit` containers to query now."""
        with self._lock:
            ready = [one for one, (at, _) in self._pending.items() if at <= now]
        return ready[:limit]

    def resolve(self, queried: list[int], still_suspect: set[int], now: float) -> None:
        """Drops queried containers; those `still_suspect` are queried again, until the last pause has passed."""
        with self._lock:
            for container in queried:
                _, times = self._pending.pop(container, (0.0, 0))
                if container in still_suspect and times + 1 < len(PAUSES):
                    self._pending[container] = now + PAUSES[times + 1], times + 1
