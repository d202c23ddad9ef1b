"""Dictionary encoding: decodes each distinct byte string once and gives every row its index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.columnar.kernels import lean_kernel, zero
from ozone_recon.decode.batch_kernel import Dictionary, allocate_dictionary, as_column, copy_bytes, intern
from ozone_recon.errors import DecodeError
from ozone_recon.wire.protobuf.messages import Messages

T = TypeVar("T")


class DictionaryColumn(NamedTuple, Generic[T]):
    """A dictionary-encoded column: the value of row i is `values[indices[i]]`."""

    values: Sequence[T]
    indices: Int64s


def distinct(slices: ByteSlices) -> tuple[ByteColumn, Int64s]:
    """The distinct byte strings in order of first occurrence, and the index of each row's string among them."""
    indices = np.empty(len(slices.starts), np.int64)
    dictionary = allocate_dictionary(len(indices), int((slices.ends - slices.starts).sum()))
    return as_column(dictionary, index_slices(*slices.read_only(), dictionary, indices)), indices


def decode_dictionary(
    messages: Messages, slices: ByteSlices, decode: Callable[[bytes], T], parents: Int64s | None = None
) -> DictionaryColumn[T]:
    """Decodes slices of `messages`; a message with a slice that `decode` refuses is refused too.

    Slice i belongs to message `parents[i]`, or to message i if `parents` is None.
    """
    strings, index = distinct(slices)
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
    """Decodes the optional field `number` of each message; None where it is absent."""
    present = np.flatnonzero(messages.has_blob(number))
    column = decode_dictionary(messages, messages.blob(number, required=False).take(present), decode, present)
    indices = np.zeros(len(messages), np.int64)
    indices[present] = column.indices + 1
    return DictionaryColumn([None, *column.values], indices)


@lean_kernel
def index_slices(data: Bytes, starts: Int64s, ends: Int64s, dictionary: Dictionary, indices: Int64s) -> int:
    """Interns each slice in `dictionary` and fills `indices`; returns the number of distinct strings."""
    count = zero()
    for row in range(len(indices)):
        end = copy_bytes(data, starts[row], ends[row], dictionary.data, dictionary.offsets[count])
        indices[row] = intern(dictionary, count, end)
        count += indices[row] == count
    return count
