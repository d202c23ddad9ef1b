"""Compiled decoder of keyTable, fileTable and directoryTable rows into columns.

One pass over a batch fills columns that are allocated for the worst case; the operating system provides memory only for
pages that are written. `key_columns_reference` defines the result in plain Python and gives the reasons for bad rows.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import Bytes, Int64s, Rows
from ozone_recon.columnar.kernels import inlined_part, kernel_part, lean_kernel, zero
from ozone_recon.decode.batch_kernel import (
    Dictionary,
    Strings,
    allocate_dictionary,
    allocate_strings,
    as_column,
    copy_bytes,
    intern,
    is_name,
    same_bytes,
    split_id_prefix,
    split_prefix,
    strings_of,
)
from ozone_recon.decode.om.key_columns_reference import KeyTable, decode_each, directory_row, key_row
from ozone_recon.decode.om.key_info_kernel import (
    BLOCK_COLUMNS,
    CHUNK,
    CODEC,
    CODEC_END,
    CONTAINER,
    CREATION_TIME,
    DATA,
    FACTOR,
    FIELDS,
    KIND,
    LENGTH,
    LOCAL_ID,
    MIN_BLOCK_SIZE,
    MODIFICATION_TIME,
    OBJECT_ID,
    OWNER,
    OWNER_END,
    PARITY,
    SIZE,
    UPDATE_ID,
    VERSION,
    scan_directory_info,
    scan_key_info,
    scan_replication,
)
from ozone_recon.decode.om.parts import REPLICATION_TYPES, named
from ozone_recon.model.key_columns import BadRow, DirectoryColumns, KeyColumns
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.protobuf.fields import to_text

_REPLICATION = struct.Struct("<5q")
"""A replication in a kernel's dictionary: kind, factor, data, parity and chunk; the name of the codec follows."""

KEY_SIZE, KEY_REPLICATED_SIZE, KEY_CREATION_TIME, KEY_MODIFICATION_TIME = 0, 1, 2, 3
KEY_OBJECT_ID, KEY_UPDATE_ID, KEY_OWNER, KEY_REPLICATION, KEY_COLUMNS = 4, 5, 6, 7, 8
DIRECTORY_OBJECT_ID, DIRECTORY_PARENT_ID, DIRECTORY_CREATION_TIME = 0, 1, 2
DIRECTORY_MODIFICATION_TIME, DIRECTORY_UPDATE_ID, DIRECTORY_OWNER, DIRECTORY_COLUMNS = 3, 4, 5, 6


class GroupBuffers(NamedTuple):
    """Output buffers: the name of each row, and the groups of adjacent rows with the same prefix."""

    prefixes: Strings
    starts: Int64s
    names: Strings


def decode_keys(rows: Rows, table: KeyTable) -> KeyColumns:
    """Decodes a batch of keyTable or fileTable rows; bad rows are listed with their reasons."""
    count = len(rows)
    keys, values = strings_of(rows.keys), strings_of(rows.values)
    key_bytes, value_bytes = _size(keys), _size(values)
    buffers = _group_buffers(count, key_bytes)
    numbers = np.empty((KEY_COLUMNS, count), np.int64)
    block_starts = np.zeros(count + 1, np.int64)
    blocks = np.empty((BLOCK_COLUMNS, value_bytes // MIN_BLOCK_SIZE + 1), np.int64)
    owners = allocate_dictionary(count, value_bytes)
    replications = allocate_dictionary(count, count * _REPLICATION.size + value_bytes)
    bad = np.empty(count, np.int64)
    good, groups, owner_count, replication_count = fill_key_columns(
        keys,
        values,
        table == "fileTable",
        buffers,
        numbers,
        block_starts,
        blocks,
        owners,
        replications,
        bad,
        np.empty(FIELDS, np.int64),
        np.empty(FIELDS, np.int64),
    )
    numbers, blocks = numbers[:, :good], blocks[:, : block_starts[good]]
    return KeyColumns(
        prefixes=as_column(buffers.prefixes, groups),
        group_starts=buffers.starts[: groups + 1],
        names=as_column(buffers.names, good),
        size=numbers[KEY_SIZE],
        replicated_size=numbers[KEY_REPLICATED_SIZE],
        creation_time=numbers[KEY_CREATION_TIME],
        modification_time=numbers[KEY_MODIFICATION_TIME],
        object_id=numbers[KEY_OBJECT_ID],
        update_id=numbers[KEY_UPDATE_ID],
        owner=numbers[KEY_OWNER].astype(np.int32),
        replication=numbers[KEY_REPLICATION].astype(np.int32),
        owners=tuple(as_column(owners, owner_count)),
        replications=tuple(map(unpack_replication, as_column(replications, replication_count))),
        block_starts=block_starts[: good + 1],
        block_container=blocks[CONTAINER],
        block_local_id=blocks[LOCAL_ID],
        block_length=blocks[LENGTH],
        block_version=blocks[VERSION],
        bad=_reasons(rows, table, lambda key, value: key_row(table, key, value), bad[: count - good]),
    )


def decode_directories(rows: Rows) -> DirectoryColumns:
    """Decodes a batch of directoryTable rows; bad rows are listed with their reasons."""
    count = len(rows)
    keys, values = strings_of(rows.keys), strings_of(rows.values)
    buffers = _group_buffers(count, _size(keys))
    numbers = np.empty((DIRECTORY_COLUMNS, count), np.int64)
    owners = allocate_dictionary(count, _size(values))
    bad = np.empty(count, np.int64)
    good, groups, owner_count = fill_directory_columns(
        keys, values, buffers, numbers, owners, bad, np.empty(FIELDS, np.int64)
    )
    numbers = numbers[:, :good]
    return DirectoryColumns(
        prefixes=as_column(buffers.prefixes, groups),
        group_starts=buffers.starts[: groups + 1],
        names=as_column(buffers.names, good),
        object_id=numbers[DIRECTORY_OBJECT_ID],
        parent_id=numbers[DIRECTORY_PARENT_ID],
        creation_time=numbers[DIRECTORY_CREATION_TIME],
        modification_time=numbers[DIRECTORY_MODIFICATION_TIME],
        update_id=numbers[DIRECTORY_UPDATE_ID],
        owner=numbers[DIRECTORY_OWNER].astype(np.int32),
        owners=tuple(as_column(owners, owner_count)),
        bad=_reasons(rows, "directoryTable", directory_row, bad[: count - good]),
    )


def _group_buffers(rows: int, key_bytes: int) -> GroupBuffers:
    return GroupBuffers(
        allocate_strings(rows, key_bytes), np.zeros(rows + 1, np.int64), allocate_strings(rows, key_bytes)
    )


def _size(strings: Strings) -> int:
    return int(strings.offsets[-1] - strings.offsets[0])


def unpack_replication(packed: bytes) -> ReplicationConfig:
    """Unpacks a replication: kind, factor, data, parity and chunk (8 bytes each), then the name of the codec."""
    kind, factor, data, parity, chunk = _REPLICATION.unpack_from(packed)
    return ReplicationConfig(
        named(REPLICATION_TYPES, kind), factor, data, parity, to_text(packed[_REPLICATION.size :]), chunk
    )


def _reasons(rows: Rows, table: str, decode: Callable[[bytes, bytes], object], bad: Int64s) -> tuple[BadRow, ...]:
    """Finds the reasons for bad rows by decoding those rows with the reference."""
    _, refused = decode_each(rows, table, decode, bad.tolist())
    return refused


@lean_kernel
def fill_key_columns(
    keys: Strings,
    values: Strings,
    in_paths: bool,
    buffers: GroupBuffers,
    numbers: Int64s,
    block_starts: Int64s,
    blocks: Int64s,
    owners: Dictionary,
    replications: Dictionary,
    bad: Int64s,
    fields: Int64s,
    last: Int64s,
) -> tuple[int, int, int, int]:
    """Fills the columns; returns the number of good rows, groups, owners and replications.

    Each row passes through four steps. (1) The key is split into prefix and name. Rows are sorted by key, so most have
    the prefix of the current group: one comparison replaces the parse, and a different prefix starts a new group.
    (2) The value is scanned once for the fields of the columns; its blocks go to the end of `blocks`, where a bad row's
    blocks are overwritten by the next row's. (3) The replicated size is computed, which also validates the replication.
    (4) Owner and replication are dictionary-encoded; a comparison with the previous entry avoids most hash look-ups.
    A row that fails in any step is bad: nothing of it is kept, and `good` stays.

    `numbers` has a row for each numeric column; `bad` receives the indexes of bad rows. `fields` and `last` are scratch
    arrays for the scanned fields of the current row, and of the row in which the replication last changed.
    """
    good, groups, block, owner_count, replication_count = zero(), zero(), zero(), zero(), zero()
    owner, replication = zero() - 1, zero() - 1
    for row in range(len(keys.offsets) - 1):
        at, end = keys.offsets[row], keys.offsets[row + 1]
        name = after_last_prefix(keys.data, at, end, buffers, groups)
        is_new = name < 0
        if is_new and in_paths:
            name, _ = split_id_prefix(keys.data, at, end)
        elif is_new:
            name = split_prefix(keys.data, at, end)
        block_end, replicated_size = -1, -1
        if name >= 0 and (not in_paths or is_name(keys.data, name, end)):
            block_end = scan_key_info(values.data, values.offsets[row], values.offsets[row + 1], fields, blocks, block)
        if block_end >= 0:
            replicated_size = scan_replication(values.data, fields)
        if replicated_size < 0:
            bad[row - good] = row
            continue
        if is_new:
            groups = add_group(keys.data, at, name, buffers, groups, good)
        add_name(keys.data, name, end, buffers, good)
        owner = index_of(values.data, fields[OWNER], fields[OWNER_END], owners, owner_count, owner)
        owner_count = max(owner_count, owner + 1)
        numbers[KEY_SIZE, good] = fields[SIZE]
        numbers[KEY_REPLICATED_SIZE, good] = replicated_size
        numbers[KEY_CREATION_TIME, good] = fields[CREATION_TIME]
        numbers[KEY_MODIFICATION_TIME, good] = fields[MODIFICATION_TIME]
        numbers[KEY_OBJECT_ID, good] = fields[OBJECT_ID]
        numbers[KEY_UPDATE_ID, good] = fields[UPDATE_ID]
        numbers[KEY_OWNER, good] = owner
        if replication < 0 or not same_replication(values.data, fields, last):
            replication = intern_replication(values.data, fields, replications, replication_count)
            replication_count = max(replication_count, replication + 1)
            fields, last = last, fields
        numbers[KEY_REPLICATION, good] = replication
        block = block_end
        good += 1
        block_starts[good] = block
    buffers.starts[groups] = good
    return good, groups, owner_count, replication_count


@lean_kernel
def fill_directory_columns(
    keys: Strings,
    values: Strings,
    buffers: GroupBuffers,
    numbers: Int64s,
    owners: Dictionary,
    bad: Int64s,
    fields: Int64s,
) -> tuple[int, int, int]:
    """Fills the columns like `fill_key_columns`; returns the number of good rows, groups and owners."""
    good, groups, owner_count, owner, parent_id = zero(), zero(), zero(), zero() - 1, zero()
    for row in range(len(keys.offsets) - 1):
        at, end = keys.offsets[row], keys.offsets[row + 1]
        name = after_last_prefix(keys.data, at, end, buffers, groups)
        is_new = name < 0
        row_parent_id = parent_id
        if is_new:
            name, row_parent_id = split_id_prefix(keys.data, at, end)
        if (
            name < 0
            or not is_name(keys.data, name, end)
            or not scan_directory_info(values.data, values.offsets[row], values.offsets[row + 1], fields)
        ):
            bad[row - good] = row
            continue
        if is_new:
            groups = add_group(keys.data, at, name, buffers, groups, good)
            parent_id = row_parent_id
        add_name(keys.data, name, end, buffers, good)
        owner = index_of(values.data, fields[OWNER], fields[OWNER_END], owners, owner_count, owner)
        owner_count = max(owner_count, owner + 1)
        numbers[DIRECTORY_OBJECT_ID, good] = fields[OBJECT_ID]
        numbers[DIRECTORY_PARENT_ID, good] = parent_id
        numbers[DIRECTORY_CREATION_TIME, good] = fields[CREATION_TIME]
        numbers[DIRECTORY_MODIFICATION_TIME, good] = fields[MODIFICATION_TIME]
        numbers[DIRECTORY_UPDATE_ID, good] = fields[UPDATE_ID]
        numbers[DIRECTORY_OWNER, good] = owner
        good += 1
    buffers.starts[groups] = good
    return good, groups, owner_count


@inlined_part
def after_last_prefix(data: Bytes, at: int, end: int, buffers: GroupBuffers, groups: int) -> int:
    """The end of the last group's prefix in the key `data[at:end]`; -1 if the key has another prefix."""
    if groups == 0:
        return -1
    prefix, prefix_end = buffers.prefixes.offsets[groups - 1], buffers.prefixes.offsets[groups]
    after = at + int(prefix_end - prefix)
    if after > end or not same_bytes(buffers.prefixes.data, prefix, prefix_end, data, at):
        return -1
    return after


@kernel_part
def add_group(data: Bytes, at: int, end: int, buffers: GroupBuffers, groups: int, row: int) -> int:
    """Starts a group with the prefix `data[at:end]` at `row`; returns the new number of groups."""
    buffers.starts[groups] = row
    start = buffers.prefixes.offsets[groups]
    buffers.prefixes.offsets[groups + 1] = copy_bytes(data, at, end, buffers.prefixes.data, start)
    return groups + 1


@inlined_part
def add_name(data: Bytes, at: int, end: int, buffers: GroupBuffers, row: int) -> None:
    """Stores `data[at:end]` as the name of `row`."""
    buffers.names.offsets[row + 1] = copy_bytes(data, at, end, buffers.names.data, buffers.names.offsets[row])


@kernel_part
def index_of(data: Bytes, at: int, end: int, strings: Dictionary, count: int, last: int) -> int:
    """The index of `data[at:end]` among `count` distinct strings, `count` if new; compares with string `last` first."""
    if last >= 0:
        start, stop = strings.offsets[last], strings.offsets[last + 1]
        if stop - start == end - at and same_bytes(strings.data, start, stop, data, at):
            return last
    return intern(strings, count, copy_bytes(data, at, end, strings.data, strings.offsets[count]))


@inlined_part
def same_replication(data: Bytes, one: Int64s, other: Int64s) -> bool:
    """Whether two rows have the same replication, by their fields from `scan_replication`."""
    length = one[CODEC_END] - one[CODEC]
    return (
        one[KIND] == other[KIND]
        and one[FACTOR] == other[FACTOR]
        and one[DATA] == other[DATA]
        and one[PARITY] == other[PARITY]
        and one[CHUNK] == other[CHUNK]
        and length == other[CODEC_END] - other[CODEC]
        and same_bytes(data, one[CODEC], one[CODEC_END], data, other[CODEC])
    )


@kernel_part
def intern_replication(data: Bytes, fields: Int64s, replications: Dictionary, count: int) -> int:
    """The index of a row's replication among `count` distinct ones, in the format of `unpack_replication`."""
    to = replications.offsets[count]
    for field in (KIND, FACTOR, DATA, PARITY, CHUNK):
        for byte in range(8):
            replications.data[to + byte] = (fields[field] >> (8 * byte)) & 0xFF
        to += 8
    return intern(replications, count, copy_bytes(data, fields[CODEC], fields[CODEC_END], replications.data, to))
