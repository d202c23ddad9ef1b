"""OM's RPC messages, encoded and decoded: the envelope of all its calls, and getDBUpdates.

Encoding matches Java's client and OM byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.errors import DecodeError
from ozone_recon.wire.ozone.schema import OmCommand
from ozone_recon.wire.protobuf.fields import Message, bytes_field, number_field
from ozone_recon.wire.protobuf.messages import Messages

PROTOCOL: Final = "org.apache.hadoop.ozone.om.protocol.OzoneManagerProtocol"
METHOD: Final = "submitRequest"
OK: Final = 1
INTERNAL_ERROR: Final = 15
"""Statuses of a successful call, and of one that failed within OM."""
_CLIENT_VERSION: Final = 3
"""The version of Ozone 2.2.0's clients."""
_LEADER_ONLY: Final = number_field(1, 1)
"""A ReadConsistencyHint: without it a follower may answer if so configured, with its own sequence numbers."""


@dataclass(frozen=True, slots=True)
class OmRequest:
    """OMRequest: a command and its own message."""

    command: OmCommand
    message: bytes
    client_id: str
    """Any text; Java sends `client-` and twelve hexadecimal digits."""

    def encode(self) -> bytes:
        """Encodes like Java, with an empty trace."""
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
        """Raises DecodeError also for an unknown command."""
        message = Message("OMRequest", data)
        number = message.int32(1)
        for command in OmCommand:
            if command.value[0] == number:
                return cls(command, message.blob(number), message.text(3))
        raise DecodeError(f"OMRequest: command {number} is not known")


@dataclass(frozen=True, slots=True)
class OmResponse:
    """OMResponse: the response to a command; `message` is empty when the command failed."""

    command: OmCommand
    message: bytes
    status: int = OK
    error: str | None = None
    """OM's error message."""

    def encode(self) -> bytes:
        """Encodes like OM, with an empty trace; both a boolean and the status tell success."""
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
        """Decodes the response to `command`."""
        message = Message("OMResponse", data)
        status = message.int32(5)
        return cls(command, message.blob(command.value[1]) if status == OK else b"", status, message.text(4, None))


@dataclass(frozen=True, slots=True)
class UpdatesRequest:
    """DBUpdatesRequest: requests the WriteBatches that start after a sequence number.

    OM stops after the first batch that starts `limit` or more after it, or at the end.
    """

    sequence_number: int
    limit: int | None

    def encode(self) -> bytes:
        """Encodes like Java."""
        return number_field(1, self.sequence_number) + number_field(2, self.limit)

    @classmethod
    def decode(cls, data: bytes) -> UpdatesRequest:
        """Decodes the message."""
        message = Message("DBUpdatesRequest", data)
        return cls(message.int64(1), message.int64(2, None))


@dataclass(frozen=True, slots=True, eq=False)
class Updates:
    """DBUpdatesResponse: raw WriteBatches in order, and OM's last sequence number."""

    batches: ByteSlices
    sequence_number: int
    """The first sequence number of the last batch; -1 when there is none."""
    latest_sequence_number: int
    """OM's own last sequence number; -1 when the call failed."""
    success: bool

    def encode(self) -> bytes:
        """Encodes like OM."""
        data = self.batches.data
        slices = zip(self.batches.starts.tolist(), self.batches.ends.tolist(), strict=True)
        return (
            number_field(1, self.sequence_number)
            + b"".join(bytes_field(2, data[start:end].tobytes()) for start, end in slices)
            + number_field(3, self.latest_sequence_number)
            + number_field(4, self.success)
        )

    @classmethod
    def decode(cls, data: bytes) -> Updates:
        """Decodes the message; the batches are slices of `data`, not copies."""
        message = Messages(ByteSlices(np.frombuffer(data, np.uint8), np.zeros(1, np.int64), np.array([len(data)])))
        batches, _ = message.blobs(2)
        sequence_number, latest = int(message.int64(1)[0]), int(message.int64(3, 0)[0])
        success = bool(message.boolean(4, False)[0])
        if message.refused[0]:
            raise DecodeError(f"DBUpdatesResponse: {data[:20].hex()} … is malformed")
        return cls(batches, sequence_number, latest, success)
