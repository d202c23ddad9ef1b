"""Asks SCM for the disk usage of its datanodes, to compare it with what Recon shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ozone_recon.decode.cluster.datanodes import decode_datanode
from ozone_recon.model.scm import DatanodeDetails
from ozone_recon.sources.scm import METHOD, PROTOCOL, Call
from ozone_recon.wire.protobuf.fields import Message, bytes_field, number_field

COMMAND, FIELD = 25, 30
"""The command's number, and the number of its field in the request and the response."""
_CLIENT_VERSION: Final = 3
_MOST: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class DatanodeUsage:
    """The disk usage of a datanode, from its last report.

    `capacity` is the space that Ozone may use: the file systems' without `reserved`. `minimum_free_space` must stay
    free.
    """

    datanode: DatanodeDetails
    capacity: int
    minimum_free_space: int
    reserved: int
    filesystem_capacity: int
    containers: int


async def ask_usage(call: Call) -> dict[str, DatanodeUsage]:
    """The usage of all healthy in-service datanodes, by their UUIDs. SCM answers administrators only."""
    request = number_field(3, 1) + number_field(4, _MOST)
    envelope = number_field(1, COMMAND) + number_field(3, _CLIENT_VERSION) + bytes_field(FIELD, request)
    answer = Message("ScmContainerLocationResponse", await call(PROTOCOL, METHOD, envelope))
    usages = Message("DatanodeUsageInfoResponseProto", answer.blob(FIELD)).messages(1, decode_datanode_usage)
    return {one.datanode.uuid: one for one in usages}


def decode_datanode_usage(data: bytes) -> DatanodeUsage:
    """A DatanodeUsageInfoProto."""
    message = Message("DatanodeUsageInfoProto", data)
    return DatanodeUsage(
        capacity=message.int64(1, 0),
        datanode=message.message(4, decode_datanode),
        containers=message.int64(5, 0),
        minimum_free_space=message.int64(7, 0),
        reserved=message.int64(9, 0),
        filesystem_capacity=message.int64(10, 0),
    )
