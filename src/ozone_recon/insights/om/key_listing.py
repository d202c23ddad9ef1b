"""Lists committed keys below a path, filtered, in order of their database keys (Recon's listKeys)."""

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
"""Runs processed at a time."""
ROWS: Final = 1 << 16
"""Rows filtered at a time."""


class KeyFilter(NamedTuple):
    """The minimum size (bytes), earliest creation time (ms) and replication type of the keys to list."""

    min_size: int = 0
    created_from: int | None = None
    replication_kind: str = ""


NO_FILTER: Final = KeyFilter()


def list_keys(
    generation: Generation, prefix: Prefix, after: bytes, limit: int, where: KeyFilter = NO_FILTER
) -> KeyRows:
    """Returns at most `limit` keys whose database keys are greater than `after`.

    In OBS and LEGACY buckets the part of the path below the bucket is a prefix of key names. In FSO buckets it is a
    directory, which selects everything below it, or a file; a path of the bucket itself also selects files below
    deleted directories, which OM still stores.
    """
    taken: list[Int64s] = []
    left = limit
    # Without a filter, at most `limit` rows are expanded.
    for rows in _batches(_runs(generation, prefix, after), left if where == NO_FILTER else ROWS) if left > 0 else ():
        taken.append(rows[_passing(generation, rows, where)][:left])
        left -= len(taken[-1])
        if not left:
            break
    return read_keys(generation, np.concatenate([np.empty(0, np.int64), *taken]))


def _runs(generation: Generation, prefix: Prefix, after: bytes) -> Iterator[tuple[Int64s, Int64s]]:
    """Yields the rows of `keys` below a prefix and after a key, as runs (first, end) in row order."""
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
    """Yields the runs of rows from `start` on that are in this range of nodes."""
    first_run, runs = generation.table("namespace")["first_run"], generation.table("namespace_runs")
    low, high = (int(first_run[node]) for node in nodes)
    if high - low <= RUNS:
        first, end = runs["first"][low:high], runs["last"][low:high]
        order = np.argsort(first)
        yield np.maximum(first[order], start), np.maximum(end[order], start)
        return
    # A large directory has many runs: filtering all runs in row order is faster than sorting its own.
    cuts = generation.table("namespace_cuts")
    at = max(0, int(np.searchsorted(cuts["first"], start, side="right")) - 1)
    for cut in range(at, cuts.rows, RUNS):
        bounds = cuts["first"][cut : cut + RUNS + 1]
        node = cuts["place"][cut : cut + RUNS]
        chosen = (node >= nodes[0]) & (node < nodes[1])
        yield np.maximum(bounds[:-1][chosen], start), np.maximum(bounds[1:][chosen], start)


def _batches(runs: Iterator[tuple[Int64s, Int64s]], size: int) -> Iterator[Int64s]:
    """Expands runs to rows, at most `size` (1 or more) at a time."""
    for first, end in runs:
        while len(first):
            complete = int(np.searchsorted(np.cumsum(end - first), size, side="right"))
            if complete:
                yield spans(first[:complete], end[:complete] - first[:complete])
                first, end = first[complete:], end[complete:]
            else:
                yield np.arange(first[0], first[0] + size)
                first = np.concatenate((first[:1] + size, first[1:]))


def _passing(generation: Generation, rows: Int64s, where: KeyFilter) -> NDArray[np.bool_]:
    keys = generation.table("keys")
    passing = np.ones(len(rows), np.bool_)
    if where.min_size > 0:
        passing &= keys["size"][rows] >= where.min_size
    if where.created_from is not None:
        passing &= keys["creation_time"][rows] >= where.created_from
    if where.replication_kind:
        kinds = generation.table("replications").bytes("kind")
        kind = where.replication_kind.encode()
        passing &= np.isin(keys["replication"][rows], [row for row in range(len(kinds)) if kinds[row] == kind])
    return passing
