"""Directories by object id and by path, for listings: the tree of `namespace`, asked one place at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.kernels import lean_kernel, zero
from ozone_recon.columnar.search import find
from ozone_recon.decode.batch_kernel import SLASH, Strings, copy_bytes, to_read
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
        self._nodes = generation.table("namespace")
        self._children = generation.table("namespace_children")["row"]
        self._names = self._nodes.bytes("name")
        self._runs, self._cuts = generation.table("namespace_runs"), generation.table("namespace_cuts")
        self._bucket_nodes = generation.table("namespace_buckets")["place"]
        self._key_names = generation.table("keys").bytes("name")

    def node_of(self, object_id: int) -> int | None:
        """The row of `namespace` that an object id stands for; None when no table knows the id."""
        ids = self._ids["object_id"]
        at = int(np.searchsorted(ids, object_id))
        return int(self._ids["row"][at]) if at < len(ids) and ids[at] == object_id else None

    def nodes_within(self, ids: PrefixIds) -> Int64s:
        """The places that rows with these ids in their keys are directly in; -1 when that is none we know.

        The same rule as in `namespace_nodes.collect`: a parent's id counts in its own bucket alone.
        """
        known = self._ids["object_id"]
        nodes = np.full(len(ids.parent), -1, np.int64)
        if not len(known):
            return nodes
        at = np.minimum(np.searchsorted(known, ids.parent), len(known) - 1)
        found = np.flatnonzero(known[at] == ids.parent)
        node = self._ids["row"][at[found]].astype(np.int64)
        row = self._nodes["bucket"][node]
        bucket = self._bucket_nodes[row]
        object_id, volume = self._nodes["object_id"], self._nodes["parent"][bucket]
        volume_id = np.where(volume < 0, 0, object_id[volume])
        good = (row >= 0) & (object_id[bucket] == ids.bucket[found]) & (volume_id == ids.volume[found])
        nodes[found[good]] = node[good]
        return nodes

    def paths_of(self, nodes: Int64s) -> tuple[ByteColumn, Bools]:
        """The paths of buckets and directories, `volume/bucket/directory/` with the last slash, and which have one.

        A place has none, and is empty here, when it or a directory above it is deleted or missing; so has -1.
        """
        names, parent = to_read(self._names), self._nodes["parent"]
        known, offsets = np.empty(len(nodes), np.bool_), np.zeros(len(nodes) + 1, np.int64)
        measure_paths(names, self._nodes["kind"], parent, nodes, known, offsets)
        data = np.empty(offsets[-1], np.uint8)
        fill_paths(names, parent, nodes, Strings(offsets, data))
        return ByteColumn(offsets, data), known

    def nodes_of_keys(self, rows: Int64s) -> Int64s:
        """The places that these rows of `keys` are directly in; -1 for markers of directories."""
        at = np.searchsorted(self._cuts["first"], rows, side="right") - 1
        return self._cuts["place"][at].astype(np.int64)

    def file(self, node: int, name: bytes) -> int | None:
        """The row of `keys` of the file of that name directly in a place."""
        low, high = self.runs(node)
        for first, last in zip(*(self._runs[column][low:high].tolist() for column in ("first", "last")), strict=True):
            row = find(self._key_names, name, first, last)
            if row is not None:
                return row
        return None

    def runs(self, node: int) -> tuple[int, int]:
        """The rows of `namespace_runs` that list the files directly in a place, as (first, end)."""
        first_run = self._nodes["first_run"]
        return int(first_run[node]), int(first_run[node + 1]) if node + 1 < len(first_run) else self._runs.rows

    def subtree(self, node: int) -> tuple[int, int]:
        """The rows of `namespace` from a place down, as (first, end)."""
        return node, int(self._nodes["end"][node])

    def find(self, names: Iterable[bytes]) -> int | None:
        """The place at this path of names from the root down: a volume, bucket or FSO directory."""
        node = 0
        for name in names:
            child = self.child(node, name)
            if child is None:
                return None
            node = child
        return node

    def own_id(self, node: int) -> int | None:
        """The object id by which rows are in a place; None for one in which no row can be: its id is another's."""
        object_id = int(self._nodes["object_id"][node])
        return object_id if self.node_of(object_id) == node else None

    def volume_id(self, node: int) -> int:
        """The object id of the volume at a place."""
        return int(self._nodes["object_id"][node])

    def child(self, node: int, name: bytes) -> int | None:
        """The row of the volume, bucket or directory of that name directly in a place."""
        low, high = self.children(node)
        if low == high:
            return None
        names = self._names
        # Names of LEGACY directories stand in the order of keys, which have a slash behind them; there are only such
        # in one place, or none.
        slash = b"/" if self._nodes["kind"][self._children[low]] == NodeKind.PATH else b""
        at = bisect_left(self._children, name + slash, low, high, key=lambda row: names[row] + slash)
        row = int(self._children[at]) if at < high else -1
        return row if row >= 0 and names[row] == name else None

    def children(self, node: int) -> tuple[int, int]:
        """The rows of `namespace_children` that list what is directly in a place, as (first, end)."""
        first_child = self._nodes["first_child"]
        end = int(first_child[node + 1]) if node + 1 < len(first_child) else len(self._children)
        return int(first_child[node]), end


@lean_kernel
def measure_paths(names: Strings, kind: Bytes, parent: Int32s, nodes: Int64s, known: Bools, offsets: Int64s) -> None:
    """Fills in which places have a path, and where the path of each ends in all of them."""
    for row in range(len(nodes)):
        length, node = zero(), nodes[row]
        while node > 0 and FIRST_ATTACHED <= kind[node] <= LAST_ATTACHED:
            length += names.offsets[node + 1] - names.offsets[node] + 1
            node = np.int64(parent[node])
        known[row] = node == 0
        offsets[row + 1] = offsets[row] + (length if node == 0 else 0)


@lean_kernel
def fill_paths(names: Strings, parent: Int32s, nodes: Int64s, paths: Strings) -> None:
    """Fills in the data of `paths`, each from its end on."""
    for row in range(len(nodes)):
        at, node = paths.offsets[row + 1], nodes[row]
        while at > paths.offsets[row]:
            first, end = names.offsets[node], names.offsets[node + 1]
            at -= end - first + 1
            paths.data[copy_bytes(names.data, first, end, paths.data, at)] = SLASH
            node = np.int64(parent[node])
