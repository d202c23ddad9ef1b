"""Lists the largest, newest, … children of a node, by a top-k selection over batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.namespace.view import Namespace
from ozone_recon.insights.om.key_rows import texts_at
from ozone_recon.store.generation import Table

BATCH: Final = 1 << 16
"""Keys compared at a time."""


class SortOrder(StrEnum):
    """The sort orders of a listing; ties are in name order, with directories before keys."""

    SIZE = "size"
    REPLICATED_SIZE = "replicatedSize"
    FILES = "files"
    MODIFIED = "modified"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class ListingEntry:
    """A volume, bucket, directory or key (`kind` is None), with the sums of its subtree.

    Sizes are bytes; `newest` and `oldest` are the modification times of its files in ms, or 0 if it has no files.
    """

    name: str
    kind: NodeKind | None
    size: int
    replicated_size: int
    files: int
    directories: int
    owner: str
    newest: int
    oldest: int


_OF_NODES: Final = {
    SortOrder.SIZE: "all_size",
    SortOrder.REPLICATED_SIZE: "all_replicated_size",
    SortOrder.FILES: "all_files",
    SortOrder.MODIFIED: "newest",
}
_OF_KEYS: Final = {
    SortOrder.SIZE: "size",
    SortOrder.REPLICATED_SIZE: "replicated_size",
    SortOrder.MODIFIED: "modification_time",
}


class Listing:
    """The children of a node in name order, then, if `keys`, the keys directly in it in name order."""

    def __init__(self, namespace: Namespace, node: int, keys: bool) -> None:
        self._nodes = namespace.nodes
        self._keys = namespace.generation.table("keys")
        self._generation = namespace.generation
        first, end = namespace.tree.children(node)
        self._children = namespace.generation.table("namespace_children")["row"][first:end]
        runs = namespace.generation.table("namespace_runs")
        low, high = namespace.tree.runs(node) if keys else (0, 0)
        self._first, self._last = runs["first"][low:high], runs["last"][low:high]
        self._ends = len(self._children) + np.cumsum(self._last - self._first)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else len(self._children)

    def page(self, order: SortOrder, descending: bool, limit: int) -> list[ListingEntry]:
        """Returns the first `limit` entries in this order."""
        limit = min(limit, len(self))
        if order is SortOrder.NAME:
            positions = np.arange(limit)
            return self._entries(len(self) - 1 - positions if descending else positions)
        best, best_positions = np.empty(0, np.int64), np.empty(0, np.int64)
        start = 0
        for values in self._values(order) if limit else ():
            # One comparison with the worst of the best so far rejects nearly all values.
            if len(best) < limit:
                better = np.arange(len(values))
            else:
                better = np.flatnonzero(values > -best[-1] if descending else values < best[-1])
            candidates = -values[better] if descending else values[better]
            best, positions = np.concatenate([best, candidates]), np.concatenate([best_positions, better + start])
            chosen = smallest(best, limit)
            best, best_positions = best[chosen], positions[chosen]
            start += len(values)
        return self._entries(best_positions)

    def _values(self, order: SortOrder) -> Iterator[Int64s]:
        """Yields the sort values of all entries, in order of their positions."""
        if len(self._children):
            yield self._nodes[_OF_NODES[order]][self._children].astype(np.int64)
        column = self._keys[_OF_KEYS[order]] if order in _OF_KEYS else None
        small: list[Int64s] = []
        for first, last in zip(self._first.tolist(), self._last.tolist(), strict=True):
            for start in range(first, last, BATCH):
                stop = min(start + BATCH, last)
                small.append(np.ones(stop - start, np.int64) if column is None else column[start:stop])
                if len(small) == 1024 or stop - start > BATCH // 16:
                    yield np.concatenate(small)
                    small = []
        if small:
            yield np.concatenate(small)

    def _entries(self, positions: Int64s) -> list[ListingEntry]:
        """Returns the entries at these positions, in the given order."""
        is_key = positions >= len(self._children)
        rows = np.empty(len(positions), np.int64)
        rows[~is_key] = self._children[positions[~is_key]]
        run = np.searchsorted(self._ends, positions[is_key], side="right")
        rows[is_key] = self._last[run] - (self._ends[run] - positions[is_key])
        nodes, keys = iter(self._of_nodes(rows[~is_key])), iter(self._of_keys(rows[is_key]))
        return [next(keys if key else nodes) for key in is_key.tolist()]

    def _of_nodes(self, rows: Int64s) -> list[ListingEntry]:
        columns = ("all_size", "all_replicated_size", "all_files", "all_directories", "newest", "oldest")
        names = texts_at(self._nodes.bytes("name"), rows)
        owners = owner_names(self._generation.table("namespace_owners"), self._nodes["owner"][rows])
        kinds = self._nodes["kind"][rows].tolist()
        numbers = zip(*(self._nodes[column][rows].tolist() for column in columns), strict=True)
        return [
            ListingEntry(name, NodeKind(kind), size, replicated_size, files, directories, owner, newest, oldest)
            for name, kind, owner, (size, replicated_size, files, directories, newest, oldest) in zip(
                names, kinds, owners, numbers, strict=True
            )
        ]

    def _of_keys(self, rows: Int64s) -> list[ListingEntry]:
        names = texts_at(self._keys.bytes("name"), rows)
        owners = owner_names(self._generation.table("owners"), self._keys["owner"][rows])
        columns = ("size", "replicated_size", "modification_time")
        numbers = zip(*(self._keys[column][rows].tolist() for column in columns), strict=True)
        return [
            ListingEntry(name, None, size, replicated_size, 1, 0, owner, modified, modified)
            for name, owner, (size, replicated_size, modified) in zip(names, owners, numbers, strict=True)
        ]


def smallest(values: Int64s, count: int) -> Int64s:
    """Returns the positions of the `count` smallest values, in ascending order; ties keep their order."""
    if count <= 0:
        return np.empty(0, np.int64)
    if count >= len(values):
        return np.argsort(values, kind="stable")
    border = np.partition(values, count - 1)[count - 1]
    below = np.flatnonzero(values < border)
    chosen = np.concatenate([below, np.flatnonzero(values == border)[: count - len(below)]])
    return chosen[np.lexsort((chosen, values[chosen]))]


def owner_names(owners: Table, rows: Int64s) -> list[str]:
    """Returns the names of owners by their rows; empty for -1."""
    names = {row: owners.bytes("name")[row].decode("utf-8", "replace") for row in set(rows.tolist()) if row >= 0}
    return [names.get(row, "") for row in rows.tolist()]
