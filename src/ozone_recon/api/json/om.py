"""Serialises OM's records as Recon does: replication, ACLs, volumes and buckets, each with its pydantic model."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.om import BucketEncryption, BucketInfo, OzoneAcl, Pairs, VolumeInfo
from ozone_recon.model.replication import ReplicationConfig

FACTORS = {0: "ZERO", 1: "ONE", 3: "THREE"}


class ReplicationJson(BaseModel):
    """A replication configuration: a factor (RATIS, STAND_ALONE) or erasure coding (EC)."""

    replicationType: str = Field(description="RATIS, STAND_ALONE or EC.")
    requiredNodes: int = Field(description="Number of replicas of a healthy container.")
    minimumNodes: int = Field(description="Minimum number of replicas needed to read the data.")
    replicationFactor: str | None = Field(None, description="ONE or THREE; omitted for EC.")
    data: int | None = Field(None, description="EC only: number of data blocks of a stripe.")
    parity: int | None = Field(None, description="EC only: number of parity blocks of a stripe.")
    ecChunkSize: int | None = Field(None, description="EC only: chunk size in bytes.")
    codec: str | None = Field(None, description="EC only: RS or XOR.")


class AclJson(BaseModel):
    """An ACL entry."""

    type: str = Field(description="Identity type: USER, GROUP, WORLD, ANONYMOUS or CLIENT_IP.")
    name: str = Field(description="Name of the user, group or address.")
    scope: str = Field(description="ACCESS, or DEFAULT (inherited by objects created below).")
    aclList: list[str] = Field(
        description="Rights: READ, WRITE, CREATE, LIST, DELETE, READ_ACL, WRITE_ACL, ALL or NONE."
    )


class NamedObject(BaseModel):
    """The fields common to volumes and buckets. Times are milliseconds since 1970; a quota of -1 means no quota."""

    metadata: dict[str, str] = Field(description="Metadata set by clients.")
    name: str = Field(description="Name.")
    quotaInBytes: int = Field(description="Quota in bytes, replicas included.")
    quotaInNamespace: int = Field(description="Quota of names.")
    usedNamespace: int = Field(description="Number of names counted by OM.")
    creationTime: int = Field(description="Creation time.")
    modificationTime: int = Field(description="Time of the last modification.")
    acls: list[AclJson] = Field(description="Access control list.")


class VolumeJson(NamedObject):
    """A volume."""

    admin: str = Field(description="Administrator.")
    owner: str = Field(description="Owner.")
    volume: str = Field(description="Name.")


class DefaultReplication(BaseModel):
    """The default replication of the keys of a bucket."""

    replicationConfig: ReplicationJson = Field(description="Replication configuration.")
    type: str = Field(description="Replication type.")


class Encryption(BaseModel):
    """The encryption of a bucket."""

    keyName: str = Field(description="Name of the key in the key management server (KMS).")
    suite: str = Field(description="Cipher suite.")
    version: str = Field(description="Crypto protocol version.")


class BucketJson(NamedObject):
    """A bucket. A link bucket has a source and no keys of its own."""

    model_config = ConfigDict(title="Bucket")

    versioningEnabled: bool = Field(description="True if old versions of keys are kept.")
    volumeName: str = Field(description="Name of the volume.")
    storageType: str = Field(description="Storage type: DISK, SSD, ARCHIVE or RAM_DISK.")
    versioning: bool = Field(description="The same as versioningEnabled.")
    usedBytes: int = Field(description="Bytes charged to the quota by OM, replicas included.")
    snapshotUsedBytes: int = Field(description="Bytes held only by snapshots, replicas included.")
    encryptionInfo: Encryption | None = Field(description="Encryption; null if the bucket is not encrypted.")
    replicationConfigInfo: DefaultReplication | None = Field(
        description="Default replication; null if the cluster's default applies."
    )
    sourceVolume: str | None = Field(
        description="Volume of the link's target bucket; null if the bucket is not a link."
    )
    sourceBucket: str | None = Field(description="Target bucket of the link; null if the bucket is not a link.")
    bucketLayout: str = Field(description="Bucket layout: FILE_SYSTEM_OPTIMIZED, OBJECT_STORE or LEGACY.")
    owner: str | None = Field(description="Owner.")


@lru_cache(1024)
def replication_json(config: ReplicationConfig) -> dict[str, Any]:
    """Serialises a replication as a ReplicationJson. The result is cached: callers must not modify it."""
    if config.kind == "EC":
        return {
            "data": config.data,
            "parity": config.parity,
            "ecChunkSize": config.chunk,
            "codec": shown(config.codec).upper(),
            "replicationType": config.kind,
            "requiredNodes": config.required_nodes,
            "minimumNodes": config.data,
        }
    return {
        "replicationFactor": FACTORS.get(config.factor, str(config.factor)),
        "requiredNodes": config.required_nodes,
        "minimumNodes": 1,
        "replicationType": config.kind,
    }


def ec_text(config: ReplicationConfig) -> str:
    """Formats an EC replication as Java does: `rs-3-2-1024k`."""
    return f"{shown(config.codec).lower()}-{config.data}-{config.parity}-{config.chunk >> 10}k"


def acl_json(acl: OzoneAcl) -> dict[str, Any]:
    """Serialises an ACL entry as an AclJson."""
    return {"type": acl.type, "name": shown(acl.name), "scope": acl.scope, "aclList": list(acl.rights)}


def volume_json(volume: VolumeInfo) -> dict[str, Any]:
    """Serialises a volume as a VolumeJson."""
    return {
        "metadata": pairs_json(volume.metadata),
        "name": shown(volume.volume),
        "quotaInBytes": volume.quota_in_bytes,
        "quotaInNamespace": volume.quota_in_namespace,
        "usedNamespace": volume.used_namespace,
        "creationTime": volume.creation_time,
        "modificationTime": volume.modification_time,
        "acls": list(map(acl_json, volume.acls)),
        "admin": shown(volume.admin),
        "owner": shown(volume.owner),
        "volume": shown(volume.volume),
    }


def bucket_json(bucket: BucketInfo) -> dict[str, Any]:
    """Serialises a bucket as a BucketJson."""
    return {
        "versioningEnabled": bucket.versioning,
        "metadata": pairs_json(bucket.metadata),
        "name": shown(bucket.bucket),
        "quotaInBytes": bucket.quota_in_bytes,
        "quotaInNamespace": bucket.quota_in_namespace,
        "usedNamespace": bucket.used_namespace,
        "creationTime": bucket.creation_time,
        "modificationTime": bucket.modification_time,
        "acls": list(map(acl_json, bucket.acls)),
        "volumeName": shown(bucket.volume),
        "storageType": bucket.storage_type,
        "versioning": bucket.versioning,
        "usedBytes": bucket.used_bytes,
        "snapshotUsedBytes": bucket.snapshot_used_bytes,
        "encryptionInfo": encryption_json(bucket.encryption),
        "replicationConfigInfo": default_replication_json(bucket.default_replication),
        "sourceVolume": bucket.source_volume and shown(bucket.source_volume),
        "sourceBucket": bucket.source_bucket and shown(bucket.source_bucket),
        "bucketLayout": bucket.layout,
        "owner": bucket.owner and shown(bucket.owner),
    }


def encryption_json(encryption: BucketEncryption | None) -> dict[str, Any] | None:
    """Serialises the encryption of a bucket; None if it is not encrypted."""
    if encryption is None:
        return None
    return {
        "keyName": shown(encryption.key_name),
        "suite": encryption.suite,
        "version": encryption.protocol_version,
    }


def default_replication_json(replication: ReplicationConfig | None) -> dict[str, Any] | None:
    """Serialises the default replication of a bucket; None if it has none of its own."""
    if replication is None:
        return None
    return {"replicationConfig": replication_json(replication), "type": replication.kind}


def pairs_json(pairs: Pairs) -> dict[str, str]:
    """Serialises metadata or tags as an object."""
    return {shown(name): shown(value) for name, value in pairs}
