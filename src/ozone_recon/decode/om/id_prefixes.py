"""Decodes `/volumeId/bucketId/parentId/`, the common key prefix of all rows in one directory (`om.keys`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, slices_of_texts
from ozone_recon.columnar.kernels import lean_kernel
from ozone_recon.decode.batch_kernel import find_slash, read_id, split_id_prefix
from ozone_recon.errors import DecodeError


class PrefixIds(NamedTuple):
    """The object ids in prefixes: the volume, the bucket, and the parent (a directory, or the bucket itself)."""

    volume: Int64s
    bucket: Int64s
    parent: Int64s


def ids_of_prefixes(prefixes: ByteColumn) -> PrefixIds:
    """The ids of each prefix; DecodeError if one has another form."""
    prefix_ends, ids = split_id_prefixes(slices_of_texts(prefixes))
    bad = np.flatnonzero(prefix_ends != prefixes.offsets[1:])
    if len(bad):
        raise DecodeError(f"{prefixes[int(bad[0])]!r} is not /volumeId/bucketId/parentId/")
    return ids


def split_id_prefixes(keys: ByteSlices) -> tuple[Int64s, PrefixIds]:
    """The end of each key's prefix in `data`, and its ids; -1 and zeros for a key without such a prefix."""
    ends, ids = np.empty(len(keys.starts), np.int64), np.zeros((3, len(keys.starts)), np.int64)
    fill_ids(*keys.read_only(), ends, ids)
    return ends, PrefixIds(*ids)


@lean_kernel
def fill_ids(data: Bytes, starts: Int64s, ends: Int64s, prefix_ends: Int64s, ids: Int64s) -> None:
    """Fills `prefix_ends` and `ids`; see `split_id_prefixes`."""
    for row in range(len(starts)):
        at, end = starts[row], ends[row]
        prefix_ends[row], parent = split_id_prefix(data, at, end)
        if prefix_ends[row] >= 0:
            bucket_at = find_slash(data, at + 1, end) + 1
            ids[0, row], _ = read_id(data, at + 1, bucket_at - 1)
            ids[1, row], _ = read_id(data, bucket_at, find_slash(data, bucket_at, end))
            ids[2, row] = parent
