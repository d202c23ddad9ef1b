"""A cursor over bytes that reads the integers and slices of RocksDB's files."""

from __future__ import annotations

from ozone_recon.errors import DecodeError
from ozone_recon.wire.protobuf.fields import read_varint


class Cursor:
    """Reads `data` from `at` on, little-endian; reading past the end is a DecodeError."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    @property
    def left(self) -> int:
        """The number of unread bytes."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > self.left:
            raise DecodeError(f"{size} bytes are announced at byte {self.at}, but {self.left} are left")
        self.at += size
        return self.data[self.at - size : self.at]

    def fixed(self, size: int) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def varint(self) -> int:
        """An unsigned varint of up to 64 bits."""
        value, self.at = read_varint(self.data, self.at)
        return value

    def varint32(self) -> int:
        """An unsigned varint of up to five bytes that must fit 32 bits."""
        start = self.at
        value = self.varint()
        if value >> 32 or self.at - start > 5:
            raise DecodeError(f"varint at byte {start} is {value} in {self.at - start} bytes, which is over 32 bits")
        return value

    def slice(self) -> bytes:
        """Bytes preceded by their number, a varint."""
        return self.take(self.varint32())
