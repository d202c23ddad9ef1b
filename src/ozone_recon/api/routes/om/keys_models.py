"""Response models of the routes below /keys."""

from __future__ import annotations

from pydantic import BaseModel, Field

from ozone_recon.api.json.key_info import KeyInfoJson
from ozone_recon.api.json.om import ReplicationJson


class KeyEntity(BaseModel):
    """An open key or a deleted directory. Sizes are bytes, times are milliseconds since 1970."""

    key: str = Field(description="Database key of an open key, or name of a deleted directory.")
    path: str = Field(description="Path as `volume/bucket/…`.")
    inStateSince: int | None = Field(None, description="Deleted directories only: time of the last modification.")
    size: int = Field(description="Open key: bytes allocated in its blocks. Directory: bytes of all files below it.")
    replicatedSize: int = Field(description="The same with replicas.")
    replicationInfo: ReplicationJson = Field(description="Replication configuration.")
    creationTime: int = Field(description="Creation time.")
    modificationTime: int = Field(description="Time of the last modification.")
    isKey: bool = Field(description="True if it is a file; false for an initiated multipart upload.")


class OpenKeysResponse(BaseModel):
    """A page of open keys."""

    lastKey: str = Field(description="Database key of the last row: the prevKey of the next page.")
    replicatedDataSize: int = Field(description="Total bytes on this page, replicas included.")
    unreplicatedDataSize: int = Field(description="Total bytes on this page, without replicas.")
    nonFSO: list[KeyEntity] | None = Field(
        None, description="Keys of OBS and LEGACY buckets; omitted if there are none."
    )
    fso: list[KeyEntity] | None = Field(None, description="Files of FSO buckets; omitted if there are none.")
    status: str = Field(description="Always OK.")


class OpenKeysSummary(BaseModel):
    """Totals over all open keys."""

    totalUnreplicatedDataSize: int = Field(description="Total bytes, without replicas.")
    totalReplicatedDataSize: int = Field(description="Total bytes, replicas included.")
    totalOpenKeys: int = Field(description="Number of open keys.")


class UploadsSummary(BaseModel):
    """Totals over all open multipart uploads."""

    totalOpenMPUKeys: int = Field(description="Number of multipart uploads.")
    totalReplicatedDataSize: int = Field(description="Bytes of the uploaded parts, replicas included.")
    totalDataSize: int = Field(description="Bytes of the uploaded parts, without replicas.")


class DeletedKeysResponse(BaseModel):
    """A row of OM's deletedTable: the versions of one key that were deleted together."""

    omKeyInfoList: list[KeyInfoJson] = Field(description="Deleted versions.")
    bucketId: int = Field(description="Object ID of the bucket; 0 if OM did not record it.")
    totalSize: dict[str, int] = Field(
        description="One entry: total bytes of the versions without replicas (the name) and with replicas (the value)."
    )


class DeletedKeysPage(BaseModel):
    """A page of keys pending deletion."""

    lastKey: str = Field(description="Database key of the last row: the prevKey of the next page.")
    replicatedDataSize: int = Field(description="Total bytes of the versions on this page, replicas included.")
    unreplicatedDataSize: int = Field(description="Total bytes of the versions on this page, without replicas.")
    deletedKeyInfo: list[DeletedKeysResponse] = Field(description="The rows, in byte order of their database keys.")
    status: str = Field(description="Always OK.")


class DeletedKeysSummary(BaseModel):
    """Totals over all keys pending deletion."""

    totalUnreplicatedDataSize: int = Field(description="Total bytes, without replicas.")
    totalReplicatedDataSize: int = Field(description="Total bytes, replicas included.")
    totalDeletedKeys: int = Field(description="Number of key versions.")


class DeletedDirectoriesResponse(BaseModel):
    """A page of directories pending deletion."""

    lastKey: str = Field(
        description="Database key of the last row: the prevKey of the next page. Empty if the page is empty."
    )
    replicatedDataSize: int = Field(description="Total bytes of all files below these directories, replicas included.")
    unreplicatedDataSize: int = Field(description="Total bytes of all files below these directories, without replicas.")
    deletedDirInfo: list[KeyEntity] | None = Field(None, description="The directories; omitted if there are none.")
    status: str = Field(description="Always OK.")


class DeletedDirectoriesSummary(BaseModel):
    """The number of all directories pending deletion."""

    totalDeletedDirectories: int = Field(description="Number of directories.")


class ListedKey(BaseModel):
    """A key. Sizes are bytes, times are milliseconds since 1970."""

    volumeName: str = Field(description="Volume name.")
    bucketName: str = Field(description="Bucket name.")
    keyName: str = Field(description="Key name; in FSO buckets only the last part of the path.")
    dataSize: int = Field(description="Size, without replicas.")
    parentId: int = Field(description="Object ID of the parent directory or bucket in FSO buckets; 0 in other buckets.")
    file: bool = Field(description="False for directory markers of LEGACY buckets.")
    creationTime: int = Field(description="Creation time.")
    modificationTime: int = Field(description="Time of the last write.")
    key: str = Field(description="Database key.")
    path: str = Field(description="Path as `volume/bucket/…`; empty if a parent directory has been deleted.")
    replicatedSize: int = Field(description="Size, replicas included.")
    replicationInfo: ReplicationJson = Field(description="Replication configuration.")
    isKey: bool = Field(description="The same as file.")
    size: int = Field(description="The same as dataSize.")


class KeyList(BaseModel):
    """A page of keys."""

    status: str = Field(description="OK, or INITIALIZING until the first OM checkpoint has been read.")
    path: str = Field(description="The requested startPrefix.")
    replicatedDataSize: int = Field(description="Total bytes on this page, replicas included.")
    unReplicatedDataSize: int = Field(description="Total bytes on this page, without replicas.")
    lastKey: str | None = Field(
        None, description="Database key of the last key: the prevKey of the next page; omitted if the page is empty."
    )
    keys: list[ListedKey] = Field(description="The keys, in byte order of their database keys.")
    message: str | None = Field(None, description="What is missing; only with status INITIALIZING.")
