"""Many protobuf messages of one kind, read as columns: what `wire.protobuf.fields.Message` says of each of them."""

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
"""Fields with this number or a higher one cannot be asked for; no message of OM has them."""


class Messages:
    """Messages, numbered from 0, whose fields are asked for by number as those of a `Message`.

    Where a `Message` raises DecodeError, a message is refused, and so are all messages that it stands in: at the end
    `refused` says which. What columns hold for refused messages means nothing.
    """

    def __init__(self, cells: ByteSlices, above: Self | None = None, parent: Int64s | None = None) -> None:
        """`parent` has for each message the number of the one `above` that it stands in."""
        self.refused: Bools = np.zeros(len(cells.starts), np.bool_)
        self.parent = np.arange(len(self.refused)) if parent is None else parent
        self._above = above
        self._data = cells.data
        cells = cells.read_only()
        # The last one stands for absent fields, which are number -1.
        fields = np.zeros((4, count_fields(*cells) + 1), np.int64)
        self._message, self._tag, self._value, self._end = fields
        self._last = np.full((2 * MOST_FIELDS, len(self)), -1, np.int32)
        split_fields(*cells, fields, self._last, self.refused)
        self.refuse(np.flatnonzero(self.refused))

    def __len__(self) -> int:
        return len(self.refused)

    def refuse(self, messages: Int64s) -> None:
        """Refuses these messages."""
        self.refused[messages] = True
        if self._above is not None and len(messages):
            self._above.refuse(self.parent[messages])

    def has_number(self, number: int) -> Bools:
        """Whether there is a varint with this number."""
        there: Bools = self._last[number] >= 0
        return there

    def has_blob(self, number: int) -> Bools:
        """Whether there is a length-delimited field with this number."""
        there: Bools = self._last[MOST_FIELDS + number] >= 0
        return there

    def int64(self, number: int, default: int | None = None) -> Int64s:
        """A varint as Java's `long`; without a default, messages without the field are refused."""
        at = self._found(number, required=default is None)
        values: Int64s = self._value[at]
        return np.where(at < 0, default, values) if default else values

    def int32(self, number: int, default: int | None = None) -> Int64s:
        """A varint as Java's `int`."""
        return self.int64(number, default).astype(np.int32).astype(np.int64)

    def boolean(self, number: int, default: bool | None = None) -> Bools:
        """A varint as a boolean."""
        found: Bools = self.int64(number, default) != 0
        return found

    def blob(self, number: int, *, required: bool = True) -> ByteSlices:
        """A length-delimited field's bytes; empty where it may be absent and is."""
        return self._cells_of(self._found(MOST_FIELDS + number, required))

    def blobs(self, number: int) -> tuple[ByteSlices, Int64s]:
        """Those of a repeated field in order, and the message that each stands in."""
        fields = np.flatnonzero(self._tag == number << 3 | 2)
        return self._cells_of(fields), self._message[fields]

    def message(self, number: int) -> Messages:
        """An embedded message, one for each of these; where it is absent, it and this one are refused."""
        return Messages(self.blob(number), self)

    def messages(self, number: int) -> Messages:
        """A repeated embedded message."""
        cells, parent = self.blobs(number)
        return Messages(cells, self, parent)

    def _found(self, which: int, required: bool) -> Int32s:
        """The last field of this kind in each message, or -1."""
        at: Int32s = self._last[which]
        if required and (absent := at < 0).any():
            self.refuse(np.flatnonzero(absent))
        return at

    def _cells_of(self, fields: Int64s | Int32s) -> ByteSlices:
        return ByteSlices(self._data, self._value[fields], self._end[fields])


def read_messages(cells: ByteSlices, read: Callable[[Messages], T]) -> tuple[Int64s, T]:
    """The rows of `cells` whose messages are not refused, and what `read` makes of the messages of these alone."""
    messages = Messages(cells)
    found = read(messages)
    good = np.flatnonzero(~messages.refused)
    return good, found if len(good) == len(messages) else read(Messages(cells.take(good)))


@lean_kernel
def count_fields(data: Bytes, starts: Int64s, ends: Int64s) -> int:
    """How many fields there are."""
    count = zero()
    for row in range(len(starts)):
        at = starts[row]
        while 0 <= at < ends[row]:
            _, _, at = read_field(data, at, ends[row])
            count += at >= 0
    return count


@lean_kernel
def split_fields(data: Bytes, starts: Int64s, ends: Int64s, fields: Int64s, last: Int32s, refused: Bools) -> None:
    """Fills in, for each field, the message that it is in and what `read_field` says of it.

    Fills in the last field of each number in each message: first varints, then length-delimited ones. Sets `refused`
    of what is not a message.
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
