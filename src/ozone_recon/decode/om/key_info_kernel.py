"""Compiled single-pass scanners of KeyInfo and DirectoryInfo messages for the fields that become columns.

A scanner reads the tags of a message in order (protobuf wire format), stores the values of known fields in the array
`fields` at the positions named here, and skips all other fields without decoding them. Required fields are a bit set,
`missing`: each field clears its bit, and a bit left at the end makes the message invalid. A byte string is stored as
its start and end in the data, both 0 if it is absent. A scanner returns a negative number (or False) for exactly those
messages that `decode.om.key_columns_reference` refuses.
"""

from __future__ import annotations

from typing import Final

from ozone_recon.columnar.amounts import MAX_AMOUNT
from ozone_recon.columnar.byte_column import Bytes, Int64s
from ozone_recon.columnar.kernels import kernel_part
from ozone_recon.decode.om.parts import EC, FACTOR_UNSET, MAX_INT32, RATIS, STAND_ALONE
from ozone_recon.wire.ozone.schema import (
    BLOCK_CONTAINER_BLOCK_ID,
    CONTAINER_BLOCK_CONTAINER_ID,
    CONTAINER_BLOCK_LOCAL_ID,
    DIRECTORY_CREATION_TIME,
    DIRECTORY_MODIFICATION_TIME,
    DIRECTORY_NAME,
    DIRECTORY_OBJECT_ID,
    DIRECTORY_OWNER,
    DIRECTORY_PARENT_ID,
    DIRECTORY_UPDATE_ID,
    EC_CHUNK,
    EC_CODEC,
    EC_DATA,
    EC_PARITY,
    KEY_BUCKET,
    KEY_CREATION_TIME,
    KEY_DATA_SIZE,
    KEY_EC_CONFIG,
    KEY_IS_FILE,
    KEY_LOCATION_LISTS,
    KEY_MODIFICATION_TIME,
    KEY_NAME,
    KEY_OBJECT_ID,
    KEY_OWNER,
    KEY_REPLICATION_FACTOR,
    KEY_REPLICATION_TYPE,
    KEY_UPDATE_ID,
    KEY_VOLUME,
    LOCATION_BLOCK_ID,
    LOCATION_LENGTH,
    LOCATION_LIST_LOCATIONS,
    LOCATION_LIST_VERSION,
    LOCATION_OFFSET,
)
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
FIELDS: Final = 17
"""The length of `fields`."""

KEY_INFO_REQUIRED: Final = (
    1 << KEY_VOLUME
    | 1 << KEY_BUCKET
    | 1 << KEY_NAME
    | 1 << KEY_DATA_SIZE
    | 1 << KEY_REPLICATION_TYPE
    | 1 << KEY_CREATION_TIME
    | 1 << KEY_MODIFICATION_TIME
)
DIRECTORY_INFO_REQUIRED: Final = (
    1 << DIRECTORY_NAME
    | 1 << DIRECTORY_CREATION_TIME
    | 1 << DIRECTORY_MODIFICATION_TIME
    | 1 << DIRECTORY_OBJECT_ID
    | 1 << DIRECTORY_UPDATE_ID
    | 1 << DIRECTORY_PARENT_ID
)
KEY_LOCATION_REQUIRED: Final = 1 << LOCATION_BLOCK_ID | 1 << LOCATION_OFFSET | 1 << LOCATION_LENGTH
CONTAINER_BLOCK_ID_REQUIRED: Final = 1 << CONTAINER_BLOCK_CONTAINER_ID | 1 << CONTAINER_BLOCK_LOCAL_ID
EC_CONFIG_REQUIRED: Final = 1 << EC_DATA | 1 << EC_PARITY | 1 << EC_CODEC | 1 << EC_CHUNK
"""The numbers of required fields, as bit sets."""

CONTAINER: Final = 0
LOCAL_ID: Final = 1
LENGTH: Final = 2
VERSION: Final = 3
BLOCK_COLUMNS: Final = 4
"""The number of columns of `blocks`."""
MIN_BLOCK_SIZE: Final = 14
"""Bytes of the smallest valid KeyLocation, which limits the number of blocks in a value."""


@kernel_part
def scan_key_info(data: Bytes, at: int, end: int, fields: Int64s, blocks: Int64s, block: int) -> int:
    """Scans the KeyInfo in `data[at:end]`; stores its blocks in `blocks` from index `block` and returns their end."""
    fields[:] = 0
    fields[FACTOR] = FACTOR_UNSET
    missing = KEY_INFO_REQUIRED
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return -1
        if tag == KEY_VOLUME << 3 | 2 or tag == KEY_BUCKET << 3 | 2 or tag == KEY_NAME << 3 | 2:
            missing &= ~(1 << (tag >> 3))
        elif tag == KEY_DATA_SIZE << 3:
            fields[SIZE] = value
            missing &= ~(1 << KEY_DATA_SIZE)
        elif tag == KEY_REPLICATION_TYPE << 3:
            fields[KIND] = to_int32(value)
            missing &= ~(1 << KEY_REPLICATION_TYPE)
        elif tag == KEY_REPLICATION_FACTOR << 3:
            fields[FACTOR] = to_int32(value)
        elif tag == KEY_LOCATION_LISTS << 3 | 2:
            block = scan_location_version(data, value, at, blocks, block)
            if block < 0:
                return -1
        elif tag == KEY_CREATION_TIME << 3:
            fields[CREATION_TIME] = value
            missing &= ~(1 << KEY_CREATION_TIME)
        elif tag == KEY_MODIFICATION_TIME << 3:
            fields[MODIFICATION_TIME] = value
            missing &= ~(1 << KEY_MODIFICATION_TIME)
        elif tag == KEY_OBJECT_ID << 3:
            fields[OBJECT_ID] = value
        elif tag == KEY_UPDATE_ID << 3:
            fields[UPDATE_ID] = value
        elif tag == KEY_EC_CONFIG << 3 | 2:
            fields[EC_CONFIG] = value
            fields[EC_CONFIG_END] = at
        elif tag == KEY_IS_FILE << 3:
            fields[IS_FILE] = value != 0
        elif tag == KEY_OWNER << 3 | 2:
            fields[OWNER] = value
            fields[OWNER_END] = at
    if missing or fields[SIZE] < 0:
        return -1
    return block


@kernel_part
def scan_location_version(data: Bytes, at: int, end: int, blocks: Int64s, block: int) -> int:
    """Scans the KeyLocationList in `data[at:end]`; stores its blocks from index `block` and returns their end."""
    first = block
    version = 0
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return -1
        if tag == LOCATION_LIST_VERSION << 3:
            version = value
        elif tag == LOCATION_LIST_LOCATIONS << 3 | 2:
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
    """Scans the KeyLocation in `data[at:end]` into `blocks[:, block]`; returns whether it is valid."""
    missing = KEY_LOCATION_REQUIRED
    id_start, id_end, length = 0, 0, 0
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return False
        if tag == LOCATION_BLOCK_ID << 3 | 2:
            id_start, id_end = value, at
            missing &= ~(1 << LOCATION_BLOCK_ID)
        elif tag == LOCATION_OFFSET << 3:
            missing &= ~(LOCATION_BLOCK_ID << 3)
        elif tag == LOCATION_LENGTH << 3:
            length = value
            missing &= ~(1 << LOCATION_LENGTH)
    if missing or length < 0:
        return False
    blocks[LENGTH, block] = length
    return scan_block_id(data, id_start, id_end, blocks, block)


@kernel_part
def scan_block_id(data: Bytes, at: int, end: int, blocks: Int64s, block: int) -> bool:
    """Scans the BlockID in `data[at:end]` into `blocks[:, block]`: container id and local id; whether it is valid."""
    inner_start, inner_end = -1, -1
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return False
        if tag == BLOCK_CONTAINER_BLOCK_ID << 3 | 2:
            inner_start, inner_end = value, at
    if inner_start < 0:
        return False
    missing = CONTAINER_BLOCK_ID_REQUIRED
    at = inner_start
    while at < inner_end:
        tag, value, at = read_field(data, at, inner_end)
        if at < 0:
            return False
        if tag == CONTAINER_BLOCK_CONTAINER_ID << 3:
            blocks[CONTAINER, block] = value
            missing &= ~(1 << CONTAINER_BLOCK_CONTAINER_ID)
        elif tag == CONTAINER_BLOCK_LOCAL_ID << 3:
            blocks[LOCAL_ID, block] = value
            missing &= ~(1 << CONTAINER_BLOCK_LOCAL_ID)
    return missing == 0 and blocks[CONTAINER, block] >= 0


@kernel_part
def scan_replication(data: Bytes, fields: Int64s) -> int:
    """The replicated size of a scanned key; stores the parts of an EC configuration in `fields`."""
    size, kind, copies = int(fields[SIZE]), int(fields[KIND]), 1
    if kind == EC:
        if not scan_ec_config(data, fields):
            return -1
        copies = 1 + int(fields[PARITY])
    elif kind in (RATIS, STAND_ALONE):
        copies = int(fields[FACTOR])
    else:
        fields[FACTOR] = 0
    if copies < 0 or (size >> 31 and size > MAX_AMOUNT // max(copies, 1)):
        return -1
    if kind != EC:
        return size * copies
    fields[FACTOR] = 0
    chunk, parity = int(fields[CHUNK]), int(fields[PARITY])
    stripe = int(fields[DATA]) * chunk
    stripes = size // stripe
    return size + stripes * (parity * chunk) + min(size - stripes * stripe, chunk) * parity


@kernel_part
def scan_ec_config(data: Bytes, fields: Int64s) -> bool:
    """Scans the ECReplicationConfig that `scan_key_info` has located into `fields`; returns whether it is valid."""
    at, end = fields[EC_CONFIG], fields[EC_CONFIG_END]
    missing = EC_CONFIG_REQUIRED
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return False
        if tag == EC_DATA << 3:
            fields[DATA] = to_int32(value)
            missing &= ~(1 << EC_DATA)
        elif tag == EC_PARITY << 3:
            fields[PARITY] = to_int32(value)
            missing &= ~(1 << EC_PARITY)
        elif tag == EC_CODEC << 3 | 2:
            fields[CODEC] = value
            fields[CODEC_END] = at
            missing &= ~(EC_DATA << 3)
        elif tag == EC_CHUNK << 3:
            fields[CHUNK] = to_int32(value)
            missing &= ~(1 << EC_CHUNK)
    if missing or fields[DATA] < 1 or fields[PARITY] < 0 or fields[CHUNK] < 1:
        return False
    return bool(fields[DATA] + fields[PARITY] <= MAX_INT32)


@kernel_part
def scan_directory_info(data: Bytes, at: int, end: int, fields: Int64s) -> bool:
    """Scans the DirectoryInfo in `data[at:end]` into `fields`; returns whether it is valid."""
    fields[:] = 0
    missing = DIRECTORY_INFO_REQUIRED
    while at < end:
        tag, value, at = read_field(data, at, end)
        if at < 0:
            return False
        if tag == DIRECTORY_NAME << 3 | 2:
            missing &= ~(1 << DIRECTORY_NAME)
        elif tag == DIRECTORY_CREATION_TIME << 3:
            fields[CREATION_TIME] = value
            missing &= ~(1 << DIRECTORY_CREATION_TIME)
        elif tag == DIRECTORY_MODIFICATION_TIME << 3:
            fields[MODIFICATION_TIME] = value
            missing &= ~(DIRECTORY_NAME << 3)
        elif tag == DIRECTORY_OBJECT_ID << 3:
            fields[OBJECT_ID] = value
            missing &= ~(1 << DIRECTORY_OBJECT_ID)
        elif tag == DIRECTORY_UPDATE_ID << 3:
            fields[UPDATE_ID] = value
            missing &= ~(1 << DIRECTORY_UPDATE_ID)
        elif tag == DIRECTORY_PARENT_ID << 3:
            missing &= ~(1 << DIRECTORY_PARENT_ID)
        elif tag == DIRECTORY_OWNER << 3 | 2:
            fields[OWNER] = value
            fields[OWNER_END] = at
    return missing == 0
