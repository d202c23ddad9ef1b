"""Decodes rows of keyTable, fileTable and directoryTable into columns in plain Python: the reference of `key_columns`.

A row is bad if its key does not have its table's form, if its value lacks a required field of its message, or if a
number is out of range: a negative size, block length or container id, a location version over 2^31 - 1, an EC
configuration without data or with more than 2^31 - 1 parts, a replicated size over 64 bits. Only fields that become
columns are decoded and validated; others (access rules, metadata …) are skipped. Of a singular embedded message that
occurs more than once, the last occurrence counts; occurrences are not merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s, Rows
from ozone_recon.decode.om.keys import ObjectKey, PathKey, encode_text
from ozone_recon.decode.om.parts import checked_size, decode_location_version, decode_replication
from ozone_recon.errors import DecodeError
from ozone_recon.model.key_columns import BadRow, DirectoryColumns, KeyColumns
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.ozone.schema import (
    DIRECTORY_CREATION_TIME,
    DIRECTORY_MODIFICATION_TIME,
    DIRECTORY_NAME,
    DIRECTORY_OBJECT_ID,
    DIRECTORY_OWNER,
    DIRECTORY_PARENT_ID,
    DIRECTORY_UPDATE_ID,
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
)
from ozone_recon.wire.protobuf.fields import Message

KeyTable = Literal["keyTable", "fileTable"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """The fields of a KeyInfo that become columns; `blocks` are (container id, local id, length, version)."""

    size: int
    replicated_size: int
    creation_time: int
    modification_time: int
    object_id: int
    update_id: int
    owner: bytes
    is_file: bool
    replication: ReplicationConfig
    blocks: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A decoded row of keyTable or fileTable."""

    prefix: bytes
    name: bytes
    facts: KeyFacts


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """A decoded row of directoryTable; `parent_id` is the one in the key."""

    prefix: bytes
    name: bytes
    object_id: int
    parent_id: int
    creation_time: int
    modification_time: int
    update_id: int
    owner: bytes


def key_facts(value: bytes) -> KeyFacts:
    """Decodes the fields of a KeyInfo that become columns."""
    message = Message("KeyInfo", value)
    for required_name in (KEY_VOLUME, KEY_BUCKET, KEY_NAME):
        message.blob(required_name)
    replication = decode_replication(
        message, kind=KEY_REPLICATION_TYPE, factor=KEY_REPLICATION_FACTOR, ec=KEY_EC_CONFIG
    )
    size = checked_size(message.int64(KEY_DATA_SIZE), replication)
    return KeyFacts(
        size=size,
        replicated_size=replication.replicated_size(size),
        creation_time=message.int64(KEY_CREATION_TIME),
        modification_time=message.int64(KEY_MODIFICATION_TIME),
        object_id=message.int64(KEY_OBJECT_ID, 0),
        update_id=message.int64(KEY_UPDATE_ID, 0),
        owner=message.blob(KEY_OWNER, b""),
        is_file=message.boolean(KEY_IS_FILE, False),
        replication=replication,
        blocks=tuple(
            (block.container_id, block.local_id, block.length, location.version)
            for location in message.messages(KEY_LOCATION_LISTS, decode_location_version)
            for block in location.blocks
        ),
    )


def key_row(table: KeyTable, key: bytes, value: bytes) -> KeyRow:
    """Decodes a row of keyTable or fileTable."""
    path = PathKey.parse(key).name if table == "fileTable" else ObjectKey.parse(key).key
    return KeyRow(*_split(key, path), key_facts(value))


def directory_row(key: bytes, value: bytes) -> DirectoryRow:
    """Decodes a row of directoryTable."""
    path = PathKey.parse(key)
    prefix, name = _split(key, path.name)
    message = Message("DirectoryInfo", value)
    message.blob(DIRECTORY_NAME)
    message.int64(DIRECTORY_PARENT_ID)
    return DirectoryRow(
        prefix=prefix,
        name=name,
        object_id=message.int64(DIRECTORY_OBJECT_ID),
        parent_id=path.parent_id,
        creation_time=message.int64(DIRECTORY_CREATION_TIME),
        modification_time=message.int64(DIRECTORY_MODIFICATION_TIME),
        update_id=message.int64(DIRECTORY_UPDATE_ID),
        owner=message.blob(DIRECTORY_OWNER, b""),
    )


def decode_keys(rows: Rows, table: KeyTable) -> KeyColumns:
    """Decodes a batch of keyTable or fileTable rows; bad rows are listed with their reasons."""
    good, bad = decode_each(rows, table, lambda key, value: key_row(table, key, value))
    prefixes, group_starts = _groups([row.prefix for row in good])
    facts = [row.facts for row in good]
    owners, owner = _indexed(key.owner for key in facts)
    replications, replication = _indexed(key.replication for key in facts)
    blocks = [block for key in facts for block in key.blocks]
    return KeyColumns(
        prefixes=prefixes,
        group_starts=group_starts,
        names=ByteColumn.of(row.name for row in good),
        size=_numbers(key.size for key in facts),
        replicated_size=_numbers(key.replicated_size for key in facts),
        creation_time=_numbers(key.creation_time for key in facts),
        modification_time=_numbers(key.modification_time for key in facts),
        object_id=_numbers(key.object_id for key in facts),
        update_id=_numbers(key.update_id for key in facts),
        owner=owner.astype(np.int32),
        replication=replication.astype(np.int32),
        owners=owners,
        replications=replications,
        block_starts=np.concatenate(([0], np.cumsum([len(key.blocks) for key in facts], dtype=np.int64))),
        block_container=_numbers(block[0] for block in blocks),
        block_local_id=_numbers(block[1] for block in blocks),
        block_length=_numbers(block[2] for block in blocks),
        block_version=_numbers(block[3] for block in blocks),
        bad=bad,
    )


def decode_directories(rows: Rows) -> DirectoryColumns:
    """Decodes a batch of directoryTable rows; bad rows are listed with their reasons."""
    good, bad = decode_each(rows, "directoryTable", directory_row)
    prefixes, group_starts = _groups([row.prefix for row in good])
    owners, owner = _indexed(row.owner for row in good)
    return DirectoryColumns(
        prefixes=prefixes,
        group_starts=group_starts,
        names=ByteColumn.of(row.name for row in good),
        object_id=_numbers(row.object_id for row in good),
        parent_id=_numbers(row.parent_id for row in good),
        creation_time=_numbers(row.creation_time for row in good),
        modification_time=_numbers(row.modification_time for row in good),
        update_id=_numbers(row.update_id for row in good),
        owner=owner.astype(np.int32),
        owners=owners,
        bad=bad,
    )


def decode_each(
    rows: Rows, table: str, decode: Callable[[bytes, bytes], T], indexes: Iterable[int] | None = None
) -> tuple[list[T], tuple[BadRow, ...]]:
    """Decodes all rows, or those with `indexes`; returns the results, and the bad rows with their reasons."""
    good, bad = [], []
    for index in range(len(rows)) if indexes is None else indexes:
        key = rows.keys[index]
        try:
            good.append(decode(key, rows.values[index]))
        except DecodeError as error:
            bad.append(BadRow(table, key, f"{table} row {key!r}: {error}"))
    return good, tuple(bad)


def _split(key: bytes, name: str) -> tuple[bytes, bytes]:
    encoded = encode_text(name)
    return key[: len(key) - len(encoded)], encoded


def _groups(prefixes: list[bytes]) -> tuple[ByteColumn, Int64s]:
    starts = [row for row, prefix in enumerate(prefixes) if row == 0 or prefix != prefixes[row - 1]]
    return ByteColumn.of(prefixes[row] for row in starts), _numbers([*starts, len(prefixes)])


def _indexed(items: Iterable[T]) -> tuple[tuple[T, ...], Int64s]:
    values = list(items)
    index = {item: position for position, item in enumerate(dict.fromkeys(values))}
    return tuple(index), _numbers(index[item] for item in values)


def _numbers(items: Iterable[int]) -> Int64s:
    return np.array(list(items), np.int64)
