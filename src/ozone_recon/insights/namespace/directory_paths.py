"""Looks up nodes of the namespace by object id, path or name, for listings."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ozone_recon.columnar.byte_column import ByteColumn, Bytes, Int64s
from ozone_recon.columnar.kernels import lean_kernel, zero
from ozone_recon.columnar.search import find
from ozone_recon.decode.batch_kernel import SLASH, Strings, copy_bytes, strings_of
from ozone_recon.decode.om.id_prefixes import PrefixIds
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.store.generation import Generation

Bools = NDArray[np.bool_]
Int32s = NDArray[np.int32]

FIRST_ATTACHED: Final = int(NodeKind.VOLUME)
LAST_ATTACHED: Final = int(NodeKind.DIRECTORY)
"""The kinds of nodes that are attached to their parent; other nodes are deleted or missing."""


class DirectoryPaths:
    """Looks up nodes for one request. A node is a row of `namespace`."""

    def __init__(self, generation: Generation) -> None:
        self._ids = generation.table("namespace_ids")
        self._nodes = generation.table("namespace")
        self._children = generation.table("namespace_children")["row"]
        self._names = self._nodes.bytes("name")
        self._runs, self._cuts = generation.table("namespace_runs"), generation.table("namespace_cuts")
        self._bucket_nodes = generation.table("namespace_buckets")["place"]
        self._key_names = generation.table("keys").bytes("name")

    def node_of(self, object_id: int) -> int | None:
        """Returns the node of an object id; None if the id is unknown."""
        ids = self._ids["object_id"]
        at = int(np.searchsorted(ids, object_id))
        return int(self._ids["row"][at]) if at < len(ids) and ids[at] == object_id else None

    def nodes_within(self, ids: PrefixIds) -> Int64s:
        """Returns the parent nodes of rows with these ids in their keys; -1 if the parent is unknown.

        As in `nodes.collect`, a parent's id is valid only in its own bucket.
        """
        known = self._ids["object_id"]
        nodes = np.full(len(ids.parent), -1, np.int64)
        if not len(known):
            return nodes
        at = np.minimum(np.searchsorted(known, ids.parent), len(known) - 1)
        matched = np.flatnonzero(known[at] == ids.parent)
        node = self._ids["row"][at[matched]].astype(np.int64)
        row = self._nodes["bucket"][node]
        bucket = self._bucket_nodes[row]
        object_id, volume = self._nodes["object_id"], self._nodes["parent"][bucket]
        volume_id = np.where(volume < 0, 0, object_id[volume])
        valid = (row >= 0) & (object_id[bucket] == ids.bucket[matched]) & (volume_id == ids.volume[matched])
        nodes[matched[valid]] = node[valid]
        return nodes

    def paths_of(self, nodes: Int64s) -> tuple[ByteColumn, Bools]:
        """Returns the paths of buckets and directories, such as `volume/bucket/directory/`, and which of them have one.

        A node has no path, and its item is empty, if the node or an ancestor is deleted or missing, or if it is -1.
        """
        names, parent = strings_of(self._names), self._nodes["parent"]
        known, offsets = np.empty(len(nodes), np.bool_), np.zeros(len(nodes) + 1, np.int64)
        measure_paths(names, self._nodes["kind"], parent, nodes, known, offsets)
        data = np.empty(offsets[-1], np.uint8)
        fill_paths(names, parent, nodes, Strings(offsets, data))
        return ByteColumn(offsets, data), known

    def nodes_of_keys(self, rows: Int64s) -> Int64s:
        """Returns the parent nodes of these rows of `keys`; -1 for directory markers."""
        at = np.searchsorted(self._cuts["first"], rows, side="right") - 1
        return self._cuts["place"][at].astype(np.int64)

    def file(self, node: int, name: bytes) -> int | None:
        """Returns the row of `keys` of the file with this name directly in a node."""
        low, high = self.runs(node)
        for first, last in zip(*(self._runs[column][low:high].tolist() for column in ("first", "last")), strict=True):
            row = find(self._key_names, name, first, last)
            if row is not None:
                return row
        return None

    def runs(self, node: int) -> tuple[int, int]:
        """Returns the rows of `namespace_runs` for the files directly in a node, as (first, end)."""
        first_run = self._nodes["first_run"]
        return int(first_run[node]), int(first_run[node + 1])

    def subtree(self, node: int) -> tuple[int, int]:
        """Returns the rows of `namespace` of a node's subtree, as (first, end)."""
        return node, int(self._nodes["end"][node])

    def find(self, names: Iterable[bytes]) -> int | None:
        """Returns the volume, bucket or FSO directory at this path of names from the root."""
        node = 0
        for name in names:
            child = self.child(node, name)
            if child is None:
                return None
            node = child
        return node

    def own_id(self, node: int) -> int | None:
        """Returns the object id of a node; None if the id belongs to another node, so that this one is empty."""
        object_id = int(self._nodes["object_id"][node])
        return object_id if self.node_of(object_id) == node else None

    def volume_id(self, node: int) -> int:
        """Returns the object id of a volume's node."""
        return int(self._nodes["object_id"][node])

    def child(self, node: int, name: bytes) -> int | None:
        """Returns the volume, bucket or directory with this name directly in a node."""
        low, high = self.children(node)
        if low == high:
            return None
        names = self._names
        # LEGACY directories are in the order of keys, whose names they end with a slash. The children of a node are
        # either all of this kind or none.
        slash = b"/" if self._nodes["kind"][self._children[low]] == NodeKind.PATH else b""
        at = bisect_left(self._children, name + slash, low, high, key=lambda row: names[row] + slash)
        row = int(self._children[at]) if at < high else -1
        return row if row >= 0 and names[row] == name else None

    def children(self, node: int) -> tuple[int, int]:
        """Returns the rows of `namespace_children` of a node's children, as (first, end)."""
        first_child = self._nodes["first_child"]
        return int(first_child[node]), int(first_child[node + 1])


@lean_kernel
def measure_paths(names: Strings, kind: Bytes, parent: Int32s, nodes: Int64s, known: Bools, offsets: Int64s) -> None:
    """First pass: fills in which nodes have a path and where each path ends in the joined data."""
    for row in range(len(nodes)):
        length, node = zero(), nodes[row]
        while node > 0 and FIRST_ATTACHED <= kind[node] <= LAST_ATTACHED:
            length += names.offsets[node + 1] - names.offsets[node] + 1
            node = np.int64(parent[node])
        known[row] = node == 0
        offsets[row + 1] = offsets[row] + (length if node == 0 else 0)


@lean_kernel
def fill_paths(names: Strings, parent: Int32s, nodes: Int64s, paths: Strings) -> None:
    """Second pass: fills in the data of `paths`, each from its last component backwards."""
    for row in range(len(nodes)):
        at, node = paths.offsets[row + 1], nodes[row]
        while at > paths.offsets[row]:
            first, end = names.offsets[node], names.offsets[node + 1]
            at -= end - first + 1
            paths.data[copy_bytes(names.data, first, end, paths.data, at)] = SLASH
            node = np.int64(parent[node])
