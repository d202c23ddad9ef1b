"""Reads and writes protobuf messages without generated code: fields by number, strict about truncation.

The rules are those of the protobuf encoding guide. A varint has up to ten bytes and is taken modulo 2^64, so a
negative number reads as Java wrote it. A known field with another wire type is skipped, like an unknown field. The last
of several values of a singular field wins. Groups are skipped; the number of their end tag is not compared. Every
length-delimited value must end exactly where its length says. The number of fields is bounded, including those within
groups, because each takes a microsecond and an object.

A message may be read from a `memoryview`: long embedded values are then not copied, unless read as bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Literal, TypeVar

from ozone_recon.columnar.byte_column import Raw
from ozone_recon.errors import DecodeError, MessageTooLong

T = TypeVar("T")
D = TypeVar("D")
V = TypeVar("V")

VARINT: Final = 0
FIXED64: Final = 1
LENGTH_DELIMITED: Final = 2
START_GROUP: Final = 3
END_GROUP: Final = 4
FIXED32: Final = 5

MAX_VARINT_BYTES: Final = 10
MOST_FIELDS: Final = 1 << 20
"""Default maximum of fields per message: after a day without reports a datanode sends many in one."""
_LONG: Final = 1 << 16
"""Above this many bytes, a value within a `memoryview` is not copied."""
_U64: Final = (1 << 64) - 1
_SHORT: Final = tuple(bytes([number]) for number in range(0x80))
"""Precomputed encodings of the numbers below 128."""


def read_varint(data: Raw, at: int) -> tuple[int, int]:
    """The unsigned 64-bit number that starts at byte `at`, and the offset after it."""
    value = 0
    for index in range(MAX_VARINT_BYTES):
        if at + index >= len(data):
            raise DecodeError(f"varint at byte {at} runs over the end at byte {len(data)}")
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & _U64, at + index + 1
    raise DecodeError(f"varint at byte {at} is longer than {MAX_VARINT_BYTES} bytes")


def to_int64(value: int) -> int:
    """An unsigned 64-bit number as Java's signed `long`."""
    return value - (1 << 64) if value >> 63 else value


def to_int32(value: int) -> int:
    """The low 32 bits as Java's signed `int`, as protobuf reads an int32 or an enum."""
    low = value & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


def from_zigzag(value: int) -> int:
    """Decodes a zigzag number: 0, 1, 2, 3 stand for 0, -1, 1, -2."""
    return value >> 1 ^ -(value & 1)


def to_text(value: Raw) -> str:
    """UTF-8 as text; bytes that are not UTF-8 become surrogates, which encode back to the same bytes."""
    return str(value, "utf-8", "surrogateescape")


def _to_name(value: Raw) -> str:
    return str(value, "utf-8", "replace")


def read_field(data: Raw, at: int, most: int = MOST_FIELDS) -> tuple[int, int | Raw | None, int]:
    """Reads the field whose tag starts at byte `at`; returns its tag, its value, and the offset after it.

    The value is an unsigned number for a varint, bytes for a length-delimited field, None for a skipped field.
    MessageTooLong for a group of more than `most` fields.
    """
    tag, after = _read_tag(data, at)
    wire_type = tag & 7
    if wire_type == VARINT:
        number, after = read_varint(data, after)
        return tag, number, after
    if wire_type == LENGTH_DELIMITED:
        length, after = read_varint(data, after)
        _need(data, after, length)
        value = data[after : after + length]
        return tag, value if length > _LONG else bytes(value), after + length
    if wire_type == START_GROUP:
        return tag, None, _skip_group(data, after, most)
    if wire_type in (FIXED64, FIXED32):
        size = 8 if wire_type == FIXED64 else 4
        _need(data, after, size)
        return tag, None, after + size
    raise DecodeError(f"tag at byte {at} has the invalid wire type {wire_type}")


def _read_tag(data: Raw, at: int) -> tuple[int, int]:
    tag, after = read_varint(data, at)
    if not 1 <= tag >> 3 < 1 << 29:
        raise DecodeError(f"tag at byte {at} has the invalid field number {tag >> 3}")
    return tag, after


def _skip_group(data: Raw, at: int, most: int) -> int:
    depth = 1
    while depth:
        if not most:
            raise MessageTooLong(f"the group that continues at byte {at} has too many fields")
        most -= 1
        tag, after = _read_tag(data, at)
        if tag & 7 == START_GROUP:
            depth, at = depth + 1, after
        elif tag & 7 == END_GROUP:
            depth, at = depth - 1, after
        else:
            _, _, at = read_field(data, at)
    return at


def _need(data: Raw, at: int, size: int) -> None:
    if size > len(data) - at:
        raise DecodeError(f"{size} bytes are announced at byte {at}, but {len(data) - at} are left")


class _Required(Enum):
    REQUIRED = "a message without this field is refused"


Required = Literal[_Required.REQUIRED]
REQUIRED: Final = _Required.REQUIRED
"""Passed instead of a default: a message without the field is a DecodeError, as in Java."""


class Message:
    """The fields of one message, read by number; reading a missing field without a default is a DecodeError."""

    def __init__(self, name: str, data: Raw, most: int = MOST_FIELDS) -> None:
        """Splits `data` into fields; `name` is for error messages. MessageTooLong for more than `most` fields."""
        self._name = name
        self._most = left = most
        self._numbers: dict[int, list[int]] = {}
        self._blobs: dict[int, list[Raw]] = {}
        at = 0
        while at < len(data):
            if left <= 0:
                raise MessageTooLong(f"{name}: it has more than {most:,} fields")
            start = at
            try:
                tag, value, at = read_field(data, at, left)
            except DecodeError as error:
                raise type(error)(f"{name}: {error}") from None
            # A field within a group has at least two bytes.
            left -= 1 if tag & 7 != START_GROUP else (at - start) // 2
            if isinstance(value, int):
                self._numbers.setdefault(tag >> 3, []).append(value)
            elif value is not None:
                self._blobs.setdefault(tag >> 3, []).append(value)

    def int64(self, number: int, default: D | Required = REQUIRED) -> int | D:
        """A varint as Java's `long`: for int64, and for uint64, which Java reads as signed."""
        return self._last(self._numbers, number, to_int64, default)

    def int64s(self, number: int) -> tuple[int, ...]:
        """A repeated, unpacked varint, in order; proto2 packs only on request."""
        return tuple(map(to_int64, self._numbers.get(number, ())))

    def int32(self, number: int, default: D | Required = REQUIRED) -> int | D:
        """A varint as Java's `int`: for int32, uint32 and enums."""
        return self._last(self._numbers, number, to_int32, default)

    def sint32(self, number: int, default: D | Required = REQUIRED) -> int | D:
        """A zigzag varint as Java's `int`: for sint32."""
        return self._last(self._numbers, number, lambda value: from_zigzag(value & 0xFFFFFFFF), default)

    def boolean(self, number: int, default: D | Required = REQUIRED) -> bool | D:
        """A varint as a boolean."""
        return self._last(self._numbers, number, bool, default)

    def blob(self, number: int, default: D | Required = REQUIRED) -> bytes | D:
        """The bytes of a length-delimited field."""
        return self._last(self._blobs, number, bytes, default)

    def view(self, number: int, default: D | Required = REQUIRED) -> Raw | D:
        """The bytes of a length-delimited field, without a copy."""
        return self._last(self._blobs, number, lambda value: value, default)

    def views(self, number: int) -> tuple[Raw, ...]:
        """A repeated length-delimited field, in order, without a copy."""
        return tuple(self._blobs.get(number, ()))

    def text(self, number: int, default: D | Required = REQUIRED) -> str | D:
        """A string; bytes that are not UTF-8 survive as surrogates (`surrogateescape`)."""
        return self._last(self._blobs, number, to_text, default)

    def name(self, number: int, default: D | Required = REQUIRED) -> str | D:
        """A string for display only; bytes that are not UTF-8 are replaced, as Java does."""
        return self._last(self._blobs, number, _to_name, default)

    def names(self, number: int) -> tuple[str, ...]:
        """A repeated string for display, in order."""
        return tuple(map(_to_name, self._blobs.get(number, ())))

    def texts(self, number: int) -> tuple[str, ...]:
        """A repeated string, in order."""
        return tuple(map(to_text, self._blobs.get(number, ())))

    def message(self, number: int, decode: Callable[[bytes], T], default: D | Required = REQUIRED) -> T | D:
        """An embedded message, decoded."""
        return self._last(self._blobs, number, self._within(number, decode), default)

    def messages(self, number: int, decode: Callable[[bytes], T]) -> tuple[T, ...]:
        """A repeated embedded message, each decoded, in order."""
        return tuple(map(self._within(number, decode), self._blobs.get(number, ())))

    def _last(
        self,
        values: dict[int, list[V]],
        number: int,
        convert: Callable[[V], T],
        default: D | Required,
    ) -> T | D:
        if number in values:
            return convert(values[number][-1])
        if default is REQUIRED:
            raise DecodeError(f"{self._name}: required field {number} is missing")
        return default

    def part(self, number: int, name: str) -> Message:
        """An embedded message, with the same maximum of fields, without a copy."""
        return Message(f"{self._name} field {number}: {name}", self.view(number), self._most)

    def _within(self, number: int, decode: Callable[[bytes], T]) -> Callable[[Raw], T]:
        def decode_and_locate(value: Raw) -> T:
            try:
                return decode(bytes(value))
            except DecodeError as error:
                raise type(error)(f"{self._name} field {number}: {error}") from None

        return decode_and_locate


def varint(value: int) -> bytes:
    """Encodes a number in the fewest bytes; a negative one in ten, as Java writes an `int`, a `long` or an enum."""
    if 0 <= value < 0x80:
        return _SHORT[value]
    value &= _U64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    """Encodes a sint32 as zigzag."""
    return (value << 1 ^ value >> 31) & 0xFFFFFFFF


def delimited(message: bytes) -> bytes:
    """Bytes preceded by their length, a varint."""
    return varint(len(message)) + message


def number_field(number: int, value: int | None) -> bytes:
    """Encodes a varint field; nothing for None."""
    return b"" if value is None else varint(number << 3 | VARINT) + varint(value)


def bytes_field(number: int, value: bytes | str | None) -> bytes:
    """Encodes a field of bytes, text or a message; nothing for None. Inverts `to_text`."""
    if value is None:
        return b""
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return b"".join((varint(number << 3 | LENGTH_DELIMITED), varint(len(data)), data))
