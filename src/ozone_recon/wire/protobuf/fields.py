"""Protobuf messages, field by field: reads only the fields that are asked for, strict about what is cut short; writes.

The rules are those of the protobuf encoding guide. A varint has up to ten bytes and is taken modulo 2^64, so a
negative number reads as what Java wrote. A field we know by number but that comes with another wire type, like one
we do not know, is skipped. The last of several values of a singular field wins. Groups are skipped to their end,
whatever their end is numbered. Everything must end exactly where its length says. The number of fields is bounded,
those of groups too, because each of them takes a microsecond and an object.

A message may be read from a `memoryview`: what is long and embedded in it is not copied then, unless as bytes.
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
"""Fields of a message, unless told otherwise: a datanode that could not report for a day sends many in one."""
_LONG: Final = 1 << 16
"""Bytes that are not copied for a slice of a `memoryview`."""
_U64: Final = (1 << 64) - 1
_SHORT: Final = tuple(bytes([number]) for number in range(0x80))
"""Most numbers that are written."""


def read_varint(data: Raw, at: int) -> tuple[int, int]:
    """The unsigned 64-bit number that starts at byte `at`, and where the next thing starts."""
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
    """An unsigned number as the sint32 or sint64 that it stands for: 0, -1, 1, -2, ..."""
    return value >> 1 ^ -(value & 1)


def to_text(value: Raw) -> str:
    """UTF-8 as text; bytes that are not UTF-8 become surrogates, which encode back to the same bytes."""
    return str(value, "utf-8", "surrogateescape")


def _to_name(value: Raw) -> str:
    return str(value, "utf-8", "replace")


def read_field(data: Raw, at: int, most: int = MOST_FIELDS) -> tuple[int, int | Raw | None, int]:
    """The field whose tag starts at byte `at`: its tag, its value, and where the next field starts.

    The value is an unsigned number for a varint, bytes for a length-delimited field, None for what is skipped. TooLong
    for a group of more than `most` fields.
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
    raise DecodeError(f"tag at byte {at} has wire type {wire_type}, which cannot stand here")


def _read_tag(data: Raw, at: int) -> tuple[int, int]:
    tag, after = read_varint(data, at)
    if not 1 <= tag >> 3 < 1 << 29:
        raise DecodeError(f"tag at byte {at} names field {tag >> 3}, which cannot exist")
    return tag, after


def _skip_group(data: Raw, at: int, most: int) -> int:
    depth = 1
    while depth:
        if not most:
            raise MessageTooLong(f"the group that goes on at byte {at} has more fields than are taken")
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
"""In place of a default: a message without the field is refused, as Java refuses it."""


class Message:
    """The fields of one message, asked for by number; a field asked for without a default must be there."""

    def __init__(self, name: str, data: Raw, most: int = MOST_FIELDS) -> None:
        """Splits `data` into fields; `name` is what errors call the message. TooLong for more fields than `most`."""
        self._name = name
        self._most = left = most
        self._numbers: dict[int, list[int]] = {}
        self._blobs: dict[int, list[Raw]] = {}
        at = 0
        while at < len(data):
            if left <= 0:
                raise MessageTooLong(f"{name}: it has more than {most:,} fields, which are not taken")
            start = at
            try:
                tag, value, at = read_field(data, at, left)
            except DecodeError as error:
                raise type(error)(f"{name}: {error}") from None
            # The fields of a group have two bytes at least.
            left -= 1 if tag & 7 != START_GROUP else (at - start) // 2
            if isinstance(value, int):
                self._numbers.setdefault(tag >> 3, []).append(value)
            elif value is not None:
                self._blobs.setdefault(tag >> 3, []).append(value)

    def int64(self, number: int, default: D | Required = REQUIRED) -> int | D:
        """A varint as Java's `long`: right for int64 and, since Java has no other, for uint64."""
        return self._last(self._numbers, number, to_int64, default)

    def int64s(self, number: int) -> tuple[int, ...]:
        """A repeated varint, in order; not packed, which proto2 does not do unless told."""
        return tuple(map(to_int64, self._numbers.get(number, ())))

    def int32(self, number: int, default: D | Required = REQUIRED) -> int | D:
        """A varint as Java's `int`: right for int32, uint32 and enums."""
        return self._last(self._numbers, number, to_int32, default)

    def sint32(self, number: int, default: D | Required = REQUIRED) -> int | D:
        """A zigzag varint as Java's `int`: right for sint32."""
        return self._last(self._numbers, number, lambda value: from_zigzag(value & 0xFFFFFFFF), default)

    def boolean(self, number: int, default: D | Required = REQUIRED) -> bool | D:
        """A varint as a boolean."""
        return self._last(self._numbers, number, bool, default)

    def blob(self, number: int, default: D | Required = REQUIRED) -> bytes | D:
        """A length-delimited field's bytes as they are."""
        return self._last(self._blobs, number, bytes, default)

    def view(self, number: int, default: D | Required = REQUIRED) -> Raw | D:
        """The same, without a copy of them."""
        return self._last(self._blobs, number, lambda value: value, default)

    def views(self, number: int) -> tuple[Raw, ...]:
        """A repeated length-delimited field, in order, without a copy."""
        return tuple(self._blobs.get(number, ()))

    def text(self, number: int, default: D | Required = REQUIRED) -> str | D:
        """A string; bytes that are not UTF-8 survive as surrogates (`surrogateescape`)."""
        return self._last(self._blobs, number, to_text, default)

    def name(self, number: int, default: D | Required = REQUIRED) -> str | D:
        """A string that is no key of ours; bytes that are not UTF-8 are replaced, as Java does when it reads them."""
        return self._last(self._blobs, number, _to_name, default)

    def names(self, number: int) -> tuple[str, ...]:
        """A repeated one, in order."""
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
        """An embedded message whose fields are to be asked for; bounded as this one is, and not copied."""
        return Message(f"{self._name} field {number}: {name}", self.view(number), self._most)

    def _within(self, number: int, decode: Callable[[bytes], T]) -> Callable[[Raw], T]:
        def decode_and_say_where(value: Raw) -> T:
            try:
                return decode(bytes(value))
            except DecodeError as error:
                raise type(error)(f"{self._name} field {number}: {error}") from None

        return decode_and_say_where


def varint(value: int) -> bytes:
    """A number in as few bytes as it needs; a negative one in ten, as Java writes an `int`, a `long` or an enum."""
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
    """A sint32 as the unsigned number that stands for it."""
    return (value << 1 ^ value >> 31) & 0xFFFFFFFF


def delimited(message: bytes) -> bytes:
    """A message, or a field's value, behind a varint that gives its length."""
    return varint(len(message)) + message


def number_field(number: int, value: int | None) -> bytes:
    """A varint field; nothing for None."""
    return b"" if value is None else varint(number << 3 | VARINT) + varint(value)


def bytes_field(number: int, value: bytes | str | None) -> bytes:
    """A field of bytes, text or a message; nothing for None. Text that `to_text` made gives the same bytes again."""
    if value is None:
        return b""
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return varint(number << 3 | LENGTH_DELIMITED) + delimited(data)
