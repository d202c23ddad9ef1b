"""Decodes datanodes' registrations and heartbeats in two steps: first splits a request into reports, then decodes them.

`decode_request` runs before the datanode gets its response. It does not copy reports, and a limit on the number of
fields bounds its time. `decode_reports` runs later. As in `decode.cluster.scm`, a message must have all fields that
Ozone declares as required, and names are those of Ozone 2.2.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final, TypeVar

from ozone_recon.columnar.byte_column import Raw
from ozone_recon.decode.cluster.datanode_reports import (
    decode_command_statuses,
    decode_container_actions,
    decode_node_report,
    decode_pipeline_actions,
    decode_pipeline_reports,
)
from ozone_recon.decode.cluster.datanodes import decode_datanode
from ozone_recon.decode.cluster.replicas import decode_replicas
from ozone_recon.errors import DecodeError
from ozone_recon.model.datanode_reports import DatanodeReports, Heartbeat, LayoutVersion, Software
from ozone_recon.model.scm import DatanodeDetails
from ozone_recon.wire.ozone.datanode_calls import DatanodeCommand
from ozone_recon.wire.protobuf.fields import LENGTH_DELIMITED, MOST_FIELDS, Message, read_field

T = TypeVar("T")

_MAX_DETAILS: Final = 8 << 10
"""Maximum bytes of a datanode's details or layout; Java's have a few hundred."""
_FIRST_LAYOUT: Final = LayoutVersion(0, 0)
"""The layout of a datanode that sends none."""


def decode_request(data: bytes, most: int = MOST_FIELDS) -> Heartbeat | None:
    """An SCMDatanodeRequest; None for a version request, which has no content.

    MessageTooLong if it or an embedded message has more than `most` fields; such a message is not decoded.
    """
    message = Message("SCMDatanodeRequest", memoryview(data), most)
    match message.int32(1):
        case DatanodeCommand.GET_VERSION:
            return None
        case DatanodeCommand.REGISTER:
            return _registration(message.part(4, "SCMRegisterRequestProto"))
        case DatanodeCommand.SEND_HEARTBEAT:
            return _heartbeat(message.part(5, "SCMHeartbeatRequestProto"))
        case command:
            raise DecodeError(f"SCMDatanodeRequest: command {command} is not known")


def decode_sender(data: bytes, most: int) -> DatanodeDetails:
    """The datanode of a heartbeat with too many reports to decode at once: its first field, as Java writes it."""
    heartbeat = Message("SCMDatanodeRequest", memoryview(data), most).view(5)
    tag, details, _ = read_field(heartbeat, 0, most)
    if tag != 1 << 3 | LENGTH_DELIMITED or details is None or isinstance(details, int):
        raise DecodeError("SCMHeartbeatRequestProto: the datanode is not its first field")
    _check_size(1, details)
    return decode_datanode(bytes(details))


def _registration(message: Message) -> Heartbeat:
    _check(message, 1, 5)
    datanode = message.part(1, "ExtendedDatanodeDetailsProto")
    return Heartbeat(
        datanode=datanode.message(1, decode_datanode),
        software=Software(version=datanode.name(2, ""), setup_time=datanode.int64(3, 0), revision=datanode.name(4, "")),
        node=message.view(2),
        containers=message.view(3),
        pipelines=message.view(4),
        layout=message.message(5, _layout, _FIRST_LAYOUT),
    )


def _heartbeat(message: Message) -> Heartbeat:
    _check(message, 1, 9)
    return Heartbeat(
        datanode=message.message(1, decode_datanode),
        node=message.view(2, None),
        containers=message.view(3, None),
        increments=message.views(4),
        command_statuses=message.views(5),
        container_actions=message.views(6),
        pipeline_actions=message.views(7),
        pipelines=message.view(8, None),
        layout=message.message(9, _layout, _FIRST_LAYOUT),
    )


def _check(message: Message, *numbers: int) -> None:
    """DecodeError if one of the fields, which are decoded before the response, is over the size limit."""
    for number in numbers:
        _check_size(number, message.view(number, b""))


def _check_size(number: int, details: Raw) -> None:
    if len(details) > _MAX_DETAILS:
        raise DecodeError(f"field {number} has {len(details):,} bytes, which is over the limit of {_MAX_DETAILS:,}")


def _layout(data: bytes) -> LayoutVersion:
    message = Message("LayoutVersionProto", data)
    return LayoutVersion(metadata=message.int32(1), software=message.int32(2))


def decode_reports(heartbeat: Heartbeat) -> DatanodeReports:
    """Decodes all reports of a heartbeat; an invalid report is skipped, and its error is added to `refused`."""
    refused: list[str] = []

    def each(decode: Callable[[Raw], T], reports: Iterable[Raw]) -> Iterable[T]:
        for report in reports:
            try:
                yield decode(report)
            except DecodeError as error:
                refused.append(str(error))

    def single(decode: Callable[[Raw], T], report: Raw | None) -> T | None:
        return next(iter(each(decode, () if report is None else (report,))), None)

    return DatanodeReports(
        datanode=heartbeat.datanode,
        layout=heartbeat.layout,
        software=heartbeat.software,
        node=single(decode_node_report, heartbeat.node),
        containers=single(decode_replicas, heartbeat.containers),
        increments=tuple(each(decode_replicas, heartbeat.increments)),
        pipelines=single(decode_pipeline_reports, heartbeat.pipelines),
        pipeline_actions=tuple(chain(*each(decode_pipeline_actions, heartbeat.pipeline_actions))),
        container_actions=tuple(chain(*each(decode_container_actions, heartbeat.container_actions))),
        command_statuses=tuple(chain(*each(decode_command_statuses, heartbeat.command_statuses))),
        refused=tuple(refused),
    )
