"""What SCM knows of a cluster, as frozen records named as in Ozone.

Ids of datanodes and pipelines are UUIDs as text, times are milliseconds since 1970, sizes are bytes. An enum value that
we do not know is given as its number in text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ozone_recon.model.replication import ReplicationConfig


class ContainerState(IntEnum):
    """Where a container is in its life, by SCM's numbers."""

    OPEN = 1
    CLOSING = 2
    QUASI_CLOSED = 3
    CLOSED = 4
    DELETING = 5
    DELETED = 6
    RECOVERING = 7


@dataclass(frozen=True, slots=True)
class DatanodeDetails:
    """A datanode: where it is, and in which operational state it believes to be.

    `ports` are (name, number); `op_state` is IN_SERVICE, ENTERING_MAINTENANCE, IN_MAINTENANCE, DECOMMISSIONING or
    DECOMMISSIONED, `op_state_expiry` the second since 1970 at which maintenance ends (0: never). `level` is its depth
    in the network's tree, `current_version` the newest protocol that it speaks.
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
    """What SCM holds of a datanode; `health` is HEALTHY, HEALTHY_READONLY, STALE or DEAD."""

    datanode: DatanodeDetails
    health: str
    op_state: str


@dataclass(frozen=True, slots=True)
class DatanodeUsage:
    """A datanode's disks, by its last report.

    `capacity` is what Ozone may use: that of the file systems without what is `reserved`. `committed` is promised to
    open containers, `minimum_free_space` is what has to stay free.
    """

    datanode: DatanodeDetails
    capacity: int
    used: int
    remaining: int
    committed: int
    minimum_free_space: int
    reserved: int
    filesystem_capacity: int
    filesystem_available: int
    containers: int
    pipelines: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Datanodes that write together; `state` is ALLOCATED, OPEN, DORMANT or CLOSED.

    `replica_indexes` are those of the `members`, in their order: 1 and up for EC, else 0.
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

    `used_bytes` are those of one replica, and may be negative. `pipeline_id` is the one in which it was written, which
    need not exist any more. A `suppressed` container is not looked at for its health.
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

    `data_checksum` is 0 when it is not known.
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
    """An SCM of a group; `role` is LEADER or FOLLOWER, `port` is Ratis's."""

    host: str
    port: int
    role: str
    scm_id: str
    ip_address: str


@dataclass(frozen=True, slots=True)
class ScmInfo:
    """Which cluster it is, which SCM answers, and all of its group."""

    cluster_id: str
    scm_id: str
    peers: tuple[ScmPeer, ...]


@dataclass(frozen=True, slots=True)
class DeletedBlocksSummary:
    """Blocks whose deletion SCM has still to tell datanodes about."""

    transactions: int
    blocks: int
    size: int
    replicated_size: int


@dataclass(frozen=True, slots=True)
class DecommissionProgress:
    """What a datanode on its way out of service waits for; SCM names it by its host only."""

    host_name: str
    start_time: int
    unclosed_pipelines: int
    under_replicated_containers: int
    unclosed_containers: int


@dataclass(frozen=True, slots=True)
class PendingContainers:
    """Containers that keep a datanode from leaving, and why: UnderReplicated or UnClosed."""

    reason: str
    container_ids: tuple[int, ...]
