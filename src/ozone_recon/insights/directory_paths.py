"""Directories by object id and by path, for listings: the tree of `namespace`, asked one place at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ozone_recon.decode.batch_kernel import SLASH, Strings, copy_bytes, to_read
from ozone_recon.insights.namespace_nodes import Kind
from ozone_recon.model.columns import ByteColumn, Bytes, Int64s
from ozone_recon.model.kernel import lean_kernel, zero
from ozone_recon.store.generation import Generation

Bools = NDArray[np.bool_]
Int32s = NDArray[np.int32]

FIRST_ATTACHED: Final = int(Kind.VOLUME)
LAST_ATTACHED: Final = int(Kind.DIRECTORY)
"""Places that are where their parent says; others are deleted, or missing."""


class DirectoryPaths:
    """Answers for one request."""

    def __init__(self, generation: Generation) -> None:
        self._ids = generation.table("namespace_ids")
        self._places = generation.table("namespace")
        self._children = generation.table("namespace_children")["row"]
        self._names = self._places.bytes("name")

    def place_of(self, object_id: int) -> int | None:
        """The row of `namespace` of a bucket or directory; None when no table knows the id."""
        ids = self._ids["object_id"]
        at = int(np.searchsorted(ids, object_id))
        return int(self._ids["row"][at]) if at < len(ids) and ids[at] == object_id else None

    def places_of(self, object_ids: Int64s) -> Int64s:
        """The same for several, in their order; -1 when no table knows the id."""
        ids = self._ids["object_id"]
        at = np.searchsorted(ids, object_ids)
        places = np.full(len(object_ids), -1, np.int64)
        known = at < len(ids)
        known[known] = ids[at[known]] == object_ids[known]
        places[known] = self._ids["row"][at[known]]
        return places

    def paths_of(self, object_ids: Int64s) -> tuple[ByteColumn, Bools]:
        """The paths of buckets and directories, `volume/bucket/directory/` with the last slash, and which have one.

        One has none, and is empty here, when it or a directory above it is deleted or in no table.
        """
        names, parent = to_read(self._names), self._places["parent"]
        places = self.places_of(object_ids)
        known, offsets = np.empty(len(places), np.bool_), np.zeros(len(places) + 1, np.int64)
        measure_paths(names, self._places["kind"], parent, places, known, offsets)
        data = np.empty(offsets[-1], np.uint8)
        fill_paths(names, parent, places, Strings(offsets, data))
        return ByteColumn(offsets, data), known

    def subtree(self, place: int) -> tuple[int, int]:
        """The rows of `namespace` from a place down, as (first, end)."""
        return place, int(self._places["end"][place])

    def find(self, names: Iterable[bytes]) -> int | None:
        """The place at this path of names from the root down: a volume, bucket or FSO directory."""
        place = 0
        for name in names:
            child = self.child(place, name)
            if child is None:
                return None
            place = child
        return place

    def object_id(self, place: int) -> int:
        """The object id of a place."""
        return int(self._places["object_id"][place])

    def child(self, place: int, name: bytes) -> int | None:
        """The row of the volume, bucket or directory of that name directly in a place."""
        low, high = self.children(place)
        if low == high:
            return None
        names = self._names
        # Names of LEGACY directories stand in the order of keys, which have a slash behind them; there are only such
        # in one place, or none.
        slash = b"/" if self._places["kind"][self._children[low]] == Kind.PATH else b""
        at = bisect_left(self._children, name + slash, low, high, key=lambda row: names[row] + slash)
        row = int(self._children[at]) if at < high else -1
        return row if row >= 0 and names[row] == name else None

    def children(self, place: int) -> tuple[int, int]:
        """The rows of `namespace_children` that list what is directly in a place, as (first, end)."""
        first_child = self._places["first_child"]
        end = int(first_child[place + 1]) if place + 1 < len(first_child) else len(self._children)
        return int(first_child[place]), end


@lean_kernel
def measure_paths(names: Strings, kind: Bytes, parent: Int32s, places: Int64s, known: Bools, offsets: Int64s) -> None:
    """Fills in which places have a path, and where the path of each ends in all of them."""
    for row in range(len(places)):
        length, place = zero(), places[row]
        while place > 0 and FIRST_ATTACHED <= kind[place] <= LAST_ATTACHED:
            length += names.offsets[place + 1] - names.offsets[place] + 1
            place = np.int64(parent[place])
        known[row] = place == 0
        offsets[row + 1] = offsets[row] + (length if place == 0 else 0)


@lean_kernel
def fill_paths(names: Strings, parent: Int32s, places: Int64s, paths: Strings) -> None:
    """Fills in the data of `paths`, each from its end on."""
    for row in range(len(places)):
        at, place = paths.offsets[row + 1], places[row]
        while at > paths.offsets[row]:
            first, end = names.offsets[place], names.offsets[place + 1]
            at -= end - first + 1
            paths.data[copy_bytes(names.data, first, end, paths.data, at)] = SLASH
            place = np.int64(parent[place])
