"""Finds the bucket of a database key, by names or by object ids.

Rows belong to buckets as in OM's own lookups: rows of keyTable by the names of volume and bucket, in OBS and LEGACY
buckets; rows of fileTable, directoryTable and deletedDirectoryTable by both object ids, in FSO buckets. Of several
buckets with one object id, the first in key order has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.decode.om.values import decode_bucket, decode_volume
from ozone_recon.errors import DecodeError
from ozone_recon.model.key_columns import BadRow

FSO: Final = "FILE_SYSTEM_OPTIMIZED"
NONE: Final = -1
"""The row of a bucket that does not exist."""


class RawRows(Protocol):
    """`om/volumeTable` or `om/bucketTable`."""

    def bytes(self, column: str) -> ByteColumn:
        """Returns the column `key` or `value`."""
        ...


class BucketRows:
    """Looks up rows of `om/bucketTable`. `unreadable` are buckets that cannot be decoded; no key belongs to them."""

    def __init__(self, volumes: RawRows, buckets: RawRows) -> None:
        volume_ids = dict(_volume_ids(volumes))
        self.unreadable: list[BadRow] = []
        self._by_prefix: dict[bytes, tuple[int, int]] = {}
        fso: dict[int, tuple[int, int]] = {}
        keys, values = buckets.bytes("key"), buckets.bytes("value")
        for row, (key, value) in enumerate(zip(keys, values, strict=True)):
            try:
                info = decode_bucket(value)
            except DecodeError as broken:
                self.unreadable.append(BadRow("bucketTable", key, str(broken)))
                continue
            if info.layout == FSO:
                volume_id = volume_ids.get(key.rpartition(b"/")[0], 0)
                fso.setdefault(info.object_id, (row, volume_id))
            else:
                self._by_prefix[key + b"/"] = row, info.object_id
        self._ids = np.array(sorted(fso), np.int64)
        ordered = [fso[object_id] for object_id in self._ids.tolist()]
        self._rows = np.array([row for row, _ in ordered], np.int64)
        self._volume_ids = np.array([volume_id for _, volume_id in ordered], np.int64)

    def of_names(self, prefixes: ByteColumn) -> tuple[Int64s, Int64s]:
        """Returns the rows and object ids for keyTable's `/volume/bucket/`; NONE and 0 if there is no such bucket."""
        found = [self._by_prefix.get(prefix, (NONE, 0)) for prefix in prefixes]
        return np.array([row for row, _ in found], np.int64), np.array([own for _, own in found], np.int64)

    def of_ids(self, volume_ids: Int64s, bucket_ids: Int64s) -> Int64s:
        """Returns the row for each pair of object ids; NONE if there is no such bucket."""
        if not len(self._ids):
            return np.full(len(bucket_ids), NONE)
        at = np.minimum(np.searchsorted(self._ids, bucket_ids), len(self._ids) - 1)
        matches = (self._ids[at] == bucket_ids) & (self._volume_ids[at] == volume_ids)
        return np.where(matches, self._rows[at], NONE)


def _volume_ids(volumes: RawRows) -> Iterator[tuple[bytes, int]]:
    for key, value in zip(volumes.bytes("key"), volumes.bytes("value"), strict=True):
        try:
            yield key, decode_volume(value).object_id
        except DecodeError:
            continue
