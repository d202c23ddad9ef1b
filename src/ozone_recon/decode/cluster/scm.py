"""Decodes SCM's responses, one message type per function.

Each function takes a message's bytes and returns a record of `model.scm`, or raises DecodeError. A message must have
all fields that Ozone declares as required; message names and defaults of absent fields are those of Ozone 2.2.0.
`decode.cluster.containers` decodes pages of containers into columns.
"""

from __future__ import annotations

from typing import Any

import orjson

from ozone_recon.columnar.amounts import clamp
from ozone_recon.decode.cluster.datanodes import OP_STATES, decode_datanode, decode_datanode_id
from ozone_recon.decode.om.parts import (
    FACTOR_UNSET,
    STAND_ALONE,
    decode_replication,
    decode_uuid,
    named,
    replication_of,
)
from ozone_recon.errors import DecodeError
from ozone_recon.model.scm import (
    ContainerInfo,
    ContainerReplica,
    ContainerState,
    DecommissionProgress,
    DeletedBlocksSummary,
    NodeStatus,
    PendingContainers,
    Pipeline,
    ScmInfo,
    ScmPeer,
)
from ozone_recon.wire.protobuf.fields import Message

CONTAINER_STATES = {state.value: state.name for state in ContainerState}
PIPELINE_STATES = {1: "ALLOCATED", 2: "OPEN", 3: "DORMANT", 4: "CLOSED"}
HEALTH = {1: "HEALTHY", 2: "STALE", 3: "DEAD", 6: "HEALTHY_READONLY"}
_METRICS = "NodeDecommissionMetrics"


def decode_container_info(data: bytes) -> ContainerInfo:
    """A ContainerInfoProto; DecodeError if the container id is negative."""
    message = Message("ContainerInfoProto", data)
    container_id = message.int64(1)
    if container_id < 0:
        raise DecodeError(f"ContainerInfoProto: container id {container_id} is negative")
    return ContainerInfo(
        container_id=container_id,
        state=named(CONTAINER_STATES, message.int32(2)),
        pipeline_id=message.message(3, decode_pipeline_id, None),
        used_bytes=message.int64(4),
        number_of_keys=message.int64(5),
        state_enter_time=message.int64(6, 0),
        owner=message.text(7),
        sequence_id=message.int64(9, 0),
        replication=decode_replication(message, kind=11, factor=10, ec=12),
        suppressed=message.boolean(13, False),
    )


def decode_pipeline_id(data: bytes) -> str:
    """A PipelineID; older SCMs write only its text form."""
    message = Message("PipelineID", data)
    newest = message.message(100, decode_uuid, None)
    return message.name(1) if newest is None else newest


def decode_container_with_pipeline(data: bytes) -> tuple[ContainerInfo, Pipeline]:
    """A ContainerWithPipeline; SCM makes up a pipeline of the replicas' datanodes if the container is not open."""
    message = Message("ContainerWithPipeline", data)
    return message.message(1, decode_container_info), message.message(2, decode_pipeline)


def decode_container_replica(data: bytes) -> ContainerReplica:
    """An SCMContainerReplicaProto."""
    message = Message("SCMContainerReplicaProto", data)
    return ContainerReplica(
        container_id=message.int64(1),
        state=message.name(2),
        datanode=message.message(3, decode_datanode),
        origin=message.name(4),
        sequence_id=message.int64(5),
        number_of_keys=message.int64(6),
        used_bytes=message.int64(7),
        replica_index=message.int64(8, 0),
        data_checksum=message.int64(9, 0),
    )


def decode_pipeline(data: bytes) -> Pipeline:
    """A Pipeline; three fields may hold its leader and two its suggested leader, and the newest takes precedence."""
    message = Message("Pipeline", data)
    members = message.messages(1, decode_datanode)
    indexes = message.int64s(10)[: len(members)]
    return Pipeline(
        pipeline_id=message.message(5, decode_pipeline_id),
        state=named(PIPELINE_STATES, message.int32(2, 1)),
        replication=replication_of(
            message.int32(3, STAND_ALONE), message.int32(4, FACTOR_UNSET), message.blob(11, None)
        ),
        members=members,
        replica_indexes=indexes + (0,) * (len(members) - len(indexes)),
        leader=_datanode_id(message, 101, 100) or message.name(6, "") or None,
        suggested_leader=_datanode_id(message, 102, 9),
        creation_time=message.int64(8, 0),
    )


def _datanode_id(message: Message, number: int, older: int) -> str | None:
    return message.message(number, decode_datanode_id, None) or message.message(older, decode_uuid, None)


def decode_node(data: bytes) -> NodeStatus:
    """A Node; its states are repeated fields, each with one entry."""
    message = Message("Node", data)
    return NodeStatus(
        datanode=message.message(1, decode_datanode),
        health=named(HEALTH, message.int32(2)),
        op_state=named(OP_STATES, message.int32(3)),
    )


def decode_scm_info(data: bytes) -> ScmInfo:
    """A GetScmInfoResponseProto."""
    message = Message("GetScmInfoResponseProto", data)
    return ScmInfo(cluster_id=message.name(1), scm_id=message.name(2), peers=tuple(map(_scm_peer, message.names(3))))


def _scm_peer(text: str) -> ScmPeer:
    """A peer in SCM's format `host:port:role:id:ip`; the ip is missing if SCM cannot resolve the host."""
    host, port, role, scm_id, ip_address = [*text.split(":", 4), "", "", "", ""][:5]
    if not (port.isascii() and port.isdecimal() and len(port) <= 5):
        raise DecodeError(f"GetScmInfoResponseProto: peer {text!r} is not `host:port:role:id:ip`")
    return ScmPeer(host, int(port), role, scm_id, ip_address)


def decode_deleted_blocks_summary(data: bytes) -> DeletedBlocksSummary:
    """A DeletedBlocksTransactionSummary."""
    message = Message("DeletedBlocksTransactionSummary", data)
    return DeletedBlocksSummary(
        transactions=clamp(message.int64(1, 0)),
        blocks=clamp(message.int64(2, 0)),
        size=clamp(message.int64(3, 0)),
        replicated_size=clamp(message.int64(4, 0)),
    )


def decode_pending_containers(data: bytes) -> PendingContainers:
    """A ContainersOnDecomNodeProto."""
    message = Message("ContainersOnDecomNodeProto", data)
    return PendingContainers(reason=message.name(1), container_ids=message.messages(2, decode_container_id))


def decode_container_id(data: bytes) -> int:
    """A ContainerID."""
    return Message("ContainerID", data).int64(1)


def decode_decommission_metrics(data: bytes) -> tuple[DecommissionProgress, ...]:
    """SCM's metrics `NodeDecommissionMetrics` as JSON; each datanode has a number, which ends the attribute names.

    SCM's monitor adds a datanode at its first check. Numbers over the total belong to datanodes that have finished.
    """
    try:
        match orjson.loads(data):
            case {"beans": []}:
                return ()
            case {"beans": [{"DecommissioningMaintenanceNodesTotal": int(total), **bean}, *_]}:
                numbers = range(1, min(total, len(bean)) + 1)
                return tuple(_decommission_progress(bean, n) for n in numbers if f"tag.datanode.{n}" in bean)
    except ValueError as error:
        raise DecodeError(f"{_METRICS}: {error}") from error
    raise DecodeError(f"{_METRICS}: DecommissioningMaintenanceNodesTotal is missing")


def _decommission_progress(bean: dict[Any, Any], node: int) -> DecommissionProgress:
    def number(name: str) -> int:
        match bean.get(f"{name}.{node}"):
            case int(value):
                return clamp(value)
            case other:
                raise DecodeError(f"{_METRICS}: {name}.{node} is not an integer: {other!r}")

    return DecommissionProgress(
        host_name=str(bean[f"tag.datanode.{node}"]),
        start_time=number("StartTimeDN"),
        unclosed_pipelines=number("PipelinesWaitingToCloseDN"),
        under_replicated_containers=number("UnderReplicatedDN"),
        unclosed_containers=number("UnclosedContainersDN"),
    )
