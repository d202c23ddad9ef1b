"""OM's records as Recon's JSON: replication, access rules, volumes, buckets, each with the model that describes it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.om import BucketEncryption, BucketInfo, OzoneAcl, Pairs, VolumeInfo
from ozone_recon.model.replication import ReplicationConfig

FACTORS = {0: "ZERO", 1: "ONE", 3: "THREE"}


class ReplicationJson(BaseModel):
    """How something is replicated: by a factor (RATIS, STAND_ALONE) or by erasure coding (EC)."""

    replicationType: str = Field(description="RATIS, STAND_ALONE or EC.")
    requiredNodes: int = Field(description="Replicas that a healthy container has.")
    minimumNodes: int = Field(description="Replicas with which the data can be read.")
    replicationFactor: str | None = Field(None, description="ONE or THREE; not for EC.")
    data: int | None = Field(None, description="Data blocks of a stripe; for EC alone.")
    parity: int | None = Field(None, description="Parity blocks of a stripe; for EC alone.")
    ecChunkSize: int | None = Field(None, description="Bytes of a stripe in one block; for EC alone.")
    codec: str | None = Field(None, description="RS or XOR; for EC alone.")


class AclJson(BaseModel):
    """An access rule."""

    type: str = Field(description="USER, GROUP, WORLD, ANONYMOUS or CLIENT_IP.")
    name: str = Field(description="Whose right it is.")
    scope: str = Field(description="ACCESS, or DEFAULT for what is made below.")
    aclList: list[str] = Field(description="READ, WRITE, CREATE, LIST, DELETE, READ_ACL, WRITE_ACL, ALL or NONE.")


class NamedObject(BaseModel):
    """What volumes and buckets have in common. Times are milliseconds since 1970; a quota of -1 is none."""

    metadata: dict[str, str] = Field(description="What clients have noted about it.")
    name: str = Field(description="Its name.")
    quotaInBytes: int = Field(description="Bytes that it may take on disks, replicas counted.")
    quotaInNamespace: int = Field(description="How many names it may have in it.")
    usedNamespace: int = Field(description="How many names OM counts in it.")
    creationTime: int = Field(description="When it was made.")
    modificationTime: int = Field(description="When it was changed last.")
    acls: list[AclJson] = Field(description="Who may do what.")


class VolumeJson(NamedObject):
    """A volume."""

    admin: str = Field(description="Its administrator.")
    owner: str = Field(description="Its owner.")
    volume: str = Field(description="Its name.")


class DefaultReplication(BaseModel):
    """How keys of a bucket are replicated unless they say otherwise."""

    replicationConfig: ReplicationJson = Field(description="The replication.")
    type: str = Field(description="Its type.")


class Encryption(BaseModel):
    """How an encrypted bucket is encrypted."""

    keyName: str = Field(description="Name of the key at the key management server.")
    suite: str = Field(description="The cipher.")
    version: str = Field(description="The protocol.")


class BucketJson(NamedObject):
    """A bucket. A link has a source, and nothing in it of its own."""

    model_config = ConfigDict(title="Bucket")

    versioningEnabled: bool = Field(description="Whether old versions of keys are kept.")
    volumeName: str = Field(description="The volume that it is in.")
    storageType: str = Field(description="DISK, SSD, ARCHIVE or RAM_DISK.")
    versioning: bool = Field(description="The same as versioningEnabled.")
    usedBytes: int = Field(description="Bytes on disks, replicas counted, as OM counts them for the quota.")
    snapshotUsedBytes: int = Field(description="Bytes on disks that snapshots alone still hold.")
    encryptionInfo: Encryption | None = Field(description="Null when it is not encrypted.")
    replicationConfigInfo: DefaultReplication | None = Field(description="Null when the cluster's default holds.")
    sourceVolume: str | None = Field(description="Volume of the bucket that a link leads to.")
    sourceBucket: str | None = Field(description="The bucket that a link leads to.")
    bucketLayout: str = Field(description="FILE_SYSTEM_OPTIMIZED, OBJECT_STORE or LEGACY.")
    owner: str | None = Field(description="Its owner.")


@lru_cache(1024)
def replication_json(config: ReplicationConfig) -> dict[str, Any]:
    """A Replication; not to be changed, as it is given again."""
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
    """An EC replication as Java prints it: `rs-3-2-1024k`."""
    return f"{shown(config.codec).lower()}-{config.data}-{config.parity}-{config.chunk >> 10}k"


def acl_json(acl: OzoneAcl) -> dict[str, Any]:
    """An Acl."""
    return {"type": acl.type, "name": shown(acl.name), "scope": acl.scope, "aclList": list(acl.rights)}


def volume_json(volume: VolumeInfo) -> dict[str, Any]:
    """A Volume."""
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
    """A Bucket."""
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
    """An Encryption."""
    if encryption is None:
        return None
    return {
        "keyName": shown(encryption.key_name),
        "suite": encryption.suite,
        "version": encryption.protocol_version,
    }


def default_replication_json(replication: ReplicationConfig | None) -> dict[str, Any] | None:
    """A DefaultReplication."""
    if replication is None:
        return None
    return {"replicationConfig": replication_json(replication), "type": replication.kind}


def pairs_json(pairs: Pairs) -> dict[str, str]:
    """Metadata or tags as an object."""
    return {shown(name): shown(value) for name, value in pairs}
