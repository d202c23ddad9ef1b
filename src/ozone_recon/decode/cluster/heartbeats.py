"""What datanodes ask of Recon: registrations and heartbeats, first cut into the reports that they carry, then read.

Only the first is done before a datanode gets its answer, without copying what is long, and of so few fields, if that is
wanted, that it takes no time to speak of. As in `decode.cluster.scm`, what Ozone's message calls required must
be there, and names are those of Ozone 2.2.0.
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
from ozone_recon.wire.ozone.datanode_calls import DatanodeCommand
from ozone_recon.wire.protobuf.fields import MOST_FIELDS, Message

T = TypeVar("T")

_LONGEST: Final = 8 << 10
"""Bytes of what a datanode says of itself; Java's have some hundred."""
_FIRST_LAYOUT: Final = LayoutVersion(0, 0)
"""That of a datanode that says none."""


def decode_request(data: bytes, most: int = MOST_FIELDS) -> Heartbeat | None:
    """An SCMDatanodeRequest; None when it asks for our version, which has nothing in it.

    TooLong when it, or what it embeds, has more fields than `most`, of which nothing is read then.
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
    """Refuses what is read at once when it is too long for that."""
    for number in numbers:
        size = len(message.view(number, b""))
        if size > _LONGEST:
            raise DecodeError(f"field {number} has {size:,} bytes, which is over the limit of {_LONGEST:,}")


def _layout(data: bytes) -> LayoutVersion:
    message = Message("LayoutVersionProto", data)
    return LayoutVersion(metadata=message.int32(1), software=message.int32(2))


def decode_reports(heartbeat: Heartbeat) -> DatanodeReports:
    """All reports of a heartbeat; one that is broken does not keep the others from being read."""
    refused: list[str] = []

    def each(decode: Callable[[Raw], T], reports: Iterable[Raw]) -> Iterable[T]:
        for report in reports:
            try:
                yield decode(report)
            except DecodeError as error:
                refused.append(str(error))

    def whole(decode: Callable[[Raw], T], report: Raw | None) -> T | None:
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
