"""Encodes the responses of ReconDatanodeProtocol to datanodes, byte for byte like Java Recon."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ozone_recon.wire.protobuf.fields import bytes_field, number_field

PROTOCOL: Final = "org.apache.hadoop.ozone.protocol.ReconDatanodeProtocol"
METHOD: Final = "submitRequest"
_OK: Final = 1
_REREGISTER: Final = 1


class DatanodeCommand(IntEnum):
    """A datanode's command; the response's own message is in field number `command + 5`."""

    GET_VERSION = 1
    REGISTER = 2
    SEND_HEARTBEAT = 3


def version_answer() -> bytes:
    """The response to GET_VERSION: no cluster ids, because datanodes take them from SCM only."""
    return _answer(DatanodeCommand.GET_VERSION, number_field(1, 0))


def registered_answer(datanode: str, cluster_id: str) -> bytes:
    """The response to REGISTER: success. Any non-blank `cluster_id` is accepted.

    Java Recon adds the datanode's host name and address as it sees them; the datanode adopts these and reports them to
    SCM. They are omitted here, so that Recon cannot change a datanode's identity.
    """
    return _answer(
        DatanodeCommand.REGISTER, number_field(1, _OK) + bytes_field(2, datanode) + bytes_field(3, cluster_id)
    )


def heartbeat_answer(datanode: str, *, reregister: bool) -> bytes:
    """The response to SEND_HEARTBEAT; `reregister` commands a new registration, with full reports."""
    command = number_field(1, _REREGISTER) + bytes_field(2, b"") + number_field(15, 0) + bytes_field(16, b"")
    commands = bytes_field(2, command + number_field(17, 0)) if reregister else b""
    return _answer(DatanodeCommand.SEND_HEARTBEAT, bytes_field(1, datanode) + commands)


def _answer(command: DatanodeCommand, message: bytes) -> bytes:
    return number_field(1, command) + number_field(5, _OK) + bytes_field(command + 5, message)
