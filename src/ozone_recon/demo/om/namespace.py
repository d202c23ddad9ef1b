"""Models the namespace of OM: volumes, buckets and directories, and the table rows of their changes.

Rows are read and written through `TableRows`, in OM's order.
Times are milliseconds since 1970, object ids are Java's signed numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from ozone_recon.decode.om.keys import BucketKey, ObjectKey, PathKey, RenamedKey, VolumeKey, encode_text
from ozone_recon.demo.om.values import encode_bucket, encode_directory, encode_user_volumes, encode_volume
from ozone_recon.demo.refusal import Refused
from ozone_recon.model.om import BucketInfo, DirectoryInfo, KeyInfo, OzoneAcl, UserVolumes, VolumeInfo
from ozone_recon.model.replication import ReplicationConfig

_FIRST_ID: Final = -(1 << 63)
NO_QUOTA: Final = -1


class TableRows(Protocol):
    """Access to OM's tables."""

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value of a row; None when there is none."""

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Writes a row."""

    def delete(self, table: str, key: bytes) -> None:
        """Deletes a row."""

    def scan(self, table: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows whose keys have a prefix, in order; nothing may be written during iteration."""

    def commit(self) -> None:
        """Commits the writes since the last commit as one batch."""


@dataclass(slots=True)
class SimulatedBucket:
    """A bucket, and in FSO its directories: parent id and name → object id."""

    info: BucketInfo
    volume_id: int
    replication: ReplicationConfig
    directories: dict[tuple[int, str], int] = field(default_factory=dict)
    snapshots: list[str] = field(default_factory=list)
    """Ids of its active snapshots, the oldest first."""

    @property
    def is_fso(self) -> bool:
        """Whether its layout is FSO, with directories as rows of their own."""
        return self.info.layout == "FILE_SYSTEM_OPTIMIZED"

    @property
    def name(self) -> str:
        """The name as `volume/bucket`."""
        return f"{self.info.volume}/{self.info.bucket}"

    def id_prefix(self, parent: int) -> bytes:
        """The prefix of FSO row keys below a parent."""
        return PathKey(self.volume_id, self.info.object_id, parent, "").format()


class SimulatedNamespace:
    """The volumes, buckets and directories of an OM."""

    def __init__(self, rows: TableRows, clock: Callable[[], int]) -> None:
        self.rows = rows
        self.now = clock
        self.buckets: dict[str, SimulatedBucket] = {}
        self.index = 0
        """The number of requests so far, which is the index of OM's last transaction."""
        self._volumes: dict[str, VolumeInfo] = {}

    def request(self) -> int:
        """Begins a request; returns its index, the update id of everything it changes."""
        self.index += 1
        return self.index

    def object_id(self, part: int = 0) -> int:
        """The object id of the `part`-th object that this request creates."""
        return _FIRST_ID + (self.index << 8) + part

    def create_volume(self, name: str, owner: str, quota: int = NO_QUOTA) -> None:
        """Creates a volume."""
        index, now = self.request(), self.now()
        volume = VolumeInfo(
            volume=name,
            owner=owner,
            admin="hadoop",
            object_id=self.object_id(),
            update_id=index,
            creation_time=now,
            modification_time=now,
            quota_in_bytes=quota,
            quota_in_namespace=NO_QUOTA,
            used_namespace=0,
            ref_count=0,
            acls=owner_acls(owner),
            metadata=(),
        )
        self._put_volume(volume)
        mine = tuple(sorted(one.volume for one in self._volumes.values() if one.owner == owner))
        self.rows.put("userTable", encode_text(owner), encode_user_volumes(UserVolumes(mine, self.object_id(), index)))

    def create_bucket(
        self, name: str, owner: str, layout: str, replication: ReplicationConfig, source: str | None = None
    ) -> SimulatedBucket:
        """Creates a bucket named `volume/bucket`, or a link to the bucket `source`."""
        volume_name, _, bucket_name = name.partition("/")
        volume = self._volumes[volume_name]
        index, now = self.request(), self.now()
        source_volume, _, source_bucket = (source or "").partition("/")
        info = BucketInfo(
            volume=volume_name,
            bucket=bucket_name,
            layout=layout,
            owner=owner,
            object_id=self.object_id(),
            update_id=index,
            creation_time=now,
            modification_time=now,
            quota_in_bytes=NO_QUOTA,
            quota_in_namespace=NO_QUOTA,
            used_bytes=0,
            used_namespace=0,
            snapshot_used_bytes=0,
            snapshot_used_namespace=0,
            source_volume=source_volume or None,
            source_bucket=source_bucket or None,
            storage_type="DISK",
            versioning=False,
            default_replication=None if source else replication,
            encryption=None,
            acls=owner_acls(owner),
            metadata=(),
        )
        bucket = self.buckets[name] = SimulatedBucket(info, volume.object_id, replication)
        self._put_bucket(bucket)
        self._put_volume(replace(volume, used_namespace=volume.used_namespace + 1, update_id=index))
        return bucket

    def set_quota(self, bucket: SimulatedBucket, size: int, names: int = NO_QUOTA) -> None:
        """Sets the quota of a bucket: replicated bytes, and the number of keys and directories."""
        index = self.request()
        bucket.info = replace(bucket.info, quota_in_bytes=size, quota_in_namespace=names, update_id=index)
        self._put_bucket(bucket)

    def charge(self, bucket: SimulatedBucket, size: int, names: int) -> None:
        """Adds replicated bytes, and keys and directories, to the used quota; negative numbers release it."""
        used, count = bucket.info.used_bytes + size, bucket.info.used_namespace + names
        bucket.info = replace(bucket.info, used_bytes=used, used_namespace=count)
        self._put_bucket(bucket)

    def check_room(self, bucket: SimulatedBucket, size: int, names: int = 1) -> None:
        """Raises Refused when the bucket's quota has no room for `size` bytes and `names` keys."""
        info = bucket.info
        if 0 <= info.quota_in_bytes < info.used_bytes + size:
            raise Refused(
                f"quota of {bucket.name} exceeded: {info.used_bytes:,} of {info.quota_in_bytes:,} bytes are used"
            )
        if 0 <= info.quota_in_namespace < info.used_namespace + names:
            raise Refused(f"quota of {bucket.name} exceeded: all {info.quota_in_namespace:,} keys are used")

    def parent_of(self, bucket: SimulatedBucket, path: str, *, make: bool = False) -> int:
        """The id of the parent of an FSO path; when it is missing, creates it with `make`, else raises Refused."""
        parent, made = bucket.info.object_id, 0
        for name in path.split("/")[:-1]:
            child = bucket.directories.get((parent, name))
            if child is None:
                if not make:
                    raise Refused(f"{bucket.name} has no parent directory for {path}")
                made += 1
                child = self._make_directory(bucket, parent, name, made)
            parent = child
        if made:
            self.charge(bucket, 0, made)
        return parent

    def _make_directory(self, bucket: SimulatedBucket, parent: int, name: str, part: int) -> int:
        now = self.now()
        directory = DirectoryInfo(
            name=name,
            object_id=self.object_id(part),
            parent_id=parent,
            update_id=self.index,
            creation_time=now,
            modification_time=now,
            owner=bucket.info.owner,
            acls=bucket.info.acls,
            metadata=(),
        )
        bucket.directories[parent, name] = directory.object_id
        self.rows.put("directoryTable", bucket.id_prefix(parent) + encode_text(name), encode_directory(directory))
        return directory.object_id

    def key_row(self, bucket: SimulatedBucket, path: str) -> tuple[str, bytes]:
        """The table and row key of a key; raises Refused when its directory does not exist."""
        if bucket.is_fso:
            prefix = bucket.id_prefix(self.parent_of(bucket, path))
            return "fileTable", prefix + encode_text(path.rpartition("/")[2])
        return "keyTable", ObjectKey(bucket.info.volume, bucket.info.bucket, path).format()

    def remember_name(self, bucket: SimulatedBucket, object_id: int, row: bytes) -> None:
        """Records the old row key of a renamed object for the bucket's snapshots (snapshotRenamedTable)."""
        key = RenamedKey(bucket.info.volume, bucket.info.bucket, object_id).format()
        if bucket.snapshots and self.rows.get("snapshotRenamedTable", key) is None:
            self.rows.put("snapshotRenamedTable", key, row)

    def new_key(self, bucket: SimulatedBucket, path: str, parent: int, size: int, now: int) -> KeyInfo:
        """A new KeyInfo without blocks."""
        return KeyInfo(
            volume=bucket.info.volume,
            bucket=bucket.info.bucket,
            key=path,
            size=size,
            replication=bucket.replication,
            locations=(),
            creation_time=now,
            modification_time=now,
            latest_version=0,
            object_id=self.object_id(),
            update_id=self.index,
            parent_id=parent if bucket.is_fso else 0,
            owner=bucket.info.owner,
            is_file=True,
            acls=bucket.info.acls,
            metadata=(),
            tags=(),
            encryption=None,
            checksum=None,
            expected_data_generation=None,
        )

    def _put_volume(self, volume: VolumeInfo) -> None:
        self._volumes[volume.volume] = volume
        self.rows.put("volumeTable", VolumeKey(volume.volume).format(), encode_volume(volume))

    def _put_bucket(self, bucket: SimulatedBucket) -> None:
        key = BucketKey(bucket.info.volume, bucket.info.bucket).format()
        self.rows.put("bucketTable", key, encode_bucket(bucket.info))


def owner_acls(owner: str) -> tuple[OzoneAcl, ...]:
    """The ACLs of an owner and of the group of the same name."""
    return OzoneAcl("USER", owner, ("ALL",), "ACCESS"), OzoneAcl("GROUP", owner, ("READ", "LIST"), "ACCESS")
