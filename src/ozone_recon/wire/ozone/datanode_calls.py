"""What Recon answers datanodes: the messages of ReconDatanodeProtocol that go back, as Java Recon writes them."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ozone_recon.wire.protobuf.fields import bytes_field, number_field

PROTOCOL: Final = "org.apache.hadoop.ozone.protocol.ReconDatanodeProtocol"
METHOD: Final = "submitRequest"
_OK: Final = 1
_REREGISTER: Final = 1


class DatanodeCommand(IntEnum):
    """What a datanode asks for; the answer's own message is in the field with this number and 5."""

    GET_VERSION = 1
    REGISTER = 2
    SEND_HEARTBEAT = 3


def version_answer() -> bytes:
    """Says nothing but that we are there: SCM says which cluster it is, and datanodes do not look for it here."""
    return _answer(DatanodeCommand.GET_VERSION, number_field(1, 0))


def registered_answer(datanode: str, cluster_id: str) -> bytes:
    """Says that we know the datanode now. Any cluster id will do that is not blank.

    Java Recon adds how it sees the datanode in the network, by which the datanode then corrects what it knows of
    itself, and tells SCM; we do not meddle.
    """
    return _answer(
        DatanodeCommand.REGISTER, number_field(1, _OK) + bytes_field(2, datanode) + bytes_field(3, cluster_id)
    )


def heartbeat_answer(datanode: str, *, reregister: bool) -> bytes:
    """Says that the heartbeat has come; `reregister` asks the datanode to begin anew, and so to report all it has."""
    command = number_field(1, _REREGISTER) + bytes_field(2, b"") + number_field(15, 0) + bytes_field(16, b"")
    commands = bytes_field(2, command + number_field(17, 0)) if reregister else b""
    return _answer(DatanodeCommand.SEND_HEARTBEAT, bytes_field(1, datanode) + commands)


def _answer(command: DatanodeCommand, message: bytes) -> bytes:
    return number_field(1, command) + number_field(5, _OK) + bytes_field(command + 5, message)
