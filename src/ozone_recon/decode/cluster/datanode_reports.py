"""Decodes the reports in datanodes' registrations and heartbeats, one message type per function.

`decode.cluster.replicas` decodes container reports into columns. Conventions are those of `decode.cluster.scm`.
"""

from __future__ import annotations

from ozone_recon.columnar.amounts import clamp
from ozone_recon.columnar.byte_column import Raw
from ozone_recon.decode.cluster.scm import decode_pipeline_id
from ozone_recon.decode.om.parts import named
from ozone_recon.decode.om.values import STORAGE_TYPES
from ozone_recon.errors import DecodeError
from ozone_recon.model.datanode_reports import (
    CommandStatus,
    ContainerAction,
    PipelineAction,
    PipelineReport,
    Replica,
    ReplicaState,
    StorageReport,
)
from ozone_recon.wire.protobuf.fields import Message

REPLICA_STATES = {state.value: state.name for state in ReplicaState}
ACTIONS = {1: "CLOSE"}
CONTAINER_REASONS = {1: "CONTAINER_FULL", 2: "CONTAINER_UNHEALTHY"}
PIPELINE_REASONS = {1: "PIPELINE_FAILED", 2: "PIPELINE_LOG_FAILED", 3: "STATEMACHINE_TRANSACTION_FAILED"}
COMMANDS = {
    0: "unknownScmCommand",
    1: "reregisterCommand",
    2: "deleteBlocksCommand",
    3: "closeContainerCommand",
    4: "deleteContainerCommand",
    5: "replicateContainerCommand",
    6: "createPipelineCommand",
    7: "closePipelineCommand",
    8: "setNodeOperationalStateCommand",
    9: "finalizeNewLayoutVersionCommand",
    10: "refreshVolumeUsageInfo",
    11: "reconstructECContainersCommand",
    12: "reconcileContainerCommand",
}
COMMAND_STATUSES = {1: "PENDING", 2: "EXECUTED", 3: "FAILED"}


def decode_node_report(data: Raw) -> tuple[StorageReport, ...]:
    """The container volumes of a NodeReportProto; metadata and database volumes are ignored."""
    return Message("NodeReportProto", data).messages(1, _storage_report)


def _storage_report(data: bytes) -> StorageReport:
    message = Message("StorageReportProto", data)
    return StorageReport(
        uuid=message.name(1),
        location=message.name(2),
        capacity=clamp(message.int64(3, 0)),
        used=clamp(message.int64(4, 0)),
        remaining=clamp(message.int64(5, 0)),
        storage_type=named(STORAGE_TYPES, message.int32(6, 1)),
        failed=message.boolean(7, False),
        committed=clamp(message.int64(8, 0)),
        free_space_to_spare=clamp(message.int64(9, 0)),
        reserved=clamp(message.int64(10, 0)),
        filesystem_capacity=clamp(message.int64(11, 0)),
        filesystem_available=clamp(message.int64(12, 0)),
    )


def decode_replicas(data: Raw) -> tuple[Replica, ...]:
    """A ContainerReportsProto or IncrementalContainerReportProto (same fields); one invalid replica refuses it all.

    The readable reference of `decode.cluster.replicas`, which calls it for the text of an error.
    """
    return Message("ContainerReportsProto", data).messages(1, _replica)


def _replica(data: bytes) -> Replica:
    """A ContainerReplicaProto; DecodeError if the container id is negative."""
    message = Message("ContainerReplicaProto", data)
    container_id = message.int64(1)
    if container_id < 0:
        raise DecodeError(f"ContainerReplicaProto: container id {container_id} is negative")
    return Replica(
        container_id=container_id,
        state=named(REPLICA_STATES, message.int32(2)),
        used_bytes=message.int64(4, 0),
        number_of_keys=message.int64(5, 0),
        sequence_id=message.int64(12, 0),
        origin=message.text(13, ""),
        replica_index=message.int32(14, 0),
        is_empty=message.boolean(15, False),
        data_checksum=message.int64(16, 0),
    )


def decode_pipeline_reports(data: Raw) -> tuple[PipelineReport, ...]:
    """A PipelineReportsProto: all pipelines of a datanode."""
    return Message("PipelineReportsProto", data).messages(1, _pipeline_report)


def _pipeline_report(data: bytes) -> PipelineReport:
    message = Message("PipelineReport", data)
    return PipelineReport(pipeline_id=message.message(1, decode_pipeline_id), is_leader=message.boolean(2))


def decode_pipeline_actions(data: Raw) -> tuple[PipelineAction, ...]:
    """A PipelineActionsProto."""
    return Message("PipelineActionsProto", data).messages(1, _pipeline_action)


def _pipeline_action(data: bytes) -> PipelineAction:
    message = Message("PipelineAction", data)
    action = named(ACTIONS, message.int32(1))
    close = message.message(2, lambda info: Message("ClosePipelineInfo", info), None)
    if close is None:
        return PipelineAction(action, pipeline_id=None, reason=None, details="")
    return PipelineAction(
        action,
        pipeline_id=close.message(1, decode_pipeline_id),
        reason=_reason(PIPELINE_REASONS, close),
        details=close.name(4, ""),
    )


def decode_container_actions(data: Raw) -> tuple[ContainerAction, ...]:
    """A ContainerActionsProto."""
    return Message("ContainerActionsProto", data).messages(1, _container_action)


def _container_action(data: bytes) -> ContainerAction:
    message = Message("ContainerAction", data)
    return ContainerAction(
        container_id=message.int64(1),
        action=named(ACTIONS, message.int32(2)),
        reason=_reason(CONTAINER_REASONS, message),
    )


def _reason(names: dict[int, str], message: Message) -> str | None:
    number = message.int32(3, None)
    return None if number is None else named(names, number)


def decode_command_statuses(data: Raw) -> tuple[CommandStatus, ...]:
    """A CommandStatusReportsProto."""
    return Message("CommandStatusReportsProto", data).messages(1, _command_status)


def _command_status(data: bytes) -> CommandStatus:
    message = Message("CommandStatus", data)
    return CommandStatus(
        command_id=message.int64(1),
        status=named(COMMAND_STATUSES, message.int32(2)),
        command=named(COMMANDS, message.int32(3)),
        message=message.name(4, ""),
    )
