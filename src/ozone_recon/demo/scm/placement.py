"""Which datanodes a container goes to: in as many racks as it can be in, and on each datanode once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.demo.datanodes.datanode import SimulatedDatanode


class RackPlacement:
    """The datanodes, and which of them may be written to."""

    def __init__(self, datanodes: Sequence[SimulatedDatanode], chance: random.Random) -> None:
        self._datanodes = datanodes
        self._chance = chance
        self._racks: dict[str, list[int]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Looks anew at how the datanodes are; to be called whenever that has changed."""
        self._racks = {one.rack: [] for one in self._datanodes}
        for one in self._datanodes:
            if one.writable:
                self._racks[one.rack].append(one.number)

    def pick(self, count: int, taken: Collection[int] = (), beside: Collection[int] = ()) -> list[int] | None:
        """So many datanodes, none of those that are taken, to go with others; None when there are not so many."""
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
        """One of the rack that has fewest so far."""
        order = list(self._racks)
        self._chance.shuffle(order)
        for rack in sorted(order, key=lambda name: racks[name]):
            free = [one for one in self._racks[rack] if one not in taken]
            if free:
                return self._chance.choice(free)
        return None

    def spread(self, containers: int, count: int, numbers: np.random.Generator) -> Int64s:
        """The same for many new containers at once: a row of `count` datanodes for each."""
        racks = [np.array(rack) for rack in self._racks.values() if rack]
        first_rack = np.arange(containers) % len(racks)
        out = np.empty((containers, count), np.int64)
        turns = -(-count // len(racks))
        for number, rack in enumerate(racks):
            # Within a rack, one datanode after the other from any on: all different.
            start = numbers.integers(0, len(rack), containers)
            for turn in range(turns):
                place = (number - first_rack) % len(racks) + turn * len(racks)
                rows = np.flatnonzero(place < count)
                out[rows, place[rows]] = rack[(start[rows] + turn) % len(rack)]
        return out
