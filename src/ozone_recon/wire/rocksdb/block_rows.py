"""Reads the live rows of a key range from uncompressed data blocks: the compiled path, for whole tables.

Parses each run of blocks into sorted rows, then merges the runs pairwise (bottom-up merge sort) and keeps the newest
row of each key. `block_rows_reference` is the definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s, Rows
from ozone_recon.wire.rocksdb import block_rows_reference as reference
from ozone_recon.wire.rocksdb.block_kernel import Trailers, gather, measure_blocks, merge_runs, pick_live, read_blocks
from ozone_recon.wire.rocksdb.block_rows_reference import Run

SLACK = 8
"""Extra bytes that `read_blocks` needs after the keys."""


def live_rows(data: Bytes, runs: Sequence[Run], low: bytes, high: bytes | None) -> Rows:
    """The newest row of each key from `low` to `high` (exclusive; None: unbounded), in key order, without deletes.

    On any fault `block_rows_reference.live_rows` reads the blocks again and raises the error.
    """
    rows = key_bytes = 0
    sizes = np.zeros(2, np.int64)
    for run in runs:
        if measure_blocks(data, run.starts, run.stops, sizes) < 0:
            return reference.live_rows(data, runs, low, high)
        rows += int(sizes[0])
        key_bytes += int(sizes[1])
    if key_bytes > reference.LARGEST_KEYS:
        return reference.live_rows(data, runs, low, high)
    keys = np.empty(key_bytes + SLACK, np.uint8)
    key_offsets = np.zeros(rows + 1, np.int64)
    trailers = np.empty(rows, np.uint64)
    value_starts, value_stops = np.empty(rows, np.int64), np.empty(rows, np.int64)
    first, end = np.array(bytearray(low), np.uint8), np.array(bytearray(high or b""), np.uint8)
    bounds = [0]
    for run in runs:
        row = read_blocks(
            data,
            run.starts,
            run.stops,
            first,
            end,
            high is not None,
            bounds[-1],
            keys,
            key_offsets,
            trailers,
            value_starts,
            value_stops,
        )
        if row < 0:
            return reference.live_rows(data, runs, low, high)
        bounds.append(row)
    order = _in_order(keys, key_offsets, trailers, bounds)
    picked = np.empty(len(order), np.int64)
    count = pick_live(keys, key_offsets, trailers, order, picked)
    if count < 0:
        return reference.live_rows(data, runs, low, high)
    picked = picked[:count]
    return Rows(
        _gathered(keys, key_offsets[:-1], key_offsets[1:], picked), _gathered(data, value_starts, value_stops, picked)
    )


def _in_order(keys: Bytes, key_offsets: Int64s, trailers: Trailers, bounds: list[int]) -> Int64s:
    """All rows in key order; each run, rows bounds[n] to bounds[n + 1], is sorted already."""
    order = np.arange(bounds[-1])
    other = np.empty_like(order)
    common = _common(keys, key_offsets, bounds)
    while len(bounds) > 2:
        merged = [0]
        for n in range(0, len(bounds) - 1, 2):
            middle, end = bounds[n + 1], bounds[min(n + 2, len(bounds) - 1)]
            merge_runs(keys, key_offsets, trailers, common, order, bounds[n], middle, end, other)
            merged.append(end)
        order, other, bounds = other, order, merged
    return order


def _common(keys: Bytes, key_offsets: Int64s, bounds: list[int]) -> int:
    """The length of the common prefix of all keys; the first and last key of each sorted run determine it."""
    edges = [row for start, stop in pairwise(bounds) if start < stop for row in (start, stop - 1)]
    edge_keys = [keys[key_offsets[row] : key_offsets[row + 1]].tobytes() for row in edges]
    lowest, highest = min(edge_keys, default=b""), max(edge_keys, default=b"")
    differ = (n for n, (a, b) in enumerate(zip(lowest, highest, strict=False)) if a != b)
    return next(differ, len(lowest))


def _gathered(data: Bytes, starts: Int64s, stops: Int64s, rows: Int64s) -> ByteColumn:
    offsets = np.empty(len(rows) + 1, np.int64)
    out = np.empty(int((stops[rows] - starts[rows]).sum()), np.uint8)
    gather(data, starts, stops, rows, offsets, out)
    return ByteColumn(offsets, out)
