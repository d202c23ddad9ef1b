"""Serves /namespace: summary, disk usage and quota of a path, and its keys by size, owner and age."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Response

from ozone_recon.api.context import CurrentView, View
from ozone_recon.api.parameters import Boolean, Int32, Limit, NamespacePath
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.api.routes.om.namespace_models import Ages, FileSizeDistribution, Owners, Quota, Summary, Usage
from ozone_recon.api.routes.om.namespace_objects import object_info
from ozone_recon.columnar.amounts import bounded, sum_amounts
from ozone_recon.errors import BadRequest
from ozone_recon.insights.namespace import file_sizes, owners_ages
from ozone_recon.insights.namespace.listing import Listing, ListingEntry, SortOrder
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.namespace.view import Namespace, PathMatch
from ozone_recon.insights.om.bucket_accounts import Accounts
from ozone_recon.insights.size_bins import DIST_BINS

DEFAULT_SORTED = 30
"""Default number of sub-paths of a sorted answer, as in Recon."""
MAX_SUB_PATHS = 100_000
"""Maximum number of sub-paths of an answer."""
MAX_ON_EVENT_LOOP = 2_000
"""Maximum number of sub-paths listed on the event loop; a longer listing runs on another thread."""

KEY = "KEY"
TYPES = {
    NodeKind.ROOT: "ROOT",
    NodeKind.VOLUME: "VOLUME",
    NodeKind.BUCKET: "BUCKET",
    NodeKind.DIRECTORY: "DIRECTORY",
    NodeKind.PATH: "DIRECTORY",
}
CONTAINER_TYPES = frozenset(TYPES.values())
WITH_QUOTA = CONTAINER_TYPES - {"DIRECTORY"}


class ResolvedPath(NamedTuple):
    """The object at the requested path: its position in the namespace and its type."""

    namespace: Namespace
    match: PathMatch
    type: str


def _find(view: View, path: str, types: frozenset[str] = CONTAINER_TYPES | {KEY}) -> ResolvedPath | str:
    """Resolves a path to an object of one of these types, or returns the status of the failure."""
    if not path:
        raise BadRequest("path is empty: give / for the whole namespace, or a path such as /volume/bucket/directory.")
    if view.generation is None:
        return "INITIALIZING"
    namespace = Namespace(view.generation)
    match = namespace.find(path)
    if match is None:
        return "PATH_NOT_FOUND"
    type_ = TYPES[NodeKind(namespace.nodes["kind"][match.node])] if match.key is None else KEY
    return ResolvedPath(namespace, match, type_) if type_ in types else "TYPE_NOT_APPLICABLE"


async def summary(view: CurrentView, path: NamespacePath) -> Response:
    """`objectInfo` comes from OM's own row for the path."""
    found = _find(view, path)
    if isinstance(found, str):
        unknown = {"path": "", "type": "UNKNOWN", "countStats": None, "objectInfo": None}
        return json_response(unknown | {"status": found})
    namespace, match, type_ = found
    counts = {"numVolume": -1, "numBucket": -1, "numDir": -1, "numKey": 0}
    if match.key is None:
        numbers = namespace.totals(match.node)
        counts = {
            "numVolume": -1 if numbers.volumes is None else numbers.volumes,
            "numBucket": -1 if numbers.buckets is None else numbers.buckets,
            "numDir": numbers.directories,
            "numKey": numbers.files,
        }
    about = {"path": match.path, "type": type_, "countStats": counts}
    return json_response(about | {"objectInfo": object_info(view, namespace, match), "status": "OK"})


async def usage(
    view: CurrentView,
    path: NamespacePath,
    files: Annotated[Boolean, Query(description="Also list the keys directly in the path.")] = False,
    replica: Annotated[Boolean, Query(description="Also return sizes with replicas.")] = False,
    sortSubPaths: Annotated[Boolean, Query(description="Sort by descending size; if false, by name.")] = True,
    limit: Annotated[
        Int32,
        Query(
            description=f"Maximum number of sub-paths, up to {MAX_SUB_PATHS}. 0: {DEFAULT_SORTED} if sorted, else all."
        ),
    ] = 0,
    sort: Annotated[
        str,
        Query(description=f"Sort key; overrides sortSubPaths: {', '.join(SortOrder)}."),
    ] = "",
    order: Annotated[str, Query(description="asc or desc. Default: asc for names, desc for all other sort keys.")] = "",
) -> Response:
    """Sub-paths with equal values are ordered by name, directories before keys."""
    by, descending = _order(sort, order, sortSubPaths)
    found = _find(view, path)
    if isinstance(found, str):
        nothing = {"status": found, "path": None, "size": 0, "sizeWithReplica": -1}
        return json_response(nothing | {"subPathCount": 0, "subPaths": [], "sizeDirectKey": -1})
    if limit <= 0:
        limit = MAX_SUB_PATHS if by is SortOrder.NAME and not sort else DEFAULT_SORTED
    namespace, match, type_ = found
    listing = Listing(namespace, match.node, keys=files and type_ in ("BUCKET", "DIRECTORY"))

    def answer() -> Response:
        entries = listing.page(by, descending, min(limit, MAX_SUB_PATHS)) if type_ != KEY else []
        return json_response(_usage(found, len(listing), entries, replica))

    return await asyncio.to_thread(answer) if min(limit, len(listing)) > MAX_ON_EVENT_LOOP else answer()


def _order(sort: str, order: str, sort_sub_paths: bool) -> tuple[SortOrder, bool]:
    """Returns the sort key and whether it descends."""
    try:
        by = SortOrder(sort) if sort else SortOrder.SIZE if sort_sub_paths else SortOrder.NAME
    except ValueError:
        raise BadRequest(f"sort is {sort!r}: allowed are {', '.join(SortOrder)}.") from None
    if order not in ("", "asc", "desc"):
        raise BadRequest(f"order is {order!r}: allowed are asc and desc.")
    return by, order == "desc" if order else by is not SortOrder.NAME


def _usage(found: ResolvedPath, count: int, entries: list[ListingEntry], replica: bool) -> dict[str, Any]:
    namespace, match, type_ = found
    if match.key is not None:
        keys = namespace.generation.table("keys")
        size, replicated_size, direct = int(keys["size"][match.key]), int(keys["replicated_size"][match.key]), -1
        count = 0
    else:
        numbers = namespace.totals(match.node)
        size, replicated_size, direct = numbers.size, numbers.replicated_size, numbers.direct_size
        if type_ in ("ROOT", "VOLUME") or (type_ == "BUCKET" and not numbers.files and not numbers.directories):
            direct = -1
    return {
        "status": "OK",
        "path": match.path,
        "size": size,
        "sizeWithReplica": replicated_size if replica else -1,
        "subPathCount": count,
        "subPaths": [_sub_path(entry, _prefix(namespace, match, entry), replica) for entry in entries],
        "sizeDirectKey": direct,
    }


def _prefix(namespace: Namespace, match: PathMatch, entry: ListingEntry) -> str:
    """Returns the prefix of an entry's path. Keys outside FSO buckets are full names: OBS keys need none."""
    if entry.kind is None and match.layout != "FILE_SYSTEM_OPTIMIZED":
        if match.layout != "LEGACY" or not namespace.generation.about.filesystem_paths:
            return ""
        _, volume, bucket, *_ = match.path.split("/")
        return f"/{volume}/{bucket}/"
    return match.path if match.path == "/" else match.path + "/"


def _sub_path(entry: ListingEntry, prefix: str, replica: bool) -> dict[str, Any]:
    is_key = entry.kind is None
    return {
        "key": is_key,
        "path": prefix + entry.name,
        "size": entry.size,
        "sizeWithReplica": entry.replicated_size if replica else -1,
        "isKey": is_key,
        "kind": KEY if entry.kind is None else TYPES[entry.kind],
        "files": entry.files,
        "directories": entry.directories,
        "owner": entry.owner,
        "newestModification": entry.newest,
        "oldestModification": entry.oldest,
    }


async def quota(view: CurrentView, path: NamespacePath) -> Response:
    """Only volumes and buckets have a quota; for the root, `allowed` is the capacity of all living datanodes."""
    found = _find(view, path, WITH_QUOTA)
    if isinstance(found, str):
        return json_response({"allowed": 0, "used": 0, "usedWithReplica": 0, "charged": None, "status": found})
    namespace, match, type_ = found
    numbers = namespace.totals(match.node)
    info = object_info(view, namespace, match) if type_ != "ROOT" else {"quotaInBytes": _capacity(view)}
    return json_response(
        {
            "allowed": info["quotaInBytes"] if info else 0,
            "used": numbers.replicated_size if type_ == "ROOT" else numbers.size,
            "usedWithReplica": numbers.replicated_size,
            "charged": _charged(namespace.accounts(match.node)),
            "status": "OK",
        }
    )


def _charged(accounts: Accounts) -> dict[str, Any]:
    explained = accounts.explained
    return {
        "usedBytes": accounts.used_bytes,
        "usedNamespace": accounts.used_namespace,
        "snapshotUsedBytes": accounts.snapshot_used_bytes,
        "snapshotUsedNamespace": accounts.snapshot_used_namespace,
        "committed": accounts.committed._asdict(),
        "openParts": accounts.parts._asdict(),
        "pendingDirectories": accounts.deleted._asdict(),
        "orphaned": accounts.orphaned._asdict(),
        "unexplainedBytes": bounded(accounts.used_bytes - explained.bytes),
        "unexplainedNamespace": bounded(accounts.used_namespace - explained.names),
    }


def _capacity(view: View) -> int:
    """Returns the capacity in bytes of all datanodes that are not dead; 0 while unknown."""
    datanodes = view.cluster.datanodes if view.cluster else ()
    return sum_amounts(one.storage.capacity for one in datanodes if one.storage and one.health != "DEAD")


async def dist(view: CurrentView, path: NamespacePath) -> Response:
    """The status is TYPE_NOT_APPLICABLE for a key."""
    found = _find(view, path, CONTAINER_TYPES)
    if isinstance(found, str):
        return json_response({"dist": [0] * DIST_BINS, "status": found})
    return json_response({"dist": file_sizes.of_node(found.namespace.generation, found.match.node), "status": "OK"})


async def owners(view: CurrentView, path: NamespacePath, limit: Limit = 1000) -> Response:
    """A limit of 0 or less returns no owners."""
    found = _find(view, path, CONTAINER_TYPES)
    if isinstance(found, str):
        return json_response({"status": found, "path": None, "ownerCount": 0, "owners": []})
    all_owners = owners_ages.owners_of(found.namespace.generation, found.match.node)
    rows = [
        {"owner": of.owner.decode("utf-8", "replace")} | _amounts(of.files, of.size, of.replicated_size)
        for of in all_owners[: max(0, limit)]
    ]
    return json_response({"status": "OK", "path": found.match.path, "ownerCount": len(all_owners), "owners": rows})


async def ages(view: CurrentView, path: NamespacePath) -> Response:
    """Groups keys by the month of their last modification."""
    found = _find(view, path, CONTAINER_TYPES)
    if isinstance(found, str):
        nothing = {"status": found, "path": None, "newestModification": 0, "oldestModification": 0}
        return json_response(nothing | {"months": []})
    nodes, node = found.namespace.nodes, found.match.node
    return json_response(
        {
            "status": "OK",
            "path": found.match.path,
            "newestModification": int(nodes["newest"][node]),
            "oldestModification": int(nodes["oldest"][node]),
            "months": [
                {"month": of.month} | _amounts(of.files, of.size, of.replicated_size)
                for of in owners_ages.months_of(found.namespace.generation, node)
            ],
        }
    )


def _amounts(files: int, size: int, replicated_size: int) -> dict[str, Any]:
    return {"files": files, "size": size, "sizeWithReplica": replicated_size}


def _route(path: str, handler: Callable[..., Awaitable[Response]], summary: str, answer: Any, **more: Any) -> Route:
    return Route("/namespace/" + path, handler, summary, answer, of_owner=("path",), **more)


ROUTES = (
    _route("summary", summary, "Returns the type of a path and the number of objects below it.", Summary),
    _route("usage", usage, "Returns the disk usage of a path and of its sub-paths.", Usage),
    _route("du", usage, "The former name of /namespace/usage.", Usage),
    _route("quota", quota, "Returns the quota and usage of a volume or bucket.", Quota, cluster=True),
    _route("dist", dist, "Returns the distribution of key sizes below a path.", FileSizeDistribution),
    _route("owners", owners, "Returns the usage below a path by owner.", Owners),
    _route("ages", ages, "Returns the usage below a path by month of the last write.", Ages),
)
