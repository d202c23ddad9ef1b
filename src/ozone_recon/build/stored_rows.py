"""Reads the decoded rows of a generation back as batches of the form in which they were decoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.insights.om.key_rows import read_replication
from ozone_recon.model.key_columns import DirectoryColumns, KeyColumns
from ozone_recon.store.generation import Generation, Table

_KEY_NUMBERS: Final = ("size", "replicated_size", "creation_time", "modification_time", "object_id", "update_id")
_KEY_NUMBERED: Final = ("owner", "replication")
_BLOCKS: Final = ("container", "local_id", "length", "version")
_DIRECTORY_NUMBERS: Final = ("object_id", "parent_id", "creation_time", "modification_time", "update_id", "owner")


def stored_keys(generation: Generation, low: int, high: int, batch: int) -> Iterator[KeyColumns]:
    """Yields rows `low` to `high` (exclusive) of `keys`, all of one OM table, `batch` rows at a time."""
    keys, blocks = generation.table("keys"), generation.table("blocks")
    owners = tuple(generation.table("owners").bytes("name"))
    replications = tuple(read_replication(generation, row) for row in range(generation.table("replications").rows))
    for start in range(low, high, batch):
        stop = min(start + batch, high)
        rows = keys.read(("name", "first_block", *_KEY_NUMBERS, *_KEY_NUMBERED), start, stop)
        first_block = rows["first_block"]
        of_rows = blocks.read(_BLOCKS, int(first_block[0]), int(first_block[-1]))
        prefixes, group_starts = _groups(generation.table("groups"), start, stop)
        columns: dict[str, Any] = {name: rows[name] for name in (*_KEY_NUMBERS, *_KEY_NUMBERED)}
        yield KeyColumns(
            prefixes=prefixes,
            group_starts=group_starts,
            names=rows.bytes("name"),
            owners=owners,
            replications=replications,
            block_starts=first_block - first_block[0],
            block_container=of_rows["container"],
            block_local_id=of_rows["local_id"],
            block_length=of_rows["length"],
            block_version=of_rows["version"].astype(np.int64),
            bad=(),
            **columns,
        )


def stored_directories(generation: Generation, batch: int) -> Iterator[DirectoryColumns]:
    """Yields all rows of `directories`, `batch` rows at a time."""
    table = generation.table("directories")
    owners = tuple(generation.table("owners").bytes("name"))
    for rows in table.chunks(("name", *_DIRECTORY_NUMBERS), batch):
        stop = rows.first_row + rows.rows
        prefixes, group_starts = _groups(generation.table("directory_groups"), rows.first_row, stop)
        columns: dict[str, Any] = {name: rows[name] for name in _DIRECTORY_NUMBERS}
        yield DirectoryColumns(
            prefixes=prefixes,
            group_starts=group_starts,
            names=rows.bytes("name"),
            owners=owners,
            bad=(),
            **columns,
        )


def _groups(groups: Table, start: int, stop: int) -> tuple[ByteColumn, Int64s]:
    """Returns the prefixes of the groups of rows `start` to `stop`, and the offset of each group from `start`."""
    first_rows = groups["first_row"]
    first = int(np.searchsorted(first_rows, start, side="right")) - 1
    end = int(np.searchsorted(first_rows, stop, side="left"))
    begins: Int64s = first_rows[first : end + 1].clip(start, stop) - start
    return groups.bytes("prefix").slice(first, end), begins
