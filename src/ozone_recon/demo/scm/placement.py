"""Places replicas on different datanodes, over as many racks as possible."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.demo.datanodes.datanode import SimulatedDatanode


class RackPlacement:
    """Chooses among the writable datanodes of each rack."""

    def __init__(self, datanodes: Sequence[SimulatedDatanode], chance: random.Random) -> None:
        self._datanodes = datanodes
        self._chance = chance
        self._racks: dict[str, list[int]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Re-reads which datanodes are writable; call it after every change of health or operational state."""
        self._racks = {one.rack: [] for one in self._datanodes}
        for one in self._datanodes:
            if one.writable:
                self._racks[one.rack].append(one.number)

    def pick(self, count: int, taken: Collection[int] = (), beside: Collection[int] = ()) -> list[int] | None:
        """Chooses `count` datanodes not in `taken`, to complement those in `beside`; None when there are too few."""
        racks = Counter(self._datanodes[one].rack for one in beside)
        picked: list[int] = []
        for _ in range(count):
            found = self._one(racks, {*taken, *picked})
            if found is None:
                return None
            picked.append(found)
            racks[self._datanodes[found].rack] += 1
        return picked

    def _one(self, racks: Counter[str], taken: set[int]) -> int | None:
        """A datanode of the rack with the fewest replicas."""
        order = list(self._racks)
        self._chance.shuffle(order)
        for rack in sorted(order, key=lambda name: racks[name]):
            free = [one for one in self._racks[rack] if one not in taken]
            if free:
                return self._chance.choice(free)
        return None

    def spread(self, containers: int, count: int, numbers: np.random.Generator) -> Int64s:
        """Places many new containers at once: returns a row of `count` datanodes per container."""
        racks = [np.array(rack) for rack in self._racks.values() if rack]
        first_rack = np.arange(containers) % len(racks)
        out = np.empty((containers, count), np.int64)
        turns = -(-count // len(racks))
        for number, rack in enumerate(racks):
            # Within a rack, consecutive datanodes from a random start are all different.
            start = numbers.integers(0, len(rack), containers)
            for turn in range(turns):
                place = (number - first_rack) % len(racks) + turn * len(racks)
                rows = np.flatnonzero(place < count)
                out[rows, place[rows]] = rack[(start[rows] + turn) % len(rack)]
        return out
