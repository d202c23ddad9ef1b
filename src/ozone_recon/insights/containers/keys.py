"""Lists and counts the keys of a container, and the bytes they occupy in it (Recon's ContainerKeyMapper)."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.search import lookup
from ozone_recon.insights.containers.sort import ContainerSort
from ozone_recon.insights.om.key_rows import KeyRows, db_keys, first_row, read_keys, section, start_of_group
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import Schema

NAME: Final = "ContainerKeyMapper"
TABLES: Final[dict[str, Schema]] = {
    # One row for each container that has blocks of keys, sorted by id.
    "containers": {
        "id": "i8",
        "first_entry": "starts",  # in `container_blocks`
        "pairs": "i8",  # distinct (key, location version): what Recon calls the container's totalCount
        "keys": "i8",  # distinct keys
        "bytes": "i8",  # sum of the lengths of the container's blocks
    },
    # Row numbers of `blocks`, sorted by container, row of `keys`, location version and block order.
    "container_blocks": {"block": "i8"},
}


def rebuild(build: GenerationBuild) -> None:
    """Writes `containers` and `container_blocks`, within the build's memory limit."""
    sort = ContainerSort(build.table("keys"), build.table("blocks"), build.memory_limit)
    counts = sort.counts()
    with build.create("containers", TABLES["containers"]) as containers:
        containers.append(
            id=counts.id,
            first_entry=np.cumsum(counts.blocks) - counts.blocks,
            pairs=counts.pairs,
            keys=counts.keys,
            bytes=counts.bytes,
        )
        containers.end(first_entry=int(counts.blocks.sum()))
    with build.create("container_blocks", TABLES["container_blocks"]) as entries:
        for piece in sort.pieces():
            entries.append(block=piece)


class ContainerEntry(NamedTuple):
    """The contents of a container by OM's keys; `blocks`, `pairs` (key, location version) and `keys` are counts."""

    id: int
    blocks: int
    pairs: int
    keys: int
    bytes: int


class KeysInContainer(NamedTuple):
    """Keys with blocks in one container, and these blocks: those of key k are the rows `starts[k]` up to `ends[k]`.

    The blocks of a key are sorted by location version.
    """

    keys: KeyRows
    starts: Int64s
    ends: Int64s
    version: Int64s
    local_id: Int64s


def list_containers(generation: Generation, after: int, limit: int) -> list[ContainerEntry]:
    """Returns at most `limit` containers with ids greater than `after`, ascending."""
    table = generation.table("containers")
    start = int(np.searchsorted(table["id"], after, side="right"))
    stop = min(start + limit, table.rows)
    first_entry = table["first_entry"][start : stop + 1]
    columns = [table[column][start:stop].tolist() for column in ("pairs", "keys", "bytes")]
    return [
        ContainerEntry(*counts)
        for counts in zip(table["id"][start:stop].tolist(), np.diff(first_entry).tolist(), *columns, strict=True)
    ]


def find_container(generation: Generation, container: int) -> ContainerEntry:
    """Returns one container; all counts are 0 if no key has a block in it."""
    if (
        container > -(1 << 63)
        and (entries := list_containers(generation, container - 1, 1))
        and entries[0].id == container
    ):
        return entries[0]
    return ContainerEntry(container, 0, 0, 0, 0)


def count_keys(generation: Generation, ids: Int64s) -> Int64s:
    """Returns the number of keys with a block in each container."""
    table = generation.table("containers")
    known, at = lookup(table["id"], ids)
    counts = np.zeros(len(ids), np.int64)
    counts[known] = table["keys"][at[known]]
    return counts


def keys_in(generation: Generation, container: int, after: bytes, limit: int | None) -> KeysInContainer:
    """Returns the keys with blocks in a container, in byte order of their database keys, starting after `after`.

    `limit` counts (key, location version) pairs, as Recon does, but the pairs of a key are never split: the page ends
    with the key that reaches the limit.
    """
    entries = _entries(generation, container) if limit != 0 else np.empty(0, np.int64)
    windows = [_window(generation, entries, after, limit, file_table=file_table) for file_table in (True, False)]
    block, row = (np.concatenate(column) for column in zip(*windows, strict=True))
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    order = np.arange(len(starts))
    if all(len(rows) for _, rows in windows):
        keys = db_keys(generation, row[starts])
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__))
    if limit is not None:
        before = np.cumsum(_pairs(generation, block, row, starts)[order])
        order = order[: int(np.searchsorted(before, limit)) + 1]
    blocks = generation.table("blocks")
    return KeysInContainer(
        read_keys(generation, row[starts][order]),
        starts[order],
        np.append(starts, len(row))[order + 1],
        blocks["version"][block],
        blocks["local_id"][block],
    )


def _entries(generation: Generation, container: int) -> Int64s:
    """Returns the rows of the container's blocks."""
    table, entries = generation.table("containers"), generation.table("container_blocks")["block"]
    at = int(np.searchsorted(table["id"], container))
    if at == table.rows or table["id"][at] != container:
        return entries[:0]
    return entries[table["first_entry"][at] : table["first_entry"][at + 1]]


def _window(
    generation: Generation, entries: Int64s, after: bytes, limit: int | None, *, file_table: bool
) -> tuple[Int64s, Int64s]:
    """Returns blocks of `entries` whose keys are in one of OM's tables and follow `after`, with the rows of these keys.

    Returns all of them, or enough for at least `limit` pairs; the blocks of the last key are complete. Starts with a
    small window and doubles it until it holds enough pairs.
    """
    stop = start_of_group(generation, section(generation, file_table=file_table)[1])
    first_block = generation.table("keys")["first_block"]
    low, high = (
        int(np.searchsorted(entries, first_block[row]))
        for row in (first_row(generation, after, file_table=file_table, after=True), stop)
    )
    size = high - low if limit is None else limit + 8
    while True:
        block = entries[low : min(low + size, high)]
        row = np.searchsorted(first_block, block, side="right") - 1
        if low + size >= high:
            return block, row
        complete = int(np.searchsorted(row, row[-1]))
        starts = np.flatnonzero(np.diff(row[:complete], prepend=-1))
        if _pairs(generation, block[:complete], row[:complete], starts).sum() >= (limit or 0):
            return block[:complete], row[:complete]
        size *= 2


def _pairs(generation: Generation, block: Int64s, row: Int64s, starts: Int64s) -> Int64s:
    """Returns the number of location versions of each key; `starts` has the offset of each key's first block."""
    version = generation.table("blocks")["version"][block]
    new = np.ones(len(block), np.int64)
    new[1:] = (row[1:] != row[:-1]) | (version[1:] != version[:-1])
    counts: Int64s = np.add.reduceat(new, starts) if len(starts) else new
    return counts
