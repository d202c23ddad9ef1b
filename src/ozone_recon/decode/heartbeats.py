"""What datanodes ask of Recon: registrations and heartbeats, first cut into the reports that they carry, then read.

Only the first is done before a datanode gets its answer. As in `decode.scm`, what Ozone's message calls required must
be there, and names are those of Ozone 2.2.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final, TypeVar

from ozone_recon.decode.datanode_reports import (
    decode_command_statuses,
    decode_container_actions,
    decode_node_report,
    decode_pipeline_actions,
    decode_pipeline_reports,
)
from ozone_recon.decode.datanodes import decode_datanode
from ozone_recon.decode.replicas import decode_replicas
from ozone_recon.errors import DecodeError
from ozone_recon.model.datanode_reports import DatanodeReports, Heartbeat, LayoutVersion, Software
from ozone_recon.wire.datanode_answers import Command
from ozone_recon.wire.protobuf import Message

T = TypeVar("T")

_FIRST_LAYOUT: Final = LayoutVersion(0, 0)
"""That of a datanode that says none."""


def decode_request(data: bytes) -> Heartbeat | None:
    """An SCMDatanodeRequest; None when it asks for our version, which has nothing in it."""
    message = Message("SCMDatanodeRequest", data)
    match message.int32(1):
        case Command.GET_VERSION:
            return None
        case Command.REGISTER:
            return message.message(4, _registration)
        case Command.SEND_HEARTBEAT:
            return message.message(5, _heartbeat)
        case command:
            raise DecodeError(f"SCMDatanodeRequest: command {command} is not known")


def _registration(data: bytes) -> Heartbeat:
    message = Message("SCMRegisterRequestProto", data)
    datanode = Message("ExtendedDatanodeDetailsProto", message.blob(1))
    return Heartbeat(
        datanode=datanode.message(1, decode_datanode),
        software=Software(version=datanode.text(2, ""), setup_time=datanode.int64(3, 0), revision=datanode.text(4, "")),
        node=message.blob(2),
        containers=message.blob(3),
        pipelines=message.blob(4),
        layout=message.message(5, _layout, _FIRST_LAYOUT),
    )


def _heartbeat(data: bytes) -> Heartbeat:
    message = Message("SCMHeartbeatRequestProto", data)
    return Heartbeat(
        datanode=message.message(1, decode_datanode),
        node=message.blob(2, None),
        containers=message.blob(3, None),
        increments=message.messages(4, bytes),
        command_statuses=message.messages(5, bytes),
        container_actions=message.messages(6, bytes),
        pipeline_actions=message.messages(7, bytes),
        pipelines=message.blob(8, None),
        layout=message.message(9, _layout, _FIRST_LAYOUT),
    )


def _layout(data: bytes) -> LayoutVersion:
    message = Message("LayoutVersionProto", data)
    return LayoutVersion(metadata=message.int32(1), software=message.int32(2))


def decode_reports(heartbeat: Heartbeat) -> DatanodeReports:
    """All reports of a heartbeat; one that is broken does not keep the others from being read."""
    refused: list[str] = []

    def each(decode: Callable[[bytes], T], reports: Iterable[bytes]) -> Iterable[T]:
        for report in reports:
            try:
                yield decode(report)
            except DecodeError as error:
                refused.append(str(error))

    def whole(decode: Callable[[bytes], T], report: bytes | None) -> T | None:
        return next(iter(each(decode, () if report is None else (report,))), None)

    return DatanodeReports(
        datanode=heartbeat.datanode,
        layout=heartbeat.layout,
        software=heartbeat.software,
        node=whole(decode_node_report, heartbeat.node),
        containers=whole(decode_replicas, heartbeat.containers),
        increments=tuple(each(decode_replicas, heartbeat.increments)),
        pipelines=whole(decode_pipeline_reports, heartbeat.pipelines),
        pipeline_actions=tuple(chain(*each(decode_pipeline_actions, heartbeat.pipeline_actions))),
        container_actions=tuple(chain(*each(decode_container_actions, heartbeat.container_actions))),
        command_statuses=tuple(chain(*each(decode_command_statuses, heartbeat.command_statuses))),
        refused=tuple(refused),
    )
