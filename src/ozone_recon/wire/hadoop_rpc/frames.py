"""Hadoop RPC's outer framing: the connection header (7 bytes), and the frames that follow in both directions.

┌──────┬─────────┬─────────┬──────┐   once, from the client: "hrpc", version 9, service class 0,
│ hrpc │ version │ service │ auth │   auth 0 (SIMPLE) or 0xDF (SASL negotiation)
│ 4    │ 1       │ 1       │ 1    │
└──────┴─────────┴─────────┴──────┘
┌────────┬──────────────┬─ ─ ─ ─ ─ ─ ─ ┐   then frames: a length (big-endian) and that many bytes of messages,
│ length │ size, header │ size, message│   each preceded by its size (a varint)
│ 4      │              │              │
└────────┴──────────────┴─ ─ ─ ─ ─ ─ ─ ┘
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from io import BytesIO
from typing import Final, NamedTuple

from ozone_recon.errors import DecodeError, MessageTooLong, TransferError
from ozone_recon.wire.cursor import Cursor
from ozone_recon.wire.protobuf.fields import varint

MAGIC: Final = b"hrpc"
VERSION: Final = 9
CONNECTION_HEADER: Final = 7
"""Bytes of the connection header."""
LENGTH: Final = 4
"""Bytes of a frame's length."""
LONGEST: Final = 128 << 20
"""Maximum bytes of a frame without its length: Java's default of `ipc.maximum.data.length` (server) and of
`ipc.maximum.response.length` (client)."""
MESSAGES: Final = 3
"""Maximum number of messages per frame: two headers and a request."""
_VARINT32: Final = 5
"""Maximum bytes of a message's size."""
_SHORT: Final = 1 << 16
"""Bytes up to which an incomplete message stays in the receive buffer."""
_PIECE: Final = 1 << 20
"""Maximum bytes that are copied at once: a copy of 100 MB would stop the other threads for 50 ms."""


class AuthMethod(IntEnum):
    """The last byte of the connection header."""

    NONE = 0
    SASL = 0xDF


def connection_header(auth: AuthMethod) -> bytes:
    """The first bytes that a client sends."""
    return MAGIC + bytes([VERSION, 0, auth])


def frame(*messages: bytes) -> bytes:
    """A frame of these messages."""
    parts = [part for message in messages for part in (varint(len(message)), message)]
    return b"".join((sum(map(len, parts)).to_bytes(LENGTH, "big"), *parts))


class Bounds(NamedTuple):
    """Size limits in bytes."""

    frame: int
    """Limit of a frame, without its length."""
    messages: tuple[int, ...] = ()
    """Limits of the first, second, … message of a frame; further ones may be as long as the frame."""
    name: str = "ipc.maximum.data.length, ipc.maximum.response.length"
    """The settings that define the limit of a frame, for error messages."""


class FrameReader:
    """Splits a byte stream into frames and messages; buffers only the bytes that have arrived.

    A long message gets its own buffer, which becomes the message: copying 128 MB would block an event loop for 0.1 s.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds(LONGEST)
        """May be replaced between two frames."""
        self.number = 0
        """The number of complete frames so far."""
        self._arrived = bytearray()
        """Received bytes that are in no message yet."""
        self._length = 0
        """Bytes of the current frame; 0 between two frames."""
        self._left = 0
        """Bytes of the current frame that are in no message yet."""
        self._messages: list[bytes] = []
        self._long = BytesIO()
        self._missing = 0
        """Bytes that the current long message still lacks; 0 when there is none."""

    def cut(self, data: bytes) -> Iterator[list[bytes]]:
        """Yields the messages of each frame that `data` completes; iterate to the end.

        Raises MessageTooLong as soon as a length over the bounds has arrived, and DecodeError for a length of 0 and for
        messages that do not fill their frame.
        """
        rest = memoryview(data)
        while rest:
            if self._missing:
                rest = rest[self._continue_message(rest[: min(self._missing, _PIECE)]) :]
            else:
                self._arrived += rest[:_SHORT]
                rest = rest[_SHORT:]
            while self._begin() and not self._missing and (not self._left or self._begin_message()):
                if not self._left:
                    messages, self._messages, self._length = self._messages, [], 0
                    self.number += 1
                    yield messages

    @property
    def begun(self) -> int:
        """The number of received bytes that belong to an incomplete frame."""
        cut = LENGTH + self._length - self._left if self._length else 0
        return cut + len(self._arrived)

    def end(self) -> None:
        """Signals the end of the input; TransferError when it is within a frame."""
        if self.begun:
            raise TransferError(f"the connection ended {self.begun} bytes into {self._which}")

    @property
    def _which(self) -> str:
        return f"frame {self.number + 1}"

    def _begin(self) -> bool:
        """Reads a frame's length; True within a frame."""
        if not self._length and len(self._arrived) >= LENGTH:
            length = int.from_bytes(self._arrived[:LENGTH], "big")
            if self._arrived[:LENGTH] == b"HTTP":
                raise DecodeError("the server speaks HTTP: this is the port of a web server, not of Hadoop RPC")
            if not length:
                raise DecodeError(f"{self._which} has a length of 0")
            if length > self.bounds.frame:
                raise MessageTooLong(
                    f"{self._which} has {length:,} bytes, which is over the limit of {self.bounds.frame:,} "
                    f"({self.bounds.name})"
                )
            del self._arrived[:LENGTH]
            self._length = self._left = length
        return self._length > 0

    def _begin_message(self) -> bool:
        """Takes a short message or starts a long one; False when too few bytes have arrived."""
        start, cursor = self._length - self._left, Cursor(bytes(self._arrived[: min(self._left, _VARINT32)]))
        if cursor.left < min(self._left, _VARINT32) and (not cursor.left or min(cursor.data[-1:]) >= 0x80):
            return False
        try:
            size = cursor.varint32()
        except DecodeError as error:
            raise DecodeError(f"{self._which}: the size of the message at byte {start}: {error}") from None
        left = self._left - cursor.at
        if size > left:
            raise DecodeError(f"{self._which}: {size} bytes are announced at byte {start}, but {left} are left")
        index = len(self._messages)
        if index < len(self.bounds.messages) and size > self.bounds.messages[index]:
            limit = self.bounds.messages[index]
            raise MessageTooLong(
                f"{self._which}: message {index + 1} has {size:,} bytes, which is over the limit of {limit:,}"
            )
        if index == MESSAGES - 1 and size < left:
            raise DecodeError(
                f"{self._which}: {left - size} bytes follow the message that ends at byte {start + cursor.at + size}"
            )
        if cursor.at + size <= len(self._arrived):
            self._messages.append(self._taken(cursor.at + size)[cursor.at :])
        elif size > _SHORT:
            self._taken(cursor.at)
            self._missing = size
            self._continue_message(self._arrived)
            self._arrived.clear()
        else:
            return False
        return True

    def _continue_message(self, data: bytearray | memoryview) -> int:
        """Appends to the current long message; returns the number of bytes."""
        size = self._long.write(data)
        self._left -= size
        self._missing -= size
        if not self._missing:
            # getvalue shares the buffer instead of copying it, as long as nothing more is written.
            self._messages.append(self._long.getvalue())
            self._long = BytesIO()
        return size

    def _taken(self, size: int) -> bytes:
        """Removes the next `size` bytes of the frame from the receive buffer."""
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        self._left -= size
        return data
