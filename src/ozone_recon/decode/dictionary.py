"""Byte strings that many rows share: numbered, and decoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.columnar.kernels import lean_kernel, zero
from ozone_recon.decode.batch_kernel import Dictionary, collect, copy_bytes, filled, to_collect
from ozone_recon.errors import DecodeError
from ozone_recon.wire.protobuf.messages import Messages

T = TypeVar("T")


class DictionaryColumn(NamedTuple, Generic[T]):
    """A value for each row, of which there are few different ones: that of row i is `values[which[i]]`."""

    values: Sequence[T]
    which: Int64s


def distinct(cells: ByteSlices) -> tuple[ByteColumn, Int64s]:
    """The different byte strings in the order in which they come, and for each row the number of its own."""
    index = np.empty(len(cells.starts), np.int64)
    found = to_collect(len(index), int((cells.ends - cells.starts).sum()))
    return filled(found, number_slices(*cells.to_read(), found, index)), index


def decode_dictionary(
    messages: Messages, cells: ByteSlices, decode: Callable[[bytes], T], parents: Int64s | None = None
) -> DictionaryColumn[T]:
    """What cells decode to; the message that one is in (each in one, if no `parents` are given) is refused with it."""
    strings, index = distinct(cells)
    values: list[T] = []
    numbers = np.zeros(len(strings), np.int64)
    for number, string in enumerate(strings):
        try:
            value = decode(string)
        except DecodeError:
            rows = np.flatnonzero(index == number)
            messages.refuse(rows if parents is None else parents[rows])
        else:
            numbers[number] = len(values)
            values.append(value)
    return DictionaryColumn(values, numbers[index])


def decode_optional(messages: Messages, number: int, decode: Callable[[bytes], T | None]) -> DictionaryColumn[T | None]:
    """What an embedded message decodes to; None where it is absent."""
    there = np.flatnonzero(messages.has_blob(number))
    found = decode_dictionary(messages, messages.blob(number, required=False).at(there), decode, there)
    which = np.zeros(len(messages), np.int64)
    which[there] = found.which + 1
    return DictionaryColumn([None, *found.values], which)


@lean_kernel
def number_slices(data: Bytes, starts: Int64s, ends: Int64s, found: Dictionary, index: Int64s) -> int:
    """Collects the cells in `found`, and puts the number of each into `index`; how many there are."""
    count = zero()
    for row in range(len(index)):
        end = copy_bytes(data, starts[row], ends[row], found.data, found.offsets[count])
        index[row] = collect(found, count, end)
        count += index[row] == count
    return count
