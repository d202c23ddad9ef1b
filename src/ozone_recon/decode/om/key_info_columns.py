"""Decodes pages of KeyInfo messages into columns with all fields; the columnar form of `values.decode_key_info`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, same_slices, slices_at
from ozone_recon.decode.dictionary import DictionaryColumn, decode_dictionary, decode_optional
from ozone_recon.decode.om.keys import encode_text
from ozone_recon.decode.om.parts import (
    MAX_INT32,
    decode_acl,
    decode_file_checksum,
    decode_file_encryption,
    largest_size,
)
from ozone_recon.decode.replications import decode_replications
from ozone_recon.model.om import FileChecksum, FileEncryption, OzoneAcl
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.ozone.schema import (
    BLOCK_COMMIT_SEQUENCE_ID,
    BLOCK_CONTAINER_BLOCK_ID,
    CONTAINER_BLOCK_CONTAINER_ID,
    CONTAINER_BLOCK_LOCAL_ID,
    KEY_ACLS,
    KEY_BUCKET,
    KEY_CHECKSUM,
    KEY_CREATION_TIME,
    KEY_DATA_SIZE,
    KEY_EC_CONFIG,
    KEY_ENCRYPTION,
    KEY_EXPECTED_GENERATION,
    KEY_IS_FILE,
    KEY_LOCATION_LISTS,
    KEY_METADATA,
    KEY_MODIFICATION_TIME,
    KEY_NAME,
    KEY_OBJECT_ID,
    KEY_OWNER,
    KEY_PARENT_ID,
    KEY_REPLICATION_FACTOR,
    KEY_REPLICATION_TYPE,
    KEY_TAGS,
    KEY_UPDATE_ID,
    KEY_VOLUME,
    LOCATION_BLOCK_ID,
    LOCATION_CREATE_VERSION,
    LOCATION_LENGTH,
    LOCATION_LIST_IS_MULTIPART,
    LOCATION_LIST_LOCATIONS,
    LOCATION_LIST_VERSION,
    LOCATION_OFFSET,
    LOCATION_PART_NUMBER,
)
from ozone_recon.wire.protobuf.fields import to_text
from ozone_recon.wire.protobuf.messages import Messages, read_messages

Bools = NDArray[np.bool_]


class PairColumns(NamedTuple):
    """Metadata or tags; pair i belongs to the key, volume or bucket with index `parent[i]`."""

    parent: Int64s
    name: ByteSlices
    value: ByteSlices


class VersionColumns(NamedTuple):
    """Location versions; version i belongs to the key with index `key[i]`."""

    key: Int64s
    version: Int64s
    is_multipart: Bools


class BlockColumns(NamedTuple):
    """Blocks; block i belongs to the location version with index `group[i]`."""

    group: Int64s
    container_id: Int64s
    local_id: Int64s
    commit_sequence_id: Int64s
    offset: Int64s
    length: Int64s
    create_version: Int64s
    part_number: Int64s


@dataclass(frozen=True, slots=True)
class KeyInfoColumns:
    """Keys with the fields of `model.om.KeyInfo`; `row` is the index of the value that contains the key.

    Repeated fields have columns of their own, in key order.
    """

    row: Int64s
    volume: DictionaryColumn[str]
    bucket: DictionaryColumn[str]
    key: ByteSlices
    size: Int64s
    replicated_size: Int64s
    replication: DictionaryColumn[ReplicationConfig]
    versions: VersionColumns
    blocks: BlockColumns
    creation_time: Int64s
    modification_time: Int64s
    object_id: Int64s
    update_id: Int64s
    parent_id: Int64s
    owner: DictionaryColumn[str | None]
    is_file: Bools
    acls: DictionaryColumn[OzoneAcl]
    acl_key: Int64s
    metadata: PairColumns
    tags: PairColumns
    encryption: DictionaryColumn[FileEncryption | None]
    checksum: DictionaryColumn[FileChecksum | None]
    expected_data_generation: Int64s
    has_expected_data_generation: Bools

    def __len__(self) -> int:
        return len(self.row)

    def path(self) -> ByteColumn:
        """`volume/bucket/key` of each key, from its value."""
        volume, bucket = (
            slices_at(ByteColumn.of(map(encode_text, names.values)), names.indices)
            for names in (self.volume, self.bucket)
        )
        return joined([volume, b"/", bucket, b"/", self.key])


class DeletedKeyColumns(NamedTuple):
    """Values of deletedTable: the `bucket_id` of each (0 if absent), and the keys of all values."""

    bucket_id: Int64s
    keys: KeyInfoColumns


def decode_key_info_columns(values: ByteSlices) -> tuple[Int64s, KeyInfoColumns]:
    """Decodes KeyInfos; returns the indexes of the valid values, and their columns."""
    return read_messages(values, _keys)


def stored_paths(values: ByteSlices, wanted: Bools) -> ByteSlices:
    """`volume/bucket/key` from each wanted value; empty for other values and for invalid KeyInfos."""
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return same_slices(b"", len(wanted))
    readable, keys = decode_key_info_columns(values.take(rows))
    paths = keys.path()
    starts, ends = np.zeros((2, len(wanted)), np.int64)
    starts[rows[readable]], ends[rows[readable]] = paths.offsets[:-1], paths.offsets[1:]
    return ByteSlices(paths.data, starts, ends)


def decode_deleted_keys(values: ByteSlices) -> tuple[Int64s, DeletedKeyColumns]:
    """Decodes RepeatedKeyInfos; returns the indexes of the valid values, and their columns."""
    return read_messages(values, lambda rows: DeletedKeyColumns(rows.int64(2, 0), _keys(rows.messages(1))))


def _keys(keys: Messages) -> KeyInfoColumns:
    replication = decode_replications(keys, kind=KEY_REPLICATION_TYPE, factor=KEY_REPLICATION_FACTOR, ec=KEY_EC_CONFIG)
    size = keys.int64(KEY_DATA_SIZE)
    acls, acl_key = keys.blobs(KEY_ACLS)
    versions, blocks = _locations(keys)
    return KeyInfoColumns(
        row=keys.parent,
        volume=decode_dictionary(keys, keys.blob(KEY_VOLUME), to_text),
        bucket=decode_dictionary(keys, keys.blob(KEY_BUCKET), to_text),
        key=keys.blob(KEY_NAME),
        size=size,
        replicated_size=_replicated(keys, size, replication),
        replication=replication,
        versions=versions,
        blocks=blocks,
        creation_time=keys.int64(KEY_CREATION_TIME),
        modification_time=keys.int64(KEY_MODIFICATION_TIME),
        object_id=keys.int64(KEY_OBJECT_ID, 0),
        update_id=keys.int64(KEY_UPDATE_ID, 0),
        parent_id=keys.int64(KEY_PARENT_ID, 0),
        owner=decode_optional(keys, KEY_OWNER, to_text),
        is_file=keys.boolean(KEY_IS_FILE, False),
        acls=decode_dictionary(keys, acls, decode_acl, acl_key),
        acl_key=acl_key,
        metadata=decode_pair_columns(keys, KEY_METADATA),
        tags=decode_pair_columns(keys, KEY_TAGS),
        encryption=decode_optional(keys, KEY_ENCRYPTION, decode_file_encryption),
        checksum=decode_optional(keys, KEY_CHECKSUM, decode_file_checksum),
        expected_data_generation=keys.int64(KEY_EXPECTED_GENERATION, 0),
        has_expected_data_generation=keys.has_number(KEY_EXPECTED_GENERATION),
    )


def _replicated(keys: Messages, size: Int64s, replication: DictionaryColumn[ReplicationConfig]) -> Int64s:
    replicated = np.zeros(len(keys), np.int64)
    for number, config in enumerate(replication.values):
        rows = np.flatnonzero(replication.indices == number)
        keys.refuse(rows[(size[rows] < 0) | (size[rows] > largest_size(config))])
        replicated[rows] = config.replicated_sizes(size[rows])
    return replicated


def _locations(keys: Messages) -> tuple[VersionColumns, BlockColumns]:
    groups = keys.messages(KEY_LOCATION_LISTS)
    version = groups.int64(LOCATION_LIST_VERSION, 0)
    groups.refuse(np.flatnonzero((version < 0) | (version > MAX_INT32)))
    blocks = groups.messages(LOCATION_LIST_LOCATIONS)
    block_id = blocks.message(LOCATION_BLOCK_ID)
    ids = block_id.message(BLOCK_CONTAINER_BLOCK_ID)
    columns = BlockColumns(
        group=blocks.parent,
        container_id=ids.int64(CONTAINER_BLOCK_CONTAINER_ID),
        local_id=ids.int64(CONTAINER_BLOCK_LOCAL_ID),
        commit_sequence_id=block_id.int64(BLOCK_COMMIT_SEQUENCE_ID, 0),
        offset=blocks.int64(LOCATION_OFFSET),
        length=blocks.int64(LOCATION_LENGTH),
        create_version=blocks.int64(LOCATION_CREATE_VERSION, 0),
        part_number=blocks.int32(LOCATION_PART_NUMBER, -1),
    )
    blocks.refuse(np.flatnonzero((columns.container_id < 0) | (columns.length < 0)))
    return VersionColumns(groups.parent, version, groups.boolean(LOCATION_LIST_IS_MULTIPART, False)), columns


def decode_pair_columns(messages: Messages, number: int) -> PairColumns:
    """Decodes a repeated KeyValue; a missing value is empty text."""
    pairs = messages.messages(number)
    return PairColumns(pairs.parent, pairs.blob(1), pairs.blob(2, required=False))
