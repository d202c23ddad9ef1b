"""Runs the deletion services of a simulated OM: directories step by step, and keys with their blocks."""

from __future__ import annotations

from itertools import islice
from typing import Final

from ozone_recon.decode.om.keys import DeletedDirectoryKey
from ozone_recon.decode.om.values import decode_key_info, decode_repeated_key_info
from ozone_recon.demo.om.keys import Keys
from ozone_recon.demo.om.namespace import SimulatedBucket, SimulatedNamespace
from ozone_recon.model.om import Block

_MOST_PER_STEP: Final = 100
"""The maximum number of directories, files or keys deleted in a step."""


class DeletionServices:
    """Empties deletedDirectoryTable and deletedTable."""

    def __init__(self, namespace: SimulatedNamespace, keys: Keys) -> None:
        self._space, self._rows, self._keys = namespace, namespace.rows, keys

    def empty_directories(self) -> None:
        """Moves the contents of deleted directories to the deleted tables; removes those that are empty."""
        left = _MOST_PER_STEP
        buckets = {one.info.object_id: one for one in self._space.buckets.values()}
        for row, value in list(islice(self._rows.scan("deletedDirectoryTable", b""), _MOST_PER_STEP)):
            place, path = DeletedDirectoryKey.parse(row), decode_key_info(value).key
            done = self._empty(buckets[place.bucket_id], place.object_id, path, left)
            left -= done
            if left <= 0:
                return
            self._space.request()
            self._rows.delete("deletedDirectoryTable", row)

    def _empty(self, bucket: SimulatedBucket, directory: int, path: str, most: int) -> int:
        """Moves up to `most` entries of a directory to the deleted tables; returns the number moved."""
        prefix = bucket.id_prefix(directory)
        names = [row[len(prefix) :].decode() for row, _ in islice(self._rows.scan("directoryTable", prefix), most)]
        files = list(islice(self._rows.scan("fileTable", prefix), most - len(names)))
        if names or files:
            self._space.request()
        for name in names:
            self._keys.detach(bucket, directory, name, f"{path}/{name}")
        for row, value in files:
            self._keys.detach_file(bucket, row, value, f"{path}/{row[len(prefix) :].decode()}")
        return len(names) + len(files)

    def purge(self) -> list[Block]:
        """Removes deleted keys, except in buckets with snapshots; returns their blocks."""
        kept = tuple(f"/{bucket.name}/".encode() for bucket in self._space.buckets.values() if bucket.snapshots)
        rows = (row for row in self._rows.scan("deletedTable", b"") if not (kept and row[0].startswith(kept)))
        blocks = []
        for row, value in list(islice(rows, _MOST_PER_STEP)):
            self._rows.delete("deletedTable", row)
            for key in decode_repeated_key_info(value).keys:
                blocks += [block for version in key.locations for block in version.blocks]
        if blocks:
            self._space.request()
        return blocks
