"""Encodes the requests of a datanode to Recon, and reads the commands in the responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ozone_recon.decode.om.values import STORAGE_TYPES
from ozone_recon.demo.message_columns import ChoiceField, VarintField, repeated
from ozone_recon.demo.om.values import inverse
from ozone_recon.demo.scm.messages import encode_datanode, encode_pipeline_id
from ozone_recon.model.datanode_reports import LayoutVersion, PipelineReport, ReplicaColumns, Software, StorageReport
from ozone_recon.model.scm import DatanodeDetails
from ozone_recon.wire.ozone.datanode_calls import DatanodeCommand
from ozone_recon.wire.protobuf.fields import Message, bytes_field, number_field

LAYOUT: Final = LayoutVersion(10, 10)
"""The layout version of Ozone 2.2.0. Java Recon refuses datanodes of any other."""
_STORAGE_TYPES: Final = inverse(STORAGE_TYPES)
_REREGISTER: Final = 1
_NOTHING_READ: Final = b"".join(number_field(field, 0) for field in (6, 7, 8, 9))
"""The counters of reads and writes since the datanode started: all zero."""


@dataclass(frozen=True, slots=True)
class Reports:
    """The encoded reports of a heartbeat, None where absent; a registration has all but `increments`."""

    node: bytes | None = None
    containers: bytes | None = None
    increments: tuple[bytes, ...] = ()
    pipelines: bytes | None = None


def version_request() -> bytes:
    """Encodes a GetVersion request."""
    return number_field(1, DatanodeCommand.GET_VERSION) + bytes_field(3, b"")


def registration(datanode: DatanodeDetails, software: Software, reports: Reports) -> bytes:
    """Encodes a Register request."""
    extended = bytes_field(1, encode_datanode(datanode)) + bytes_field(2, software.version)
    extended += number_field(3, software.setup_time) + bytes_field(4, software.revision)
    message = (
        bytes_field(1, extended)
        + bytes_field(2, reports.node or b"")
        + bytes_field(3, reports.containers or b"")
        + bytes_field(4, reports.pipelines or b"")
        + bytes_field(5, _layout())
    )
    return number_field(1, DatanodeCommand.REGISTER) + bytes_field(4, message)


def heartbeat(datanode: DatanodeDetails, reports: Reports) -> bytes:
    """Encodes a SendHeartbeat request."""
    message = (
        bytes_field(1, encode_datanode(datanode))
        + bytes_field(2, reports.node)
        + bytes_field(3, reports.containers)
        + b"".join(bytes_field(4, report) for report in reports.increments)
        + bytes_field(8, reports.pipelines)
        + bytes_field(9, _layout())
        + bytes_field(10, b"")
    )
    return number_field(1, DatanodeCommand.SEND_HEARTBEAT) + bytes_field(5, message)


def _layout() -> bytes:
    return number_field(1, LAYOUT.metadata) + number_field(2, LAYOUT.software)


def node_report(volumes: tuple[StorageReport, ...]) -> bytes:
    """A NodeReportProto."""
    return b"".join(bytes_field(1, _volume(volume)) for volume in volumes)


def _volume(volume: StorageReport) -> bytes:
    return (
        bytes_field(1, volume.uuid)
        + bytes_field(2, volume.location)
        + number_field(3, volume.capacity)
        + number_field(4, volume.used)
        + number_field(5, volume.remaining)
        + number_field(6, _STORAGE_TYPES[volume.storage_type])
        + number_field(7, volume.failed)
        + number_field(8, volume.committed)
        + number_field(9, volume.free_space_to_spare)
        + number_field(10, volume.reserved)
        + number_field(11, volume.filesystem_capacity)
        + number_field(12, volume.filesystem_available)
    )


def container_report(replicas: ReplicaColumns) -> bytes:
    """A ContainerReportsProto, or an IncrementalContainerReportProto."""
    origins = [bytes_field(13, origin) for origin in replicas.origins]
    columns = (
        VarintField(1, replicas.container_id),
        VarintField(2, replicas.state),
        VarintField(4, replicas.used_bytes),
        VarintField(5, replicas.number_of_keys),
        ChoiceField((_NOTHING_READ,), 0 * replicas.container_id),
        VarintField(11, 0),
        VarintField(12, replicas.sequence_id),
        ChoiceField(origins, replicas.origin.astype("i8")),
        VarintField(14, replicas.replica_index),
        VarintField(15, replicas.is_empty),
        VarintField(16, replicas.data_checksum),
    )
    return repeated(1, columns, len(replicas))


def pipeline_reports(pipelines: tuple[PipelineReport, ...]) -> bytes:
    """A PipelineReportsProto."""
    return b"".join(
        bytes_field(1, bytes_field(1, encode_pipeline_id(one.pipeline_id)) + number_field(2, one.is_leader))
        for one in pipelines
    )


def must_register(answer: bytes) -> bool:
    """Whether the response to a heartbeat commands the datanode to register again."""
    beat = Message("SCMDatanodeResponse", answer).message(8, lambda data: Message("heartbeat", data), None)
    commands = () if beat is None else beat.messages(2, lambda data: Message("command", data).int32(1))
    return _REREGISTER in commands
