"""KeyInfo, DirectoryInfo and what is in them, scanned by compiled code: the fields that columns hold.

What is refused is what `decode.om.key_columns_reference` refuses; a scan answers a negative number for it. A scan
leaves what it found in an array of numbers, `found`, at the positions named here.
"""

from __future__ import annotations

from typing import Final

from ozone_recon.columnar.amounts import MAX_AMOUNT
from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.kernels import kernel_part
from ozone_recon.decode.om.parts import EC, FACTOR_UNSET, MAX_INT32, RATIS, STAND_ALONE
from ozone_recon.wire.protobuf.kernel import read_field, to_int32

SIZE: Final = 0
CREATION_TIME: Final = 1
MODIFICATION_TIME: Final = 2
OBJECT_ID: Final = 3
UPDATE_ID: Final = 4
OWNER: Final = 5
OWNER_END: Final = 6
KIND: Final = 7
FACTOR: Final = 8
EC_CONFIG: Final = 9
EC_CONFIG_END: Final = 10
DATA: Final = 11
PARITY: Final = 12
CHUNK: Final = 13
CODEC: Final = 14
CODEC_END: Final = 15
IS_FILE: Final = 16
FOUND: Final = 17
"""How many numbers a scan finds; a byte string is found as where it starts and ends, both 0 when it is absent."""

KEY_INFO_REQUIRED: Final = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9
DIRECTORY_INFO_REQUIRED: Final = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7 | 1 << 8
KEY_LOCATION_REQUIRED: Final = 1 << 1 | 1 << 3 | 1 << 4
CONTAINER_BLOCK_ID_REQUIRED: Final = 1 << 1 | 1 << 2
EC_CONFIG_REQUIRED: Final = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4
"""Numbers of the fields that a message must have, as sets of bits."""

CONTAINER: Final = 0
LOCAL_ID: Final = 1
LENGTH: Final = 2
VERSION: Final = 3
BLOCK_COLUMNS: Final = 4
"""Columns of a block."""
SMALLEST_BLOCK: Final = 14
"""Bytes of a KeyLocation that has nothing but what it must have: no value holds more blocks than its length allows."""


@kernel_part
def scan_key_info(data: Bytes, at: int, end: int, found: Int64s, blocks: Int64s, block: int) -> int:
    """Scans the KeyInfo in `data[at:end]`, puts its blocks into `blocks` from column `block` on; where they end."""
    found[:] = 0
    found[FACTOR] = FACTOR_UNSET
    missing = KEY_INFO_REQUIRED
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return -1
        if tag == 1 << 3 | 2 or tag == 2 << 3 | 2 or tag == 3 << 3 | 2:
            missing &= ~(1 << (tag >> 3))
        elif tag == 4 << 3:
            found[SIZE] = value
            missing &= ~(1 << 4)
        elif tag == 5 << 3:
            found[KIND] = to_int32(value)
            missing &= ~(1 << 5)
        elif tag == 6 << 3:
            found[FACTOR] = to_int32(value)
        elif tag == 7 << 3 | 2:
            block = scan_location_version(data, value, at, blocks, block)
            if block < 0:
                return -1
        elif tag == 8 << 3:
            found[CREATION_TIME] = value
            missing &= ~(1 << 8)
        elif tag == 9 << 3:
            found[MODIFICATION_TIME] = value
            missing &= ~(1 << 9)
        elif tag == 14 << 3:
            found[OBJECT_ID] = value
        elif tag == 15 << 3:
            found[UPDATE_ID] = value
        elif tag == 17 << 3 | 2:
            found[EC_CONFIG] = value
            found[EC_CONFIG_END] = at
        elif tag == 19 << 3:
            found[IS_FILE] = value != 0
        elif tag == 20 << 3 | 2:
            found[OWNER] = value
            found[OWNER_END] = at
    if missing or found[SIZE] < 0:
        return -1
    return block


@kernel_part
def scan_location_version(data: Bytes, at: int, end: int, blocks: Int64s, block: int) -> int:
    """Puts the blocks of the KeyLocationList in `data[at:end]` into `blocks` from column `block` on; where they end."""
    first = block
    version = 0
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return -1
        if tag == 1 << 3:
            version = value
        elif tag == 2 << 3 | 2:
            if block >= blocks.shape[1] or not scan_block(data, value, at, blocks, block):
                return -1
            block += 1
    if not 0 <= version <= MAX_INT32:
        return -1
    for index in range(first, block):
        blocks[VERSION, index] = version
    return block


@kernel_part
def scan_block(data: Bytes, at: int, end: int, blocks: Int64s, block: int) -> bool:
    """Puts the KeyLocation in `data[at:end]` into column `block` of `blocks`."""
    missing = KEY_LOCATION_REQUIRED
    id_start, id_end, length = 0, 0, 0
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return False
        if tag == 1 << 3 | 2:
            id_start, id_end = value, at
            missing &= ~(1 << 1)
        elif tag == 3 << 3:
            missing &= ~(1 << 3)
        elif tag == 4 << 3:
            length = value
            missing &= ~(1 << 4)
    if missing or length < 0:
        return False
    blocks[LENGTH, block] = length
    return scan_block_id(data, id_start, id_end, blocks, block)


@kernel_part
def scan_block_id(data: Bytes, at: int, end: int, blocks: Int64s, block: int) -> bool:
    """Puts the container and local id of the BlockID in `data[at:end]` into column `block` of `blocks`."""
    inner_start, inner_end = -1, -1
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return False
        if tag == 1 << 3 | 2:
            inner_start, inner_end = value, at
    if inner_start < 0:
        return False
    missing = CONTAINER_BLOCK_ID_REQUIRED
    at = inner_start
    while at < inner_end:
        tag, value, at = read_field(data, at, inner_end)
        if at < 0:
            return False
        if tag == 1 << 3:
            blocks[CONTAINER, block] = value
            missing &= ~(1 << 1)
        elif tag == 2 << 3:
            blocks[LOCAL_ID, block] = value
            missing &= ~(1 << 2)
    return missing == 0 and blocks[CONTAINER, block] >= 0


@kernel_part
def scan_replication(data: Bytes, found: Int64s) -> int:
    """The replicated size of what `scan_key_info` found; leaves the parts of an EC configuration in `found`."""
    size, kind, copies = int(found[SIZE]), int(found[KIND]), 1
    if kind == EC:
        if not scan_ec_config(data, found):
            return -1
        copies = 1 + int(found[PARITY])
    elif kind in (RATIS, STAND_ALONE):
        copies = int(found[FACTOR])
    else:
        found[FACTOR] = 0
    if copies < 0 or (size >> 31 and size > MAX_AMOUNT // max(copies, 1)):
        return -1
    if kind != EC:
        return size * copies
    found[FACTOR] = 0
    chunk, parity = int(found[CHUNK]), int(found[PARITY])
    stripe = int(found[DATA]) * chunk
    stripes = size // stripe
    return size + stripes * (parity * chunk) + min(size - stripes * stripe, chunk) * parity


@kernel_part
def scan_ec_config(data: Bytes, found: Int64s) -> bool:
    """Puts the parts of the ECReplicationConfig that `scan_key_info` found into `found`."""
    at, end = found[EC_CONFIG], found[EC_CONFIG_END]
    missing = EC_CONFIG_REQUIRED
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return False
        if tag == 1 << 3:
            found[DATA] = to_int32(value)
            missing &= ~(1 << 1)
        elif tag == 2 << 3:
            found[PARITY] = to_int32(value)
            missing &= ~(1 << 2)
        elif tag == 3 << 3 | 2:
            found[CODEC] = value
            found[CODEC_END] = at
            missing &= ~(1 << 3)
        elif tag == 4 << 3:
            found[CHUNK] = to_int32(value)
            missing &= ~(1 << 4)
    if missing or found[DATA] < 1 or found[PARITY] < 0 or found[CHUNK] < 1:
        return False
    return bool(found[DATA] + found[PARITY] <= MAX_INT32)


@kernel_part
def scan_directory_info(data: Bytes, at: int, end: int, found: Int64s) -> bool:
    """Scans the DirectoryInfo in `data[at:end]`."""
    found[:] = 0
    missing = DIRECTORY_INFO_REQUIRED
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return False
        if tag == 1 << 3 | 2:
            missing &= ~(1 << 1)
        elif tag == 2 << 3:
            found[CREATION_TIME] = value
            missing &= ~(1 << 2)
        elif tag == 3 << 3:
            found[MODIFICATION_TIME] = value
            missing &= ~(1 << 3)
        elif tag == 6 << 3:
            found[OBJECT_ID] = value
            missing &= ~(1 << 6)
        elif tag == 7 << 3:
            found[UPDATE_ID] = value
            missing &= ~(1 << 7)
        elif tag == 8 << 3:
            missing &= ~(1 << 8)
        elif tag == 9 << 3 | 2:
            found[OWNER] = value
            found[OWNER_END] = at
    return missing == 0
