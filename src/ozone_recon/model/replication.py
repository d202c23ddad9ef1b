"""Replication of keys, buckets and containers, and the disk space that replicated data occupies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ozone_recon.columnar.byte_column import Int64s


@dataclass(frozen=True, slots=True)
class ReplicationConfig:
    """Replication of a key, bucket or container.

    `kind` is RATIS, STAND_ALONE or EC (or the name of an unsupported type). RATIS and STAND_ALONE have a
    `factor` (1 or 3; 0 is Ozone's ZERO); EC has `data`, `parity`, `codec` and `chunk` (bytes).
    """

    kind: str
    factor: int = 0
    data: int = 0
    parity: int = 0
    codec: str = ""
    chunk: int = 0

    @property
    def required_nodes(self) -> int:
        """The number of replicas of a healthy container."""
        return self.data + self.parity if self.kind == "EC" else self.factor

    def replicated_size(self, size: int) -> int:
        """Bytes on disks for `size` bytes of data, as in QuotaUtil.getReplicatedSize; `size` for an unknown kind."""
        if self.kind in ("RATIS", "STAND_ALONE"):
            return size * self.factor
        if self.kind == "EC" and self.data and self.chunk:
            stripe = self.data * self.chunk
            return size + size // stripe * self.parity * self.chunk + min(self.chunk, size % stripe) * self.parity
        return size

    def replicated_sizes(self, sizes: Int64s) -> Int64s:
        """Applies `replicated_size` to a column of sizes."""
        if self.kind in ("RATIS", "STAND_ALONE"):
            copies: Int64s = sizes * self.factor
            return copies
        if self.kind == "EC" and self.data and self.chunk:
            stripe = self.data * self.chunk
            full = sizes // stripe * (self.parity * self.chunk)
            tail: Int64s = np.minimum(sizes % stripe, self.chunk) * self.parity
            return sizes + full + tail
        return sizes.copy()
