"""The ids in `/volumeId/bucketId/parentId/`, the prefix that the rows of one directory share (om_keys)."""

from __future__ import annotations

import numpy as np

from ozone_recon.decode.batch_kernel import Strings, find_slash, read_id, split_id_prefix, to_read
from ozone_recon.errors import DecodeError
from ozone_recon.model.cells import Cells
from ozone_recon.model.columns import ByteColumn, Bytes, Int64s
from ozone_recon.model.kernel import lean_kernel


def ids_of_prefixes(prefixes: ByteColumn) -> tuple[Int64s, Int64s]:
    """The bucket's id and the parent's id in every prefix; DecodeError when one is no such prefix."""
    bucket, parent = np.empty(len(prefixes), np.int64), np.empty(len(prefixes), np.int64)
    bad = fill_ids(to_read(prefixes), bucket, parent)
    if bad >= 0:
        raise DecodeError(f"{prefixes[bad]!r} is not /volumeId/bucketId/parentId/")
    return bucket, parent


def split_id_prefixes(keys: Cells) -> tuple[Int64s, Int64s]:
    """Where in `data` each key's prefix ends, and its parent's id; -1 where a key does not begin with a prefix."""
    ends, parent = np.empty(len(keys.starts), np.int64), np.empty(len(keys.starts), np.int64)
    fill_ends(*keys.to_read(), ends, parent)
    return ends, parent


@lean_kernel
def fill_ends(data: Bytes, starts: Int64s, ends: Int64s, prefix_ends: Int64s, parent: Int64s) -> None:
    """Fills in the end of every prefix, or -1, and the parent's id."""
    for row in range(len(starts)):
        prefix_ends[row], parent[row] = split_id_prefix(data, starts[row], ends[row])


@lean_kernel
def fill_ids(prefixes: Strings, bucket: Int64s, parent: Int64s) -> int:
    """Fills in both ids of every prefix; the index of the first that is none, or -1."""
    data = prefixes.data
    for row in range(len(bucket)):
        at, end = prefixes.offsets[row], prefixes.offsets[row + 1]
        prefix_end, parent[row] = split_id_prefix(data, at, end)
        if prefix_end != end:
            return row
        bucket_at = find_slash(data, at + 1, end) + 1
        bucket[row], _ = read_id(data, bucket_at, find_slash(data, bucket_at, end))
    return -1
