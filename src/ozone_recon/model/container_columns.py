"""Containers as columns: a decoded page of SCM's list of containers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.model.replication import ReplicationConfig

Indexes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ContainerColumns:
    """Containers in SCM's order, with the fields of `model.scm.ContainerInfo`.

    `state` is a ContainerState, 0 for an unknown one. `replication`, `owner` and `pipeline` index
    `replications`, `owners` and `pipelines`, which are local to this page; a pipeline may be None.
    """

    container_id: Int64s
    state: NDArray[np.uint8]
    used_bytes: Int64s
    number_of_keys: Int64s
    state_enter_time: Int64s
    sequence_id: Int64s
    suppressed: NDArray[np.bool_]
    replication: Indexes
    owner: Indexes
    pipeline: Indexes
    replications: tuple[ReplicationConfig, ...]
    owners: tuple[str, ...]
    pipelines: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.container_id)
