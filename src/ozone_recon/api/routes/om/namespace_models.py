"""Response models of the routes below /namespace."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

STATUS = "OK, INITIALIZING (no OM checkpoint has been read yet), PATH_NOT_FOUND or TYPE_NOT_APPLICABLE."


class CountStats(BaseModel):
    """Numbers of objects below a path; -1 if the path cannot contain such objects."""

    numVolume: int = Field(description="Number of volumes.")
    numBucket: int = Field(description="Number of buckets.")
    numDir: int = Field(description="Number of directories.")
    numKey: int = Field(description="Number of keys; 0 for a key.")


class Summary(BaseModel):
    """The type of a path and the number of objects below it."""

    path: str = Field(description="Normalised path.")
    type: str = Field(description="ROOT, VOLUME, BUCKET, DIRECTORY, KEY or UNKNOWN.")
    countStats: CountStats | None = Field(
        description="Numbers of objects below the path; null if the path does not exist."
    )
    objectInfo: dict[str, Any] | None = Field(
        description="OM's record. Volumes and buckets: as in /volumes and /buckets. Directories and keys: name, times, "
        "ACLs and owner. Keys also: size, replication and the blocks of every version."
    )
    status: str = Field(description=STATUS)


class SubPath(BaseModel):
    """A volume, bucket, directory or key directly in the path."""

    key: bool = Field(description="The same as isKey.")
    path: str = Field(description="Path; for a key of an OBS bucket only its name.")
    size: int = Field(description="Bytes of the object and everything below it, without replicas.")
    sizeWithReplica: int = Field(description="The same with replicas; -1 unless `replica=true`.")
    isKey: bool = Field(description="True for a key.")
    kind: str = Field(description="VOLUME, BUCKET, DIRECTORY or KEY.")
    files: int = Field(description="Number of keys below it; 1 for a key.")
    directories: int = Field(description="Number of directories below it.")
    owner: str = Field(description="Owner; empty if OM records none.")
    newestModification: int = Field(
        description="Newest last-write time of a key below it, in milliseconds since 1970; 0 without keys."
    )
    oldestModification: int = Field(
        description="Oldest last-write time of a key below it, in milliseconds since 1970; 0 without keys."
    )


class Usage(BaseModel):
    """The disk usage of a path and of its sub-paths."""

    status: str = Field(description=STATUS)
    path: str | None = Field(description="Normalised path; null if it does not exist.")
    size: int = Field(description="Bytes of everything below the path, without replicas.")
    sizeWithReplica: int = Field(description="The same with replicas; -1 unless `replica=true`.")
    subPathCount: int = Field(
        description="Number of objects directly in the path, listed or not; includes keys if `files=true`."
    )
    subPaths: list[SubPath] = Field(description="Objects directly in the path, sorted and limited as requested.")
    sizeDirectKey: int = Field(
        description="Bytes of the keys directly in the path; -1 for the root, volumes, keys and empty buckets."
    )


class AmountJson(BaseModel):
    """One component of the quota charge."""

    keys: int = Field(description="Number of committed keys, or of parts of uploads.")
    names: int = Field(description="Number of names charged to `usedNamespace`: keys, and directories of FSO buckets.")
    bytes: int = Field(description="Bytes, replicas included.")


class Charged(BaseModel):
    """OM's quota charge and its components; for a volume or the root, the sums over the buckets."""

    usedBytes: int = Field(description="`usedBytes` as recorded by OM.")
    usedNamespace: int = Field(description="`usedNamespace` as recorded by OM.")
    snapshotUsedBytes: int = Field(
        description="`snapshotUsedBytes` as recorded by OM: deleted bytes that are not purged yet or are kept by "
        "snapshots; the quota counts them too."
    )
    snapshotUsedNamespace: int = Field(description="`snapshotUsedNamespace` as recorded by OM: the same for names.")
    committed: AmountJson = Field(description="Committed keys and directories below the path.")
    openParts: AmountJson = Field(description="Parts of open multipart uploads.")
    pendingDirectories: AmountJson = Field(description="Keys and directories below directories pending deletion.")
    orphaned: AmountJson = Field(
        description="Keys and directories below directories that OM's database lacks: a snapshot keeps them, or rows "
        "are inconsistent. For the root, also keys without a bucket."
    )
    unexplainedBytes: int = Field(
        description="`usedBytes` minus all bytes above; in a bucket with versioning, those of older key versions."
    )
    unexplainedNamespace: int = Field(description="`usedNamespace` minus all names above.")


class Quota(BaseModel):
    """The quota and usage of a volume or bucket."""

    allowed: int = Field(
        description="Quota in bytes, replicas included; -1 if there is none. For the root, the capacity of the disks."
    )
    used: int = Field(
        description="Bytes of everything below it, counted as in Recon: without replicas, except for the root."
    )
    usedWithReplica: int = Field(description="Bytes of everything below it, replicas included.")
    charged: Charged | None = Field(description="OM's quota charge; null unless the status is OK.")
    status: str = Field(description=STATUS)


class FileSizeDistribution(BaseModel):
    """The distribution of key sizes below a path."""

    dist: list[int] = Field(
        description="Number of keys in 41 size bins: up to 1 KiB, 2 KiB, 4 KiB …; the last bin is above 512 TiB."
    )
    status: str = Field(description=STATUS)


class OwnerUsage(BaseModel):
    """The usage of one owner below a path."""

    owner: str = Field(description="Owner; empty for keys without one.")
    files: int = Field(description="Number of keys.")
    size: int = Field(description="Bytes of these keys, without replicas.")
    sizeWithReplica: int = Field(description="Bytes of these keys, replicas included.")


class Owners(BaseModel):
    """The usage below a path by owner."""

    status: str = Field(description=STATUS)
    path: str | None = Field(description="Normalised path; null if it does not exist.")
    ownerCount: int = Field(description="Number of owners, listed or not.")
    owners: list[OwnerUsage] = Field(description="Owners in descending order of bytes.")


class MonthUsage(BaseModel):
    """The keys below a path whose last write is in one month."""

    month: str = Field(description="Month as YYYY-MM, in UTC.")
    files: int = Field(description="Number of keys.")
    size: int = Field(description="Bytes of these keys, without replicas.")
    sizeWithReplica: int = Field(description="Bytes of these keys, replicas included.")


class Ages(BaseModel):
    """The usage below a path by month of the last write."""

    status: str = Field(description=STATUS)
    path: str | None = Field(description="Normalised path; null if it does not exist.")
    newestModification: int = Field(
        description="Newest last-write time of a key below it, in milliseconds since 1970; 0 without keys."
    )
    oldestModification: int = Field(
        description="Oldest last-write time of a key below it, in milliseconds since 1970; 0 without keys."
    )
    months: list[MonthUsage] = Field(description="Months with the last write of a key, oldest first.")
