"""SCM's view of a cluster as frozen records under Ozone's names.

Ids of datanodes and pipelines are UUIDs as text, times are milliseconds since 1970, sizes are bytes. An unknown enum
value is its number as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ozone_recon.model.replication import ReplicationConfig


class ContainerState(IntEnum):
    """The life-cycle state of a container, with SCM's numbers."""

    OPEN = 1
    CLOSING = 2
    QUASI_CLOSED = 3
    CLOSED = 4
    DELETING = 5
    DELETED = 6
    RECOVERING = 7


@dataclass(frozen=True, slots=True)
class DatanodeDetails:
    """A datanode: its identity, address and the operational state it has persisted.

    `ports` are (name, number); `op_state` is IN_SERVICE, ENTERING_MAINTENANCE, IN_MAINTENANCE, DECOMMISSIONING or
    DECOMMISSIONED, `op_state_expiry` the second since 1970 at which maintenance ends (0: never). `level` is its depth
    in the network topology, `current_version` the newest protocol version that it supports.
    """

    uuid: str
    ip_address: str
    host_name: str
    ports: tuple[tuple[str, int], ...]
    network_name: str
    network_location: str
    level: int
    op_state: str
    op_state_expiry: int
    current_version: int
    cert_serial_id: str | None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """SCM's state of a datanode; `health` is HEALTHY, HEALTHY_READONLY, STALE or DEAD."""

    datanode: DatanodeDetails
    health: str
    op_state: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A group of datanodes that replicate writes; `state` is ALLOCATED, OPEN, DORMANT or CLOSED.

    `replica_indexes` are parallel to `members`: 1 and up for EC, else 0.
    """

    pipeline_id: str
    state: str
    replication: ReplicationConfig
    members: tuple[DatanodeDetails, ...]
    replica_indexes: tuple[int, ...]
    leader: str | None
    suggested_leader: str | None
    creation_time: int


@dataclass(frozen=True, slots=True)
class ContainerInfo:
    """A container; `state` is a ContainerState's name, `number_of_keys` counts blocks.

    `used_bytes` is the size of one replica and may be negative. `pipeline_id` is the pipeline that wrote the container
    and may no longer exist. The health of a `suppressed` container is not evaluated.
    """

    container_id: int
    state: str
    replication: ReplicationConfig
    pipeline_id: str | None
    used_bytes: int
    number_of_keys: int
    state_enter_time: int
    owner: str
    sequence_id: int
    suppressed: bool


@dataclass(frozen=True, slots=True)
class ContainerReplica:
    """A copy of a container, or one part of an EC container, on a datanode; `origin` is where it was written first.

    `data_checksum` is 0 if unknown.
    """

    container_id: int
    state: str
    datanode: DatanodeDetails
    origin: str
    sequence_id: int
    number_of_keys: int
    used_bytes: int
    replica_index: int
    data_checksum: int


@dataclass(frozen=True, slots=True)
class ScmPeer:
    """An SCM of an HA group; `role` is LEADER or FOLLOWER, `port` is its Ratis port."""

    host: str
    port: int
    role: str
    scm_id: str
    ip_address: str


@dataclass(frozen=True, slots=True)
class ScmInfo:
    """The id of the cluster, the id of the responding SCM, and all SCMs of its group."""

    cluster_id: str
    scm_id: str
    peers: tuple[ScmPeer, ...]


@dataclass(frozen=True, slots=True)
class DeletedBlocksSummary:
    """Blocks whose deletion SCM has not yet sent to datanodes."""

    transactions: int
    blocks: int
    size: int
    replicated_size: int


@dataclass(frozen=True, slots=True)
class DecommissionProgress:
    """The progress of decommissioning or maintenance of a datanode; SCM identifies it by host name only."""

    host_name: str
    start_time: int
    unclosed_pipelines: int
    under_replicated_containers: int
    unclosed_containers: int


@dataclass(frozen=True, slots=True)
class PendingContainers:
    """Containers that delay the decommissioning of a datanode; `reason` is UnderReplicated or UnClosed."""

    reason: str
    container_ids: tuple[int, ...]
