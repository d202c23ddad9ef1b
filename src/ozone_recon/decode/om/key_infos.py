"""The KeyInfo messages in values of tables that are kept as raw rows: open and deleted keys, directories, uploads.

What is refused of a KeyInfo is what `decode_keys` refuses; a value that holds a refused one is refused as a whole.
`key_infos_reference` says the same in plain Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, slices_of_rows, slices_of_texts
from ozone_recon.columnar.kernels import kernel_part, lean_kernel, zero
from ozone_recon.decode.batch_kernel import Strings, to_read
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
    FOUND,
    IS_FILE,
    KIND,
    MODIFICATION_TIME,
    OBJECT_ID,
    PARITY,
    SIZE,
    SMALLEST_BLOCK,
    scan_key_info,
    scan_replication,
)
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.protobuf.kernel import read_field

REPLICATED_SIZE: Final = FOUND
ROW: Final = FOUND + 1
COLUMNS: Final = FOUND + 2
SMALLEST_KEY_INFO: Final = 14
"""Bytes of a KeyInfo that has nothing but what it must have."""
KEY_INFO, REPEATED_KEY_INFO, MULTIPART_KEY_INFO = 0, 1, 2
"""What a value is."""


@dataclass(frozen=True, slots=True)
class KeyInfoMatches:
    """KeyInfo messages, in the order of the values they stand in.

    `row` is the number of the value that a message stands in, `refused` has the numbers of the values that gave none.
    Sizes are bytes, times are milliseconds since 1970. `is_file` is 1 where the message says so.
    """

    row: Int64s
    size: Int64s
    replicated_size: Int64s
    creation_time: Int64s
    modification_time: Int64s
    object_id: Int64s
    is_file: Int64s
    refused: Int64s
    _found: Int64s
    _data: Bytes

    def __len__(self) -> int:
        return len(self.row)

    @property
    def bad(self) -> int:
        """How many values were refused."""
        return len(self.refused)

    def replication(self) -> DictionaryColumn[ReplicationConfig]:
        """The replication of each message; for pages."""
        numbers = slices_of_rows(self._found[:, (KIND, FACTOR, DATA, PARITY, CHUNK)])
        codec = ByteSlices(self._data, self._found[:, CODEC], self._found[:, CODEC_END])
        packed, which = distinct(slices_of_texts(joined([numbers, codec])))
        return DictionaryColumn(list(map(unpack_replication, packed)), which)


def decode_key_infos(values: ByteColumn, *, repeated: bool = False) -> KeyInfoMatches:
    """The KeyInfo that each value is, or (`repeated`) all of those in each RepeatedKeyInfo."""
    return _decode(values, REPEATED_KEY_INFO if repeated else KEY_INFO)


def decode_part_infos(values: ByteColumn) -> KeyInfoMatches:
    """The KeyInfo of each part within a MultipartKeyInfo; uploads of schema version 1 keep no parts there."""
    return _decode(values, MULTIPART_KEY_INFO)


def _decode(values: ByteColumn, what: int) -> KeyInfoMatches:
    lengths = np.diff(values.offsets)
    most = len(values) + (0 if what == KEY_INFO else int(lengths.sum()) // SMALLEST_KEY_INFO)
    found = np.empty((most, COLUMNS), np.int64)
    refused = np.empty(len(values), np.int64)
    blocks = np.empty((BLOCK_COLUMNS, int(lengths.max(initial=0)) // SMALLEST_BLOCK + 1), np.int64)
    strings = to_read(values)
    count, bad = fill_key_infos(strings, what, found, refused, blocks)
    found = found[:count]
    return KeyInfoMatches(
        row=found[:, ROW],
        size=found[:, SIZE],
        replicated_size=found[:, REPLICATED_SIZE],
        creation_time=found[:, CREATION_TIME],
        modification_time=found[:, MODIFICATION_TIME],
        object_id=found[:, OBJECT_ID],
        is_file=found[:, IS_FILE],
        refused=refused[:bad],
        _found=found,
        _data=strings.data,
    )


@lean_kernel
def fill_key_infos(values: Strings, what: int, found: Int64s, refused: Int64s, blocks: Int64s) -> tuple[int, int]:
    """Fills `found`, a row for each message, and `refused`; how many there are of both. `blocks` are not kept."""
    count, bad = zero(), zero()
    for row in range(len(values.offsets) - 1):
        at, end = values.offsets[row], values.offsets[row + 1]
        if what == REPEATED_KEY_INFO:
            after = scan_repeated(values.data, at, end, found, count, blocks)
        elif what == MULTIPART_KEY_INFO:
            after = scan_upload(values.data, at, end, found, count, blocks)
        else:
            after = scan_one(values.data, at, end, found, count, blocks)
        if after < 0:
            refused[bad] = row
            bad += 1
            continue
        for index in range(count, after):
            found[index, ROW] = row
        count = after
    return count, bad


@kernel_part
def scan_one(data: Bytes, at: int, end: int, found: Int64s, count: int, blocks: Int64s) -> int:
    """Puts the KeyInfo in `data[at:end]` into row `count` of `found`; how many rows it has then."""
    if scan_key_info(data, at, end, found[count], blocks, zero()) < 0:
        return -1
    found[count, REPLICATED_SIZE] = scan_replication(data, found[count])
    return count + 1 if found[count, REPLICATED_SIZE] >= 0 else -1


@kernel_part
def scan_repeated(data: Bytes, at: int, end: int, found: Int64s, count: int, blocks: Int64s) -> int:
    """The same for all messages of a RepeatedKeyInfo."""
    while at < end and count >= 0:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return -1
        if tag == 1 << 3 | 2:
            count = scan_one(data, value, at, found, count, blocks)
    return count


@kernel_part
def scan_upload(data: Bytes, at: int, end: int, found: Int64s, count: int, blocks: Int64s) -> int:
    """The same for all parts of a MultipartKeyInfo."""
    missing = 1 << 1 | 1 << 2 | 1 << 3
    while at < end and count >= 0:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return -1
        if tag == 1 << 3 | 2 or tag == 2 << 3 or tag == 3 << 3:
            missing &= ~(1 << (tag >> 3))
        elif tag == 5 << 3 | 2:
            count = scan_part(data, value, at, found, count, blocks)
    return -1 if missing else count


@kernel_part
def scan_part(data: Bytes, at: int, end: int, found: Int64s, count: int, blocks: Int64s) -> int:
    """The same for a PartKeyInfo."""
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
    return -1 if missing else scan_one(data, key_start, key_end, found, count, blocks)
