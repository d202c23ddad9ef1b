"""Writes, overwrites, renames and deletes the keys of a simulated OM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ozone_recon.decode.om.keys import DeletedDirectoryKey, DeletedKey, OpenFileKey, OpenKey, encode_text
from ozone_recon.decode.om.values import decode_directory, decode_key_info
from ozone_recon.demo.om.namespace import SimulatedBucket, SimulatedNamespace
from ozone_recon.demo.om.values import encode_directory, encode_key_info, encode_repeated_key_info
from ozone_recon.demo.plan import BLOCK_SIZE
from ozone_recon.demo.refusal import Refused
from ozone_recon.demo.scm.scm import AllocatedBlock
from ozone_recon.model.om import Block, KeyInfo, LocationVersion, RepeatedKeyInfo
from ozone_recon.model.replication import ReplicationConfig

Allocate = Callable[[ReplicationConfig, int], AllocatedBlock]
"""Allocates a block of a replication and a length in bytes."""
_HSYNC: Final = "hsyncClientId"


@dataclass(frozen=True, slots=True)
class OpenedKey:
    """A key being written, and its row in openKeyTable or openFileTable."""

    bucket: SimulatedBucket
    path: str
    info: KeyInfo
    client_id: str
    table: str
    row: bytes


class Keys:
    """Writes, renames and deletes keys and directories; every method may raise Refused."""

    def __init__(self, namespace: SimulatedNamespace, allocate: Allocate) -> None:
        self._space, self._rows, self._allocate = namespace, namespace.rows, allocate
        self._clients = namespace.now() << 16

    def open(self, bucket: SimulatedBucket, path: str, size: int) -> OpenedKey:
        """Opens a key for writing."""
        self._space.check_room(bucket, bucket.replication.replicated_size(size))
        now = self._space.now()
        self._space.request()
        parent = self._space.parent_of(bucket, path, make=True) if bucket.is_fso else 0
        self._clients += 1
        key = self._space.new_key(bucket, path, parent, size, now)
        client = str(self._clients)
        table, row = open_row(bucket, path, parent, client)
        writing = OpenedKey(bucket, path, replace(key, locations=(self._blocks(bucket, size),)), client, table, row)
        self._rows.put(table, row, encode_key_info(writing.info))
        return writing

    def _blocks(self, bucket: SimulatedBucket, size: int) -> LocationVersion:
        return LocationVersion(0, self.blocks(bucket.replication, size), is_multipart=False)

    def blocks(self, replication: ReplicationConfig, size: int) -> tuple[Block, ...]:
        """Allocates the blocks of a key."""
        most = BLOCK_SIZE * (replication.data or 1)
        found = []
        for start in range(0, size, most):
            length = min(most, size - start)
            allocated = self._allocate(replication, length)
            # The offset is that within the block, which belongs to this key alone.
            found.append(Block(allocated.container, allocated.local_id, allocated.sequence_id, 0, length, 0, 0))
        return tuple(found)

    def hsync(self, writing: OpenedKey) -> None:
        """Makes a key readable while it is still being written."""
        self._put(writing, ((_HSYNC, writing.client_id),))

    def commit(self, writing: OpenedKey) -> None:
        """Commits a key."""
        self._put(writing, ())
        self._rows.delete(writing.table, writing.row)

    def _put(self, writing: OpenedKey, metadata: tuple[tuple[str, str], ...]) -> None:
        bucket, info = writing.bucket, writing.info
        index = self._space.request()
        table, row = self._space.key_row(bucket, writing.path)
        before = self._rows.get(table, row)
        size, names = info.replicated_size, 1
        if before is not None:
            old = decode_key_info(before)
            size, names = size - old.replicated_size, 0
            if old.object_id != info.object_id:
                self._to_delete(bucket, writing.path, old, self._space.object_id())
            else:
                size = 0
        name = writing.path.rpartition("/")[2] if bucket.is_fso else writing.path
        done = replace(info, key=name, metadata=metadata, update_id=index, modification_time=self._space.now())
        self._rows.put(table, row, encode_key_info(done))
        self._space.charge(bucket, size, names)

    def make_directory(self, bucket: SimulatedBucket, path: str) -> None:
        """Creates a directory and its parents."""
        self._space.request()
        if bucket.is_fso:
            self._space.parent_of(bucket, path + "/", make=True)
        elif self._rows.get(*self._space.key_row(bucket, path + "/")) is None:
            now = self._space.now()
            empty = replace(
                self._space.new_key(bucket, path + "/", 0, 0, now),
                locations=(LocationVersion(0, (), is_multipart=False),),
                is_file=False,
            )
            self._rows.put(*self._space.key_row(bucket, path + "/"), encode_key_info(empty))
            self._space.charge(bucket, 0, 1)

    def delete(self, bucket: SimulatedBucket, path: str) -> None:
        """Moves a key to deletedTable."""
        table, row = self._space.key_row(bucket, path)
        value = self._rows.get(table, row)
        if value is None:
            raise Refused(f"{bucket.name} has no key {path}")
        self._space.request()
        self._rows.delete(table, row)
        info = decode_key_info(value)
        self._to_delete(bucket, path, info, info.object_id)
        self._space.charge(bucket, -info.replicated_size, -1)

    def _to_delete(self, bucket: SimulatedBucket, path: str, info: KeyInfo, number: int) -> None:
        """Adds a key to deletedTable, unless it has no blocks."""
        if any(version.blocks for version in info.locations):
            kept = RepeatedKeyInfo((replace(info, key=path, update_id=self._space.index),), bucket.info.object_id)
            row = DeletedKey(f"/{bucket.name}/{path}", number).format()
            self._rows.put("deletedTable", row, encode_repeated_key_info(kept))

    def delete_parts(self, bucket: SimulatedBucket, path: str, infos: tuple[KeyInfo, ...]) -> None:
        """Deletes the blocks of an aborted upload."""
        for part, info in enumerate(infos):
            self._to_delete(bucket, path, info, self._space.object_id(part))

    def rename(self, bucket: SimulatedBucket, path: str, to: str) -> None:
        """Renames or moves a key or, in an FSO bucket, a directory."""
        index = self._space.request()
        if bucket.is_fso and self._rename_directory(bucket, path, to):
            return
        table, row = self._space.key_row(bucket, path)
        value = self._rows.get(table, row)
        if value is None:
            raise Refused(f"{bucket.name} has no key {path}")
        info = decode_key_info(value)
        parent = self._space.parent_of(bucket, to, make=True) if bucket.is_fso else 0
        name = to.rpartition("/")[2] if bucket.is_fso else to
        self._space.remember_name(bucket, info.object_id, row)
        self._rows.delete(table, row)
        moved = replace(info, key=name, parent_id=parent, update_id=index, modification_time=self._space.now())
        self._rows.put(*self._space.key_row(bucket, to), encode_key_info(moved))

    def _rename_directory(self, bucket: SimulatedBucket, path: str, to: str) -> bool:
        parent, name = self._space.parent_of(bucket, path), path.rpartition("/")[2]
        if (parent, name) not in bucket.directories:
            return False
        row = bucket.id_prefix(parent) + encode_text(name)
        directory = decode_directory(self._rows.get("directoryTable", row) or b"")
        there, called = self._space.parent_of(bucket, to, make=True), to.rpartition("/")[2]
        if (there, called) in bucket.directories:
            raise Refused(f"{bucket.name} already has a directory {to}")
        self._space.remember_name(bucket, directory.object_id, row)
        self._rows.delete("directoryTable", row)
        bucket.directories[there, called] = bucket.directories.pop((parent, name))
        moved = replace(directory, name=called, parent_id=there, update_id=self._space.index)
        self._rows.put("directoryTable", bucket.id_prefix(there) + encode_text(called), encode_directory(moved))
        return True

    def delete_directory(self, bucket: SimulatedBucket, path: str) -> None:
        """Moves a directory of an FSO bucket to deletedDirectoryTable; its contents follow later."""
        parent, name = self._space.parent_of(bucket, path), path.rpartition("/")[2]
        if (parent, name) not in bucket.directories:
            raise Refused(f"{bucket.name} has no directory {path}")
        self._space.request()
        self.detach(bucket, parent, name, path)

    def detach(self, bucket: SimulatedBucket, parent: int, name: str, path: str) -> None:
        """Moves a directory to deletedDirectoryTable."""
        object_id = bucket.directories.pop((parent, name))
        self._rows.delete("directoryTable", bucket.id_prefix(parent) + encode_text(name))
        gone = replace(
            self._space.new_key(bucket, path, parent, 0, self._space.now()),
            object_id=object_id,
            locations=(LocationVersion(0, (), is_multipart=False),),
            is_file=False,
        )
        row = DeletedDirectoryKey(bucket.volume_id, bucket.info.object_id, parent, name, object_id).format()
        self._rows.put("deletedDirectoryTable", row, encode_key_info(gone))
        self._space.charge(bucket, 0, -1)

    def detach_file(self, bucket: SimulatedBucket, row: bytes, value: bytes, path: str) -> None:
        """Moves a file of a deleted directory to deletedTable."""
        info = decode_key_info(value)
        self._rows.delete("fileTable", row)
        self._to_delete(bucket, path, info, info.object_id)
        self._space.charge(bucket, -info.replicated_size, -1)


def open_row(bucket: SimulatedBucket, path: str, parent: int, client: str) -> tuple[str, bytes]:
    """The table and row key of an open key."""
    if bucket.is_fso:
        ids = bucket.volume_id, bucket.info.object_id, parent
        return "openFileTable", OpenFileKey(*ids, path.rpartition("/")[2], client).format()
    return "openKeyTable", OpenKey(bucket.info.volume, bucket.info.bucket, path, client).format()
