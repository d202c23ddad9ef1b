"""Resolves paths to nodes of the namespace and reads their totals; paths follow the rules of Recon 2.2.0."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from ozone_recon.decode.om.keys import encode_text
from ozone_recon.decode.om.values import decode_bucket
from ozone_recon.errors import DecodeError
from ozone_recon.insights.namespace.directory_paths import DirectoryPaths
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.om.bucket_accounts import Accounts, accounts_of
from ozone_recon.insights.om.key_rows import db_keys, first_row
from ozone_recon.model.om import BucketInfo
from ozone_recon.store.generation import Generation

_BELOW_BUCKET: Final = re.compile(r"/*[^/]+/+[^/]+/(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PathMatch:
    """The target of a path.

    `node` is a row of `namespace`. If the target is a key, `key` is its row of `keys` and `node` its parent. `path` is
    normalized, with a leading slash. `layout` is the bucket's layout, empty for the root and volumes.
    """

    node: int
    path: str
    layout: str = ""
    key: int | None = None


@dataclass(frozen=True, slots=True)
class NodeTotals:
    """The totals below a node. Sizes are bytes; `volumes` and `buckets` are None where they do not apply."""

    volumes: int | None
    buckets: int | None
    directories: int
    files: int
    size: int
    replicated_size: int
    direct_size: int
    """The size of the files directly in the node."""


class Namespace:
    """The namespace of one generation. Lookups are a few binary searches."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.nodes = generation.table("namespace")
        self.tree = DirectoryPaths(generation)
        self._children = generation.table("namespace_children")["row"]

    def find(self, path: str) -> PathMatch | None:
        """Resolves `path`; None if it does not exist.

        The leading slash is optional and repeated slashes count as one, except in the key of a bucket whose keys are
        not file system paths, which is taken verbatim. Only `/` is the root. Bucket links are not followed.
        """
        if path == "/":
            return PathMatch(0, path)
        names = [encode_text(name) for name in path.split("/") if name]
        if not names:
            return None
        node = 0
        for name in names[:2]:
            child = self.tree.child(node, name)
            if child is None:
                return None
            node = child
        normal = "/" + "/".join(part for part in path.split("/") if part)
        if len(names) == 1:
            return PathMatch(node, normal)
        bucket = self.bucket(node)
        layout = bucket.layout if bucket else ""
        if len(names) == 2:
            return PathMatch(node, normal, layout)
        if layout == "FILE_SYSTEM_OPTIMIZED":
            return self._file(node, names[2:], normal)
        prefix = b"/%s/%s/" % (names[0], names[1])
        if layout == "LEGACY" and self.generation.about.filesystem_paths:
            name = b"/".join(names[2:])
            return self._key(node, prefix, name, normal, layout) or self._directory(node, names[2:], normal, layout)
        below = _BELOW_BUCKET.fullmatch(path)
        name = encode_text(below[1]) if below else b""
        verbatim = (prefix + name).decode("utf-8", "replace")
        return self._key(node, prefix, name, verbatim, layout)

    def bucket(self, node: int) -> BucketInfo | None:
        """Returns the bucket of a node; None if it has none or the bucket cannot be decoded."""
        row = int(self.nodes["bucket"][node])
        if row < 0:
            return None
        try:
            return decode_bucket(self.generation.table("om/bucketTable").bytes("value")[row])
        except DecodeError:
            return None  # The build has counted the row as bad.

    def accounts(self, node: int) -> Accounts:
        """Returns the quota accounts of the root, a volume or a bucket; the root's include keys without a bucket."""
        buckets = self.generation.table("namespace_buckets")["place"]
        if node == 0:
            return accounts_of(self.generation, range(len(buckets)), in_no_bucket=True)
        first, end = self.tree.subtree(node)
        return accounts_of(self.generation, np.flatnonzero((buckets >= first) & (buckets < end)).tolist())

    def totals(self, node: int) -> NodeTotals:
        """Returns the totals of a node's subtree."""
        kind = self.nodes["kind"][node]
        first, end = self.tree.children(node)
        volumes = end - first if kind == NodeKind.ROOT else None
        if volumes is not None:
            buckets = sum(high - low for low, high in map(self.tree.children, self._children[first:end].tolist()))
        return NodeTotals(
            volumes,
            buckets if volumes is not None else end - first if kind == NodeKind.VOLUME else None,
            *(
                int(self.nodes[column][node])
                for column in ("all_directories", "all_files", "all_size", "all_replicated_size", "size")
            ),
        )

    def _directory(self, node: int, names: list[bytes], path: str, layout: str) -> PathMatch | None:
        for name in names:
            child = self.tree.child(node, name)
            if child is None:
                return None
            node = child
        return PathMatch(node, path, layout)

    def _file(self, bucket: int, names: list[bytes], path: str) -> PathMatch | None:
        layout = "FILE_SYSTEM_OPTIMIZED"
        above = self._directory(bucket, names[:-1], path, layout)
        if above is None:
            return None
        directory = self.tree.child(above.node, names[-1])
        if directory is not None:
            return PathMatch(directory, path, layout)
        key = self.tree.file(above.node, names[-1])
        return None if key is None else PathMatch(above.node, path, layout, key)

    def _key(self, bucket: int, prefix: bytes, name: bytes, path: str, layout: str) -> PathMatch | None:
        row = first_row(self.generation, prefix + name, file_table=False)
        if row >= self.generation.table("keys").rows:
            return None
        exists = db_keys(self.generation, np.array([row]))[0] == prefix + name
        return PathMatch(bucket, path, layout, row) if exists else None
