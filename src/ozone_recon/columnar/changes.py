"""Net changes of a database: the final state of each changed row, by column family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import joined, slices_at
from ozone_recon.columnar.sorted_search import order_with, search


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """The changed rows of one column family, in byte order of their keys; row i is now (keys[i], values[i]).

    If `deleted[i]` is set, the row does not exist any more (and may never have existed); its value is empty.
    """

    keys: ByteColumn
    values: ByteColumn
    deleted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        return sum(int(column.offsets[-1] - column.offsets[0]) for column in (self.keys, self.values))

    def part(self, low: int, high: int) -> ChangedRows:
        """The rows from `low` to `high` (exclusive)."""
        return ChangedRows(self.keys.slice(low, high), self.values.slice(low, high), self.deleted[low:high])

    def followed_by(self, newer: ChangedRows) -> ChangedRows:
        """Merges these changes with newer ones: for a key in both, the newer row replaces the older one."""
        found = search(newer.keys, self.keys)
        is_current = np.ones(len(self) + len(newer), np.bool_)
        is_current[found[found >= 0]] = False
        order = order_with(found, len(self))
        order = order[is_current[order]]
        both = zip((self.keys, self.values), (newer.keys, newer.values), strict=True)
        keys, values = (joined([slices_at(ByteColumn.joined(columns), order)]) for columns in both)
        return ChangedRows(keys, values, np.concatenate([self.deleted, newer.deleted])[order])


NO_ROWS: Final = ChangedRows(ByteColumn.of(()), ByteColumn.of(()), np.zeros(0, np.bool_))


@dataclass(frozen=True, slots=True)
class LastBatch:
    """Identifies a WriteBatch by the sequence number of its first change and the CRC-32 of its bytes."""

    sequence_number: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Changes:
    """The net changes up to sequence number `last_sequence` (inclusive), for each column family that changed."""

    last_sequence: int
    families: Mapping[str, ChangedRows]
    last_batch: LastBatch | None = None
    """The WriteBatch that ends with `last_sequence`, if known."""

    @property
    def size(self) -> int:
        """Bytes of all keys and values."""
        return sum(changed.size for changed in self.families.values())

    def followed_by(self, newer: Changes) -> Changes:
        """Merges these changes with the changes that follow them directly."""
        both = {**self.families, **newer.families}
        for name in self.families.keys() & newer.families.keys():
            both[name] = self.families[name].followed_by(newer.families[name])
        return Changes(newer.last_sequence, both, newer.last_batch or self.last_batch)
