"""The containers of SCM as they are known, in memory: some 35 bytes each, so that there may be ten million.

They are in blocks of neighbouring ids, each a set of columns that is never changed: what is newer makes new blocks of
those it is in, so that who reads the others, or the old ones, is not disturbed. One thread at a time may change them,
others may read.
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
"""Of an id, that say where in its block it is."""
UNKNOWN: Final = 255
"""The state of a container that we have never heard of; 0 is that of one that SCM has no more."""
_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class ContainerBlock:
    """Containers by ascending id, with the columns of ContainerColumns; `pipeline` -1 says that there is none."""

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
"""What changes more than a container's sizes and times."""
_EMPTY: Final = ContainerBlock(**{name: np.empty(0, np.uint8) for name in _COLUMNS})


class Difference(NamedTuple):
    """Whether anything that was put was not known: `sizes` and times alone, or what is `urgent`."""

    urgent: bool = False
    sizes: bool = False


class ScmContainers:
    """Containers by their ids."""

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
        """By their number in the blocks."""
        return tuple(self._replications)

    @property
    def owners(self) -> tuple[str, ...]:
        """By their number in the blocks."""
        return tuple(self._owners)

    @property
    def pipelines(self) -> tuple[str, ...]:
        """Ids by their number in the blocks."""
        return tuple(self._pipelines)

    def put(self, containers: ContainerColumns) -> Difference:
        """Takes these in the place of what was known of them; the last of those with the same id counts."""
        if not len(containers):
            return Difference()
        rows = last_of_each(containers.container_id)
        whole = {name: getattr(containers, name)[rows] for name in _COLUMNS}
        whole["replication"] = _numbers(self._replications, containers.replications)[whole["replication"]]
        whole["owner"] = _numbers(self._owners, containers.owners)[whole["owner"]]
        whole["pipeline"] = _numbers(self._pipelines, containers.pipelines)[whole["pipeline"]]
        parts = [
            self._merge(number, {name: column[start:stop] for name, column in whole.items()})
            for number, start, stop in _runs(whole["container_id"])
        ]
        return Difference(any(part.urgent for part in parts), any(part.sizes for part in parts))

    def suppress(self, ids: Int64s) -> int:
        """Says that these, in ascending order, are suppressed and no others; of how many that is news."""
        news = 0
        for number, block in list(self._blocks.items()):
            low, high = np.searchsorted(ids, [number << BITS, (number + 1) << BITS])
            suppressed = np.isin(block.container_id, ids[low:high]).astype(np.uint8)
            differ = int(np.count_nonzero(suppressed != block.suppressed))
            if differ:
                news += differ
                self._set(number, replace(block, suppressed=suppressed))
        return news

    def begin(self) -> None:
        """Says that all containers are going to be put, until `end`."""
        self._put = {}

    def end(self) -> int:
        """Says that they have been: those that have not, SCM has no more. How many it still had when we began."""
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
        """All containers by ascending id."""
        return tuple(self._blocks[number] for number in sorted(self._blocks))

    def states(self, ids: Int64s) -> NDArray[np.uint8]:
        """The states of these, in their order; UNKNOWN for those that we do not know."""
        order = np.argsort(ids)
        ascending = ids[order]
        states = np.full(len(ids), UNKNOWN, np.uint8)
        for number, start, stop in _runs(ascending):
            block = self._blocks.get(number, _EMPTY)
            known, at = lookup(block.container_id, ascending[start:stop])
            states[order[start:stop][known]] = block.state[at[known]]
        return states

    def ids(self, state: ContainerState) -> Int64s:
        """Those in a state, in ascending order."""
        parts = (block.container_id[block.state == state] for block in self.blocks())
        return np.concatenate([np.empty(0, np.int64), *parts])

    def counts(self) -> dict[ContainerState, int]:
        """How many there are in each state."""
        sums = sum(list(self._counts.values()), np.zeros(256, np.int64))
        return {state: int(sums[state]) for state in ContainerState}

    def total(self) -> int:
        """How many SCM has, whatever their states."""
        return len(self) - sum(int(count[0]) for count in list(self._counts.values()))

    def open_by_pipeline(self) -> dict[str, int]:
        """How many open containers each pipeline has; only of those that have some."""
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
    """The number of each of these, after all those that are known."""
    return np.array([_NONE if value is None else known.setdefault(value, len(known)) for value in values], np.int64)


def _runs(ascending: Int64s) -> Iterator[tuple[int, int, int]]:
    """The blocks that these ids are in, and from where to where."""
    numbers = ascending >> BITS
    bounds = np.flatnonzero(np.diff(numbers, prepend=-1, append=-1)).tolist()
    for start, stop in pairwise(bounds):
        yield int(numbers[start]), start, stop
