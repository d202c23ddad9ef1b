"""What datanodes ask of Recon: registrations and heartbeats, cut into the reports that they carry.

This much is read before a datanode gets its answer; the reports are left to `decode.datanode_reports`. As in
`decode.scm`, what Ozone's message calls required must be there, and names are those of Ozone 2.2.0.
"""

from __future__ import annotations

from typing import Final

from ozone_recon.decode.datanodes import decode_datanode
from ozone_recon.errors import DecodeError
from ozone_recon.model.datanode_reports import Heartbeat, LayoutVersion, Registration
from ozone_recon.wire.datanode_answers import Command
from ozone_recon.wire.protobuf import Message

_FIRST_LAYOUT: Final = LayoutVersion(0, 0)
"""That of a datanode that says none."""


def decode_request(data: bytes) -> Registration | Heartbeat | None:
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


def _registration(data: bytes) -> Registration:
    message = Message("SCMRegisterRequestProto", data)
    datanode = Message("ExtendedDatanodeDetailsProto", message.blob(1))
    return Registration(
        heartbeat=Heartbeat(
            datanode=datanode.message(1, decode_datanode),
            layout=message.message(5, _layout, _FIRST_LAYOUT),
            node=message.blob(2),
            containers=message.blob(3),
            increments=(),
            pipelines=message.blob(4),
            pipeline_actions=None,
            container_actions=None,
            command_statuses=(),
        ),
        version=datanode.text(2, ""),
        setup_time=datanode.int64(3, 0),
        revision=datanode.text(4, ""),
    )


def _heartbeat(data: bytes) -> Heartbeat:
    message = Message("SCMHeartbeatRequestProto", data)
    return Heartbeat(
        datanode=message.message(1, decode_datanode),
        node=message.blob(2, None),
        containers=message.blob(3, None),
        increments=message.messages(4, bytes),
        command_statuses=message.messages(5, bytes),
        container_actions=message.blob(6, None),
        pipeline_actions=message.blob(7, None),
        pipelines=message.blob(8, None),
        layout=message.message(9, _layout, _FIRST_LAYOUT),
    )


def _layout(data: bytes) -> LayoutVersion:
    message = Message("LayoutVersionProto", data)
    return LayoutVersion(metadata=message.int32(1), software=message.int32(2))
