"""SCM's containers in memory, sized for ten million: about 35 bytes each.

Containers are stored in blocks of 2^16 consecutive ids; a block is a set of columns in the narrowest integer types that
hold them. Blocks are immutable: an update replaces those it touches, so concurrent readers see consistent blocks. One
writer at a time, any number of readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.search import lookup
from ozone_recon.insights.cluster.merged_ids import IdMerge, Numbers, last_of_each, narrowed
from ozone_recon.model.container_columns import ContainerColumns
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState

T = TypeVar("T")
BITS: Final = 16
"""Low bits of an id that are its position in the block."""
UNKNOWN: Final = 255
"""State of a container that was never seen; 0 is the state of one that SCM no longer has."""
_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class ContainerBlock:
    """Containers sorted by id, with the columns of ContainerColumns; a `pipeline` of -1 means none."""

    container_id: Numbers
    state: Numbers
    used_bytes: Numbers
    number_of_keys: Numbers
    state_enter_time: Numbers
    sequence_id: Numbers
    suppressed: Numbers
    replication: Numbers
    owner: Numbers
    pipeline: Numbers

    def __len__(self) -> int:
        return len(self.container_id)


_COLUMNS: Final = tuple(field.name for field in fields(ContainerBlock))
_URGENT: Final = ("state", "suppressed", "replication", "owner", "pipeline")
"""Columns other than sizes and times: a change in them may change the container's health."""
_EMPTY: Final = ContainerBlock(**{name: np.empty(0, np.uint8) for name in _COLUMNS})


class Difference(NamedTuple):
    """Whether an update changed anything: in `urgent` columns, or in any (`sizes`)."""

    urgent: bool = False
    sizes: bool = False


class ScmContainers:
    """SCM's containers by id."""

    def __init__(self) -> None:
        self._blocks: dict[int, ContainerBlock] = {}
        self._counts: dict[int, Int64s] = {}
        self._replications: dict[ReplicationConfig, int] = {}
        self._owners: dict[str, int] = {}
        self._pipelines: dict[str, int] = {}
        self._put: dict[int, list[Numbers]] | None = None

    def __len__(self) -> int:
        return sum(map(len, self.blocks()))

    @property
    def replications(self) -> tuple[ReplicationConfig, ...]:
        """Indexed by the numbers in the blocks."""
        return tuple(self._replications)

    @property
    def owners(self) -> tuple[str, ...]:
        """Indexed by the numbers in the blocks."""
        return tuple(self._owners)

    @property
    def pipelines(self) -> tuple[str, ...]:
        """Ids, indexed by the numbers in the blocks."""
        return tuple(self._pipelines)

    def put(self, containers: ContainerColumns) -> Difference:
        """Inserts or replaces containers; of several with the same id, the last one counts."""
        if not len(containers):
            return Difference()
        rows = last_of_each(containers.container_id)
        columns = {name: getattr(containers, name)[rows] for name in _COLUMNS}
        columns["replication"] = _numbers(self._replications, containers.replications)[columns["replication"]]
        columns["owner"] = _numbers(self._owners, containers.owners)[columns["owner"]]
        columns["pipeline"] = _numbers(self._pipelines, containers.pipelines)[columns["pipeline"]]
        parts = [
            self._merge(number, {name: column[start:stop] for name, column in columns.items()})
            for number, start, stop in _runs(columns["container_id"])
        ]
        return Difference(any(part.urgent for part in parts), any(part.sizes for part in parts))

    def suppress(self, ids: Int64s) -> int:
        """Sets the suppressed containers to exactly `ids` (ascending); returns the number of changes."""
        changes = 0
        for number, block in list(self._blocks.items()):
            low, high = np.searchsorted(ids, [number << BITS, (number + 1) << BITS])
            suppressed = np.isin(block.container_id, ids[low:high]).astype(np.uint8)
            differ = int(np.count_nonzero(suppressed != block.suppressed))
            if differ:
                changes += differ
                self._set(number, replace(block, suppressed=suppressed))
        return changes

    def begin(self) -> None:
        """Starts a full listing: all containers of SCM are put before `end`."""
        self._put = {}

    def end(self) -> int:
        """Ends a full listing; containers not put since `begin` are gone from SCM. Returns the number newly gone."""
        gone = 0
        put, self._put = self._put or {}, None
        for number, block in list(self._blocks.items()):
            missing = ~np.isin(block.container_id, np.concatenate([np.empty(0, np.int64), *put.get(number, ())]))
            missing &= block.state != 0
            if missing.any():
                gone += int(np.count_nonzero(missing))
                self._set(number, replace(block, state=np.where(missing, 0, block.state).astype(np.uint8)))
        return gone

    def blocks(self) -> tuple[ContainerBlock, ...]:
        """Returns all containers, sorted by id."""
        return tuple(self._blocks[number] for number in sorted(self._blocks))

    def states(self, ids: Int64s) -> NDArray[np.uint8]:
        """Returns the state of each id; UNKNOWN for a container that was never seen."""
        order = np.argsort(ids)
        ascending = ids[order]
        states = np.full(len(ids), UNKNOWN, np.uint8)
        for number, start, stop in _runs(ascending):
            block = self._blocks.get(number, _EMPTY)
            known, at = lookup(block.container_id, ascending[start:stop])
            states[order[start:stop][known]] = block.state[at[known]]
        return states

    def ids(self, state: ContainerState) -> Int64s:
        """Returns the ids of the containers in a state, ascending."""
        parts = (block.container_id[block.state == state] for block in self.blocks())
        return np.concatenate([np.empty(0, np.int64), *parts])

    def counts(self) -> dict[ContainerState, int]:
        """Returns the number of containers in each state."""
        sums = sum(list(self._counts.values()), np.zeros(256, np.int64))
        return {state: int(sums[state]) for state in ContainerState}

    def total(self) -> int:
        """Returns the number of containers that SCM has, in any state."""
        return len(self) - sum(int(count[0]) for count in list(self._counts.values()))

    def open_by_pipeline(self) -> dict[str, int]:
        """Returns the number of open containers of each pipeline that has some."""
        sums = np.zeros(len(self._pipelines) + 1, np.int64)
        for block in self.blocks():
            open_ones = block.pipeline[block.state == ContainerState.OPEN].astype(np.int64)
            sums += np.bincount(open_ones + 1, minlength=len(sums))[: len(sums)]
        return {name: int(count) for name, count in zip(self.pipelines, sums[1:], strict=False) if count}

    def _merge(self, number: int, newer: dict[str, Int64s]) -> Difference:
        block = self._blocks.get(number, _EMPTY)
        known, at = lookup(block.container_id, newer["container_id"])
        differs = {name: (getattr(block, name)[at[known]] != newer[name][known]).any() for name in _COLUMNS}
        merge = IdMerge.of(block.container_id, newer["container_id"])
        columns = {name: narrowed(merge.column(getattr(block, name), newer[name])) for name in _COLUMNS}
        self._set(number, ContainerBlock(**columns))
        if self._put is not None:
            self._put.setdefault(number, []).append(narrowed(newer["container_id"]))
        return Difference(not known.all() or any(differs[name] for name in _URGENT), any(differs.values()))

    def _set(self, number: int, block: ContainerBlock) -> None:
        self._blocks[number] = block
        self._counts[number] = np.bincount(block.state, minlength=256)


def _numbers(known: dict[T, int], values: tuple[T | None, ...]) -> Int64s:
    """Returns the number of each value; a new value gets the next number."""
    return np.array([_NONE if value is None else known.setdefault(value, len(known)) for value in values], np.int64)


def _runs(ascending: Int64s) -> Iterator[tuple[int, int, int]]:
    """Yields, for each block that has some of these ids, its number and their range."""
    numbers = ascending >> BITS
    bounds = np.flatnonzero(np.diff(numbers, prepend=-1, append=-1)).tolist()
    for start, stop in pairwise(bounds):
        yield int(numbers[start]), start, stop
