"""Serialises a deleted key as Recon does: every bean property of Java's OmKeyInfo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from ozone_recon.api.json.om import FACTORS, ReplicationJson, ec_text, pairs_json, replication_json
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.om import Block, FileChecksum, FileEncryption, KeyInfo, LocationVersion, OzoneAcl
from ozone_recon.model.replication import ReplicationConfig


class ContainerBlockId(BaseModel):
    """The ID of a block: its container and its local ID."""

    containerID: int = Field(description="Container ID.")
    localID: int = Field(description="Local ID of the block within the container.")


class BlockId(ContainerBlockId):
    """The ID of a block with its block commit sequence ID."""

    containerBlockID: ContainerBlockId = Field(description="The same container ID and local ID.")
    blockCommitSequenceId: int = Field(description="Block commit sequence ID (BCSID) of its last write.")
    replicaIndex: int | None = Field(description="Always null in OM.")


class Location(ContainerBlockId):
    """The location of one block of a key."""

    blockID: BlockId = Field(description="ID of the block.")
    length: int = Field(description="Bytes of the key in this block.")
    offset: int = Field(description="Offset in the block in bytes.")
    token: None = Field(description="Always null.")
    createVersion: int = Field(description="Key version for which the block was created.")
    pipeline: None = Field(description="Always null.")
    partNumber: int = Field(description="Part number in a multipart upload.")
    underConstruction: bool = Field(description="Always false.")
    blockCommitSequenceId: int = Field(description="The same as in blockID.")


class LocationGroup(BaseModel):
    """The block locations of one key version."""

    version: int = Field(description="Key version.")
    locationVersionMap: dict[str, list[Location]] = Field(
        description="Blocks by the key version for which they were created."
    )
    locationList: list[Location] = Field(description="All blocks of this version.")
    multipartKey: bool = Field(description="True if the version was written by a multipart upload.")
    locationListCount: int = Field(description="Number of blocks.")
    blocksLatestVersionOnly: list[Location] = Field(description="Blocks created for this version.")
    locationLists: list[list[Location]] = Field(description="The values of locationVersionMap, in version order.")


class KeyAcl(BaseModel):
    """An ACL entry of a key."""

    type: str = Field(description="Identity type: USER, GROUP, WORLD, ANONYMOUS or CLIENT_IP.")
    name: str = Field(description="Name of the user, group or address.")
    aclScope: str = Field(description="ACCESS, or DEFAULT (inherited by objects created below).")
    aclSet: list[str] = Field(
        description="Rights: READ, WRITE, CREATE, LIST, DELETE, READ_ACL, WRITE_ACL, ALL or NONE."
    )
    aclList: list[str] = Field(description="The same as aclSet.")


class KeyInfoJson(BaseModel):
    """A key as recorded by OM. Sizes are bytes, times are milliseconds since 1970."""

    metadata: dict[str, str] = Field(description="Metadata set by OM and clients.")
    objectID: int = Field(description="Object ID.")
    updateID: int = Field(description="ID of the transaction that changed it last.")
    parentObjectID: int = Field(description="Object ID of the parent directory or bucket; 0 outside FSO buckets.")
    volumeName: str = Field(description="Volume name.")
    bucketName: str = Field(description="Bucket name.")
    keyName: str = Field(description="Name.")
    dataSize: int = Field(description="Size in bytes, without replicas.")
    keyLocationVersions: list[LocationGroup] = Field(description="Block locations by key version.")
    creationTime: int = Field(description="Creation time.")
    modificationTime: int = Field(description="Time of the last write.")
    replicationConfig: ReplicationJson = Field(description="Replication configuration.")
    fileChecksum: dict[str, Any] | None = Field(description="Checksum, if a client had it computed; else null.")
    fileName: str = Field(description="Last part of keyName.")
    ownerName: str | None = Field(description="Owner.")
    acls: list[KeyAcl] = Field(description="Access control list.")
    tags: dict[str, str] = Field(description="S3 tags.")
    expectedDataGeneration: int | None = Field(description="Generation the write expected to replace; else null.")
    generation: int = Field(description="The same as updateID.")
    path: str = Field(description="`parentObjectID/fileName`.")
    file: bool = Field(description="True for a file, false for a directory.")
    latestVersionLocations: LocationGroup | None = Field(description="Last entry of keyLocationVersions.")
    hsync: bool = Field(description="True if it was written with hsync (readable while open).")
    replicatedSize: int = Field(description="Size in bytes, replicas included.")
    deletedKeyCommitted: bool = Field(description="True if the key was committed before it was deleted.")
    fileEncryptionInfo: dict[str, Any] | None = Field(description="Encryption; null if it is not encrypted.")
    objectInfo: str = Field(description="Text of Java's OmKeyInfo.getObjectInfo.")


def key_info_json(key: KeyInfo) -> dict[str, Any]:
    """Serialises a key as a KeyInfoJson."""
    versions = list(map(_location_group, key.locations))
    metadata = pairs_json(key.metadata)
    name = shown(key.key)
    file_name = name.rstrip("/").rpartition("/")[2]
    return {
        "metadata": metadata,
        "objectID": key.object_id,
        "updateID": key.update_id,
        "parentObjectID": key.parent_id,
        "volumeName": shown(key.volume),
        "bucketName": shown(key.bucket),
        "keyName": name,
        "dataSize": key.size,
        "keyLocationVersions": versions,
        "creationTime": key.creation_time,
        "modificationTime": key.modification_time,
        "replicationConfig": replication_json(key.replication),
        "fileChecksum": key.checksum and checksum_json(key.checksum),
        "fileName": file_name,
        "ownerName": key.owner and shown(key.owner),
        "acls": list(map(key_acl_json, key.acls)),
        "tags": pairs_json(key.tags),
        "expectedDataGeneration": key.expected_data_generation,
        "generation": key.update_id,
        "path": f"{key.parent_id}/{file_name}",
        "file": bool(key.is_file),
        "latestVersionLocations": versions[-1] if versions else None,
        "hsync": "hsyncClientId" in metadata,
        "replicatedSize": key.replicated_size,
        "deletedKeyCommitted": metadata.get("CKDEL") == "true",
        "fileEncryptionInfo": key.encryption and encryption_json(key.encryption),
        "objectInfo": (
            f"OMKeyInfo{{volume='{shown(key.volume)}', bucket='{shown(key.bucket)}', key='{name}', "
            f"owner='{shown(key.owner or 'null')}', dataSize='{key.size}', creationTime='{key.creation_time}', "
            f"objectID='{key.object_id}', parentID='{key.parent_id}', "
            f"replication='{replication_text(key.replication)}', fileChecksum='{'null' if not key.checksum else ''}}}"
        ),
    }


def replication_text(config: ReplicationConfig) -> str:
    """Formats a replication as Java does: `RATIS/THREE`, `EC{rs-3-2-1024k}`."""
    if config.kind == "EC":
        return f"EC{{{ec_text(config)}}}"
    return f"{config.kind}/{FACTORS.get(config.factor, config.factor)}"


def key_acl_json(acl: OzoneAcl) -> dict[str, Any]:
    """Serialises an ACL entry as a KeyAcl."""
    return {
        "type": acl.type,
        "name": shown(acl.name),
        "aclScope": acl.scope,
        "aclSet": acl.rights,
        "aclList": acl.rights,
    }


def checksum_json(checksum: FileChecksum) -> dict[str, Any]:
    """Serialises fileChecksum of a KeyInfoJson."""
    return {
        "kind": checksum.kind,
        "checksumType": checksum.checksum_type,
        "bytesPerCrc": checksum.bytes_per_crc,
        "crcPerBlock": checksum.crc_per_block,
        "value": checksum.value.hex(),
    }


def encryption_json(encryption: FileEncryption) -> dict[str, Any]:
    """Serialises fileEncryptionInfo of a KeyInfoJson."""
    return {
        "cipherSuite": encryption.suite,
        "cryptoProtocolVersion": encryption.protocol_version,
        "keyName": shown(encryption.key_name),
        "ezKeyVersionName": shown(encryption.key_version_name),
    }


def _location_group(group: LocationVersion) -> dict[str, Any]:
    by_version: dict[int, list[dict[str, Any]]] = {}
    for block in group.blocks:
        by_version.setdefault(block.create_version, []).append(_location(block))
    by_version.setdefault(group.version, [])
    lists: Sequence[list[dict[str, Any]]] = [blocks for _, blocks in sorted(by_version.items())]
    everything = [block for blocks in lists for block in blocks]
    return {
        "version": group.version,
        "locationVersionMap": {str(version): blocks for version, blocks in by_version.items()},
        "locationList": everything,
        "multipartKey": group.is_multipart,
        "locationListCount": len(everything),
        "blocksLatestVersionOnly": by_version[group.version],
        "locationLists": lists,
    }


def _location(block: Block) -> dict[str, Any]:
    ids = {"containerID": block.container_id, "localID": block.local_id}
    commit = block.commit_sequence_id
    return {
        "blockID": {"containerBlockID": ids, "blockCommitSequenceId": commit, "replicaIndex": None, **ids},
        "length": block.length,
        "offset": block.offset,
        "token": None,
        "createVersion": block.create_version,
        "pipeline": None,
        "partNumber": max(0, block.part_number),
        "underConstruction": False,
        "blockCommitSequenceId": commit,
        **ids,
    }
