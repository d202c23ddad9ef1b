"""Reads container columns row by row."""

from __future__ import annotations

from ozone_recon.decode.cluster.scm import CONTAINER_STATES
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.scm import ContainerInfo


def records(columns: ContainerColumns) -> list[ContainerInfo]:
    """The containers of columns one by one; a state that columns do not know is `0`."""
    return [
        ContainerInfo(
            container_id=int(columns.container_id[row]),
            state=CONTAINER_STATES.get(int(columns.state[row]), "0"),
            replication=columns.replications[columns.replication[row]],
            pipeline_id=columns.pipelines[columns.pipeline[row]],
            used_bytes=int(columns.used_bytes[row]),
            number_of_keys=int(columns.number_of_keys[row]),
            state_enter_time=int(columns.state_enter_time[row]),
            owner=columns.owners[columns.owner[row]],
            sequence_id=int(columns.sequence_id[row]),
            suppressed=bool(columns.suppressed[row]),
        )
        for row in range(len(columns))
    ]
