"""Containers to ask SCM for, because what datanodes report does not fit to what we know of them."""

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
"""Seconds before a container is asked for, and asked for again: SCM too has still to hear of what we have heard."""
MOST: Final = 1 << 20
"""Containers to remember; beyond, the comparison of counts finds them."""

_FITTING: Final[dict[ContainerState, tuple[ReplicaState, ...]]] = {
    ContainerState.OPEN: (ReplicaState.OPEN,),
    ContainerState.CLOSING: (ReplicaState.OPEN, ReplicaState.CLOSING, ReplicaState.UNHEALTHY),
    ContainerState.QUASI_CLOSED: tuple(state for state in ReplicaState if state != ReplicaState.CLOSED),
    ContainerState.CLOSED: tuple(ReplicaState),
    ContainerState.DELETING: tuple(ReplicaState),
    ContainerState.RECOVERING: tuple(ReplicaState),
}
_FITS: Final = np.zeros((UNKNOWN + 1, max(ReplicaState) + 1), np.bool_)
_FITS[:UNKNOWN, [0, ReplicaState.INVALID, ReplicaState.DELETED]] = True
for _state, _replica_states in _FITTING.items():
    _FITS[_state, _replica_states] = True


def suspect_containers(states: Numbers, replica_states: Numbers) -> Bools:
    """Which containers of these states, UNKNOWN or 0 among them, do not fit to these states of replicas."""
    misfits: Bools = ~_FITS[states, replica_states]
    return misfits


class SuspectContainers:
    """To be filled from one thread and emptied from another; times are seconds that never go back."""

    def __init__(self) -> None:
        self._due: dict[int, tuple[float, int]] = {}
        """When to ask for which container, and how often that has been done."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._due)

    def add(self, ids: Int64s, now: float) -> None:
        """Wants these, unless they are wanted already."""
        with self._lock:
            for container in ids[: max(0, MOST - len(self._due))].tolist():
                self._due.setdefault(container, (now + PAUSES[0], 0))

    def due(self, now: float, most: int) -> list[int]:
        """Those to ask for now, so many at most."""
        with self._lock:
            found = [one for one, (at, _) in self._due.items() if at <= now]
        return found[:most]

    def settle(self, asked: list[int], still: set[int], now: float) -> None:
        """Says that these have been asked for; of those that are `still` in doubt, most are wanted once more."""
        with self._lock:
            for container in asked:
                _, times = self._due.pop(container, (0.0, 0))
                if container in still and times + 1 < len(PAUSES):
                    self._due[container] = now + PAUSES[times + 1], times + 1
