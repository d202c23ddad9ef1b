"""A deleted key as Recon's JSON shows it: all that OM keeps of a key (OmKeyInfo), under the names of its Java bean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from ozone_recon.api.json.om import FACTORS, ReplicationJson, ec_text, pairs_json, replication_json
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.om import Block, FileChecksum, FileEncryption, KeyInfo, LocationVersion, OzoneAcl
from ozone_recon.model.replication import ReplicationConfig


class ContainerBlockId(BaseModel):
    """Where a block is."""

    containerID: int = Field(description="Its container.")
    localID: int = Field(description="Its number within the container.")


class BlockId(ContainerBlockId):
    """Where a block is, as of which commit."""

    containerBlockID: ContainerBlockId = Field(description="The same container and number.")
    blockCommitSequenceId: int = Field(description="The commit at which it was last written.")
    replicaIndex: int | None = Field(description="Always null at OM.")


class Location(ContainerBlockId):
    """A block of a key."""

    blockID: BlockId = Field(description="Where it is.")
    length: int = Field(description="Bytes of the key in it.")
    offset: int = Field(description="Byte of the block at which they begin.")
    token: None = Field(description="Always null.")
    createVersion: int = Field(description="The version of the key that it was written for.")
    pipeline: None = Field(description="Always null.")
    partNumber: int = Field(description="The part of a multipart upload that it belongs to.")
    underConstruction: bool = Field(description="Always false.")
    blockCommitSequenceId: int = Field(description="As in blockID.")


class LocationGroup(BaseModel):
    """The blocks of one version of a key."""

    version: int = Field(description="The version.")
    locationVersionMap: dict[str, list[Location]] = Field(description="Its blocks by the version they were made for.")
    locationList: list[Location] = Field(description="All its blocks.")
    multipartKey: bool = Field(description="Whether it came from a multipart upload.")
    locationListCount: int = Field(description="Number of its blocks.")
    blocksLatestVersionOnly: list[Location] = Field(description="The blocks that were made for this version.")
    locationLists: list[list[Location]] = Field(description="The values of locationVersionMap.")


class KeyAcl(BaseModel):
    """An access rule of a key."""

    type: str = Field(description="USER, GROUP, WORLD, ANONYMOUS or CLIENT_IP.")
    name: str = Field(description="Whose right it is.")
    aclScope: str = Field(description="ACCESS, or DEFAULT for what is made below.")
    aclSet: list[str] = Field(description="The rights.")
    aclList: list[str] = Field(description="The rights.")


class KeyInfoJson(BaseModel):
    """A key as OM keeps it. Sizes are bytes, times are milliseconds since 1970."""

    metadata: dict[str, str] = Field(description="What OM and clients have noted about it.")
    objectID: int = Field(description="Its object id.")
    updateID: int = Field(description="The transaction that changed it last.")
    parentObjectID: int = Field(description="The directory or bucket that it was in; 0 outside FSO buckets.")
    volumeName: str = Field(description="Its volume.")
    bucketName: str = Field(description="Its bucket.")
    keyName: str = Field(description="Its name.")
    dataSize: int = Field(description="Its size.")
    keyLocationVersions: list[LocationGroup] = Field(description="Its blocks by version.")
    creationTime: int = Field(description="When it was made.")
    modificationTime: int = Field(description="When it was written last.")
    replicationConfig: ReplicationJson = Field(description="How it is replicated.")
    fileChecksum: dict[str, Any] | None = Field(description="Its checksum, if a client asked for one.")
    fileName: str = Field(description="The last part of its name.")
    ownerName: str | None = Field(description="Its owner.")
    acls: list[KeyAcl] = Field(description="Who may do what.")
    tags: dict[str, str] = Field(description="Its S3 tags.")
    expectedDataGeneration: int | None = Field(description="The generation it was to overwrite.")
    generation: int = Field(description="The same as updateID.")
    path: str = Field(description="`parentObjectID/fileName`.")
    file: bool = Field(description="Whether it is a file and no directory.")
    latestVersionLocations: LocationGroup | None = Field(description="The last of keyLocationVersions.")
    hsync: bool = Field(description="Whether it was readable while it was written.")
    replicatedSize: int = Field(description="Bytes that it takes on disks.")
    deletedKeyCommitted: bool = Field(description="Whether it was committed before it was deleted.")
    fileEncryptionInfo: dict[str, Any] | None = Field(description="How it is encrypted.")
    objectInfo: str = Field(description="The same in words, as Java prints it.")


def key_info_json(key: KeyInfo) -> dict[str, Any]:
    """A DeletedKey."""
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
    """A replication as Java prints it: `RATIS/THREE`, `EC{rs-3-2-1024k}`."""
    if config.kind == "EC":
        return f"EC{{{ec_text(config)}}}"
    return f"{config.kind}/{FACTORS.get(config.factor, config.factor)}"


def key_acl_json(acl: OzoneAcl) -> dict[str, Any]:
    """A KeyAcl."""
    return {
        "type": acl.type,
        "name": shown(acl.name),
        "aclScope": acl.scope,
        "aclSet": acl.rights,
        "aclList": acl.rights,
    }


def checksum_json(checksum: FileChecksum) -> dict[str, Any]:
    """The fileChecksum of a DeletedKey."""
    return {
        "kind": checksum.kind,
        "checksumType": checksum.checksum_type,
        "bytesPerCrc": checksum.bytes_per_crc,
        "crcPerBlock": checksum.crc_per_block,
        "value": checksum.value.hex(),
    }


def encryption_json(encryption: FileEncryption) -> dict[str, Any]:
    """The fileEncryptionInfo of a DeletedKey."""
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
