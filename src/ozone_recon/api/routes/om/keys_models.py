"""The answers of the routes /keys/*, described."""

from __future__ import annotations

from pydantic import BaseModel, Field

from ozone_recon.api.json.key_info import KeyInfoJson
from ozone_recon.api.json.om import ReplicationJson


class KeyEntity(BaseModel):
    """An open key or a deleted directory. Sizes are bytes, times are milliseconds since 1970."""

    key: str = Field(description="Database key of an open key; name of a directory.")
    path: str = Field(description="`volume/bucket/…`.")
    inStateSince: int | None = Field(None, description="Of a deleted directory: when it was changed last.")
    size: int = Field(description="Of an open key: what its blocks can take. Of a directory: all files below it.")
    replicatedSize: int = Field(description="The same on disks, replicas counted.")
    replicationInfo: ReplicationJson = Field(description="How it is replicated.")
    creationTime: int = Field(description="When it was made.")
    modificationTime: int = Field(description="When it was changed last.")
    isKey: bool = Field(description="Whether it is a file: a multipart upload that was begun is none yet.")


class OpenKeysResponse(BaseModel):
    """A page of open keys."""

    lastKey: str = Field(description="Database key of the last one: the prevKey of the next page.")
    replicatedDataSize: int = Field(description="Bytes on disks of all on this page.")
    unreplicatedDataSize: int = Field(description="Bytes of all on this page.")
    nonFSO: list[KeyEntity] | None = Field(None, description="Keys of OBS and LEGACY buckets; left out for none.")
    fso: list[KeyEntity] | None = Field(None, description="Files of FSO buckets; left out for none.")
    status: str = Field(description="OK.")


class OpenKeysSummary(BaseModel):
    """All open keys."""

    totalUnreplicatedDataSize: int = Field(description="Their bytes.")
    totalReplicatedDataSize: int = Field(description="Their bytes on disks.")
    totalOpenKeys: int = Field(description="How many there are.")


class UploadsSummary(BaseModel):
    """All multipart uploads."""

    totalOpenMPUKeys: int = Field(description="How many there are.")
    totalReplicatedDataSize: int = Field(description="Bytes on disks of the parts uploaded.")
    totalDataSize: int = Field(description="Bytes of the parts uploaded.")


class DeletedKeysResponse(BaseModel):
    """Versions of a key that were deleted together."""

    omKeyInfoList: list[KeyInfoJson] = Field(description="The versions.")
    bucketId: int = Field(description="Object id of their bucket; 0 when OM has not noted it.")
    totalSize: dict[str, int] = Field(description="Bytes of all versions, as text, and their bytes on disks.")


class DeletedKeysPage(BaseModel):
    """A page of keys that wait for deletion."""

    lastKey: str = Field(description="Database key of the last one: the prevKey of the next page.")
    replicatedDataSize: int = Field(description="Bytes on disks of all versions on this page.")
    unreplicatedDataSize: int = Field(description="Bytes of all versions on this page.")
    deletedKeyInfo: list[DeletedKeysResponse] = Field(description="In byte order of their database keys.")
    status: str = Field(description="OK.")


class DeletedKeysSummary(BaseModel):
    """All keys that wait for deletion."""

    totalUnreplicatedDataSize: int = Field(description="Their bytes.")
    totalReplicatedDataSize: int = Field(description="Their bytes on disks.")
    totalDeletedKeys: int = Field(description="How many versions of keys there are.")


class DeletedDirectoriesResponse(BaseModel):
    """A page of directories that wait for deletion."""

    lastKey: str = Field(description="Database key of the last one: the prevKey of the next page. Empty for none.")
    replicatedDataSize: int = Field(description="Bytes on disks of all files below these directories.")
    unreplicatedDataSize: int = Field(description="Bytes of all files below these directories.")
    deletedDirInfo: list[KeyEntity] | None = Field(None, description="The directories; left out for none.")
    status: str = Field(description="OK.")


class DeletedDirectoriesSummary(BaseModel):
    """All directories that wait for deletion."""

    totalDeletedDirectories: int = Field(description="How many there are.")


class ListedKey(BaseModel):
    """A key. Sizes are bytes, times are milliseconds since 1970."""

    volumeName: str = Field(description="Its volume.")
    bucketName: str = Field(description="Its bucket.")
    keyName: str = Field(description="Its name: in FSO buckets the last part of its path alone.")
    dataSize: int = Field(description="Its size.")
    parentId: int = Field(description="Object id of its directory or bucket in FSO buckets; 0 elsewhere.")
    file: bool = Field(description="False for the markers of directories in LEGACY buckets.")
    creationTime: int = Field(description="When it was made.")
    modificationTime: int = Field(description="When it was written last.")
    key: str = Field(description="Its database key.")
    path: str = Field(description="`volume/bucket/…`; empty when a directory above it was deleted.")
    replicatedSize: int = Field(description="Its size on disks, replicas counted.")
    replicationInfo: ReplicationJson = Field(description="How it is replicated.")
    isKey: bool = Field(description="The same as file.")
    size: int = Field(description="The same as dataSize.")


class KeyList(BaseModel):
    """A page of keys."""

    status: str = Field(description="OK, or INITIALIZING before the first OM checkpoint has been read.")
    path: str = Field(description="The startPrefix asked for.")
    replicatedDataSize: int = Field(description="Bytes on disks of all on this page.")
    unReplicatedDataSize: int = Field(description="Bytes of all on this page.")
    lastKey: str | None = Field(None, description="Database key of the last one; left out for none.")
    keys: list[ListedKey] = Field(description="In byte order of their database keys.")
    message: str | None = Field(None, description="What is missing; only while INITIALIZING.")
