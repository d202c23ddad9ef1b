"""Slices, searches and interleaves runs: batches of decoded rows, in database order, grouped by key prefix."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final, TypeVar

import numpy as np

from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import joined, slices_at
from ozone_recon.columnar.search import first_after, first_at_or_after
from ozone_recon.columnar.sorted_search import search
from ozone_recon.model.key_columns import DirectoryColumns, KeyColumns

Run = TypeVar("Run", KeyColumns, DirectoryColumns)

_BY_GROUP: Final = ("prefixes", "group_starts")
_INDEXED: Final = {"owner": "owners", "replication": "replications"}
_BLOCKS: Final = tuple(field.name for field in fields(KeyColumns) if field.name.startswith("block_"))
_APART: Final = {*_BY_GROUP, *_INDEXED, *_INDEXED.values(), *_BLOCKS, "names", "bad"}


def slice_rows(run: Run, low: int, high: int) -> Run:
    """Returns rows `low` to `high` (exclusive) as views of the run's columns."""
    first = int(np.searchsorted(run.group_starts, low, side="right")) - 1
    end = int(np.searchsorted(run.group_starts, high, side="left")) if high > low else first
    starts = np.clip(run.group_starts[first : end + 1], low, high) - low
    columns: dict[str, Any] = {name: getattr(run, name)[low:high] for name in (*_numbers(run), *_indexed(run))}
    if isinstance(run, KeyColumns):
        block, last = int(run.block_starts[low]), int(run.block_starts[high])
        columns |= {name: getattr(run, name)[block:last] for name in _BLOCKS[1:]}
        columns["block_starts"] = run.block_starts[low : high + 1] - block
    return replace(
        run,
        prefixes=run.prefixes.slice(first, end),
        group_starts=starts if len(starts) else np.zeros(1, np.int64),
        names=run.names.slice(low, high),
        bad=(),
        **columns,
    )


def last_key(run: KeyColumns | DirectoryColumns) -> tuple[bytes, bytes]:
    """Returns the prefix and the name of the last row."""
    return run.prefixes[len(run.prefixes) - 1], run.names[len(run) - 1]


def rows_up_to(run: KeyColumns | DirectoryColumns, prefix: bytes, name: bytes) -> int:
    """Returns the number of rows whose keys are at most this prefix and name."""
    group = first_at_or_after(run.prefixes, prefix)
    low = int(run.group_starts[group])
    if group == len(run.prefixes) or run.prefixes[group] != prefix:
        return low
    return first_after(run.names, name, low, int(run.group_starts[group + 1]))


def find_rows(run: Run, wanted: Run) -> Int64s:
    """Returns the row of `run` with the key of each wanted row; if there is none, -1 - its insertion point."""
    groups = len(run.prefixes)
    group = search(wanted.prefixes, run.prefixes)
    low = run.group_starts[np.where(group < 0, -1 - group, group)]
    high = np.where(group < 0, low, run.group_starts[np.minimum(np.maximum(group, 0) + 1, groups)])
    counts = np.diff(wanted.group_starts)
    return search(wanted.names, run.names, np.repeat(low, counts), np.repeat(high, counts))


def take_rows(one: Run, other: Run, rows: Int64s) -> Run:
    """Takes rows of two runs, numbered consecutively, `one` first; the rows of a group must stay together."""
    groups = len(one.prefixes)
    at = search(other.prefixes, one.prefixes)
    number = np.concatenate([np.arange(groups), np.where(at < 0, groups + np.arange(len(at)), at)])
    group = np.repeat(number, np.concatenate([np.diff(one.group_starts), np.diff(other.group_starts)]))[rows]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    columns: dict[str, Any] = {name: _both(one, other, name)[rows] for name in _numbers(one)}
    for name, values in _indexed(one).items():
        before = getattr(one, values)
        columns[name] = np.concatenate([getattr(one, name), getattr(other, name) + np.int32(len(before))])[rows]
        columns[values] = before + getattr(other, values)
    if isinstance(one, KeyColumns):
        first = np.concatenate([one.block_starts[:-1], other.block_starts[:-1] + len(one.block_length)])[rows]
        counts = np.concatenate([np.diff(one.block_starts), np.diff(other.block_starts)])[rows]
        columns["block_starts"] = np.append(0, np.cumsum(counts))
        blocks = np.repeat(first - columns["block_starts"][:-1], counts) + np.arange(columns["block_starts"][-1])
        columns |= {name: _both(one, other, name)[blocks] for name in _BLOCKS[1:]}
    return replace(
        one,
        prefixes=_strings(one.prefixes, other.prefixes, group[starts]),
        group_starts=np.append(starts, len(rows)),
        names=_strings(one.names, other.names, rows),
        bad=(),
        **columns,
    )


def _strings(one: ByteColumn, other: ByteColumn, items: Int64s) -> ByteColumn:
    return joined([slices_at(ByteColumn.joined([one, other]), items)])


def _both(one: Any, other: Any, name: str) -> Any:
    return np.concatenate([getattr(one, name), getattr(other, name)])


def _numbers(run: KeyColumns | DirectoryColumns) -> list[str]:
    """The columns of plain numbers, one for each row."""
    return [field.name for field in fields(run) if field.name not in _APART]


def _indexed(run: KeyColumns | DirectoryColumns) -> dict[str, str]:
    """Maps each column of indices to the column of this run's own values that they index."""
    names = {field.name for field in fields(run)}
    return {name: values for name, values in _INDEXED.items() if name in names}
