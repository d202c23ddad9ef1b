"""KeyInfo values of the tables that are kept as raw rows, many at a time: open keys, deleted keys and directories.

What is refused is what `decode_keys` refuses of a value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ozone_recon.decode.batch_kernel import Strings, to_read
from ozone_recon.decode.key_info_kernel import (
    BLOCK_COLUMNS,
    CHUNK,
    CODEC,
    CODEC_END,
    CREATION_TIME,
    DATA,
    FACTOR,
    FOUND,
    KIND,
    MODIFICATION_TIME,
    OBJECT_ID,
    PARITY,
    SIZE,
    SMALLEST_BLOCK,
    scan_key_info,
    scan_replication,
)
from ozone_recon.decode.om_parts import REPLICATION_TYPES, named
from ozone_recon.model.columns import ByteColumn, Bytes, Int64s
from ozone_recon.model.kernel import kernel
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.protobuf import to_text
from ozone_recon.wire.protobuf_kernel import read_field

SMALLEST_KEY_INFO = 14
"""Bytes of a KeyInfo that has nothing but what it must have."""
ROW = FOUND
REPLICATED_SIZE = FOUND + 1
IS_FILE = FOUND + 2
COLUMNS = FOUND + 3


@dataclass(frozen=True, slots=True)
class KeyInfos:
    """KeyInfo messages in the order of the values they stand in; `bad` values gave none.

    `row` is the number of the value. Sizes are bytes, times are milliseconds since 1970. `is_file` is 1 where the
    message says so.
    """

    row: Int64s
    size: Int64s
    replicated_size: Int64s
    creation_time: Int64s
    modification_time: Int64s
    object_id: Int64s
    is_file: Int64s
    bad: int
    _found: Int64s
    _data: Bytes

    def __len__(self) -> int:
        return len(self.row)

    def replications(self) -> list[ReplicationConfig]:
        """The replication of each message; for pages."""
        known: dict[tuple[int | bytes, ...], ReplicationConfig] = {}
        configs: list[ReplicationConfig] = []
        numbers = (KIND, FACTOR, DATA, PARITY, CHUNK, CODEC, CODEC_END)
        for kind, factor, data, parity, chunk, start, end in self._found[:, numbers].tolist():
            codec = self._data[start:end].tobytes()
            key = (kind, factor, data, parity, chunk, codec)
            if key not in known:
                known[key] = ReplicationConfig(
                    named(REPLICATION_TYPES, kind), factor, data, parity, to_text(codec), chunk
                )
            configs.append(known[key])
        return configs


def decode_key_infos(values: ByteColumn, *, repeated: bool = False) -> KeyInfos:
    """The KeyInfo that each value is, or (`repeated`) all of those in each RepeatedKeyInfo."""
    lengths = np.diff(values.offsets)
    size = int(lengths.sum())
    most = len(values) + (size // SMALLEST_KEY_INFO if repeated else 0)
    found = np.empty((most, COLUMNS), np.int64)
    blocks = np.empty((BLOCK_COLUMNS, int(lengths.max(initial=0)) // SMALLEST_BLOCK + 1), np.int64)
    strings = to_read(values)
    count, bad = _scan(strings, repeated, found, blocks)
    found = found[:count]
    return KeyInfos(
        row=found[:, ROW],
        size=found[:, SIZE],
        replicated_size=found[:, REPLICATED_SIZE],
        creation_time=found[:, CREATION_TIME],
        modification_time=found[:, MODIFICATION_TIME],
        object_id=found[:, OBJECT_ID],
        is_file=found[:, IS_FILE],
        bad=bad,
        _found=found,
        _data=strings.data,
    )


@kernel
def _scan(values: Strings, repeated: bool, found: Int64s, blocks: Int64s) -> tuple[int, int]:
    """Fills `found`, one row for each message; how many there are, and how many values were refused."""
    count, bad = 0, 0
    for row in range(len(values.offsets) - 1):
        at, end = values.offsets[row], values.offsets[row + 1]
        first, good = count, True
        if not repeated:
            good = _scan_one(values.data, at, end, row, found[count], blocks)
            count += 1
        while repeated and good and at < end:
            tag, value, at = read_field(values.data, at, end)
            if at < 0:
                good = False
            elif tag == 1 << 3 | 2:
                good = _scan_one(values.data, value, at, row, found[count], blocks)
                count += 1
        if not good:
            count = first
            bad += 1
    return count, bad


@kernel
def _scan_one(data: Bytes, at: int, end: int, row: int, found: Int64s, blocks: Int64s) -> bool:
    if scan_key_info(data, at, end, found, blocks, 0) < 0:
        return False
    found[REPLICATED_SIZE] = scan_replication(data, found)
    found[ROW] = row
    found[IS_FILE] = 0
    while at < end:
        tag, value, at = read_field(data, at, end)
        if tag == 19 << 3:
            found[IS_FILE] = value != 0
    return bool(found[REPLICATED_SIZE] >= 0)
