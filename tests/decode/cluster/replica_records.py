"""Reads replica columns row by row."""

from __future__ import annotations

from ozone_recon.decode.cluster.datanode_reports import REPLICA_STATES
from ozone_recon.model.datanode_reports import Replica, ReplicaColumns


def records(columns: ReplicaColumns) -> tuple[Replica, ...]:
    """The replicas of columns one by one; a state that columns do not know is `0`."""
    return tuple(
        Replica(
            container_id=int(columns.container_id[row]),
            state=REPLICA_STATES.get(int(columns.state[row]), "0"),
            sequence_id=int(columns.sequence_id[row]),
            number_of_keys=int(columns.number_of_keys[row]),
            used_bytes=int(columns.used_bytes[row]),
            replica_index=int(columns.replica_index[row]),
            data_checksum=int(columns.data_checksum[row]),
            is_empty=bool(columns.is_empty[row]),
            origin=columns.origins[columns.origin[row]],
        )
        for row in range(len(columns))
    )
