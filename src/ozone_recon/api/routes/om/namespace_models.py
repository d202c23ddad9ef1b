"""What the namespace routes answer, field by field."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

STATUS = "OK, INITIALIZING (nothing has been read from OM yet), PATH_NOT_FOUND, or TYPE_NOT_APPLICABLE."


class CountStats(BaseModel):
    """How much is below a path; -1 where there cannot be any."""

    numVolume: int = Field(description="Volumes.")
    numBucket: int = Field(description="Buckets.")
    numDir: int = Field(description="Directories.")
    numKey: int = Field(description="Keys; 0 for a key.")


class Summary(BaseModel):
    """What a path is and how much is below it."""

    path: str = Field(description="The path in its normal form.")
    type: str = Field(description="ROOT, VOLUME, BUCKET, DIRECTORY, KEY or UNKNOWN.")
    countStats: CountStats | None = Field(description="Null when there is nothing at the path.")
    objectInfo: dict[str, Any] | None = Field(
        description="What OM knows of it. For volumes and buckets as in /volumes and /buckets; for directories and "
        "keys name, times, access rules and owner; for keys also size, replication and the blocks of every version."
    )
    status: str = Field(description=STATUS)


class SubPath(BaseModel):
    """One volume, bucket, directory or key directly in the path."""

    key: bool = Field(description="The same as isKey.")
    path: str = Field(description="Its path; of a key in a bucket without directories, its name alone.")
    size: int = Field(description="Bytes of it and all below it.")
    sizeWithReplica: int = Field(description="The same on disks, replicas counted; -1 unless `replica=true`.")
    isKey: bool = Field(description="Whether it is a key.")
    kind: str = Field(description="VOLUME, BUCKET, DIRECTORY or KEY.")
    files: int = Field(description="Keys below it; 1 for a key.")
    directories: int = Field(description="Directories below it.")
    owner: str = Field(description="Its owner; empty when OM does not know one.")
    newestModification: int = Field(description="When a key below it was last written, ms since 1970; 0: no keys.")
    oldestModification: int = Field(description="The same of the key written longest ago.")


class Usage(BaseModel):
    """What fills a path."""

    status: str = Field(description=STATUS)
    path: str | None = Field(description="The path in its normal form; null when there is nothing at it.")
    size: int = Field(description="Bytes of all below it.")
    sizeWithReplica: int = Field(description="The same on disks, replicas counted; -1 unless `replica=true`.")
    subPathCount: int = Field(description="What is directly in it, listed or not: keys too if `files=true`.")
    subPaths: list[SubPath] = Field(description="What is directly in it, as ordered and limited.")
    sizeDirectKey: int = Field(
        description="Bytes of the keys directly in it; -1 for the root, volumes, keys and empty buckets."
    )


class AmountJson(BaseModel):
    """One part of what is charged."""

    keys: int = Field(description="Committed keys, or parts of uploads.")
    names: int = Field(description="What OM counts of it in `usedNamespace`: keys, and directories of FSO buckets.")
    bytes: int = Field(description="Bytes on disks, replicas counted.")


class Charged(BaseModel):
    """What OM charges, and what makes it up; of a volume or the root, the sums over its buckets."""

    usedBytes: int = Field(description="OM's own `usedBytes`.")
    usedNamespace: int = Field(description="OM's own `usedNamespace`.")
    snapshotUsedBytes: int = Field(
        description="OM's own count of deleted bytes that are not purged yet, or that snapshots keep; its quota counts "
        "them too."
    )
    snapshotUsedNamespace: int = Field(description="The same of names.")
    committed: AmountJson = Field(description="What can be found below the path.")
    openParts: AmountJson = Field(description="Parts of open multipart uploads.")
    pendingDirectories: AmountJson = Field(description="What is below directories that wait for their deletion.")
    orphaned: AmountJson = Field(
        description="What is below directories that OM's database does not have: a snapshot keeps them, or rows "
        "contradict each other. Of the root, keys in no bucket too."
    )
    unexplainedBytes: int = Field(
        description="`usedBytes` less all these bytes: of a bucket with versioning, older versions of keys."
    )
    unexplainedNamespace: int = Field(description="`usedNamespace` less all these names.")


class Quota(BaseModel):
    """How much of its quota a volume or bucket uses."""

    allowed: int = Field(description="Bytes allowed, replicas counted; -1: no quota. Of the root, the disks' capacity.")
    used: int = Field(description="Bytes of all below it, as Recon counts them: without replicas, save at the root.")
    usedWithReplica: int = Field(description="Bytes on disks of all below it, replicas counted.")
    charged: Charged | None = Field(description="What OM charges. Null unless the status is OK.")
    status: str = Field(description=STATUS)


class Dist(BaseModel):
    """How large the keys below a path are."""

    dist: list[int] = Field(
        description="Number of keys of at most 1 KiB, 2 KiB, 4 KiB …; the last of 41 numbers is of all above 512 TiB."
    )
    status: str = Field(description=STATUS)


class OwnerUsage(BaseModel):
    """What one owner has below a path."""

    owner: str = Field(description="The owner; empty for keys without one.")
    files: int = Field(description="Keys.")
    size: int = Field(description="Their bytes.")
    sizeWithReplica: int = Field(description="The same on disks, replicas counted.")


class Owners(BaseModel):
    """Whose keys fill a path."""

    status: str = Field(description=STATUS)
    path: str | None = Field(description="The path in its normal form; null when there is nothing at it.")
    ownerCount: int = Field(description="Number of owners, listed or not.")
    owners: list[OwnerUsage] = Field(description="Most bytes first.")


class MonthUsage(BaseModel):
    """Keys below a path that were last written in one month."""

    month: str = Field(description="The month, YYYY-MM, in UTC.")
    files: int = Field(description="Keys.")
    size: int = Field(description="Their bytes.")
    sizeWithReplica: int = Field(description="The same on disks, replicas counted.")


class Ages(BaseModel):
    """How long the keys below a path have not been written."""

    status: str = Field(description=STATUS)
    path: str | None = Field(description="The path in its normal form; null when there is nothing at it.")
    newestModification: int = Field(description="When a key was last written, ms since 1970; 0: no keys.")
    oldestModification: int = Field(description="The same of the key written longest ago.")
    months: list[MonthUsage] = Field(description="Those in which a key was last written, oldest first.")
