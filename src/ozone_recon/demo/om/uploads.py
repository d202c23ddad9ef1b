"""Handles multipart uploads and snapshots of a simulated OM."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, replace
from typing import Final

from ozone_recon.decode.om.keys import MultipartKey, SnapshotKey
from ozone_recon.demo.om.keys import Keys, open_row
from ozone_recon.demo.om.namespace import SimulatedBucket, SimulatedNamespace
from ozone_recon.demo.om.values import encode_key_info, encode_multipart_key_info, encode_snapshot
from ozone_recon.demo.refusal import Refused
from ozone_recon.model.om import LocationVersion, MultipartKeyInfo, PartKeyInfo, SnapshotInfo, TransactionInfo

_NEVER: Final = -1
_TERM: Final = 1


@dataclass(slots=True)
class Upload:
    """A multipart upload in progress."""

    bucket: SimulatedBucket
    path: str
    info: MultipartKeyInfo
    open_table: str
    open_row: bytes

    @property
    def row(self) -> bytes:
        """The key of its row in multipartInfoTable."""
        volume, bucket = self.bucket.info.volume, self.bucket.info.bucket
        return MultipartKey(volume, bucket, self.path, self.info.upload_id).format()


class Uploads:
    """Begins, continues, completes and aborts uploads."""

    def __init__(self, namespace: SimulatedNamespace, keys: Keys, chance: random.Random) -> None:
        self._space, self._rows, self._keys, self._chance = namespace, namespace.rows, keys, chance

    def begin(self, bucket: SimulatedBucket, path: str) -> Upload:
        """Begins an upload."""
        index, now = self._space.request(), self._space.now()
        parent = self._space.parent_of(bucket, path, make=True) if bucket.is_fso else 0
        upload_id = f"{_uuid(self._chance)}-{index}"
        whole = LocationVersion(0, (), is_multipart=True)
        key = replace(self._space.new_key(bucket, path, parent, 0, now), locations=(whole,), is_file=False)
        info = MultipartKeyInfo(
            upload_id=upload_id,
            creation_time=now,
            replication=bucket.replication,
            parts=(),
            object_id=key.object_id,
            update_id=index,
            parent_id=key.parent_id,
            schema_version=0,
            volume=None,
            bucket=None,
            key=None,
            owner=None,
            acls=(),
        )
        upload = Upload(bucket, path, info, *open_row(bucket, path, parent, upload_id))
        self._rows.put(upload.open_table, upload.open_row, encode_key_info(key))
        self._rows.put("multipartInfoTable", upload.row, encode_multipart_key_info(info))
        return upload

    def add_part(self, upload: Upload, size: int) -> None:
        """Adds a part of this size."""
        self._space.check_room(upload.bucket, upload.info.replication.replicated_size(size), 0)
        index, number = self._space.request(), len(upload.info.parts) + 1
        version = LocationVersion(0, self._keys.blocks(upload.info.replication, size), is_multipart=True)
        key = replace(
            self._space.new_key(upload.bucket, upload.path, upload.info.parent_id, size, self._space.now()),
            locations=(version,),
            metadata=(("ETag", f"{self._chance.getrandbits(128):032x}"),),
        )
        name = f"/{upload.bucket.name}/{upload.path}-{upload.info.upload_id}-{number}"
        upload.info = replace(upload.info, parts=(*upload.info.parts, PartKeyInfo(name, number, key)), update_id=index)
        self._rows.put("multipartInfoTable", upload.row, encode_multipart_key_info(upload.info))
        self._space.charge(upload.bucket, key.replicated_size, 0)

    def complete(self, upload: Upload) -> None:
        """Completes an upload: makes one key of all parts."""
        bucket, parts = upload.bucket, upload.info.parts
        index = self._space.request()
        numbered = tuple(
            replace(block, part_number=part.number)
            for part in parts
            for version in part.key.locations
            for block in version.blocks
        )
        name = upload.path.rpartition("/")[2] if bucket.is_fso else upload.path
        whole = self._space.new_key(
            bucket, name, upload.info.parent_id, sum(part.key.size for part in parts), upload.info.creation_time
        )
        done = replace(
            whole,
            locations=(LocationVersion(0, numbered, is_multipart=True),),
            modification_time=self._space.now(),
            update_id=index,
            metadata=(("ETag", f"{self._chance.getrandbits(128):032x}-{len(parts)}"),),
        )
        table, row = self._space.key_row(bucket, upload.path)
        if self._rows.get(table, row) is not None:
            raise Refused(f"{bucket.name} already has a key {upload.path}")
        self._forget(upload)
        self._rows.put(table, row, encode_key_info(done))
        self._space.charge(bucket, done.replicated_size - sum(part.key.replicated_size for part in parts), 1)

    def abort(self, upload: Upload) -> None:
        """Aborts an upload and deletes its parts."""
        self._space.request()
        self._forget(upload)
        parts = tuple(part.key for part in upload.info.parts)
        self._keys.delete_parts(upload.bucket, upload.path, parts)
        self._space.charge(upload.bucket, -sum(part.replicated_size for part in parts), 0)

    def _forget(self, upload: Upload) -> None:
        self._rows.delete("multipartInfoTable", upload.row)
        self._rows.delete(upload.open_table, upload.open_row)


class Snapshots:
    """Creates and deletes snapshots of buckets."""

    def __init__(self, namespace: SimulatedNamespace, chance: random.Random) -> None:
        self._space, self._chance = namespace, chance
        self._last: str | None = None
        self._active: dict[tuple[str, str], SnapshotInfo] = {}

    def create(self, bucket: SimulatedBucket, name: str) -> None:
        """Creates a snapshot, which keeps its keys from being purged."""
        if (bucket.name, name) in self._active:
            raise Refused(f"{bucket.name} already has a snapshot {name}")
        identity, change = _uuid(self._chance), TransactionInfo(_TERM, self._space.request())
        replicated, kind = bucket.info.used_bytes, bucket.replication
        snapshot = SnapshotInfo(
            snapshot_id=identity,
            name=name,
            volume=bucket.info.volume,
            bucket=bucket.info.bucket,
            status="SNAPSHOT_ACTIVE",
            creation_time=self._space.now(),
            deletion_time=_NEVER,
            path_previous_id=bucket.snapshots[-1] if bucket.snapshots else None,
            global_previous_id=self._last,
            path=bucket.name,
            db_sequence_number=0,
            deep_cleaned=False,
            deep_cleaned_directories=False,
            sst_filtered=False,
            referenced_size=replicated * (kind.data or 1) // kind.required_nodes,
            referenced_replicated_size=replicated,
            exclusive_size=0,
            exclusive_replicated_size=0,
            exclusive_size_from_directories=0,
            exclusive_replicated_size_from_directories=0,
            created_by=change,
            last_changed_by=change,
        )
        bucket.snapshots.append(identity)
        self._last = identity
        self._put(bucket, snapshot)

    def delete(self, bucket: SimulatedBucket, name: str) -> None:
        """Marks a snapshot as deleted; keys that only it holds may then be purged."""
        snapshot = self._active.pop((bucket.name, name), None)
        if snapshot is None:
            raise Refused(f"{bucket.name} has no snapshot {name}")
        change = TransactionInfo(_TERM, self._space.request())
        bucket.snapshots.remove(snapshot.snapshot_id or "")
        self._put(
            bucket,
            replace(
                snapshot,
                status="SNAPSHOT_DELETED",
                deletion_time=self._space.now(),
                last_changed_by=change,
            ),
        )

    def _put(self, bucket: SimulatedBucket, snapshot: SnapshotInfo) -> None:
        if snapshot.status == "SNAPSHOT_ACTIVE":
            self._active[bucket.name, snapshot.name] = snapshot
        key = SnapshotKey(snapshot.volume, snapshot.bucket, snapshot.name).format()
        self._space.rows.put("snapshotInfoTable", key, encode_snapshot(snapshot))


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
