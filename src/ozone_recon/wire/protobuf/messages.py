"""Reads many protobuf messages of one type as columns, with the rules of `wire.protobuf.fields.Message`.

One pass splits all messages into a table of fields, and indexes the last field of each number in each message; a column
is then a gather from that table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.columnar.kernels import lean_kernel, zero
from ozone_recon.wire.protobuf.kernel import read_field

Int32s = NDArray[np.int32]
Bools = NDArray[np.bool_]

T = TypeVar("T")

MOST_FIELDS = 24
"""Fields with this or a higher number cannot be read; the messages of OM that are read here have none."""


class Messages:
    """Messages, numbered from 0, whose fields are read by number like those of a `Message`.

    Where `Message` raises DecodeError, the message and all that contain it are marked in `refused`. The values of
    refused messages in the columns are undefined.
    """

    def __init__(self, cells: ByteSlices, above: Self | None = None, parent: Int64s | None = None) -> None:
        """`parent` maps each message to the number of the message in `above` that contains it."""
        self.refused: Bools = np.zeros(len(cells.starts), np.bool_)
        self.parent = np.arange(len(self.refused)) if parent is None else parent
        self._above = above
        self._data = cells.data
        cells = cells.read_only()
        # The last field stands for absent ones, whose index is -1.
        fields = np.zeros((4, count_fields(*cells) + 1), np.int64)
        self._message, self._tag, self._value, self._end = fields
        self._last = np.full((2 * MOST_FIELDS, len(self)), -1, np.int32)
        split_fields(*cells, fields, self._last, self.refused)
        self.refuse(np.flatnonzero(self.refused))

    def __len__(self) -> int:
        return len(self.refused)

    def refuse(self, messages: Int64s) -> None:
        """Marks these messages, and all that contain them, as refused."""
        self.refused[messages] = True
        if self._above is not None and len(messages):
            self._above.refuse(self.parent[messages])

    def has_number(self, number: int) -> Bools:
        """Whether each message has a varint with this number."""
        present: Bools = self._last[number] >= 0
        return present

    def has_blob(self, number: int) -> Bools:
        """Whether each message has a length-delimited field with this number."""
        present: Bools = self._last[MOST_FIELDS + number] >= 0
        return present

    def int64(self, number: int, default: int | None = None) -> Int64s:
        """A varint as Java's `long`; without a default, a message without the field is refused."""
        at = self._last_fields(number, required=default is None)
        values: Int64s = self._value[at]
        return np.where(at < 0, default, values) if default else values

    def int32(self, number: int, default: int | None = None) -> Int64s:
        """A varint as Java's `int`."""
        return self.int64(number, default).astype(np.int32).astype(np.int64)

    def boolean(self, number: int, default: bool | None = None) -> Bools:
        """A varint as a boolean."""
        values: Bools = self.int64(number, default) != 0
        return values

    def blob(self, number: int, *, required: bool = True) -> ByteSlices:
        """The bytes of a length-delimited field; empty where an optional one is absent."""
        return self._slices_of(self._last_fields(MOST_FIELDS + number, required))

    def blobs(self, number: int) -> tuple[ByteSlices, Int64s]:
        """The values of a repeated length-delimited field in order, and the message of each."""
        fields = np.flatnonzero(self._tag == number << 3 | 2)
        return self._slices_of(fields), self._message[fields]

    def message(self, number: int) -> Messages:
        """An embedded message of each message; where it is absent, both are refused."""
        return Messages(self.blob(number), self)

    def messages(self, number: int) -> Messages:
        """A repeated embedded message."""
        cells, parent = self.blobs(number)
        return Messages(cells, self, parent)

    def _last_fields(self, kind: int, required: bool) -> Int32s:
        """The index of the last such field in each message, or -1."""
        at: Int32s = self._last[kind]
        if required and (absent := at < 0).any():
            self.refuse(np.flatnonzero(absent))
        return at

    def _slices_of(self, fields: Int64s | Int32s) -> ByteSlices:
        return ByteSlices(self._data, self._value[fields], self._end[fields])


def read_messages(cells: ByteSlices, read: Callable[[Messages], T]) -> tuple[Int64s, T]:
    """Applies `read` to the messages of `cells` that are not refused; returns their rows, and the result."""
    messages = Messages(cells)
    result = read(messages)
    good = np.flatnonzero(~messages.refused)
    return good, result if len(good) == len(messages) else read(Messages(cells.take(good)))


@lean_kernel
def count_fields(data: Bytes, starts: Int64s, ends: Int64s) -> int:
    """The number of fields in all messages."""
    count = zero()
    for row in range(len(starts)):
        at = starts[row]
        while 0 <= at < ends[row]:
            _, _, at = read_field(data, at, ends[row])
            count += at >= 0
    return count


@lean_kernel
def split_fields(data: Bytes, starts: Int64s, ends: Int64s, fields: Int64s, last: Int32s, refused: Bools) -> None:
    """Fills `fields` with the message, tag, value and end of each field, as `read_field` returns them.

    Fills `last` with the last field of each number in each message: first varints, then length-delimited ones. Marks
    malformed messages in `refused`.
    """
    message, tags, values, field_ends = fields[0], fields[1], fields[2], fields[3]
    count = zero()
    for row in range(len(starts)):
        at = starts[row]
        while 0 <= at < ends[row]:
            tag, value, at = read_field(data, at, ends[row])
            if at < 0:
                refused[row] = True
                break
            message[count], tags[count], values[count], field_ends[count] = row, tag, value, at
            number, wire_type = tag >> 3, tag & 7
            if number < MOST_FIELDS and (wire_type == 0 or wire_type == 2):
                last[number + (wire_type >> 1) * MOST_FIELDS, row] = count
            count += 1
