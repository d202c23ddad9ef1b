"""Hadoop RPC's outermost bytes: the seven that begin a connection, and the frames that follow in both directions.

┌──────┬─────────┬─────────┬──────┐   once, from the client: "hrpc", version 9, service class 0,
│ hrpc │ version │ service │ auth │   auth 0 (SIMPLE) or 0xDF (SASL is to be negotiated)
│ 4    │ 1       │ 1       │ 1    │
└──────┴─────────┴─────────┴──────┘
┌────────┬──────────────┬─ ─ ─ ─ ─ ─ ─ ┐   then frames: a length (big-endian), and that many bytes of messages,
│ length │ size, header │ size, message│   each behind its own size (a varint)
│ 4      │              │              │
└────────┴──────────────┴─ ─ ─ ─ ─ ─ ─ ┘
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from ozone_recon.errors import DecodeError, TooLong, TransferError
from ozone_recon.wire.protobuf import delimited

MAGIC: Final = b"hrpc"
VERSION: Final = 9
CONNECTION_HEADER: Final = 7
"""Bytes of the connection header."""
LENGTH: Final = 4
"""Bytes of a frame's length."""
LONGEST: Final = 128 << 20
"""Bytes a frame may have without its length: Java's default of `ipc.maximum.data.length` for what a server takes, and
of `ipc.maximum.response.length` for what a client takes."""


class Auth(IntEnum):
    """The last byte of the connection header."""

    NONE = 0
    SASL = 0xDF


def connection_header(auth: Auth) -> bytes:
    """What a client sends first."""
    return MAGIC + bytes([VERSION, 0, auth])


def frame(*messages: bytes) -> bytes:
    """A frame of these messages."""
    body = b"".join(map(delimited, messages))
    return len(body).to_bytes(LENGTH, "big") + body


class Frames:
    """Cuts what arrives into frames, wherever it was split; holds no more than what has arrived."""

    def __init__(self, limit: int = LONGEST) -> None:
        """`limit` is the longest frame taken, in bytes without its length."""
        self.number = 0
        """Of the last frame that was cut; the first one is 1."""
        self._limit = limit
        self._arrived = bytearray()

    def cut(self, data: bytes) -> Iterator[bytes]:
        """The frames that are whole now that `data` has come, without their lengths; to be iterated to the end.

        Raises TooLong as soon as a length over the limit has come, and DecodeError for one of 0.
        """
        arrived = self._arrived
        arrived += data
        while len(arrived) >= LENGTH:
            length = int.from_bytes(arrived[:LENGTH], "big")
            self._check(length)
            end = LENGTH + length
            if len(arrived) < end:
                return
            with memoryview(arrived) as view:
                body = bytes(view[LENGTH:end])
            del arrived[:end]
            self.number += 1
            yield body

    @property
    def begun(self) -> int:
        """Bytes that have come of a frame that is not whole yet."""
        return len(self._arrived)

    def end(self) -> None:
        """Says that nothing more comes; TransferError within a frame."""
        if self._arrived:
            raise TransferError(f"the connection ended {len(self._arrived)} bytes into frame {self.number + 1}")

    def _check(self, length: int) -> None:
        if self._arrived[:LENGTH] == b"HTTP":
            raise DecodeError("it answers in HTTP: this is the port of a web server, not of Hadoop RPC")
        if not length:
            raise DecodeError(f"frame {self.number + 1} has a length of 0")
        if length > self._limit:
            raise TooLong(
                f"frame {self.number + 1} has {length:,} bytes, which is over the limit of {self._limit:,} "
                "(ipc.maximum.data.length, ipc.maximum.response.length)"
            )
