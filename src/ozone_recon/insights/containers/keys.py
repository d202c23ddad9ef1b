"""Which keys are in a container, how many, and how much of the container they fill (ContainerKeyMapper)."""

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
    # One row for each container that a key has a block in, ascending by id.
    "containers": {
        "id": "i8",
        "first_entry": "i8",  # row of `container_blocks`; the container's rows end where the next one's begin
        "pairs": "i8",  # distinct (key, location version): what Recon calls the container's totalCount
        "keys": "i8",  # distinct keys
        "bytes": "i8",  # sum of the lengths of the container's blocks
    },
    # Row numbers of `blocks`, by container; within one by row of `keys`, then location version, then block order.
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
    with build.create("container_blocks", TABLES["container_blocks"]) as entries:
        for piece in sort.pieces():
            entries.append(block=piece)


class ContainerEntry(NamedTuple):
    """A container as OM's keys know it; `blocks`, `pairs` (key, location version) and `keys` are counts."""

    id: int
    blocks: int
    pairs: int
    keys: int
    bytes: int


class KeysInContainer(NamedTuple):
    """Keys with blocks in one container, and these blocks: those of key k are from `starts[k]` up to `ends[k]`.

    Within a key they are in order of their location versions.
    """

    keys: KeyRows
    starts: Int64s
    ends: Int64s
    version: Int64s
    local_id: Int64s


def list_containers(generation: Generation, after: int, limit: int) -> list[ContainerEntry]:
    """At most `limit` containers with ids greater than `after`, ascending."""
    table = generation.table("containers")
    start = int(np.searchsorted(table["id"], after, side="right"))
    stop = min(start + limit, table.rows)
    first_entry = table["first_entry"][start : stop + 1]
    if stop == table.rows:
        first_entry = np.append(first_entry, generation.table("container_blocks").rows)
    columns = [table[column][start:stop].tolist() for column in ("pairs", "keys", "bytes")]
    return [
        ContainerEntry(*counts)
        for counts in zip(table["id"][start:stop].tolist(), np.diff(first_entry).tolist(), *columns, strict=True)
    ]


def find_container(generation: Generation, container: int) -> ContainerEntry:
    """One container; all counts are 0 when no key has a block in it."""
    if container > -(1 << 63) and (found := list_containers(generation, container - 1, 1)) and found[0].id == container:
        return found[0]
    return ContainerEntry(container, 0, 0, 0, 0)


def count_keys(generation: Generation, ids: Int64s) -> Int64s:
    """How many keys have a block in each of these containers."""
    table = generation.table("containers")
    there, at = lookup(table["id"], ids)
    counts = np.zeros(len(ids), np.int64)
    counts[there] = table["keys"][at[there]]
    return counts


def keys_in(generation: Generation, container: int, after: bytes, limit: int | None) -> KeysInContainer:
    """Keys with blocks in a container, in byte order of their database keys, from the first one greater than `after`.

    `limit` counts (key, location version) pairs, as Recon does, but a key is never cut: the page ends with the key
    that reaches the limit.
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
    """The blocks in a container."""
    table, entries = generation.table("containers"), generation.table("container_blocks")["block"]
    at = int(np.searchsorted(table["id"], container))
    if at == table.rows or table["id"][at] != container:
        return entries[:0]
    first = int(table["first_entry"][at])
    return entries[first : int(table["first_entry"][at + 1]) if at + 1 < table.rows else None]


def _window(
    generation: Generation, entries: Int64s, after: bytes, limit: int | None, *, file_table: bool
) -> tuple[Int64s, Int64s]:
    """Blocks among `entries` of one table's keys after `after`, with their keys' rows; the last key is whole.

    They are all, or those of at least `limit` pairs.
    """
    stop = start_of_group(generation, section(generation, file_table=file_table)[1])
    first_block = generation.table("keys")["first_block"]
    low, high = (
        int(np.searchsorted(entries, first_block[row])) if row < len(first_block) else len(entries)
        for row in (first_row(generation, after, file_table=file_table, after=True), stop)
    )
    size = high - low if limit is None else limit + 8
    while True:
        block = entries[low : min(low + size, high)]
        row = np.searchsorted(first_block, block, side="right") - 1
        if low + size >= high:
            return block, row
        whole = int(np.searchsorted(row, row[-1]))
        starts = np.flatnonzero(np.diff(row[:whole], prepend=-1))
        if _pairs(generation, block[:whole], row[:whole], starts).sum() >= (limit or 0):
            return block[:whole], row[:whole]
        size *= 2


def _pairs(generation: Generation, block: Int64s, row: Int64s, starts: Int64s) -> Int64s:
    """The number of location versions of each key; `starts` is where each key's blocks begin."""
    version = generation.table("blocks")["version"][block]
    new = np.ones(len(block), np.int64)
    new[1:] = (row[1:] != row[:-1]) | (version[1:] != version[:-1])
    counts: Int64s = np.add.reduceat(new, starts) if len(starts) else new
    return counts
