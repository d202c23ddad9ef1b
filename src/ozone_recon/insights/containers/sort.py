"""Sorts the blocks of all keys by container with a counting sort.

The first pass counts the blocks of each container; prefix sums give the position of its first one; the second pass
writes each block's row number to its position. If the result exceeds the memory limit, it is produced in pieces, with
one more pass over the blocks for each. Stable: blocks of a container keep the order of their keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.amounts_kernel import plus
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.kernels import kernel
from ozone_recon.store.generation import Table

CHUNK: Final = 1 << 17
"""Rows read at a time: few enough that their arrays stay in the CPU cache."""
BLOCKS, PAIRS, KEYS, BYTES, LAST_KEY, LAST_VERSION, COUNTS = range(7)
"""Columns of the counting state, one row per container."""
BYTES_PER_CONTAINER: Final = 8 * (COUNTS + 1)


class ContainerCounts(NamedTuple):
    """Containers that have blocks, ascending by id; `pairs` counts distinct (key, location version)."""

    id: Int64s
    blocks: Int64s
    pairs: Int64s
    keys: Int64s
    bytes: Int64s


class _BlockColumns(NamedTuple):
    """Blocks of consecutive keys, by location version within a key; `first` has the offset of each key's blocks."""

    key: int
    first: Int64s
    block: Int64s
    container: Int64s
    version: Int64s
    length: Int64s


class ContainerSort:
    """Sorts `blocks`, the blocks of `keys`, by container.

    `memory_limit` (bytes) bounds the memory for blocks; each container takes `BYTES_PER_CONTAINER` in addition.
    """

    def __init__(self, keys: Table, blocks: Table, memory_limit: int) -> None:
        self._keys = keys
        self._blocks = blocks
        self._memory_limit = memory_limit
        self._low, self._ids = _containers(blocks, memory_limit // 2)
        self._state = np.zeros((len(self._ids), COUNTS), np.int64)
        self._state[:, LAST_KEY] = -1
        for part in self._parts():
            count_blocks(part.key, part.first, self._slots(part), part.version, part.length, self._state)

    def counts(self) -> ContainerCounts:
        """Returns the counts of each container that has blocks."""
        used = self._state[:, BLOCKS] > 0
        return ContainerCounts(self._ids[used], *self._state[used, : BYTES + 1].T)

    def pieces(self) -> Iterator[Int64s]:
        """Yields all rows of `blocks`, sorted by container, row of `keys`, location version and block order."""
        capacity = max(1, self._memory_limit // 2 // 8)
        for low in range(0, self._blocks.rows, capacity):
            positions = np.cumsum(self._state[:, BLOCKS]) - self._state[:, BLOCKS]
            piece = np.empty(min(capacity, self._blocks.rows - low), np.int64)
            for part in self._parts():
                place_blocks(self._slots(part), part.block, positions, low, piece)
            yield piece

    def _slots(self, part: _BlockColumns) -> Int64s:
        return part.container - self._low if self._low is not None else np.searchsorted(self._ids, part.container)

    def _parts(self) -> Iterator[_BlockColumns]:
        for key, first in _key_runs(self._keys):
            start, stop = int(first[0]), int(first[-1])
            columns = self._blocks.read(("container", "version", "length"), start, stop)
            part = _BlockColumns(
                key,
                first - start,
                np.arange(start, stop),
                columns["container"],
                columns["version"].astype(np.int64),
                columns["length"],
            )
            yield _by_version(part)


def _containers(blocks: Table, memory_limit: int) -> tuple[int | None, Int64s]:
    """Returns ids that cover all blocks, ascending, and the first id if they are consecutive.

    SCM's ids are dense, so normally the full range is taken, including ids without blocks: an id's slot is then a
    subtraction instead of a search.
    """
    low, high = (1 << 63) - 1, -(1 << 63)
    for chunk in blocks.chunks(("container",), CHUNK):
        low, high = min(low, int(chunk["container"].min())), max(high, int(chunk["container"].max()))
    if high < low:
        return None, np.empty(0, np.int64)
    if (high - low + 1) * BYTES_PER_CONTAINER <= memory_limit:
        return low, np.arange(low, high + 1)
    return None, _distinct(blocks)


def _distinct(blocks: Table) -> Int64s:
    """Returns the distinct container ids, ascending."""
    ids = np.empty(0, np.int64)
    pending: list[Int64s] = []
    for chunk in blocks.chunks(("container",), CHUNK):
        pending.append(np.unique(chunk["container"]))
        # Only when the new ids outnumber the merged ones: merging each time would be quadratic.
        if sum(map(len, pending)) > len(ids):
            ids = np.unique(np.concatenate([ids, *pending]))
            pending.clear()
    return np.unique(np.concatenate([ids, *pending]))


def _key_runs(keys: Table) -> Iterator[tuple[int, Int64s]]:
    """Splits `keys` into runs of at most `CHUNK` rows and blocks, or of a single row with more blocks.

    Yields the first row of each run, and the first block of each of its rows and of the row after it.
    """
    row = 0
    while row < keys.rows:
        first_block = keys.read(["first_block"], row, min(row + CHUNK, keys.rows))["first_block"]
        end = max(1, int(np.searchsorted(first_block, first_block[0] + CHUNK, side="right")) - 1)
        yield row, first_block[: end + 1]
        row += end


def _by_version(part: _BlockColumns) -> _BlockColumns:
    """Sorts the blocks of each key by location version; OM normally writes them in this order."""
    descents = np.flatnonzero(part.version[1:] < part.version[:-1]) + 1
    # The version may decrease from one key to the next.
    if np.isin(descents, part.first).all():
        return part
    key = np.repeat(np.arange(len(part.first) - 1), np.diff(part.first))
    order = np.lexsort((part.version, key))
    return part._replace(
        block=part.block[order],
        container=part.container[order],
        version=part.version[order],
        length=part.length[order],
    )


@kernel
def count_blocks(key: int, first: Int64s, slots: Int64s, version: Int64s, length: Int64s, state: Int64s) -> None:
    """Counts the blocks `first[n]` up to `first[n + 1]` of each key `key + n` into the rows `slots` of `state`."""
    for n in range(len(first) - 1):
        for at in range(first[n], first[n + 1]):
            of = state[slots[at]]
            is_new_key = of[LAST_KEY] != key + n
            of[BLOCKS] += 1
            of[BYTES] = plus(of[BYTES], length[at])
            of[KEYS] += is_new_key
            of[PAIRS] += is_new_key or of[LAST_VERSION] != version[at]
            of[LAST_KEY] = key + n
            of[LAST_VERSION] = version[at]


@kernel
def place_blocks(slots: Int64s, block: Int64s, positions: Int64s, low: int, piece: Int64s) -> None:
    """Writes blocks into `piece`, the output from position `low` on; `positions` has the next position of each slot."""
    for at in range(len(slots)):
        position = positions[slots[at]]
        positions[slots[at]] = position + 1
        if low <= position < low + len(piece):
            piece[position - low] = block[at]
