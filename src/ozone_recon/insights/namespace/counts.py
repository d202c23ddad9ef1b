"""Counts files and bytes per namespace node and code: a file's size bin, owner or month.

The counts are a sparse matrix: only pairs (node, code) that occur are stored, in node order. As nodes are in pre-order,
a subtree's pairs are contiguous. A pair may occur more than once, since a large directory is counted batch by batch.
The sums of large subtrees are precomputed.
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
"""`files` files directly in the node `place` (a row of `namespace`) have that code; the sizes are their bytes."""
LARGE_SUFFIX: Final = "_large"
"""The suffix of the table with the precomputed sums of large subtrees."""
LARGE: Final = 4096
"""The least number of pairs of a large subtree."""
_SUMMED: Final = ("code", "files", "size", "replicated_size")
_PART: Final = 1 << 14
"""Pairs written at a time; they fit in the CPU cache."""
BYTES_PER_PAIR: Final = 96
"""Memory per pair while pairs are sorted, with a margin."""

Coder = Callable[[NDArray[np.int64]], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class CodeTally:
    """The sums of a subtree by code: `files[code]` files of `size[code]` bytes."""

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
    """Writes the pairs (run, code, files, size, replicated size) of every wanted run; returns their number.

    A counting aggregation: `sums` has a row of three zeros for each code. The first key of a run with a code appends a
    pair; at the end of the run its sums are copied to its pairs and reset. `pairs` needs room for one row per key.
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
    """Writes a table of PAIRS and its `_large` table. `code` maps values of `column` to codes below `codes`."""
    cuts = build.table("namespace_cuts")
    runs = KeyRuns(np.array(cuts["first"]), np.array(cuts["place"], np.int64))
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
    """Yields the pairs of the nodes `low` to `high` (exclusive), in node order, at most `_PART` at a time."""
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
    # The pairs of a run are adjacent, so runs are sorted rather than pairs.
    heads = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
    order = np.argsort(pairs[heads, 0], kind="stable")
    lengths = np.diff(heads, append=len(pairs))
    ordered = spans(heads[order], lengths[order])
    for start in range(0, len(ordered), _PART):
        yield pairs.take(ordered[start : start + _PART], axis=0)


def _node_ranges(runs: KeyRuns, node_count: int, codes: int, memory_limit: int) -> Iterator[tuple[int, int]]:
    """Splits all nodes into ranges whose pairs take at most `memory_limit` bytes."""
    rows = np.diff(runs.starts)
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
    """Writes the sums of every large subtree in one pass over the pairs."""
    pairs, end = build.table(table), np.array(build.table("namespace")["end"])
    bounds = np.searchsorted(pairs["place"], np.arange(len(end) + 1, dtype=np.int32))
    large = np.flatnonzero(bounds[end] - bounds[:-1] >= LARGE)
    sums = _Sums(pairs)
    found = [np.empty((0, 5), np.int64)]
    open_nodes: list[int] = []
    for node in [*large.tolist(), len(end)]:
        while open_nodes and end[open_nodes[-1]] <= node:
            sums.add(int(bounds[end[open_nodes[-1]]]))
            found.append(sums.close(open_nodes.pop()))
        sums.add(int(bounds[node]))
        open_nodes.append(node)
        sums.open()
    written = np.concatenate(found)
    _append(build, table + LARGE_SUFFIX, [written[np.argsort(written[:, 0], kind="stable")]])


class _Sums:
    """Sums nested subtrees in one pass over the pairs: each pair is added to the innermost open subtree."""

    def __init__(self, pairs: Table) -> None:
        self._done = 0
        self._chunks = pairs.chunks(_SUMMED, BATCH)
        self._chunk = next(self._chunks, None)
        self._codes = int(pairs["code"].max(initial=-1)) + 1
        self._open: list[NDArray[np.int64]] = []

    def open(self) -> None:
        """Opens a subtree within the innermost open one."""
        self._open.append(np.zeros((self._codes, 3), np.int64))

    def add(self, stop: int) -> None:
        """Adds the next pairs, up to row `stop`."""
        while self._done < stop:
            assert self._chunk is not None, "`stop` exceeds the number of pairs"
            start = self._done - self._chunk.first_row
            here = slice(start, min(stop - self._chunk.first_row, len(self._chunk)))
            if self._open:
                code, files, size, replicated_size = (self._chunk[column][here] for column in _SUMMED)
                _add(code, files, size, replicated_size, self._open[-1])
            self._done = self._chunk.first_row + here.stop
            if here.stop == len(self._chunk):
                self._chunk = next(self._chunks, None)

    def close(self, node: int) -> NDArray[np.int64]:
        """Closes the innermost open subtree, adds it to its parent and returns its pairs."""
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
    """Returns the sums over the subtree of a node, by code."""
    end = generation.table("namespace")["end"][node]
    pairs = generation.table(table + LARGE_SUFFIX)
    # With another integer type, numpy would convert the whole column.
    start, stop = np.searchsorted(pairs["place"], np.array([node, node + 1], np.int32))
    if start == stop:
        pairs = generation.table(table)
        start, stop = np.searchsorted(pairs["place"], np.array([node, end], np.int32))
    code = pairs["code"][start:stop]
    return CodeTally(
        *(sum_by(code, pairs[column][start:stop], codes) for column in ("files", "size", "replicated_size"))
    )
