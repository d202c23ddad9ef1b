"""Committed keys below a path, in byte order of their database keys, filtered (Recon's listKeys)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.decode.om.keys import encode_text
from ozone_recon.insights.namespace.directory_paths import DirectoryPaths
from ozone_recon.insights.namespace.legacy_paths import spans
from ozone_recon.insights.om.bucket_rows import FSO
from ozone_recon.insights.om.key_rows import KeyRows, first_row, read_keys, rows_with_prefix
from ozone_recon.insights.om.prefixes import Prefix
from ozone_recon.store.generation import Generation

RUNS: Final = 1 << 13
"""Runs of rows that are looked at at a time."""
ROWS: Final = 1 << 16
"""Rows that are filtered at a time."""


class Filter(NamedTuple):
    """Which keys are wanted: at least so large (bytes), created at or after (ms), of this replication type."""

    min_size: int = 0
    created_from: int | None = None
    replication_kind: str = ""


ALL: Final = Filter()


def list_keys(generation: Generation, prefix: Prefix, after: bytes, limit: int, wanted: Filter = ALL) -> KeyRows:
    """At most `limit` keys whose database keys are greater than `after`.

    In OBS and LEGACY buckets what is below the bucket is a prefix of the keys' names. In FSO buckets it is a directory
    and stands for all that is below it, or a file; at the level of the bucket, files whose directory is deleted are
    listed as well, for OM still has them.
    """
    taken: list[Int64s] = []
    left = limit
    # Unfiltered, no more rows are spelt out than are wanted.
    for rows in _batches(_runs(generation, prefix, after), left if wanted == ALL else ROWS) if left > 0 else ():
        taken.append(rows[_passing(generation, rows, wanted)][:left])
        left -= len(taken[-1])
        if not left:
            break
    return read_keys(generation, np.concatenate([np.empty(0, np.int64), *taken]))


def _runs(generation: Generation, prefix: Prefix, after: bytes) -> Iterator[tuple[Int64s, Int64s]]:
    """The rows of `keys` below a prefix and after a key, as runs (first, end) in row order."""
    bucket = prefix.resolved
    if bucket is None:
        return
    fso = bucket.layout == FSO
    start = first_row(generation, after, file_table=fso, after=True)
    if not fso or not prefix.rest.strip("/"):
        first, end = rows_with_prefix(generation, bucket.id_prefix if fso else prefix.text, file_table=fso)
        yield np.array([max(first, start)]), np.array([max(end, start)])
        return
    tree = DirectoryPaths(generation)
    names = [encode_text(name) for name in (prefix.volume, prefix.bucket, *prefix.rest.split("/")) if name]
    directory = tree.find(names)
    if directory is not None:
        yield from _runs_below(generation, tree.subtree(directory), start)
        return
    parent = tree.find(names[:-1])
    if parent is not None:
        row = tree.file(parent, names[-1])
        if row is not None and row >= start:
            yield np.array([row]), np.array([row + 1])


def _runs_below(generation: Generation, nodes: tuple[int, int], start: int) -> Iterator[tuple[Int64s, Int64s]]:
    """The runs of rows, from row `start` on, that are in one of these places of `namespace`."""
    first_run, runs = generation.table("namespace")["first_run"], generation.table("namespace_runs")
    low, high = (int(first_run[node]) if node < len(first_run) else runs.rows for node in nodes)
    if high - low <= RUNS:
        first, end = runs["first"][low:high], runs["last"][low:high]
        order = np.argsort(first)
        yield np.maximum(first[order], start), np.maximum(end[order], start)
        return
    # A large directory has its share of all runs: they are looked through in row order rather than sorted.
    cuts, rows = generation.table("namespace_cuts"), generation.table("keys").rows
    at = max(0, int(np.searchsorted(cuts["first"], start, side="right")) - 1)
    for cut in range(at, cuts.rows, RUNS):
        bounds = cuts["first"][cut : cut + RUNS + 1]
        if cut + RUNS >= cuts.rows:
            bounds = np.append(bounds, rows)
        node = cuts["place"][cut : cut + RUNS]
        chosen = (node >= nodes[0]) & (node < nodes[1])
        yield np.maximum(bounds[:-1][chosen], start), np.maximum(bounds[1:][chosen], start)


def _batches(runs: Iterator[tuple[Int64s, Int64s]], size: int) -> Iterator[Int64s]:
    """The rows of runs, at most `size` (1 or more) at a time."""
    for first, end in runs:
        while len(first):
            whole = int(np.searchsorted(np.cumsum(end - first), size, side="right"))
            if whole:
                yield spans(first[:whole], end[:whole] - first[:whole])
                first, end = first[whole:], end[whole:]
            else:
                yield np.arange(first[0], first[0] + size)
                first = np.concatenate((first[:1] + size, first[1:]))


def _passing(generation: Generation, rows: Int64s, wanted: Filter) -> NDArray[np.bool_]:
    keys = generation.table("keys")
    passing = np.ones(len(rows), np.bool_)
    if wanted.min_size > 0:
        passing &= keys["size"][rows] >= wanted.min_size
    if wanted.created_from is not None:
        passing &= keys["creation_time"][rows] >= wanted.created_from
    if wanted.replication_kind:
        kinds = generation.table("replications").bytes("kind")
        kind = wanted.replication_kind.encode()
        passing &= np.isin(keys["replication"][rows], [row for row in range(len(kinds)) if kinds[row] == kind])
    return passing
