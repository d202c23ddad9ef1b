"""Encodes values of OM's tables byte for byte as OM does: the inverse of `decode.om.values`.

Covers only the values a simulated OM writes: nothing is encrypted, and an upload has its parts in its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, TypeVar
from uuid import UUID

from ozone_recon.decode.om.parts import ACL_RIGHTS, ACL_SCOPES, ACL_TYPES, REPLICATION_TYPES
from ozone_recon.decode.om.values import LAYOUTS, SNAPSHOT_STATUSES, STORAGE_TYPES
from ozone_recon.model.om import (
    Block,
    BucketInfo,
    DirectoryInfo,
    KeyInfo,
    LocationVersion,
    MultipartKeyInfo,
    OzoneAcl,
    Pairs,
    PartKeyInfo,
    RepeatedKeyInfo,
    SnapshotInfo,
    TransactionInfo,
    UserVolumes,
    VolumeInfo,
)
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.ozone import schema
from ozone_recon.wire.protobuf.fields import bytes_field, number_field

K = TypeVar("K")
V = TypeVar("V")


def inverse(names: Mapping[K, V]) -> dict[V, K]:
    """The numbers by name."""
    return {name: number for number, name in names.items()}


_ACL_TYPES: Final = inverse(ACL_TYPES)
_ACL_RIGHTS: Final = inverse(ACL_RIGHTS)
_ACL_SCOPES: Final = inverse(ACL_SCOPES)
REPLICATION_KINDS: Final = inverse(REPLICATION_TYPES)
_LAYOUTS: Final = inverse(LAYOUTS)
_STORAGE_TYPES: Final = inverse(STORAGE_TYPES)
_STATUSES: Final = inverse(SNAPSHOT_STATUSES)


@cache
def uuid_message(text: str) -> bytes:
    """A UUID message: the upper and lower 64 bits."""
    whole = UUID(text).int
    return number_field(1, whole >> 64) + number_field(2, whole & (1 << 64) - 1)


@cache
def ec_config(replication: ReplicationConfig) -> bytes | None:
    """An ECReplicationConfig; None for other replication."""
    if replication.kind != "EC":
        return None
    layout = number_field(schema.EC_DATA, replication.data) + number_field(schema.EC_PARITY, replication.parity)
    return layout + bytes_field(schema.EC_CODEC, replication.codec) + number_field(schema.EC_CHUNK, replication.chunk)


def factor(replication: ReplicationConfig) -> int | None:
    """The encoded factor; None for EC."""
    return None if replication.kind == "EC" else replication.factor


@cache
def _acls(field: int, acls: tuple[OzoneAcl, ...]) -> bytes:
    return b"".join(bytes_field(field, _acl(acl)) for acl in acls)


def _acl(acl: OzoneAcl) -> bytes:
    bits = sum(1 << _ACL_RIGHTS[right] for right in acl.rights)
    rights = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    named = number_field(1, _ACL_TYPES[acl.type]) + bytes_field(2, acl.name)
    return named + bytes_field(3, rights) + number_field(4, _ACL_SCOPES[acl.scope])


def _pairs(field: int, pairs: Pairs) -> bytes:
    return b"".join(bytes_field(field, bytes_field(1, key) + bytes_field(2, value)) for key, value in pairs)


def encode_volume(volume: VolumeInfo) -> bytes:
    """A value of volumeTable."""
    return (
        bytes_field(1, volume.admin)
        + bytes_field(2, volume.owner)
        + bytes_field(3, volume.volume)
        + number_field(4, volume.quota_in_bytes)
        + _pairs(5, volume.metadata)
        + _acls(6, volume.acls)
        + number_field(7, volume.creation_time)
        + number_field(8, volume.object_id)
        + number_field(9, volume.update_id)
        + number_field(10, volume.modification_time)
        + number_field(11, volume.quota_in_namespace)
        + number_field(12, volume.used_namespace)
        + number_field(13, volume.ref_count)
    )


def encode_user_volumes(volumes: UserVolumes) -> bytes:
    """A value of userTable."""
    names = b"".join(bytes_field(1, name) for name in volumes.volumes)
    return names + number_field(2, volumes.object_id) + number_field(3, volumes.update_id)


def encode_bucket(bucket: BucketInfo) -> bytes:
    """A value of bucketTable."""
    return (
        bytes_field(1, bucket.volume)
        + bytes_field(2, bucket.bucket)
        + _acls(3, bucket.acls)
        + number_field(4, bucket.versioning)
        + number_field(5, _STORAGE_TYPES[bucket.storage_type])
        + number_field(6, bucket.creation_time)
        + _pairs(7, bucket.metadata)
        + number_field(9, bucket.object_id)
        + number_field(10, bucket.update_id)
        + number_field(11, bucket.modification_time)
        + bytes_field(12, bucket.source_volume)
        + bytes_field(13, bucket.source_bucket)
        + number_field(14, bucket.used_bytes)
        + number_field(15, bucket.quota_in_bytes)
        + number_field(16, bucket.quota_in_namespace)
        + number_field(17, bucket.used_namespace)
        + number_field(18, _LAYOUTS[bucket.layout])
        + bytes_field(19, bucket.owner)
        + bytes_field(20, _default_replication(bucket.default_replication))
        + number_field(21, bucket.snapshot_used_bytes)
        + number_field(22, bucket.snapshot_used_namespace)
    )


@cache
def _default_replication(replication: ReplicationConfig | None) -> bytes | None:
    if replication is None:
        return None
    kind = number_field(1, REPLICATION_KINDS[replication.kind])
    return kind + number_field(2, factor(replication)) + bytes_field(3, ec_config(replication))


def encode_directory(directory: DirectoryInfo) -> bytes:
    """A value of directoryTable."""
    return (
        bytes_field(schema.DIRECTORY_NAME, directory.name)
        + number_field(schema.DIRECTORY_CREATION_TIME, directory.creation_time)
        + number_field(schema.DIRECTORY_MODIFICATION_TIME, directory.modification_time)
        + _pairs(schema.DIRECTORY_METADATA, directory.metadata)
        + _acls(schema.DIRECTORY_ACLS, directory.acls)
        + number_field(schema.DIRECTORY_OBJECT_ID, directory.object_id)
        + number_field(schema.DIRECTORY_UPDATE_ID, directory.update_id)
        + number_field(schema.DIRECTORY_PARENT_ID, directory.parent_id)
        + bytes_field(schema.DIRECTORY_OWNER, directory.owner)
    )


def encode_key_info(key: KeyInfo) -> bytes:
    """A value of keyTable, fileTable, openKeyTable, openFileTable or deletedDirectoryTable."""
    return (
        bytes_field(schema.KEY_VOLUME, key.volume)
        + bytes_field(schema.KEY_BUCKET, key.bucket)
        + bytes_field(schema.KEY_NAME, key.key)
        + number_field(schema.KEY_DATA_SIZE, key.size)
        + number_field(schema.KEY_REPLICATION_TYPE, REPLICATION_KINDS[key.replication.kind])
        + number_field(schema.KEY_REPLICATION_FACTOR, factor(key.replication))
        + b"".join(bytes_field(schema.KEY_LOCATION_LISTS, _location_version(version)) for version in key.locations)
        + number_field(schema.KEY_CREATION_TIME, key.creation_time)
        + number_field(schema.KEY_MODIFICATION_TIME, key.modification_time)
        + number_field(schema.KEY_LATEST_VERSION, key.latest_version)
        + _pairs(schema.KEY_METADATA, key.metadata)
        + _acls(schema.KEY_ACLS, key.acls)
        + number_field(schema.KEY_OBJECT_ID, key.object_id)
        + number_field(schema.KEY_UPDATE_ID, key.update_id)
        + number_field(schema.KEY_PARENT_ID, key.parent_id)
        + bytes_field(schema.KEY_EC_CONFIG, ec_config(key.replication))
        + number_field(schema.KEY_IS_FILE, key.is_file)
        + bytes_field(schema.KEY_OWNER, key.owner)
        + _pairs(schema.KEY_TAGS, key.tags)
    )


def _location_version(version: LocationVersion) -> bytes:
    blocks = b"".join(bytes_field(schema.LOCATION_LIST_LOCATIONS, _block(block)) for block in version.blocks)
    return (
        number_field(schema.LOCATION_LIST_VERSION, version.version)
        + blocks
        + number_field(schema.LOCATION_LIST_IS_MULTIPART, version.is_multipart)
    )


def _block(block: Block) -> bytes:
    container_block = number_field(schema.CONTAINER_BLOCK_CONTAINER_ID, block.container_id)
    container_block += number_field(schema.CONTAINER_BLOCK_LOCAL_ID, block.local_id)
    block_id = bytes_field(schema.BLOCK_CONTAINER_BLOCK_ID, container_block)
    block_id += number_field(schema.BLOCK_COMMIT_SEQUENCE_ID, block.commit_sequence_id)
    return (
        bytes_field(schema.LOCATION_BLOCK_ID, block_id)
        + number_field(schema.LOCATION_OFFSET, block.offset)
        + number_field(schema.LOCATION_LENGTH, block.length)
        + number_field(schema.LOCATION_CREATE_VERSION, block.create_version)
        + number_field(schema.LOCATION_PART_NUMBER, block.part_number)
    )


def encode_repeated_key_info(keys: RepeatedKeyInfo) -> bytes:
    """A value of deletedTable."""
    return b"".join(bytes_field(1, encode_key_info(key)) for key in keys.keys) + number_field(2, keys.bucket_id)


def encode_multipart_key_info(upload: MultipartKeyInfo) -> bytes:
    """A value of multipartInfoTable, of schema version 0."""
    return (
        bytes_field(1, upload.upload_id)
        + number_field(2, upload.creation_time)
        + number_field(3, REPLICATION_KINDS[upload.replication.kind])
        + number_field(4, factor(upload.replication))
        + b"".join(bytes_field(5, _part(part)) for part in upload.parts)
        + number_field(6, upload.object_id)
        + number_field(7, upload.update_id)
        + number_field(8, upload.parent_id)
        + bytes_field(9, ec_config(upload.replication))
        + number_field(10, upload.schema_version)
    )


def _part(part: PartKeyInfo) -> bytes:
    return bytes_field(1, part.name) + number_field(2, part.number) + bytes_field(3, encode_key_info(part.key))


def encode_snapshot(snapshot: SnapshotInfo) -> bytes:
    """A value of snapshotInfoTable."""
    return (
        _uuid(1, snapshot.snapshot_id)
        + bytes_field(2, snapshot.name)
        + bytes_field(3, snapshot.volume)
        + bytes_field(4, snapshot.bucket)
        + number_field(5, _STATUSES[snapshot.status])
        + number_field(6, snapshot.creation_time)
        + number_field(7, snapshot.deletion_time)
        + _uuid(8, snapshot.path_previous_id)
        + _uuid(9, snapshot.global_previous_id)
        + bytes_field(10, snapshot.path)
        + number_field(12, snapshot.db_sequence_number or None)
        + number_field(13, snapshot.deep_cleaned)
        + number_field(14, snapshot.sst_filtered)
        + number_field(15, snapshot.referenced_size)
        + number_field(16, snapshot.referenced_replicated_size)
        + number_field(17, snapshot.exclusive_size)
        + number_field(18, snapshot.exclusive_replicated_size)
        + number_field(19, snapshot.deep_cleaned_directories)
        + bytes_field(20, _transaction(snapshot.last_changed_by))
        + number_field(21, snapshot.exclusive_size_from_directories)
        + number_field(22, snapshot.exclusive_replicated_size_from_directories)
        + bytes_field(23, _transaction(snapshot.created_by))
    )


def _uuid(field: int, text: str | None) -> bytes:
    return b"" if text is None else bytes_field(field, uuid_message(text))


def _transaction(info: TransactionInfo | None) -> bytes | None:
    return None if info is None else encode_transaction_info(info)


def encode_transaction_info(info: TransactionInfo) -> bytes:
    """A value of transactionInfoTable."""
    return b"%d#%d" % (info.term, info.index)
