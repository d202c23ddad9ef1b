"""The contents of OM's database as frozen records under Ozone's names.

Ids, sequence numbers and quotas are Java's signed 64-bit numbers, times are milliseconds since 1970, sizes are bytes.
Text is `str`; a name that is not UTF-8 keeps its bytes as surrogates (`surrogateescape`), so encoding it the same way
gives the database's bytes back. An unknown enum value is its number as text.
"""

from __future__ import annotations

from dataclasses import dataclass

from ozone_recon.model.replication import ReplicationConfig

Pairs = tuple[tuple[str, str], ...]
"""Metadata or tags: (key, value) in the order stored."""

QUOTA_UNSET = -2
"""The default of a quota field that was never written (OzoneConsts.OLD_QUOTA_DEFAULT); -1 is "no quota"."""


@dataclass(frozen=True, slots=True)
class OzoneAcl:
    """One access rule; `type` is USER, GROUP, WORLD …, `rights` are in the order of Ozone's ACLType."""

    type: str
    name: str
    rights: tuple[str, ...]
    scope: str


@dataclass(frozen=True, slots=True)
class VolumeInfo:
    """A volume (OmVolumeArgs)."""

    volume: str
    owner: str
    admin: str
    object_id: int
    update_id: int
    creation_time: int
    modification_time: int
    quota_in_bytes: int
    quota_in_namespace: int
    used_namespace: int
    ref_count: int
    acls: tuple[OzoneAcl, ...]
    metadata: Pairs


@dataclass(frozen=True, slots=True)
class BucketEncryption:
    """The key of an encrypted bucket."""

    key_name: str
    suite: str
    protocol_version: str


@dataclass(frozen=True, slots=True)
class BucketInfo:
    """A bucket (OmBucketInfo); `layout` is LEGACY, FILE_SYSTEM_OPTIMIZED or OBJECT_STORE.

    A link to another bucket has a `source_volume` and `source_bucket`. `used_bytes` are replicated bytes, as quotas
    count them.
    """

    volume: str
    bucket: str
    layout: str
    owner: str | None
    object_id: int
    update_id: int
    creation_time: int
    modification_time: int
    quota_in_bytes: int
    quota_in_namespace: int
    used_bytes: int
    used_namespace: int
    snapshot_used_bytes: int
    snapshot_used_namespace: int
    source_volume: str | None
    source_bucket: str | None
    storage_type: str
    versioning: bool
    default_replication: ReplicationConfig | None
    encryption: BucketEncryption | None
    acls: tuple[OzoneAcl, ...]
    metadata: Pairs

    @property
    def is_link(self) -> bool:
        """Whether this bucket is a link to another bucket."""
        return self.source_volume is not None and self.source_bucket is not None


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a key: its id (container and local id) and the range of the key that it holds."""

    container_id: int
    local_id: int
    commit_sequence_id: int
    offset: int
    length: int
    create_version: int
    part_number: int


@dataclass(frozen=True, slots=True)
class FileEncryption:
    """How a key's data is encrypted (FileEncryptionInfo)."""

    suite: str
    protocol_version: str
    encrypted_key: bytes
    iv: bytes
    key_name: str
    key_version_name: str


@dataclass(frozen=True, slots=True)
class LocationVersion:
    """The blocks of one version of a key (OmKeyLocationInfoGroup)."""

    version: int
    blocks: tuple[Block, ...]
    is_multipart: bool


@dataclass(frozen=True, slots=True)
class FileChecksum:
    """A file's checksum; `value` is the CRC of a COMPOSITE_CRC or the MD5 of MD5s, in bytes big-endian."""

    kind: str
    checksum_type: str
    bytes_per_crc: int
    crc_per_block: int
    value: bytes


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key, file, open key or deleted directory (OmKeyInfo).

    In FSO buckets `key` is the last component of the path, and `parent_id` is the id of its directory or bucket.
    `is_file` is None if the field is absent.
    """

    volume: str
    bucket: str
    key: str
    size: int
    replication: ReplicationConfig
    locations: tuple[LocationVersion, ...]
    creation_time: int
    modification_time: int
    latest_version: int
    object_id: int
    update_id: int
    parent_id: int
    owner: str | None
    is_file: bool | None
    acls: tuple[OzoneAcl, ...]
    metadata: Pairs
    tags: Pairs
    encryption: FileEncryption | None
    checksum: FileChecksum | None
    expected_data_generation: int | None

    @property
    def replicated_size(self) -> int:
        """Bytes on disks, over all replicas."""
        return self.replication.replicated_size(self.size)


@dataclass(frozen=True, slots=True)
class DirectoryInfo:
    """A directory of an FSO bucket (OmDirectoryInfo)."""

    name: str
    object_id: int
    parent_id: int
    update_id: int
    creation_time: int
    modification_time: int
    owner: str | None
    acls: tuple[OzoneAcl, ...]
    metadata: Pairs


@dataclass(frozen=True, slots=True)
class RepeatedKeyInfo:
    """All deleted keys under one deletedTable key (RepeatedOmKeyInfo)."""

    keys: tuple[KeyInfo, ...]
    bucket_id: int | None


@dataclass(frozen=True, slots=True)
class PartKeyInfo:
    """A part of a multipart upload, embedded in its MultipartKeyInfo."""

    name: str
    number: int
    key: KeyInfo


@dataclass(frozen=True, slots=True)
class MultipartKeyInfo:
    """A multipart upload (OmMultipartKeyInfo); from schema version 1 on its parts are in multipartPartsTable."""

    upload_id: str
    creation_time: int
    replication: ReplicationConfig
    parts: tuple[PartKeyInfo, ...]
    object_id: int
    update_id: int
    parent_id: int
    schema_version: int
    volume: str | None
    bucket: str | None
    key: str | None
    owner: str | None
    acls: tuple[OzoneAcl, ...]


@dataclass(frozen=True, slots=True)
class MultipartPartInfo:
    """A part of a multipart upload, in multipartPartsTable (OmMultipartPartInfo)."""

    name: str
    number: int
    etag: str | None
    location: LocationVersion | None
    size: int
    modification_time: int
    object_id: int
    update_id: int
    encryption: FileEncryption | None
    checksum: FileChecksum | None


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot of a bucket; ids are UUIDs as text, `status` is SNAPSHOT_ACTIVE or SNAPSHOT_DELETED."""

    snapshot_id: str | None
    name: str
    volume: str
    bucket: str
    status: str
    creation_time: int
    deletion_time: int
    path_previous_id: str | None
    global_previous_id: str | None
    path: str
    db_sequence_number: int
    deep_cleaned: bool
    deep_cleaned_directories: bool
    sst_filtered: bool
    referenced_size: int
    referenced_replicated_size: int
    exclusive_size: int
    exclusive_replicated_size: int
    exclusive_size_from_directories: int
    exclusive_replicated_size_from_directories: int
    created_by: TransactionInfo | None
    last_changed_by: TransactionInfo | None


@dataclass(frozen=True, slots=True)
class TransactionInfo:
    """A position in the Ratis log; the term is -1 on an OM without Ratis."""

    term: int
    index: int


@dataclass(frozen=True, slots=True)
class UserVolumes:
    """The volumes that a user owns (PersistedUserVolumeInfo)."""

    volumes: tuple[str, ...]
    object_id: int
    update_id: int


@dataclass(frozen=True, slots=True)
class PrefixInfo:
    """Access rules of a key prefix (OmPrefixInfo)."""

    name: str
    object_id: int
    update_id: int
    acls: tuple[OzoneAcl, ...]
    metadata: Pairs


@dataclass(frozen=True, slots=True)
class CompactionFile:
    """An input or output SST file of a compaction; a file that was only moved has no key range."""

    name: str
    start_key: str | None
    end_key: str | None
    column_family: str | None
    pruned: bool


@dataclass(frozen=True, slots=True)
class CompactionLogEntry:
    """One compaction of OM's database, logged for snapshot diffs."""

    db_sequence_number: int
    compaction_time: int
    inputs: tuple[CompactionFile, ...]
    outputs: tuple[CompactionFile, ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class S3Secret:
    """The access id of an S3 secret; the secret itself is never decoded."""

    access_id: str


@dataclass(frozen=True, slots=True)
class TenantState:
    """An S3 tenant (OmDBTenantState): its volume, roles and policies."""

    tenant: str
    volume: str
    user_role: str
    admin_role: str
    namespace_policy: str
    bucket_policy: str


@dataclass(frozen=True, slots=True)
class TenantAccessId:
    """The user and tenant of an S3 access id (OmDBAccessIdInfo)."""

    user: str
    tenant: str
    is_admin: bool
    is_delegated_admin: bool


@dataclass(frozen=True, slots=True)
class PrincipalAccessIds:
    """All S3 access ids of one user (OmDBUserPrincipalInfo)."""

    access_ids: tuple[str, ...]
