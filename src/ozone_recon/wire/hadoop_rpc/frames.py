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
from io import BytesIO
from typing import Final, NamedTuple

from ozone_recon.errors import DecodeError, MessageTooLong, TransferError
from ozone_recon.wire.cursor import Cursor
from ozone_recon.wire.protobuf.fields import delimited

MAGIC: Final = b"hrpc"
VERSION: Final = 9
CONNECTION_HEADER: Final = 7
"""Bytes of the connection header."""
LENGTH: Final = 4
"""Bytes of a frame's length."""
LONGEST: Final = 128 << 20
"""Bytes a frame may have without its length: Java's default of `ipc.maximum.data.length` for what a server takes, and
of `ipc.maximum.response.length` for what a client takes."""
MESSAGES: Final = 3
"""Messages that a frame has at most: two headers and a request."""
_VARINT32: Final = 5
"""Bytes of a message's size at most."""
_SHORT: Final = 1 << 16
"""Bytes of a message that waits to be whole among what has arrived."""


class AuthMethod(IntEnum):
    """The last byte of the connection header."""

    NONE = 0
    SASL = 0xDF


def connection_header(auth: AuthMethod) -> bytes:
    """What a client sends first."""
    return MAGIC + bytes([VERSION, 0, auth])


def frame(*messages: bytes) -> bytes:
    """A frame of these messages."""
    body = b"".join(map(delimited, messages))
    return len(body).to_bytes(LENGTH, "big") + body


class Bounds(NamedTuple):
    """The sizes of what is taken, in bytes."""

    frame: int
    """A frame, without its length."""
    messages: tuple[int, ...] = ()
    """The first, second, ... message of a frame; those beyond may be as long as the frame."""
    name: str = "ipc.maximum.data.length, ipc.maximum.response.length"
    """What sets the bound of a frame."""


class FrameReader:
    """Cuts what arrives into frames, and those into messages, wherever it was split; holds no more than has arrived.

    A long message gets a buffer of its own, which becomes the message: to copy 128 MB stops an event loop for a tenth
    of a second.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds(LONGEST)
        """May be changed between two frames."""
        self.number = 0
        """Of the last frame that was cut; the first one is 1."""
        self._arrived = bytearray()
        """What has come, and is in no message yet."""
        self._length = 0
        """Bytes of the frame that is being cut; 0 between two frames."""
        self._left = 0
        """Those that are in none of its messages yet."""
        self._messages: list[bytes] = []
        self._long = BytesIO()
        self._missing = 0
        """Bytes that the long message still lacks; 0 when there is none."""

    def cut(self, data: bytes) -> Iterator[list[bytes]]:
        """The messages of each frame that is whole now that `data` has come; to be iterated to the end.

        Raises TooLong as soon as a length over the bounds has come, and DecodeError for a length of 0 and for messages
        that do not fill their frame.
        """
        self._arrived += data
        while self._begin() and self._next_message():
            if not self._left:
                messages, self._messages, self._length = self._messages, [], 0
                self.number += 1
                yield messages

    @property
    def begun(self) -> int:
        """Bytes that have come of a frame that is not whole yet."""
        cut = LENGTH + self._length - self._left if self._length else 0
        return cut + len(self._arrived)

    def end(self) -> None:
        """Says that nothing more comes; TransferError within a frame."""
        if self.begun:
            raise TransferError(f"the connection ended {self.begun} bytes into {self._which}")

    @property
    def _which(self) -> str:
        return f"frame {self.number + 1}"

    def _begin(self) -> bool:
        """Whether a frame has begun."""
        if not self._length and len(self._arrived) >= LENGTH:
            length = int.from_bytes(self._arrived[:LENGTH], "big")
            if self._arrived[:LENGTH] == b"HTTP":
                raise DecodeError("it answers in HTTP: this is the port of a web server, not of Hadoop RPC")
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

    def _next_message(self) -> bool:
        """Whether the frame's next message is whole; it is among its messages then."""
        if not self._missing and not self._begin_message():
            return False
        if self._missing:
            self._missing -= self._long.write(self._taken(min(self._missing, len(self._arrived))))
            if self._missing:
                return False
            # The bytes are shared with the buffer, not copied, as long as nothing more is written.
            self._messages.append(self._long.getvalue())
            self._long = BytesIO()
        return True

    def _begin_message(self) -> bool:
        """Takes a short message, or begins a long one; False when too little has come for that."""
        place, within = self._length - self._left, Cursor(bytes(self._arrived[: min(self._left, _VARINT32)]))
        if within.left < min(self._left, _VARINT32) and (not within.left or min(within.data[-1:]) >= 0x80):
            return False
        try:
            size = within.varint32()
        except DecodeError as error:
            raise DecodeError(f"{self._which}: the size of the message at byte {place}: {error}") from None
        left = self._left - within.at
        if size > left:
            raise DecodeError(f"{self._which}: {size} bytes are announced at byte {place}, but {left} are left")
        index = len(self._messages)
        if index < len(self.bounds.messages) and size > self.bounds.messages[index]:
            most = self.bounds.messages[index]
            raise MessageTooLong(
                f"{self._which}: message {index + 1} has {size:,} bytes, which is over the limit of {most:,}"
            )
        if index == MESSAGES - 1 and size < left:
            raise DecodeError(
                f"{self._which}: {left - size} bytes follow the message that ends at byte {place + within.at + size}"
            )
        if within.at + size <= len(self._arrived):
            self._messages.append(self._taken(within.at + size)[within.at :])
        elif size > _SHORT:
            self._taken(within.at)
            self._missing = size
        else:
            return False
        return True

    def _taken(self, size: int) -> bytes:
        """The next bytes of the frame that have arrived."""
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        self._left -= size
        return data
