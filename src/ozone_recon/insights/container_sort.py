"""Sorts the blocks of all keys by container, externally: in passes over them, within a memory limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from ozone_recon.model.columns import Int64s
from ozone_recon.store.generation import Table

BYTES_PER_BLOCK: Final = 96
"""Memory that sorting one block takes at its peak."""
CHUNK: Final = 1 << 17
"""Rows read at a time; the arrays of so many stay in the processor's cache."""
HISTOGRAM_BITS: Final = 16


def blocks_by_container(keys: Table, blocks: Table, memory_limit: int) -> Iterator[tuple[Int64s, Int64s]]:
    """All rows of `blocks`, by container; within one by row of `keys`, then location version, then block order.

    They come in pieces of whole containers, each with one column (id, blocks, pairs, keys, bytes) for each of them;
    a container with more blocks than fit into memory comes in several pieces, of whole keys, with counts of each
    piece alone. A pair is a (key, location version). Reads all blocks once for each share of them that fits.
    """
    capacity = max(1, memory_limit // BYTES_PER_BLOCK)
    for low, high in id_ranges(blocks, capacity):
        yield from _sorted_range(keys, blocks, low, high, capacity)


def id_ranges(blocks: Table, capacity: int) -> list[tuple[int, int]]:
    """Ranges (lowest id, highest id) of containers, ascending, that together cover every block.

    Each is one container, or has at most `capacity` blocks. Ids may be anywhere in 64 bits, and far apart.
    """
    low, high, size = (1 << 63) - 1, -(1 << 63), min(CHUNK, capacity)
    for chunk in blocks.chunks(["container"], size):
        low, high = min(low, int(chunk["container"].min())), max(high, int(chunk["container"].max()))
    return _split(blocks, low, high, blocks.rows, capacity) if blocks.rows else []


def _split(blocks: Table, low: int, high: int, count: int, capacity: int) -> list[tuple[int, int]]:
    if count <= capacity or low == high:
        return [(low, high)]
    width_bits = max(0, (high - low).bit_length() - HISTOGRAM_BITS)
    histogram = np.zeros(1 << HISTOGRAM_BITS, np.int64)
    for chunk in blocks.chunks(["container"], min(CHUNK, capacity)):
        ids = chunk["container"]
        # Modulo 2^64 the distance of any two signed ids fits.
        distance = ids[(ids >= low) & (ids <= high)].view(np.uint64) - np.uint64(low % (1 << 64))
        histogram += np.bincount((distance >> np.uint64(width_bits)).astype(np.int64), minlength=len(histogram))
    ranges: list[tuple[int, int]] = []
    first, held = low, 0
    for part in np.flatnonzero(histogram).tolist():
        here, part_low = int(histogram[part]), low + (part << width_bits)
        if held and held + here > capacity:
            ranges.append((first, part_low - 1))
            first, held = part_low, 0
        if here > capacity:
            part_high = min(high, part_low + (1 << width_bits) - 1)
            ranges += _split(blocks, part_low, part_high, here, capacity)
            first, held = part_high + 1, 0
        else:
            held += here
    return [*ranges, (first, high)] if held else ranges


def _sorted_range(keys: Table, blocks: Table, low: int, high: int, capacity: int) -> Iterator[tuple[Int64s, Int64s]]:
    """The blocks in containers `low` to `high`, sorted, with their containers' counts (see `_sort`).

    More than one piece comes only from one container that has more than `capacity` blocks; each has whole keys.
    """
    held: list[tuple[Int64s, ...]] = []
    count = 0
    for row, first_block in _whole_keys(keys, blocks.rows, min(CHUNK, capacity)):
        start, stop = int(first_block[0]), int(first_block[-1])
        container = blocks.read(["container"], start, stop)["container"]
        chosen = np.flatnonzero((container >= low) & (container <= high))
        if not len(chosen):
            continue
        if low == high and held and count + len(chosen) > capacity:
            yield _sort(held)
            held, count = [], 0
        rest = blocks.read(["version", "length"], start, stop)
        rows = np.repeat(np.arange(row, row + len(first_block) - 1), np.diff(first_block))
        held.append((chosen + start, rows[chosen], container[chosen], rest["version"][chosen], rest["length"][chosen]))
        count += len(chosen)
    if held:
        yield _sort(held)


def _whole_keys(keys: Table, blocks: int, size: int) -> Iterator[tuple[int, Int64s]]:
    """Cuts `keys` into runs of at most `size` rows and blocks, or of one row that has more blocks than that.

    Gives the first row of each run, and the first block of each of its rows and of the row after it.
    """
    row = 0
    while row < keys.rows:
        stop = min(row + size + 1, keys.rows)
        first_block = keys.read(["first_block"], row, stop)["first_block"]
        if stop == keys.rows:
            first_block = np.append(first_block, blocks)
        end = max(1, int(np.searchsorted(first_block, first_block[0] + size, side="right")) - 1)
        yield row, first_block[: end + 1]
        row += end


def _sort(held: list[tuple[Int64s, ...]]) -> tuple[Int64s, Int64s]:
    """The held blocks in order, and one column (id, blocks, pairs, keys, bytes) for each of their containers."""
    columns = [list(column) for column in zip(*held, strict=True)]
    held.clear()
    # One column after the other, so that only one is in memory twice.
    length, version, container, row, block = (np.concatenate(columns.pop()) for _ in range(5))
    lowest = container.min()
    # Ids that are near each other fit 16 bits, which are radix-sorted: several times faster.
    near = int(container.max()) - int(lowest) < 1 << 16
    order = np.argsort((container - lowest).astype(np.uint16) if near else container, kind="stable")
    if ((version[1:] < version[:-1]) & (row[1:] == row[:-1])).any():
        order = np.lexsort((version, row, container))
    row, container, version = row[order], container[order], version[order]
    new_container = np.ones(len(order), np.bool_)
    new_container[1:] = container[1:] != container[:-1]
    new_key = new_container.copy()
    new_key[1:] |= row[1:] != row[:-1]
    new_pair = new_key.copy()
    new_pair[1:] |= version[1:] != version[:-1]
    starts = np.flatnonzero(new_container)
    counts = np.empty((5, len(starts)), np.int64)
    counts[0] = container[starts]
    counts[1] = np.diff(starts, append=len(order))
    counts[2] = np.add.reduceat(new_pair, starts, dtype=np.int64)
    counts[3] = np.add.reduceat(new_key, starts, dtype=np.int64)
    counts[4] = np.add.reduceat(length[order], starts)
    return block[order], counts
