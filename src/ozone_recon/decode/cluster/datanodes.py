"""Decodes datanode details, which occur in SCM's responses and in datanodes' own reports."""

from __future__ import annotations

from ozone_recon.decode.om.parts import decode_uuid, named
from ozone_recon.model.scm import DatanodeDetails
from ozone_recon.wire.protobuf.fields import Message

OP_STATES = {
    1: "IN_SERVICE",
    2: "ENTERING_MAINTENANCE",
    3: "IN_MAINTENANCE",
    4: "DECOMMISSIONING",
    5: "DECOMMISSIONED",
}
FIRST_VERSION = 1
"""The protocol version of a datanode that sends none."""


def decode_datanode_id(data: bytes) -> str:
    """A DatanodeIDProto."""
    return Message("DatanodeIDProto", data).message(1, decode_uuid)


def decode_datanode(data: bytes) -> DatanodeDetails:
    """A DatanodeDetailsProto; three fields may hold its id, and the newest of them takes precedence."""
    message = Message("DatanodeDetailsProto", data)
    newest = message.message(102, decode_datanode_id, None) or message.message(100, decode_uuid, None)
    return DatanodeDetails(
        uuid=message.name(1) if newest is None else newest,
        ip_address=message.name(2),
        host_name=message.name(3),
        ports=message.messages(4, _port),
        cert_serial_id=message.name(5, None),
        network_name=message.name(6, ""),
        network_location=message.name(7, ""),
        op_state=named(OP_STATES, message.int32(8, 1)),
        op_state_expiry=message.int64(9, 0),
        current_version=message.int32(10, FIRST_VERSION),
        level=message.int32(101, 0),
    )


def _port(data: bytes) -> tuple[str, int]:
    message = Message("Port", data)
    return message.name(1), message.int32(2)
