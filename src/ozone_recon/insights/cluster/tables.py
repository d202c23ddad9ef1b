"""The tables of a cluster generation: containers as SCM has them, and replicas as datanodes report them.

A cluster generation has the same format as one of OM and its own data directory. It is written from the state in
memory whenever that changes. Sizes are in bytes, times in milliseconds since 1970.
"""

from __future__ import annotations

from typing import Final

from ozone_recon.store.schema import TABLES as OM_TABLES
from ozone_recon.store.schema import Schema

CONTAINERS: Final = "containers"
REPLICAS: Final = "replicas"
DATANODES: Final = "datanodes"
PIPELINES: Final = "pipelines"
CLUSTER: Final = "cluster"

HEALTH: Final[tuple[str, ...]] = ("", "HEALTHY", "HEALTHY_READONLY", "STALE", "DEAD")
"""Values of the column in `datanodes`, by their number."""
OP_STATES: Final[tuple[str, ...]] = (
    "",
    "IN_SERVICE",
    "DECOMMISSIONING",
    "DECOMMISSIONED",
    "ENTERING_MAINTENANCE",
    "IN_MAINTENANCE",
)
"""Values of the column in `datanodes`, by their number."""

SUPPRESSED: Final = 1
"""A container that an administrator has suppressed: SCM does not evaluate it, and no list of ours contains it."""
POSSIBLY_MISSING: Final = 2
"""A container that lacks replicas while datanodes have yet to report: they may hold them, so it is not evaluated."""

TABLES: Final[dict[str, Schema]] = {
    # Every container that SCM has or had, sorted by id.
    CONTAINERS: {
        "id": "i8",
        "state": "u1",  # a ContainerState; 0 if unknown or absent from SCM
        "replication": "i4",  # row of `replications`
        "owner": "i4",  # row of `owners`
        "pipeline": "i4",  # row of `pipelines`, -1 for none
        "used_bytes": "i8",  # of one replica; may be negative
        "blocks": "i8",  # SCM's numberOfKeys
        "state_enter_time": "i8",
        "sequence_id": "i8",
        "suppressed": "u1",  # 0, SUPPRESSED or POSSIBLY_MISSING
        "first_replica": "starts",  # in `replicas`
    },
    # Sorted by row of `containers`, then row of `datanodes`.
    REPLICAS: {
        "datanode": "i4",  # row of `datanodes`
        "present": "u1",  # 0: no longer reported
        "state": "u1",  # a ReplicaState
        "replica_index": "i4",  # from 1 for EC, else 0
        "sequence_id": "i8",  # bcsId
        "blocks": "i8",
        "used_bytes": "i8",
        "data_checksum": "i8",  # 0 if unknown
        "is_empty": "u1",
        "origin": "i4",  # row of `origins`
        "first_seen": "i8",
        "last_seen": "i8",
    },
    # Every known datanode, and every one that has or had replicas.
    DATANODES: {
        "uuid": "bytes",
        "host": "bytes",
        "location": "bytes",  # network location (rack)
        "health": "u1",  # index into HEALTH
        "op_state": "u1",  # index into OP_STATES
        "record": "bytes",  # model.cluster.Datanode as JSON; empty for a removed or unknown one
    },
    "origins": {"uuid": "bytes"},
    # Every pipeline that exists or that a container was written in.
    PIPELINES: {
        "id": "bytes",
        "record": "bytes",  # model.scm.Pipeline as JSON; empty for one that no longer exists
    },
    # One row.
    CLUSTER: {"record": "bytes"},  # model.cluster.Cluster as JSON, without its datanodes and pipelines
    "owners": OM_TABLES["owners"],
    "replications": OM_TABLES["replications"],
}
