"""Rows of `keys` cut into runs by the place of the namespace that they are directly in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s

BATCH: Final = 1 << 18
"""Rows of `keys` looked at at a time."""
NOWHERE: Final = -1
"""Place of keys that are no files: markers of directories."""


@dataclass(frozen=True, slots=True)
class KeyRuns:
    """All `rows` rows of `keys`, in runs: row `first[i]` up to the next run's first is directly in `place[i]`."""

    first: Int64s
    node: Int64s
    rows: int

    @property
    def last(self) -> Int64s:
        """Where each run ends (exclusive)."""
        return np.append(self.first[1:], self.rows)

    def within(self, start: int, rows: int) -> tuple[Int64s, Int64s]:
        """The runs of `rows` rows from `start` on: where each begins, counted from there, and its place."""
        low = int(np.searchsorted(self.first, start, side="right")) - 1
        high = int(np.searchsorted(self.first, start + rows))
        return np.maximum(self.first[low:high] - start, 0), self.node[low:high]
