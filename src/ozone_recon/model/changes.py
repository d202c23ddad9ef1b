"""What has changed in a database since a moment: the last word on each row, by column family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ozone_recon.model.columns import ByteColumn


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """The changed rows of one column family, in byte order of their keys: row i is now (keys[i], values[i]).

    Where `deleted[i]` is set there is no such row any more, if there ever was; its value is empty.
    """

    keys: ByteColumn
    values: ByteColumn
    deleted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed up to and with the sequence number `last_sequence`, in those column families where something did."""

    last_sequence: int
    families: Mapping[str, ChangedRows]
