"""Decodes the values of all OM tables, one message type per function.

Each function takes a value's bytes and returns a record of `model.om`, or raises DecodeError. A message must have all
fields that Ozone declares as required; message names and defaults of absent fields are those of Ozone 2.2.0. Some
functions are used by tests only: they are the readable reference of the formats that compiled decoders read, and of
tables that the product does not decode.
"""

from __future__ import annotations

import re

from ozone_recon.decode.om.parts import (
    CIPHER_SUITES,
    CRYPTO_PROTOCOLS,
    EC,
    FACTOR_UNSET,
    checked_size,
    decode_acls,
    decode_file_checksum,
    decode_file_encryption,
    decode_location_version,
    decode_pairs,
    decode_replication,
    decode_uuid,
    named,
    replication_of,
)
from ozone_recon.errors import DecodeError
from ozone_recon.model.om import (
    QUOTA_UNSET,
    BucketEncryption,
    BucketInfo,
    CompactionFile,
    CompactionLogEntry,
    DirectoryInfo,
    KeyInfo,
    MultipartKeyInfo,
    MultipartPartInfo,
    PartKeyInfo,
    PrefixInfo,
    PrincipalAccessIds,
    RepeatedKeyInfo,
    S3Secret,
    SnapshotInfo,
    TenantAccessId,
    TenantState,
    TransactionInfo,
    UserVolumes,
    VolumeInfo,
)
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.ozone.schema import (
    DIRECTORY_ACLS,
    DIRECTORY_CREATION_TIME,
    DIRECTORY_METADATA,
    DIRECTORY_MODIFICATION_TIME,
    DIRECTORY_NAME,
    DIRECTORY_OBJECT_ID,
    DIRECTORY_OWNER,
    DIRECTORY_PARENT_ID,
    DIRECTORY_UPDATE_ID,
    KEY_ACLS,
    KEY_BUCKET,
    KEY_CHECKSUM,
    KEY_CREATION_TIME,
    KEY_DATA_SIZE,
    KEY_EC_CONFIG,
    KEY_ENCRYPTION,
    KEY_EXPECTED_GENERATION,
    KEY_IS_FILE,
    KEY_LATEST_VERSION,
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
)
from ozone_recon.wire.protobuf.fields import Message, to_text

LAYOUTS = {1: "LEGACY", 2: "FILE_SYSTEM_OPTIMIZED", 3: "OBJECT_STORE"}
STORAGE_TYPES = {1: "DISK", 2: "SSD", 3: "ARCHIVE", 4: "RAM_DISK", 5: "PROVIDED"}
SNAPSHOT_STATUSES = {1: "SNAPSHOT_ACTIVE", 2: "SNAPSHOT_DELETED"}


def decode_volume(data: bytes) -> VolumeInfo:
    """A value of volumeTable."""
    message = Message("VolumeInfo", data)
    return VolumeInfo(
        admin=message.text(1),
        owner=message.text(2),
        volume=message.text(3),
        quota_in_bytes=message.int64(4, 0),
        metadata=decode_pairs(message, 5),
        acls=decode_acls(message, 6),
        creation_time=message.int64(7, 0),
        object_id=message.int64(8, 0),
        update_id=message.int64(9, 0),
        modification_time=message.int64(10, 0),
        quota_in_namespace=message.int64(11, QUOTA_UNSET),
        used_namespace=message.int64(12, 0),
        ref_count=message.int64(13, 0),
    )


def decode_bucket(data: bytes) -> BucketInfo:
    """A value of bucketTable."""
    message = Message("BucketInfo", data)
    return BucketInfo(
        volume=message.text(1),
        bucket=message.text(2),
        acls=decode_acls(message, 3),
        versioning=message.boolean(4),
        storage_type=named(STORAGE_TYPES, message.int32(5)),
        creation_time=message.int64(6, 0),
        metadata=decode_pairs(message, 7),
        encryption=message.message(8, decode_bucket_encryption, None),
        object_id=message.int64(9, 0),
        update_id=message.int64(10, 0),
        modification_time=message.int64(11, 0),
        source_volume=message.text(12, None),
        source_bucket=message.text(13, None),
        used_bytes=message.int64(14, 0),
        quota_in_bytes=message.int64(15, QUOTA_UNSET),
        quota_in_namespace=message.int64(16, QUOTA_UNSET),
        used_namespace=message.int64(17, 0),
        layout=named(LAYOUTS, message.int32(18, 1)),
        owner=message.text(19, None),
        default_replication=message.message(20, decode_default_replication, None),
        snapshot_used_bytes=message.int64(21, 0),
        snapshot_used_namespace=message.int64(22, 0),
    )


def decode_bucket_encryption(data: bytes) -> BucketEncryption:
    """A BucketEncryptionInfoProto."""
    message = Message("BucketEncryptionInfo", data)
    return BucketEncryption(
        key_name=message.text(1),
        suite=named(CIPHER_SUITES, message.int32(2, 1)),
        protocol_version=named(CRYPTO_PROTOCOLS, message.int32(3, 1)),
    )


def decode_default_replication(data: bytes) -> ReplicationConfig:
    """A DefaultReplicationConfig; an EC configuration overrides the type (DefaultReplicationConfig.fromProto)."""
    message = Message("DefaultReplicationConfig", data)
    kind, ec = message.int32(1), message.blob(3, None)
    return replication_of(kind if ec is None else EC, message.int32(2, FACTOR_UNSET), ec)


def decode_key_info(data: bytes) -> KeyInfo:
    """A value of keyTable, fileTable, openKeyTable, openFileTable or deletedDirectoryTable."""
    message = Message("KeyInfo", data)
    replication = decode_replication(
        message, kind=KEY_REPLICATION_TYPE, factor=KEY_REPLICATION_FACTOR, ec=KEY_EC_CONFIG
    )
    return KeyInfo(
        volume=message.text(KEY_VOLUME),
        bucket=message.text(KEY_BUCKET),
        key=message.text(KEY_NAME),
        size=checked_size(message.int64(KEY_DATA_SIZE), replication),
        replication=replication,
        locations=message.messages(KEY_LOCATION_LISTS, decode_location_version),
        creation_time=message.int64(KEY_CREATION_TIME),
        modification_time=message.int64(KEY_MODIFICATION_TIME),
        latest_version=message.int64(KEY_LATEST_VERSION, 0),
        metadata=decode_pairs(message, KEY_METADATA),
        encryption=message.message(KEY_ENCRYPTION, decode_file_encryption, None),
        acls=decode_acls(message, KEY_ACLS),
        object_id=message.int64(KEY_OBJECT_ID, 0),
        update_id=message.int64(KEY_UPDATE_ID, 0),
        parent_id=message.int64(KEY_PARENT_ID, 0),
        checksum=message.message(KEY_CHECKSUM, decode_file_checksum, None),
        is_file=message.boolean(KEY_IS_FILE, None),
        owner=message.text(KEY_OWNER, None),
        tags=decode_pairs(message, KEY_TAGS),
        expected_data_generation=message.int64(KEY_EXPECTED_GENERATION, None),
    )


def decode_directory(data: bytes) -> DirectoryInfo:
    """A value of directoryTable."""
    message = Message("DirectoryInfo", data)
    return DirectoryInfo(
        name=message.text(DIRECTORY_NAME),
        creation_time=message.int64(DIRECTORY_CREATION_TIME),
        modification_time=message.int64(DIRECTORY_MODIFICATION_TIME),
        metadata=decode_pairs(message, DIRECTORY_METADATA),
        acls=decode_acls(message, DIRECTORY_ACLS),
        object_id=message.int64(DIRECTORY_OBJECT_ID),
        update_id=message.int64(DIRECTORY_UPDATE_ID),
        parent_id=message.int64(DIRECTORY_PARENT_ID),
        owner=message.text(DIRECTORY_OWNER, None),
    )


def decode_repeated_key_info(data: bytes) -> RepeatedKeyInfo:
    """A value of deletedTable."""
    message = Message("RepeatedKeyInfo", data)
    return RepeatedKeyInfo(keys=message.messages(1, decode_key_info), bucket_id=message.int64(2, None))


def decode_multipart_key_info(data: bytes) -> MultipartKeyInfo:
    """A value of multipartInfoTable."""
    message = Message("MultipartKeyInfo", data)
    return MultipartKeyInfo(
        upload_id=message.text(1),
        creation_time=message.int64(2),
        replication=decode_replication(message, kind=3, factor=4, ec=9),
        parts=message.messages(5, _part_key_info),
        object_id=message.int64(6, 0),
        update_id=message.int64(7, 0),
        parent_id=message.int64(8, 0),
        schema_version=message.int32(10, 0),
        volume=message.text(11, None),
        bucket=message.text(12, None),
        key=message.text(13, None),
        owner=message.text(14, None),
        acls=decode_acls(message, 15),
    )


def _part_key_info(data: bytes) -> PartKeyInfo:
    message = Message("PartKeyInfo", data)
    return PartKeyInfo(name=message.text(1), number=message.int32(2), key=message.message(3, decode_key_info))


def decode_multipart_part_info(data: bytes) -> MultipartPartInfo:
    """A value of multipartPartsTable."""
    message = Message("MultipartPartInfo", data)
    return MultipartPartInfo(
        name=message.text(1, ""),
        number=message.int32(2, 0),
        etag=message.text(3, None),
        location=message.message(4, decode_location_version, None),
        size=message.int64(5, 0),
        modification_time=message.int64(6, 0),
        object_id=message.int64(7, 0),
        update_id=message.int64(8, 0),
        encryption=message.message(9, decode_file_encryption, None),
        checksum=message.message(10, decode_file_checksum, None),
    )


def decode_snapshot(data: bytes) -> SnapshotInfo:
    """A value of snapshotInfoTable."""
    message = Message("SnapshotInfo", data)
    return SnapshotInfo(
        snapshot_id=message.message(1, decode_uuid, None),
        name=message.text(2, ""),
        volume=message.text(3, ""),
        bucket=message.text(4, ""),
        status=named(SNAPSHOT_STATUSES, message.int32(5, 1)),
        creation_time=message.int64(6, 0),
        deletion_time=message.int64(7, 0),
        path_previous_id=message.message(8, decode_uuid, None),
        global_previous_id=message.message(9, decode_uuid, None),
        path=message.text(10, ""),
        db_sequence_number=message.int64(12, 0),
        deep_cleaned=message.boolean(13, False),
        sst_filtered=message.boolean(14, False),
        referenced_size=message.int64(15, 0),
        referenced_replicated_size=message.int64(16, 0),
        exclusive_size=message.int64(17, 0),
        exclusive_replicated_size=message.int64(18, 0),
        deep_cleaned_directories=message.boolean(19, False),
        last_changed_by=message.message(20, decode_transaction_info, None),
        exclusive_size_from_directories=message.int64(21, 0),
        exclusive_replicated_size_from_directories=message.int64(22, 0),
        created_by=message.message(23, decode_transaction_info, None),
    )


def decode_transaction_info(data: bytes) -> TransactionInfo:
    """A value of transactionInfoTable: text of the form `term#index` (TransactionInfo)."""
    parts = re.fullmatch(rb"(-?\d{1,19})#(-?\d{1,19})", data)
    if parts is None:
        raise DecodeError(f"TransactionInfo: {data!r} is not `term#index`")
    return TransactionInfo(int(parts[1]), int(parts[2]))


def decode_user_volumes(data: bytes) -> UserVolumes:
    """A value of userTable."""
    message = Message("PersistedUserVolumeInfo", data)
    return UserVolumes(volumes=message.texts(1), object_id=message.int64(2, 0), update_id=message.int64(3, 0))


def decode_prefix(data: bytes) -> PrefixInfo:
    """A value of prefixTable."""
    message = Message("PersistedPrefixInfo", data)
    return PrefixInfo(
        name=message.text(1),
        acls=decode_acls(message, 2),
        metadata=decode_pairs(message, 3),
        object_id=message.int64(4, 0),
        update_id=message.int64(5, 0),
    )


def decode_compaction_log_entry(data: bytes) -> CompactionLogEntry:
    """A value of compactionLogTable."""
    message = Message("CompactionLogEntry", data)
    return CompactionLogEntry(
        db_sequence_number=message.int64(1, 0),
        compaction_time=message.int64(2, 0),
        inputs=message.messages(3, _compaction_file),
        outputs=message.messages(4, _compaction_file),
        reason=message.text(5, None),
    )


def _compaction_file(data: bytes) -> CompactionFile:
    message = Message("CompactionFileInfo", data)
    return CompactionFile(
        name=message.text(1, ""),
        start_key=message.text(2, None),
        end_key=message.text(3, None),
        column_family=message.text(4, None),
        pruned=message.boolean(5, False),
    )


def decode_s3_secret(data: bytes) -> S3Secret:
    """A value of s3SecretTable, without its secret (field 2)."""
    return S3Secret(access_id=Message("S3Secret", data).text(1))


def decode_tenant_state(data: bytes) -> TenantState:
    """A value of tenantStateTable."""
    message = Message("TenantState", data)
    return TenantState(
        tenant=message.text(1, ""),
        volume=message.text(2, ""),
        user_role=message.text(3, ""),
        admin_role=message.text(4, ""),
        namespace_policy=message.text(5, ""),
        bucket_policy=message.text(6, ""),
    )


def decode_tenant_access_id(data: bytes) -> TenantAccessId:
    """A value of tenantAccessIdTable."""
    message = Message("ExtendedUserAccessIdInfo", data)
    return TenantAccessId(
        user=message.text(1, ""),
        tenant=message.text(3, ""),
        is_admin=message.boolean(4, False),
        is_delegated_admin=message.boolean(5, False),
    )


def decode_principal_access_ids(data: bytes) -> PrincipalAccessIds:
    """A value of principalToAccessIdsTable."""
    return PrincipalAccessIds(access_ids=Message("TenantUserPrincipalInfo", data).texts(1))


def decode_token_renew_time(data: bytes) -> int:
    """A value of dTokenTable: until when (ms since 1970) a delegation token can be renewed, as 8 bytes big-endian."""
    if len(data) != 8:
        raise DecodeError(f"dTokenTable: a time of {len(data)} bytes instead of 8")
    return int.from_bytes(data, "big", signed=True)


def decode_text(data: bytes) -> str:
    """A value of metaTable or snapshotRenamedTable: plain text."""
    return to_text(data)
