"""Directories by object id and by path, for listings: the tree of `namespace`, asked one place at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import numpy as np

from ozone_recon.insights.namespace_nodes import Kind
from ozone_recon.store.generation import Generation


class DirectoryPaths:
    """Answers for one request; paths once found are remembered."""

    def __init__(self, generation: Generation) -> None:
        self._ids = generation.table("namespace_ids")
        self._places = generation.table("namespace")
        self._children = generation.table("namespace_children")["row"]
        self._known: dict[int, str | None] = {}

    def place_of(self, object_id: int) -> int | None:
        """The row of `namespace` of a bucket or directory; None when no table knows the id."""
        ids = self._ids["object_id"]
        at = int(np.searchsorted(ids, object_id))
        return int(self._ids["row"][at]) if at < len(ids) and ids[at] == object_id else None

    def path_of(self, object_id: int) -> str | None:
        """`volume/bucket/directory/` of a bucket or directory, with the last slash.

        None when it, or a directory above it, is deleted or in no table.
        """
        if object_id not in self._known:
            place = self.place_of(object_id)
            self._known[object_id] = None if place is None else self._path_to(place)
        return self._known[object_id]

    def subtree(self, place: int) -> tuple[int, int]:
        """The rows of `namespace` from a place down, as (first, end)."""
        return place, int(self._places["end"][place])

    def find(self, names: Iterable[bytes]) -> int | None:
        """The place at this path of names from the root down: a volume, bucket or FSO directory."""
        place = 0
        for name in names:
            child = self._child(place, name)
            if child is None:
                return None
            place = child
        return place

    def object_id(self, place: int) -> int:
        """The object id of a place."""
        return int(self._places["object_id"][place])

    def _path_to(self, place: int) -> str | None:
        names = self._places.bytes("name")
        path: list[str] = []
        while place > 0:
            if self._places["kind"][place] not in (Kind.VOLUME, Kind.BUCKET, Kind.DIRECTORY):
                return None
            path.append(names[place].decode("utf-8", "replace") + "/")
            place = int(self._places["parent"][place])
        return "".join(reversed(path)) if place == 0 else None

    def _child(self, place: int, name: bytes) -> int | None:
        first_child, names = self._places["first_child"], self._places.bytes("name")
        first = int(first_child[place])
        end = int(first_child[place + 1]) if place + 1 < len(first_child) else len(self._children)
        at = bisect_left(range(end), name, first, end, key=lambda child: names[int(self._children[child])])
        found = int(self._children[at]) if at < end else -1
        return found if found >= 0 and names[found] == name else None
