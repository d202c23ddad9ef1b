"""Encodes datanodes, pipelines and containers as SCM does: the inverse of `decode.cluster.scm`."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from ozone_recon.decode.cluster import datanodes, scm
from ozone_recon.demo.message_columns import ChoiceField, VarintField, repeated
from ozone_recon.demo.om.values import REPLICATION_KINDS, ec_config, factor, inverse, uuid_message
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import (
    ContainerInfo,
    ContainerReplica,
    ContainerState,
    DatanodeDetails,
    DeletedBlocksSummary,
    NodeStatus,
    PendingContainers,
    Pipeline,
    ScmInfo,
)
from ozone_recon.wire.protobuf.fields import bytes_field, number_field

OP_STATES: Final = inverse(datanodes.OP_STATES)
HEALTHS: Final = inverse(scm.HEALTH)
_PIPELINE_STATES: Final = inverse(scm.PIPELINE_STATES)
WITH_CONTAINER: Final = ("RATIS", "STANDALONE")
"""The datanode ports in the pipeline of a ContainerWithPipeline."""


@cache
def encode_datanode(datanode: DatanodeDetails, ports: tuple[str, ...] | None = None) -> bytes:
    """A DatanodeDetailsProto with all ports, or only `ports`; the level only when it is known, as at SCM."""
    shown = [port for port in datanode.ports if ports is None or port[0] in ports]
    uuid = uuid_message(datanode.uuid)
    return (
        bytes_field(1, datanode.uuid)
        + bytes_field(2, datanode.ip_address)
        + bytes_field(3, datanode.host_name)
        + b"".join(bytes_field(4, bytes_field(1, name) + number_field(2, number)) for name, number in shown)
        + bytes_field(5, datanode.cert_serial_id)
        + bytes_field(6, datanode.network_name)
        + bytes_field(7, datanode.network_location)
        + number_field(8, OP_STATES[datanode.op_state])
        + number_field(9, datanode.op_state_expiry)
        + number_field(10, datanode.current_version)
        + bytes_field(100, uuid)
        + number_field(101, datanode.level or None)
        + bytes_field(102, bytes_field(1, uuid))
    )


@cache
def encode_pipeline_id(text: str) -> bytes:
    """A PipelineID."""
    return bytes_field(1, text) + bytes_field(100, uuid_message(text))


def encode_pipeline(pipeline: Pipeline, ports: tuple[str, ...] | None = None) -> bytes:
    """A Pipeline, its datanodes with all ports, or only `ports`."""
    replication = pipeline.replication
    return (
        b"".join(bytes_field(1, encode_datanode(member, ports)) for member in pipeline.members)
        + number_field(2, _PIPELINE_STATES[pipeline.state])
        + number_field(3, REPLICATION_KINDS[replication.kind])
        + number_field(4, factor(replication))
        + bytes_field(5, encode_pipeline_id(pipeline.pipeline_id))
        + bytes_field(6, pipeline.leader or "")
        + number_field(8, pipeline.creation_time)
        + b"".join(number_field(10, index) for index in pipeline.replica_indexes)
        + bytes_field(11, ec_config(replication))
        + _datanode_id(101, pipeline.leader)
        + _datanode_id(102, pipeline.suggested_leader)
    )


def _datanode_id(field: int, uuid: str | None) -> bytes:
    return b"" if uuid is None else bytes_field(field, bytes_field(1, uuid_message(uuid)))


def encode_container_info(container: ContainerInfo, delete_transaction: int = 0) -> bytes:
    """A ContainerInfoProto."""
    named = container.pipeline_id and bytes_field(3, encode_pipeline_id(container.pipeline_id))
    return (
        number_field(1, container.container_id)
        + number_field(2, ContainerState[container.state])
        + (named or b"")
        + number_field(4, container.used_bytes)
        + number_field(5, container.number_of_keys)
        + number_field(6, container.state_enter_time)
        + bytes_field(7, container.owner)
        + number_field(8, delete_transaction)
        + number_field(9, container.sequence_id)
        + _replication(container.replication)
    )


@cache
def _replication(replication: ReplicationConfig) -> bytes:
    copies = number_field(10, factor(replication)) + number_field(11, REPLICATION_KINDS[replication.kind])
    return copies + bytes_field(12, ec_config(replication))


def encode_containers(containers: ContainerColumns, field: int = 1) -> bytes:
    """ContainerInfoProtos, each as the field `field` of the enclosing message."""
    pipelines = [b"" if one is None else bytes_field(3, encode_pipeline_id(one)) for one in containers.pipelines]
    owners = [bytes_field(7, owner) + number_field(8, 0) for owner in containers.owners]
    columns = (
        VarintField(1, containers.container_id),
        VarintField(2, containers.state),
        ChoiceField(pipelines, containers.pipeline.astype(np.int64)),
        VarintField(4, containers.used_bytes),
        VarintField(5, containers.number_of_keys),
        VarintField(6, containers.state_enter_time),
        ChoiceField(owners, containers.owner.astype(np.int64)),
        VarintField(9, containers.sequence_id),
        ChoiceField(list(map(_replication, containers.replications)), containers.replication.astype(np.int64)),
    )
    return repeated(field, columns, len(containers))


def encode_container_with_pipeline(container: ContainerInfo, pipeline: Pipeline) -> bytes:
    """A ContainerWithPipeline."""
    return bytes_field(1, encode_container_info(container)) + bytes_field(2, encode_pipeline(pipeline, WITH_CONTAINER))


def encode_container_replica(replica: ContainerReplica) -> bytes:
    """An SCMContainerReplicaProto."""
    return (
        number_field(1, replica.container_id)
        + bytes_field(2, replica.state)
        + bytes_field(3, encode_datanode(replica.datanode))
        + bytes_field(4, replica.origin)
        + number_field(5, replica.sequence_id)
        + number_field(6, replica.number_of_keys)
        + number_field(7, replica.used_bytes)
        + number_field(8, replica.replica_index)
        + number_field(9, replica.data_checksum)
    )


def encode_node(node: NodeStatus, volumes: int = 1) -> bytes:
    """A Node with `volumes` healthy volumes."""
    return (
        bytes_field(1, encode_datanode(node.datanode))
        + number_field(2, HEALTHS[node.health])
        + number_field(3, OP_STATES[node.op_state])
        + number_field(4, volumes)
        + number_field(5, volumes)
    )


def encode_scm_info(info: ScmInfo) -> bytes:
    """A GetScmInfoResponseProto."""
    peers = (f"{peer.host}:{peer.port}:{peer.role}:{peer.scm_id}:{peer.ip_address}" for peer in info.peers)
    return bytes_field(1, info.cluster_id) + bytes_field(2, info.scm_id) + b"".join(bytes_field(3, p) for p in peers)


def encode_deleted_blocks_summary(summary: DeletedBlocksSummary) -> bytes:
    """A DeletedBlocksTransactionSummary."""
    numbers = summary.transactions, summary.blocks, summary.size, summary.replicated_size
    return b"".join(number_field(field, number) for field, number in enumerate(numbers, 1))


def encode_pending_containers(pending: PendingContainers) -> bytes:
    """A ContainersOnDecomNodeProto."""
    ids = b"".join(bytes_field(2, number_field(1, container_id)) for container_id in pending.container_ids)
    return bytes_field(1, pending.reason) + ids
