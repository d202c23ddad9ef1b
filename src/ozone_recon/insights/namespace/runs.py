"""Runs: the rows of `keys`, split by the namespace node that directly contains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s

BATCH: Final = 1 << 18
"""Rows of `keys` per batch."""
NOWHERE: Final = -1
"""The node of keys that are directory markers, not files."""


@dataclass(frozen=True, slots=True)
class KeyRuns:
    """All rows of `keys` as runs: the rows `starts[i]` up to `starts[i + 1]` are directly in `node[i]`."""

    starts: Int64s
    node: Int64s

    def within(self, start: int, rows: int) -> tuple[Int64s, Int64s]:
        """Returns the runs of `rows` rows from `start`: the offset of each from `start`, and its node."""
        low = int(np.searchsorted(self.starts, start, side="right")) - 1
        high = int(np.searchsorted(self.starts, start + rows))
        return np.maximum(self.starts[low:high] - start, 0), self.node[low:high]
