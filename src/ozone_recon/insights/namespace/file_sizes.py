"""Histograms of file sizes, for each bucket and for every node of the namespace."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.kernels import lean_kernel
from ozone_recon.insights.namespace.counts import PAIRS, tally, write_counts
from ozone_recon.insights.namespace.runs import BATCH, KeyRuns
from ozone_recon.insights.size_bins import BINS, DIST_BINS, UPPER_BOUNDS, bins_of
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import Schema

NAME: Final = "FileSizeCount"
TABLES: Final[dict[str, Schema]] = {
    # In order of bucket (row of `om/bucketTable`), then bin; only bins with files.
    "file_sizes": {"bucket": "i4", "bin": "i4", "files": "i8"},
    # Codes are size bins (insights.size_bins).
    "namespace_sizes": PAIRS,
    "namespace_sizes_large": PAIRS,
}


class BucketFileCount(NamedTuple):
    """The number of keys of a bucket in one bin, given by its inclusive upper bound in bytes."""

    volume: str
    bucket: str
    upper_bound: int
    files: int


def rebuild(build: GenerationBuild) -> None:
    """Writes the tables above; needs those of `summary`."""
    write_counts(build, "namespace_sizes", "size", bins_of, BINS)
    counts = np.zeros((build.table("om/bucketTable").rows, BINS), np.int64)
    groups, keys = build.table("groups"), build.table("keys")
    runs = KeyRuns(np.array(groups["first_row"]), np.array(groups["bucket"], np.int64))
    for chunk in keys.chunks(("size",), BATCH):
        starts, bucket = runs.within(chunk.first_row, len(chunk))
        _count(starts, bucket, bins_of(chunk["size"]), counts)
    of_bucket, bins = counts.nonzero()
    with build.create("file_sizes", TABLES["file_sizes"]) as writer:
        writer.append(bucket=of_bucket.astype(np.int32), bin=bins.astype(np.int32), files=counts[of_bucket, bins])


@lean_kernel
def _count(starts: Int64s, bucket: Int64s, bins: Int64s, counts: Int64s) -> None:
    """Counts the bins of all rows by the bucket of their run; skips runs without a bucket."""
    for run in range(starts.size):
        stop = starts[run + 1] if run + 1 < starts.size else bins.size
        if bucket[run] >= 0:
            for row in range(starts[run], stop):
                counts[bucket[run], bins[row]] += 1


def of_buckets(generation: Generation) -> list[BucketFileCount]:
    """Counts all keys in OM's tables, including those below deleted directories, in Recon's order.

    The order is: length of the volume's name, its bytes, length of the bucket's name, its bytes, size.
    """
    table = generation.table("file_sizes")
    keys = generation.table("om/bucketTable").bytes("key")
    counted = zip(table["bucket"].tolist(), table["bin"].tolist(), table["files"].tolist(), strict=True)
    rows = [(*keys[bucket][1:].split(b"/", 1), bin_, files) for bucket, bin_, files in counted]
    rows.sort(key=lambda of: (len(of[0]), of[0], len(of[1]), of[1], of[2]))
    return [
        BucketFileCount(volume.decode("utf-8", "replace"), bucket.decode("utf-8", "replace"), UPPER_BOUNDS[bin_], files)
        for volume, bucket, bin_, files in rows
    ]


def of_node(generation: Generation, node: int) -> Int64s:
    """Counts the files of a subtree by the bins of `namespace/dist`, which joins our last two."""
    files = tally(generation, "namespace_sizes", node, BINS).files
    dist = files[:DIST_BINS].copy()
    dist[-1] += files[DIST_BINS:].sum()
    return dist
