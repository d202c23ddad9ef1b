"""How many files of which size there are: for each bucket, and for every place of the namespace."""

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
    # Buckets in the order of `om/bucketTable`, bins ascending; only those with files.
    "file_sizes": {"bucket": "i4", "bin": "i4", "files": "i8"},
    # Codes are size bins (model.size_bins).
    "namespace_sizes": PAIRS,
    "namespace_sizes_large": PAIRS,
}


class BucketFileCount(NamedTuple):
    """How many keys of a bucket have sizes of one bin, given by its inclusive upper bound in bytes."""

    volume: str
    bucket: str
    upper_bound: int
    files: int


def rebuild(build: GenerationBuild) -> None:
    """Write the tables above; needs those of nssummary."""
    write_counts(build, "namespace_sizes", "size", bins_of, BINS)
    counts = np.zeros((build.table("om/bucketTable").rows, BINS), np.int64)
    groups, keys = build.table("groups"), build.table("keys")
    runs = KeyRuns(np.array(groups["first_row"]), np.array(groups["bucket"], np.int64), keys.rows)
    for chunk in keys.chunks(("size",), BATCH):
        starts, bucket = runs.within(chunk.first_row, len(chunk))
        _count(starts, bucket, bins_of(chunk["size"]), counts)
    of_bucket, bins = counts.nonzero()
    with build.create("file_sizes", TABLES["file_sizes"]) as writer:
        writer.append(bucket=of_bucket.astype(np.int32), bin=bins.astype(np.int32), files=counts[of_bucket, bins])


@lean_kernel
def _count(starts: Int64s, bucket: Int64s, bins: Int64s, counts: Int64s) -> None:
    """Counts every row's bin for the bucket of its run, if it has one."""
    for run in range(starts.size):
        stop = starts[run + 1] if run + 1 < starts.size else bins.size
        if bucket[run] >= 0:
            for row in range(starts[run], stop):
                counts[bucket[run], bins[row]] += 1


def of_buckets(generation: Generation) -> list[BucketFileCount]:
    """All keys in OM's tables, also below deleted directories, in the order in which Recon has them.

    That is by length of the volume's name, then its bytes, then so for the bucket, then by size.
    """
    table = generation.table("file_sizes")
    keys = generation.table("om/bucketTable").bytes("key")
    counted = zip(table["bucket"].tolist(), table["bin"].tolist(), table["files"].tolist(), strict=True)
    found = [(*keys[bucket][1:].split(b"/", 1), bin_, files) for bucket, bin_, files in counted]
    found.sort(key=lambda of: (len(of[0]), of[0], len(of[1]), of[1], of[2]))
    return [
        BucketFileCount(volume.decode("utf-8", "replace"), bucket.decode("utf-8", "replace"), UPPER_BOUNDS[bin_], files)
        for volume, bucket, bin_, files in found
    ]


def of_node(generation: Generation, node: int) -> Int64s:
    """Files in a place and all below it by the bins of `namespace/dist`, the last two of ours being one."""
    files = tally(generation, "namespace_sizes", node, BINS).files
    dist = files[:DIST_BINS].copy()
    dist[-1] += files[DIST_BINS:].sum()
    return dist
