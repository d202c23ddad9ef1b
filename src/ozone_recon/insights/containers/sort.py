"""Sorts the blocks of all keys by container: counts each container's, then deals all blocks out to their places.

A counting sort: two passes over the blocks, or more when the places of all blocks do not fit into memory at a time.
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
"""Rows read at a time; the arrays of so many stay in the processor's cache."""
BLOCKS, PAIRS, KEYS, BYTES, LAST_KEY, LAST_VERSION, COUNTS = range(7)
"""What is known of a container while its blocks are counted: COUNTS numbers."""
BYTES_PER_CONTAINER: Final = 8 * (COUNTS + 1)


class ContainerCounts(NamedTuple):
    """Containers that have blocks, ascending by id; `pairs` counts distinct (key, location version)."""

    id: Int64s
    blocks: Int64s
    pairs: Int64s
    keys: Int64s
    bytes: Int64s


class _BlockColumns(NamedTuple):
    """Neighbouring blocks of whole keys, within a key by location version; `first` are the keys' first ones here."""

    key: int
    first: Int64s
    block: Int64s
    container: Int64s
    version: Int64s
    length: Int64s


class ContainerSort:
    """The blocks of `keys`, whose table is `blocks`, by container.

    `memory_limit` (bytes) bounds what holds blocks; containers take `BYTES_PER_CONTAINER` each, whatever it says.
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
        """What each container holds."""
        held = self._state[:, BLOCKS] > 0
        return ContainerCounts(self._ids[held], *self._state[held, : BYTES + 1].T)

    def pieces(self) -> Iterator[Int64s]:
        """All rows of `blocks`, by container; within one by row of `keys`, then location version, then block order."""
        capacity = max(1, self._memory_limit // 2 // 8)
        for low in range(0, self._blocks.rows, capacity):
            places = np.cumsum(self._state[:, BLOCKS]) - self._state[:, BLOCKS]
            piece = np.empty(min(capacity, self._blocks.rows - low), np.int64)
            for part in self._parts():
                place_blocks(self._slots(part), part.block, places, low, piece)
            yield piece

    def _slots(self, part: _BlockColumns) -> Int64s:
        return part.container - self._low if self._low is not None else np.searchsorted(self._ids, part.container)

    def _parts(self) -> Iterator[_BlockColumns]:
        for key, first in _whole_keys(self._keys, self._blocks.rows):
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
    """Ids that cover all blocks, ascending, and the first one when they are consecutive.

    They are so, with some that have no blocks, when ids are near each other, as SCM's are: an id is then found without
    a search.
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
    """The ids of all containers, ascending."""
    ids = np.empty(0, np.int64)
    held: list[Int64s] = []
    for chunk in blocks.chunks(("container",), CHUNK):
        held.append(np.unique(chunk["container"]))
        # Not each time, which would be quadratic.
        if sum(map(len, held)) > len(ids):
            ids = np.unique(np.concatenate([ids, *held]))
            held.clear()
    return np.unique(np.concatenate([ids, *held]))


def _whole_keys(keys: Table, blocks: int) -> Iterator[tuple[int, Int64s]]:
    """Cuts `keys` into runs of at most `CHUNK` rows and blocks, or of one row that has more blocks than that.

    Gives the first row of each run, and the first block of each of its rows and of the row after it.
    """
    row = 0
    while row < keys.rows:
        stop = min(row + CHUNK + 1, keys.rows)
        first_block = keys.read(["first_block"], row, stop)["first_block"]
        if stop == keys.rows:
            first_block = np.append(first_block, blocks)
        end = max(1, int(np.searchsorted(first_block, first_block[0] + CHUNK, side="right")) - 1)
        yield row, first_block[: end + 1]
        row += end


def _by_version(part: _BlockColumns) -> _BlockColumns:
    """The same blocks with those of each key in order of their location versions, as OM writes them anyway."""
    falls = np.flatnonzero(part.version[1:] < part.version[:-1]) + 1
    # A fall from one key to the next is none.
    if np.isin(falls, part.first).all():
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
    """Counts the blocks `first[n]` to `first[n + 1]` of each key `key + n` into the rows `slots` of `state`."""
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
def place_blocks(slots: Int64s, block: Int64s, places: Int64s, low: int, piece: Int64s) -> None:
    """Puts blocks into `piece`, which holds the places from `low` on; `places` has the next place of each slot."""
    for at in range(len(slots)):
        place = places[slots[at]]
        places[slots[at]] = place + 1
        if low <= place < low + len(piece):
            piece[place - low] = block[at]
