"""Derives the directories of a LEGACY bucket from its keys, if these are file system paths.

Every slash in a key ends the name of a directory; a key that ends with a slash is the marker of a directory, not a
file. In byte order the keys below a directory are contiguous, so one pass with a stack finds every directory once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.kernels import kernel

TOP = -1
"""The parent of top-level directories: the bucket."""
_SLASH = ord("/")


@dataclass(frozen=True, slots=True)
class LegacyPaths:
    """The result of one batch of keys: new directories, and runs of keys with the same directory.

    Directories are numbered from 0 across all batches of a bucket, in order of occurrence; `parent` is such a number or
    TOP. A run extends from row `run_start` of the batch to the start of the next run. Its keys are directly in
    directory `run_directory`, or it is one key, the marker of that directory, if `run_is_marker`.
    """

    parent: Int64s
    names: ByteColumn
    run_start: Int64s
    run_directory: Int64s
    run_is_marker: NDArray[np.bool_]


@dataclass(slots=True)
class PathWalk:
    """Walks the keys of one bucket, batch by batch in byte order."""

    directories: int = 0
    _path: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))
    _ends: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    _open: Int64s = field(default_factory=lambda: np.empty(0, np.int64))

    def walk(self, keys: ByteColumn) -> LegacyPaths:
        """Processes the next batch of keys, given as names within the bucket."""
        rows = len(keys)
        start, stop = int(keys.offsets[0]), int(keys.offsets[-1])
        slashes = int(np.count_nonzero(keys.data[start:stop] == _SLASH))
        longest = int(np.diff(keys.offsets).max(initial=0))
        depth = len(self._ends)
        # The open directories, then room for the deepest possible key.
        path = np.concatenate([self._path, np.empty(longest, np.uint8)])
        ends = np.concatenate([self._ends, np.empty(longest, np.int64)])
        opened = np.concatenate([self._open, np.empty(longest, np.int64)])
        parent, name_start, name_end = (np.empty(slashes, np.int64) for _ in range(3))
        run_start, run_directory = np.empty(rows, np.int64), np.empty(rows, np.int64)
        run_is_marker = np.empty(rows, np.bool_)
        counts = np.array([depth, self.directories, 0], np.int64)
        _walk(
            keys.offsets, keys.data, path, ends, opened, counts,
            parent, name_start, name_end, run_start, run_directory, run_is_marker,
        )  # fmt: skip
        depth, directories, runs = counts.tolist()
        new = directories - self.directories
        self.directories = directories
        self._path = path[: ends[depth - 1] if depth else 0].copy()
        self._ends, self._open = ends[:depth].copy(), opened[:depth].copy()
        names = gather(keys.data, name_start[:new], name_end[:new])
        return LegacyPaths(parent[:new], names, run_start[:runs], run_directory[:runs], run_is_marker[:runs])


@kernel
def _walk(
    offsets: Int64s,
    data: Bytes,
    path: Bytes,
    ends: Int64s,
    opened: Int64s,
    counts: Int64s,
    parent: Int64s,
    name_start: Int64s,
    name_end: Int64s,
    run_start: Int64s,
    run_directory: Int64s,
    run_is_marker: NDArray[np.bool_],
) -> None:
    """Walks the keys with a stack of open directories.

    `path` is the path of the innermost open directory, `ends[k]` the end of its component k and `opened[k]` that
    directory's number. For each key, directories beyond the prefix that it shares with `path` are closed, then the
    further components of the key are opened. `counts` is [open directories, directories so far, runs].
    """
    depth, directories, runs = counts[0], counts[1], counts[2]
    numbered = directories
    for row in range(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        length = end - begin
        while length and data[begin + length - 1] != 47:
            length -= 1
        open_length = ends[depth - 1] if depth else 0
        shared = 0
        while shared < open_length and shared < length and path[shared] == data[begin + shared]:
            shared += 1
        while depth and ends[depth - 1] > shared:
            depth -= 1
        at = ends[depth - 1] if depth else 0
        component = at
        while at < length:
            path[at] = data[begin + at]
            at += 1
            if path[at - 1] == 47:
                slot = directories - numbered
                parent[slot] = opened[depth - 1] if depth else -1
                name_start[slot] = begin + component
                name_end[slot] = begin + at - 1
                opened[depth] = directories
                ends[depth] = at
                directories += 1
                depth += 1
                component = at
        directory = opened[depth - 1] if depth else -1
        marker = length > 0 and length == end - begin
        if not runs or marker or run_is_marker[runs - 1] or run_directory[runs - 1] != directory:
            run_start[runs] = row
            run_directory[runs] = directory
            run_is_marker[runs] = marker
            runs += 1
    counts[0], counts[1], counts[2] = depth, directories, runs


def gather(data: Bytes, starts: Int64s, stops: Int64s) -> ByteColumn:
    """Copies the byte strings `data[starts[i]:stops[i]]` to a new column."""
    offsets = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(stops - starts, out=offsets[1:])
    return ByteColumn(offsets, data[spans(starts, stops - starts)])


def spans(starts: Int64s, lengths: Int64s) -> Int64s:
    """Concatenates the ranges of `lengths[i]` integers that begin with `starts[i]`."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    numbers: Int64s = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return numbers
