"""The tables of a cluster generation: containers as SCM has them, and replicas as the datanodes report them.

A cluster generation is made and read as one of OM is, in a data directory of its own, but from what is held in memory,
and as often as that changes. Sizes are bytes, times are milliseconds since 1970.
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
"""By its number in `datanodes`."""
OP_STATES: Final[tuple[str, ...]] = (
    "",
    "IN_SERVICE",
    "DECOMMISSIONING",
    "DECOMMISSIONED",
    "ENTERING_MAINTENANCE",
    "IN_MAINTENANCE",
)
"""By its number in `datanodes`."""

SUPPRESSED: Final = 1
"""A container that an administrator has suppressed: SCM does not look at its health, and it is in no list of ours."""
UNSURE: Final = 2
"""One whose health we cannot say while datanodes have still to report."""

TABLES: Final[dict[str, Schema]] = {
    # Every container that SCM has or had, by ascending id.
    CONTAINERS: {
        "id": "i8",
        "state": "u1",  # a ContainerState, 0 when we do not know it
        "replication": "i4",  # row of `replications`
        "owner": "i4",  # row of `owners`
        "pipeline": "i4",  # row of `pipelines`, -1 when there is none
        "used_bytes": "i8",  # of one replica; may be negative
        "blocks": "i8",  # SCM's numberOfKeys
        "state_enter_time": "i8",
        "sequence_id": "i8",
        "suppressed": "u1",  # 0, SUPPRESSED or UNSURE
        "first_replica": "i8",  # replicas of row r: first_replica[r] up to first_replica[r + 1] (or the end)
    },
    # By container, and within one by row of `datanodes`. Only containers of the table above have any here.
    REPLICAS: {
        "datanode": "i4",  # row of `datanodes`
        "present": "u1",  # 0: it has gone since it was last reported
        "state": "u1",  # a ReplicaState
        "replica_index": "i4",  # 1 and up for EC, else 0
        "sequence_id": "i8",  # bcsId
        "blocks": "i8",
        "used_bytes": "i8",
        "data_checksum": "i8",  # 0 when it is not known
        "is_empty": "u1",
        "origin": "i4",  # row of `origins`
        "first_seen": "i8",
        "last_seen": "i8",
    },
    # Every datanode that has replicas, had them, or is known.
    DATANODES: {
        "uuid": "bytes",
        "host": "bytes",
        "location": "bytes",  # network location: its rack
        "health": "u1",  # row of HEALTH
        "op_state": "u1",  # row of OP_STATES
        "record": "bytes",  # the model.cluster.Datanode as JSON; empty for one that was removed or is known no more
    },
    "origins": {"uuid": "bytes"},
    # Every pipeline that there is, or that a container was written in.
    PIPELINES: {
        "id": "bytes",
        "record": "bytes",  # the model.scm.Pipeline as JSON; empty for one that is no more
    },
    # One row.
    CLUSTER: {"record": "bytes"},  # the model.cluster.Cluster as JSON, without its datanodes and pipelines
    "owners": OM_TABLES["owners"],
    "replications": OM_TABLES["replications"],
}
