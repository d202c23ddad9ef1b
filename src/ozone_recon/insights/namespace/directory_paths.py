"""Directories by object id and by path, for listings: the tree of `namespace`, asked one place at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.kernels import lean_kernel, zero
from ozone_recon.columnar.search import find, lookup
from ozone_recon.decode.batch_kernel import SLASH, Strings, copy_bytes, strings_of
from ozone_recon.decode.om.id_prefixes import PrefixIds
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.store.generation import Generation

Bools = NDArray[np.bool_]
Int32s = NDArray[np.int32]

FIRST_ATTACHED: Final = int(NodeKind.VOLUME)
LAST_ATTACHED: Final = int(NodeKind.DIRECTORY)
"""Places that are where their parent says; others are deleted, or missing."""


class DirectoryPaths:
    """Answers for one request."""

    def __init__(self, generation: Generation) -> None:
        self._ids = generation.table("namespace_ids")
        self._places = generation.table("namespace")
        self._children = generation.table("namespace_children")["row"]
        self._names = self._places.bytes("name")
        self._runs, self._cuts = generation.table("namespace_runs"), generation.table("namespace_cuts")
        self._bucket_places = generation.table("namespace_buckets")["place"]
        self._key_names = generation.table("keys").bytes("name")

    def place_of(self, object_id: int) -> int | None:
        """The row of `namespace` that an object id stands for; None when no table knows the id."""
        ids = self._ids["object_id"]
        at = int(np.searchsorted(ids, object_id))
        return int(self._ids["row"][at]) if at < len(ids) and ids[at] == object_id else None

    def places_within(self, ids: PrefixIds) -> Int64s:
        """The places that rows with these ids in their keys are directly in; -1 when that is none we know.

        The same rule as in `nodes.collect`: a parent's id counts in its own bucket alone.
        """
        places = np.full(len(ids.parent), -1, np.int64)
        is_known, at = lookup(self._ids["object_id"], ids.parent)
        found = np.flatnonzero(is_known)
        place = self._ids["row"][at[found]].astype(np.int64)
        row = self._places["bucket"][place]
        bucket = self._bucket_places[row]
        object_id, volume = self._places["object_id"], self._places["parent"][bucket]
        volume_id = np.where(volume < 0, 0, object_id[volume])
        good = (row >= 0) & (object_id[bucket] == ids.bucket[found]) & (volume_id == ids.volume[found])
        places[found[good]] = place[good]
        return places

    def paths_of(self, places: Int64s) -> tuple[ByteColumn, Bools]:
        """The paths of buckets and directories, `volume/bucket/directory/` with the last slash, and which have one.

        A place has none, and is empty here, when it or a directory above it is deleted or missing; so has -1.
        """
        names, parent = strings_of(self._names), self._places["parent"]
        known, offsets = np.empty(len(places), np.bool_), np.zeros(len(places) + 1, np.int64)
        measure_paths(names, self._places["kind"], parent, places, known, offsets)
        data = np.empty(offsets[-1], np.uint8)
        fill_paths(names, parent, places, Strings(offsets, data))
        return ByteColumn(offsets, data), known

    def places_of_keys(self, rows: Int64s) -> Int64s:
        """The places that these rows of `keys` are directly in; -1 for markers of directories."""
        at = np.searchsorted(self._cuts["first"], rows, side="right") - 1
        return self._cuts["place"][at].astype(np.int64)

    def file(self, place: int, name: bytes) -> int | None:
        """The row of `keys` of the file of that name directly in a place."""
        low, high = self.runs(place)
        for first, last in zip(*(self._runs[column][low:high].tolist() for column in ("first", "last")), strict=True):
            row = find(self._key_names, name, first, last)
            if row is not None:
                return row
        return None

    def runs(self, place: int) -> tuple[int, int]:
        """The rows of `namespace_runs` that list the files directly in a place, as (first, end)."""
        first_run = self._places["first_run"]
        return int(first_run[place]), int(first_run[place + 1]) if place + 1 < len(first_run) else self._runs.rows

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

    def own_id(self, place: int) -> int | None:
        """The object id by which rows are in a place; None for one in which no row can be: its id is another's."""
        object_id = int(self._places["object_id"][place])
        return object_id if self.place_of(object_id) == place else None

    def volume_id(self, place: int) -> int:
        """The object id of the volume at a place."""
        return int(self._places["object_id"][place])

    def child(self, place: int, name: bytes) -> int | None:
        """The row of the volume, bucket or directory of that name directly in a place."""
        low, high = self.children(place)
        if low == high:
            return None
        names = self._names
        # Names of LEGACY directories stand in the order of keys, which have a slash behind them; there are only such
        # in one place, or none.
        slash = b"/" if self._places["kind"][self._children[low]] == NodeKind.PATH else b""
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
