"""Compiled decoder of the KeyInfos in raw tables: open and deleted keys, deleted directories, multipart uploads.

It refuses the same KeyInfos as `key_columns.decode_keys`; a value with a refused KeyInfo is refused as a whole.
`key_infos_reference` defines the result in plain Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, slices_of_rows, slices_of_texts
from ozone_recon.columnar.kernels import kernel_part, lean_kernel, zero
from ozone_recon.decode.batch_kernel import Strings, strings_of
from ozone_recon.decode.dictionary import DictionaryColumn, distinct
from ozone_recon.decode.om.key_columns import unpack_replication
from ozone_recon.decode.om.key_info_kernel import (
    BLOCK_COLUMNS,
    CHUNK,
    CODEC,
    CODEC_END,
    CREATION_TIME,
    DATA,
    FACTOR,
    FIELDS,
    IS_FILE,
    KIND,
    MIN_BLOCK_SIZE,
    MODIFICATION_TIME,
    OBJECT_ID,
    PARITY,
    SIZE,
    scan_key_info,
    scan_replication,
)
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.protobuf.kernel import read_field

REPLICATED_SIZE: Final = FIELDS
ROW: Final = FIELDS + 1
COLUMNS: Final = FIELDS + 2
MIN_KEY_INFO_SIZE: Final = 14
"""Bytes of the smallest valid KeyInfo, which limits the number of messages in a value."""
KEY_INFO, REPEATED_KEY_INFO, MULTIPART_KEY_INFO = 0, 1, 2
"""Message types of values."""


@dataclass(frozen=True, slots=True)
class KeyInfoMatches:
    """KeyInfo messages, in the order of their values.

    `row` is the index of the value that contains the message; `refused` has the indexes of the invalid values. Sizes
    are bytes, times are milliseconds since 1970. `is_file` is 1 or 0.
    """

    row: Int64s
    size: Int64s
    replicated_size: Int64s
    creation_time: Int64s
    modification_time: Int64s
    object_id: Int64s
    is_file: Int64s
    refused: Int64s
    _messages: Int64s
    _data: Bytes

    def __len__(self) -> int:
        return len(self.row)

    @property
    def bad(self) -> int:
        """The number of refused values."""
        return len(self.refused)

    def replication(self) -> DictionaryColumn[ReplicationConfig]:
        """The replication of each message; for a page of results, not for a whole table."""
        numbers = slices_of_rows(self._messages[:, (KIND, FACTOR, DATA, PARITY, CHUNK)])
        codec = ByteSlices(self._data, self._messages[:, CODEC], self._messages[:, CODEC_END])
        packed, indices = distinct(slices_of_texts(joined([numbers, codec])))
        return DictionaryColumn(list(map(unpack_replication, packed)), indices)


def decode_key_infos(values: ByteColumn, *, repeated: bool = False) -> KeyInfoMatches:
    """Decodes values that are KeyInfos or, if `repeated`, RepeatedKeyInfos."""
    return _decode(values, REPEATED_KEY_INFO if repeated else KEY_INFO)


def decode_part_infos(values: ByteColumn) -> KeyInfoMatches:
    """Decodes the KeyInfos of all parts in MultipartKeyInfos; uploads of schema version 1 have no parts there."""
    return _decode(values, MULTIPART_KEY_INFO)


def _decode(values: ByteColumn, message_type: int) -> KeyInfoMatches:
    lengths = np.diff(values.offsets)
    capacity = len(values) + (0 if message_type == KEY_INFO else int(lengths.sum()) // MIN_KEY_INFO_SIZE)
    messages = np.empty((capacity, COLUMNS), np.int64)
    refused = np.empty(len(values), np.int64)
    blocks = np.empty((BLOCK_COLUMNS, int(lengths.max(initial=0)) // MIN_BLOCK_SIZE + 1), np.int64)
    strings = strings_of(values)
    count, bad = fill_key_infos(strings, message_type, messages, refused, blocks)
    messages = messages[:count]
    return KeyInfoMatches(
        row=messages[:, ROW],
        size=messages[:, SIZE],
        replicated_size=messages[:, REPLICATED_SIZE],
        creation_time=messages[:, CREATION_TIME],
        modification_time=messages[:, MODIFICATION_TIME],
        object_id=messages[:, OBJECT_ID],
        is_file=messages[:, IS_FILE],
        refused=refused[:bad],
        _messages=messages,
        _data=strings.data,
    )


@lean_kernel
def fill_key_infos(
    values: Strings, message_type: int, messages: Int64s, refused: Int64s, blocks: Int64s
) -> tuple[int, int]:
    """Fills `messages`, one row per message, and `refused`; returns both counts. `blocks` is scratch space."""
    count, bad = zero(), zero()
    for row in range(len(values.offsets) - 1):
        at, end = values.offsets[row], values.offsets[row + 1]
        if message_type == REPEATED_KEY_INFO:
            after = scan_repeated(values.data, at, end, messages, count, blocks)
        elif message_type == MULTIPART_KEY_INFO:
            after = scan_upload(values.data, at, end, messages, count, blocks)
        else:
            after = scan_one(values.data, at, end, messages, count, blocks)
        if after < 0:
            refused[bad] = row
            bad += 1
            continue
        for index in range(count, after):
            messages[index, ROW] = row
        count = after
    return count, bad


@kernel_part
def scan_one(data: Bytes, at: int, end: int, messages: Int64s, count: int, blocks: Int64s) -> int:
    """Scans the KeyInfo in `data[at:end]` into row `count`; returns the new number of rows, or -1 if invalid."""
    if scan_key_info(data, at, end, messages[count], blocks, zero()) < 0:
        return -1
    messages[count, REPLICATED_SIZE] = scan_replication(data, messages[count])
    return count + 1 if messages[count, REPLICATED_SIZE] >= 0 else -1


@kernel_part
def scan_repeated(data: Bytes, at: int, end: int, messages: Int64s, count: int, blocks: Int64s) -> int:
    """Scans all KeyInfos of a RepeatedKeyInfo; returns as `scan_one`."""
    while at < end and count >= 0:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return -1
        if tag == 1 << 3 | 2:
            count = scan_one(data, value, at, messages, count, blocks)
    return count


@kernel_part
def scan_upload(data: Bytes, at: int, end: int, messages: Int64s, count: int, blocks: Int64s) -> int:
    """Scans the KeyInfos of all parts of a MultipartKeyInfo; returns as `scan_one`."""
    missing = 1 << 1 | 1 << 2 | 1 << 3
    while at < end and count >= 0:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return -1
        if tag == 1 << 3 | 2 or tag == 2 << 3 or tag == 3 << 3:
            missing &= ~(1 << (tag >> 3))
        elif tag == 5 << 3 | 2:
            count = scan_part(data, value, at, messages, count, blocks)
    return -1 if missing else count


@kernel_part
def scan_part(data: Bytes, at: int, end: int, messages: Int64s, count: int, blocks: Int64s) -> int:
    """Scans the KeyInfo of a PartKeyInfo; returns as `scan_one`."""
    missing = 1 << 1 | 1 << 2 | 1 << 3
    key_start, key_end = 0, 0
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return -1
        if tag == 1 << 3 | 2 or tag == 2 << 3:
            missing &= ~(1 << (tag >> 3))
        elif tag == 3 << 3 | 2:
            key_start, key_end = value, at
            missing &= ~(1 << 3)
    return -1 if missing else scan_one(data, key_start, key_end, messages, count, blocks)
