"""Files and bytes of every place of the namespace by some code of a file: its size bin, its owner, its month.

The codes of one place are few, so each place has only the pairs (place, code) that occur. They stand in order of
the places, and a subtree's are a run. One pair may be there more than once (a large directory is counted in pieces).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.amounts import add_sums, sum_by
from ozone_recon.columnar.amounts_kernel import plus
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.kernels import kernel
from ozone_recon.insights.namespace.legacy_paths import spans
from ozone_recon.insights.namespace.runs import BATCH, NOWHERE, KeyRuns
from ozone_recon.store.generation import Generation, GenerationBuild, Table
from ozone_recon.store.schema import Schema

PAIRS: Final[Schema] = {"place": "i4", "code": "i4", "files": "i8", "size": "i8", "replicated_size": "i8"}
"""`place` is a row of `namespace`; `files` have that code and `size` and `replicated_size` bytes, directly in it."""
LARGE_SUFFIX: Final = "_large"
"""Behind a table's name: its sums over whole subtrees, for those with so many pairs that adding them up takes long."""
LARGE: Final = 4096
"""Pairs of such a subtree, at least."""
_SUMMED: Final = ("code", "files", "size", "replicated_size")
_PART: Final = 1 << 14
"""Pairs written at a time: so many stay in the processor's cache."""
BYTES_PER_PAIR: Final = 96
"""What a pair takes while it is put in order, with a margin."""

Coder = Callable[[NDArray[np.int64]], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class CodeTally:
    """The sums of a subtree for every code: `files[code]` files of `size[code]` bytes."""

    files: Int64s
    size: Int64s
    replicated_size: Int64s


@kernel
def _count(
    starts: Int64s,
    wanted: NDArray[np.bool_],
    code: Int64s,
    size: Int64s,
    replicated_size: Int64s,
    sums: Int64s,
    pairs: Int64s,
) -> int:
    """Writes the pairs (run, code, files, size, replicated size) of every wanted run; gives their number.

    `sums` has a row of three zeros for each code, and has so again afterwards; `pairs` has a row for each key.
    """
    rows = len(code)
    count = 0
    for run in range(len(starts)):
        if not wanted[run]:
            continue
        first = count
        stop = starts[run + 1] if run + 1 < len(starts) else rows
        for row in range(starts[run], stop):
            at = code[row]
            if not sums[at, 0]:
                pairs[count, 0] = run
                pairs[count, 1] = at
                count += 1
            sums[at, 0] += 1
            sums[at, 1] = plus(sums[at, 1], size[row])
            sums[at, 2] = plus(sums[at, 2], replicated_size[row])
        for pair in range(first, count):
            at = pairs[pair, 1]
            for column in range(3):
                pairs[pair, 2 + column] = sums[at, column]
                sums[at, column] = 0
    return count


def write_counts(build: GenerationBuild, table: str, column: str, code: Coder, codes: int) -> None:
    """Writes a table of PAIRS, where a key's code is `code` of its value in `column`, from 0 up to `codes`."""
    cuts = build.table("namespace_cuts")
    runs = KeyRuns(np.array(cuts["first"]), np.array(cuts["place"], np.int64), build.table("keys").rows)
    node_count = len(build.table("namespace"))
    ranges = _node_ranges(runs, node_count, codes, build.memory_limit)
    _append(
        build, table, (part for low, high in ranges for part in _pairs(build, runs, low, high, column, code, codes))
    )
    _write_large(build, table)


def _append(build: GenerationBuild, table: str, found: Iterable[NDArray[np.int64]]) -> None:
    with build.create(table, PAIRS) as writer:
        for pairs in found:
            node, code, files, size, replicated_size = pairs.T
            writer.append(
                place=node.astype(np.int32),
                code=code.astype(np.int32),
                files=files,
                size=size,
                replicated_size=replicated_size,
            )


def _pairs(
    build: GenerationBuild, runs: KeyRuns, low: int, high: int, column: str, code: Coder, codes: int
) -> Iterator[NDArray[np.int64]]:
    """The pairs of the places low to high (exclusive), in order of the places, in parts."""
    sums = np.zeros((codes, 3), np.int64)
    scratch = np.empty((BATCH, 5), np.int64)
    found: list[NDArray[np.int64]] = []
    for chunk in build.table("keys").chunks({column, "size", "replicated_size"}, BATCH):
        starts, node = runs.within(chunk.first_row, len(chunk))
        wanted = (node != NOWHERE) & (node >= low) & (node < high)
        if wanted.any():
            codes_here = code(chunk[column])
            count = _count(starts, wanted, codes_here, chunk["size"], chunk["replicated_size"], sums, scratch)
            pairs = scratch[:count].copy()
            pairs[:, 0] = node[pairs[:, 0]]
            found.append(pairs)
    pairs = np.concatenate(found) if found else np.empty((0, 5), np.int64)
    # A place's pairs follow each other, so places are put in order and not each pair.
    heads = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
    order = np.argsort(pairs[heads, 0], kind="stable")
    lengths = np.diff(heads, append=len(pairs))
    ordered = spans(heads[order], lengths[order])
    for start in range(0, len(ordered), _PART):
        yield pairs.take(ordered[start : start + _PART], axis=0)


def _node_ranges(runs: KeyRuns, node_count: int, codes: int, memory_limit: int) -> Iterator[tuple[int, int]]:
    """Ranges of places, together all, whose pairs take no more than `memory_limit` bytes."""
    rows = runs.last - runs.first
    most = np.zeros(node_count, np.int64)
    held = runs.node != NOWHERE
    np.add.at(most, runs.node[held], np.minimum(rows, codes * (1 + rows // BATCH))[held])
    ends = np.cumsum(most)
    capacity = max(1, memory_limit // BYTES_PER_PAIR)
    low = 0
    while low < node_count:
        before = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, before + capacity, side="right")))
        yield low, high
        low = high


def _write_large(build: GenerationBuild, table: str) -> None:
    """Writes the sums of every large subtree, reading each pair once."""
    pairs, end = build.table(table), np.array(build.table("namespace")["end"])
    bounds = np.searchsorted(pairs["place"], np.arange(len(end) + 1, dtype=np.int32))
    large = np.flatnonzero(bounds[end] - bounds[:-1] >= LARGE)
    sums = _Sums(pairs)
    found = [np.empty((0, 5), np.int64)]
    open_: list[int] = []
    for node in [*large.tolist(), len(end)]:
        while open_ and end[open_[-1]] <= node:
            sums.add(int(bounds[end[open_[-1]]]))
            found.append(sums.close(open_.pop()))
        sums.add(int(bounds[node]))
        open_.append(node)
        sums.open()
    written = np.concatenate(found)
    _append(build, table + LARGE_SUFFIX, [written[np.argsort(written[:, 0], kind="stable")]])


class _Sums:
    """Sums of nested subtrees over one pass through the pairs; each pair is added to the innermost open one."""

    def __init__(self, pairs: Table) -> None:
        self._done = 0
        self._chunks = pairs.chunks(_SUMMED, BATCH)
        self._chunk = next(self._chunks, None)
        self._codes = int(pairs["code"].max(initial=-1)) + 1
        self._open: list[NDArray[np.int64]] = []

    def open(self) -> None:
        """Begins a subtree within the innermost open one."""
        self._open.append(np.zeros((self._codes, 3), np.int64))

    def add(self, stop: int) -> None:
        """Adds all pairs up to `stop` that have not been added."""
        while self._done < stop:
            assert self._chunk is not None, "more pairs than there are rows"
            start = self._done - self._chunk.first_row
            here = slice(start, min(stop - self._chunk.first_row, len(self._chunk)))
            if self._open:
                code, files, size, replicated_size = (self._chunk[column][here] for column in _SUMMED)
                _add(code, files, size, replicated_size, self._open[-1])
            self._done = self._chunk.first_row + here.stop
            if here.stop == len(self._chunk):
                self._chunk = next(self._chunks, None)

    def close(self, node: int) -> NDArray[np.int64]:
        """The pairs of the innermost open subtree, which is added to the one around it."""
        sums = self._open.pop()
        if self._open:
            add_sums(self._open[-1], sums)
        code = np.flatnonzero(sums[:, 0])
        return np.column_stack([np.full(len(code), node), code, sums[code]])


@kernel
def _add(code: NDArray[np.int32], files: Int64s, size: Int64s, replicated_size: Int64s, sums: Int64s) -> None:
    for pair in range(len(code)):
        at = code[pair]
        sums[at, 0] += files[pair]
        sums[at, 1] = plus(sums[at, 1], size[pair])
        sums[at, 2] = plus(sums[at, 2], replicated_size[pair])


def tally(generation: Generation, table: str, node: int, codes: int) -> CodeTally:
    """The sums over the subtree of a place, by code."""
    end = generation.table("namespace")["end"][node]
    pairs = generation.table(table + LARGE_SUFFIX)
    # Searched for in their own type, or the whole column would be converted.
    start, stop = np.searchsorted(pairs["place"], np.array([node, node + 1], np.int32))
    if start == stop:
        pairs = generation.table(table)
        start, stop = np.searchsorted(pairs["place"], np.array([node, end], np.int32))
    code = pairs["code"][start:stop]
    return CodeTally(
        *(sum_by(code, pairs[column][start:stop], codes) for column in ("files", "size", "replicated_size"))
    )
