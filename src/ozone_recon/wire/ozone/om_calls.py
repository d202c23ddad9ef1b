"""What OM is called with and answers, both sides: the envelope of all its calls, and getDBUpdates.

Each message is written as Java's client and OM write it, to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.errors import DecodeError
from ozone_recon.wire.protobuf.fields import Message, bytes_field, number_field
from ozone_recon.wire.protobuf.messages import Messages

PROTOCOL: Final = "org.apache.hadoop.ozone.om.protocol.OzoneManagerProtocol"
METHOD: Final = "submitRequest"
OK: Final = 1
INTERNAL_ERROR: Final = 15
"""The statuses of a call that went well, and of one that failed for no reason of its own."""
_CLIENT_VERSION: Final = 3
"""That of Ozone 2.2.0's clients."""
_LEADER_ONLY: Final = number_field(1, 1)
"""A ReadConsistencyHint. Without it an OM may be set up to answer as a follower, whose sequence numbers are others."""


class OmCommand(Enum):
    """What OM can be asked: the number of the command and of its own field in the request, and that in the response."""

    SERVICE_LIST = 51, 51
    DB_UPDATES = 53, 52


@dataclass(frozen=True, slots=True)
class OmRequest:
    """OMRequest: a command, and the message of its own."""

    command: OmCommand
    message: bytes
    client_id: str
    """Any text: `client-` and twelve hexadecimal digits from Java."""

    def encode(self) -> bytes:
        """As Java writes it: with an empty trace."""
        number = self.command.value[0]
        return (
            number_field(1, number)
            + bytes_field(2, "")
            + bytes_field(3, self.client_id)
            + number_field(5, _CLIENT_VERSION)
            + bytes_field(7, _LEADER_ONLY)
            + bytes_field(number, self.message)
        )

    @classmethod
    def decode(cls, data: bytes) -> OmRequest:
        """Raises DecodeError for a command that is not one of ours too."""
        message = Message("OMRequest", data)
        number = message.int32(1)
        for command in OmCommand:
            if command.value[0] == number:
                return cls(command, message.blob(number), message.text(3))
        raise DecodeError(f"OMRequest: command {number} is not known")


@dataclass(frozen=True, slots=True)
class OmResponse:
    """OMResponse: the answer to a command; its own message is empty when the command was refused."""

    command: OmCommand
    message: bytes
    status: int = OK
    error: str | None = None
    """What OM says when it refuses."""

    def encode(self) -> bytes:
        """As OM writes it: with an empty trace, and twice whether it went well."""
        number, field = self.command.value
        return (
            number_field(1, number)
            + bytes_field(2, "")
            + number_field(3, self.status == OK)
            + bytes_field(4, self.error)
            + number_field(5, self.status)
            + (bytes_field(field, self.message) if self.status == OK else b"")
        )

    @classmethod
    def decode(cls, data: bytes, command: OmCommand) -> OmResponse:
        """The answer to `command`."""
        message = Message("OMResponse", data)
        status = message.int32(5)
        return cls(command, message.blob(command.value[1]) if status == OK else b"", status, message.text(4, None))


@dataclass(frozen=True, slots=True)
class UpdatesRequest:
    """DBUpdatesRequest: asks for the WriteBatches that begin behind a sequence number.

    OM ends with the first that begins `limit` or more behind it, or when there are no more.
    """

    sequence_number: int
    limit: int | None

    def encode(self) -> bytes:
        """As Java writes it."""
        return number_field(1, self.sequence_number) + number_field(2, self.limit)

    @classmethod
    def decode(cls, data: bytes) -> UpdatesRequest:
        """The other way."""
        message = Message("DBUpdatesRequest", data)
        return cls(message.int64(1), message.int64(2, None))


@dataclass(frozen=True, slots=True, eq=False)
class Updates:
    """DBUpdatesResponse: raw WriteBatches in their order, and how far OM is."""

    batches: ByteSlices
    sequence_number: int
    """Where the last batch begins; -1 when there is none."""
    latest_sequence_number: int
    """OM's own; -1 when the call failed."""
    success: bool

    def encode(self) -> bytes:
        """As OM writes it."""
        data = self.batches.data
        places = zip(self.batches.starts.tolist(), self.batches.ends.tolist(), strict=True)
        return (
            number_field(1, self.sequence_number)
            + b"".join(bytes_field(2, data[start:end].tobytes()) for start, end in places)
            + number_field(3, self.latest_sequence_number)
            + number_field(4, self.success)
        )

    @classmethod
    def decode(cls, data: bytes) -> Updates:
        """The batches stay where they are in `data`."""
        whole = Messages(ByteSlices(np.frombuffer(data, np.uint8), np.zeros(1, np.int64), np.array([len(data)])))
        batches, _ = whole.blobs(2)
        sequence_number, latest = int(whole.int64(1)[0]), int(whole.int64(3, 0)[0])
        success = bool(whole.boolean(4, False)[0])
        if whole.refused[0]:
            raise DecodeError(f"DBUpdatesResponse: {data[:20].hex()} … is no such message")
        return cls(batches, sequence_number, latest, success)
