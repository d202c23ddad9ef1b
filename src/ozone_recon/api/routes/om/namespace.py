"""The routes /namespace: what a path is, what fills it, its quota, and the sizes, owners and ages of its keys."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Response

from ozone_recon.api.context import CurrentView, View
from ozone_recon.api.parameters import Boolean, Int32, Limit, NamespacePath
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.api.routes.om.namespace_models import Ages, Dist, Owners, Quota, Summary, Usage
from ozone_recon.api.routes.om.namespace_objects import object_info
from ozone_recon.columnar.amounts import bounded, sum_amounts
from ozone_recon.errors import BadRequest
from ozone_recon.insights.namespace import file_sizes, owners_ages
from ozone_recon.insights.namespace.listing import Listing, ListingEntry, SortOrder
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.namespace.view import Namespace, PathMatch
from ozone_recon.insights.om.bucket_accounts import Accounts
from ozone_recon.insights.size_bins import DIST_BINS

SORTED = 30
"""Sub paths of a sorted answer unless `limit` says otherwise, as in Recon."""
MOST = 100_000
"""Sub paths of any answer."""
AT_ONCE = 2_000
"""A longer listing is made on another thread, so that other questions need not wait for it."""

KEY = "KEY"
TYPES = {
    NodeKind.ROOT: "ROOT",
    NodeKind.VOLUME: "VOLUME",
    NodeKind.BUCKET: "BUCKET",
    NodeKind.DIRECTORY: "DIRECTORY",
    NodeKind.PATH: "DIRECTORY",
}
PLACES = frozenset(TYPES.values())
WITH_QUOTA = PLACES - {"DIRECTORY"}


class ResolvedPath(NamedTuple):
    """What is at the path asked for."""

    namespace: Namespace
    spot: PathMatch
    type: str


def _find(view: View, path: str, types: frozenset[str] = PLACES | {KEY}) -> ResolvedPath | str:
    """What is at a path if it is of one of these types, else the status that says why not."""
    if not path:
        raise BadRequest("path is empty. Give / for everything, or a path like /volume/bucket/directory.")
    if view.generation is None:
        return "INITIALIZING"
    namespace = Namespace(view.generation)
    spot = namespace.find(path)
    if spot is None:
        return "PATH_NOT_FOUND"
    type_ = TYPES[NodeKind(namespace.nodes["kind"][spot.node])] if spot.key is None else KEY
    return ResolvedPath(namespace, spot, type_) if type_ in types else "TYPE_NOT_APPLICABLE"


async def summary(view: CurrentView, path: NamespacePath) -> Response:
    """What OM knows of the thing at a path comes from its row in the checkpoint."""
    found = _find(view, path)
    if isinstance(found, str):
        unknown = {"path": "", "type": "UNKNOWN", "countStats": None, "objectInfo": None}
        return json_response(unknown | {"status": found})
    namespace, spot, type_ = found
    counts = {"numVolume": -1, "numBucket": -1, "numDir": -1, "numKey": 0}
    if spot.key is None:
        numbers = namespace.totals(spot.node)
        counts = {
            "numVolume": -1 if numbers.volumes is None else numbers.volumes,
            "numBucket": -1 if numbers.buckets is None else numbers.buckets,
            "numDir": numbers.directories,
            "numKey": numbers.files,
        }
    about = {"path": spot.path, "type": type_, "countStats": counts}
    return json_response(about | {"objectInfo": object_info(view, namespace, spot), "status": "OK"})


async def usage(
    view: CurrentView,
    path: NamespacePath,
    files: Annotated[Boolean, Query(description="Whether keys directly in the path are listed too.")] = False,
    replica: Annotated[Boolean, Query(description="Whether sizes with replicas are given.")] = False,
    sortSubPaths: Annotated[
        Boolean, Query(description="Whether the largest come first, instead of all in order of their names.")
    ] = True,
    limit: Annotated[
        Int32, Query(description=f"The most sub paths, up to {MOST}. 0: {SORTED} if sorted, else all.")
    ] = 0,
    sort: Annotated[
        str,
        Query(
            description=f"What to sort by, whatever sortSubPaths says: {', '.join(SortOrder)}. Directories go first."
        ),
    ] = "",
    order: Annotated[str, Query(description="asc or desc. Without it names ascend, and all else descends.")] = "",
) -> Response:
    """Of equals the one that comes first by name is listed first, and directories before keys."""
    by, descending = _order(sort, order, sortSubPaths)
    found = _find(view, path)
    if isinstance(found, str):
        nothing = {"status": found, "path": None, "size": 0, "sizeWithReplica": -1}
        return json_response(nothing | {"subPathCount": 0, "subPaths": [], "sizeDirectKey": -1})
    if limit <= 0:
        limit = MOST if by is SortOrder.NAME and not sort else SORTED
    namespace, spot, type_ = found
    listing = Listing(namespace, spot.node, keys=files and type_ in ("BUCKET", "DIRECTORY"))

    def answer() -> Response:
        entries = listing.page(by, descending, min(limit, MOST)) if type_ != KEY else []
        return json_response(_usage(found, len(listing), entries, replica))

    return await asyncio.to_thread(answer) if min(limit, len(listing)) > AT_ONCE else answer()


def _order(sort: str, order: str, sort_sub_paths: bool) -> tuple[SortOrder, bool]:
    """What to order by, and whether it descends."""
    try:
        by = SortOrder(sort) if sort else SortOrder.SIZE if sort_sub_paths else SortOrder.NAME
    except ValueError:
        raise BadRequest(f"sort is {sort!r}. Give one of {', '.join(SortOrder)}.") from None
    if order not in ("", "asc", "desc"):
        raise BadRequest(f"order is {order!r}. Give asc or desc.")
    return by, order == "desc" if order else by is not SortOrder.NAME


def _usage(found: ResolvedPath, count: int, entries: list[ListingEntry], replica: bool) -> dict[str, Any]:
    namespace, spot, type_ = found
    if spot.key is not None:
        keys = namespace.generation.table("keys")
        size, replicated_size, direct = int(keys["size"][spot.key]), int(keys["replicated_size"][spot.key]), -1
        count = 0
    else:
        numbers = namespace.totals(spot.node)
        size, replicated_size, direct = numbers.size, numbers.replicated_size, numbers.direct_size
        if type_ in ("ROOT", "VOLUME") or (type_ == "BUCKET" and not numbers.files and not numbers.directories):
            direct = -1
    return {
        "status": "OK",
        "path": spot.path,
        "size": size,
        "sizeWithReplica": replicated_size if replica else -1,
        "subPathCount": count,
        "subPaths": [_sub_path(entry, _prefix(namespace, spot, entry), replica) for entry in entries],
        "sizeDirectKey": direct,
    }


def _prefix(namespace: Namespace, spot: PathMatch, entry: ListingEntry) -> str:
    """What an entry's name is put behind: keys are named from their bucket on, or, where they are flat, alone."""
    if entry.kind is None and spot.layout != "FILE_SYSTEM_OPTIMIZED":
        if spot.layout != "LEGACY" or not namespace.generation.about.filesystem_paths:
            return ""
        _, volume, bucket, *_ = spot.path.split("/")
        return f"/{volume}/{bucket}/"
    return spot.path if spot.path == "/" else spot.path + "/"


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
    """Volumes and buckets have one; the root's is the capacity of all datanodes that are not dead."""
    found = _find(view, path, WITH_QUOTA)
    if isinstance(found, str):
        return json_response({"allowed": 0, "used": 0, "usedWithReplica": 0, "charged": None, "status": found})
    namespace, spot, type_ = found
    numbers = namespace.totals(spot.node)
    info = object_info(view, namespace, spot) if type_ != "ROOT" else {"quotaInBytes": _capacity(view)}
    return json_response(
        {
            "allowed": info["quotaInBytes"] if info else 0,
            "used": numbers.replicated_size if type_ == "ROOT" else numbers.size,
            "usedWithReplica": numbers.replicated_size,
            "charged": _charged(namespace.accounts(spot.node)),
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
    """Bytes; 0 while nothing is known of the datanodes."""
    datanodes = view.cluster.datanodes if view.cluster else ()
    return sum_amounts(one.storage.capacity for one in datanodes if one.storage and one.health != "DEAD")


async def dist(view: CurrentView, path: NamespacePath) -> Response:
    """A key has none."""
    found = _find(view, path, PLACES)
    if isinstance(found, str):
        return json_response({"dist": [0] * DIST_BINS, "status": found})
    return json_response({"dist": file_sizes.of_node(found.namespace.generation, found.spot.node), "status": "OK"})


async def owners(view: CurrentView, path: NamespacePath, limit: Limit = 1000) -> Response:
    """A limit of 0 or less answers with none."""
    found = _find(view, path, PLACES)
    if isinstance(found, str):
        return json_response({"status": found, "path": None, "ownerCount": 0, "owners": []})
    all_owners = owners_ages.owners_of(found.namespace.generation, found.spot.node)
    rows = [
        {"owner": of.owner.decode("utf-8", "replace")} | _amounts(of.files, of.size, of.replicated_size)
        for of in all_owners[: max(0, limit)]
    ]
    return json_response({"status": "OK", "path": found.spot.path, "ownerCount": len(all_owners), "owners": rows})


async def ages(view: CurrentView, path: NamespacePath) -> Response:
    """By the month of each key's last modification."""
    found = _find(view, path, PLACES)
    if isinstance(found, str):
        nothing = {"status": found, "path": None, "newestModification": 0, "oldestModification": 0}
        return json_response(nothing | {"months": []})
    places, place = found.namespace.nodes, found.spot.node
    return json_response(
        {
            "status": "OK",
            "path": found.spot.path,
            "newestModification": int(places["newest"][place]),
            "oldestModification": int(places["oldest"][place]),
            "months": [
                {"month": of.month} | _amounts(of.files, of.size, of.replicated_size)
                for of in owners_ages.months_of(found.namespace.generation, place)
            ],
        }
    )


def _amounts(files: int, size: int, replicated_size: int) -> dict[str, Any]:
    return {"files": files, "size": size, "sizeWithReplica": replicated_size}


ROUTES = (
    Route("/namespace/summary", summary, "What a path is, and how much is below it.", Summary),
    Route("/namespace/usage", usage, "What fills a path.", Usage),
    Route("/namespace/du", usage, "The old name of /namespace/usage.", Usage),
    Route("/namespace/quota", quota, "How much of its quota a volume or bucket uses.", Quota, cluster=True),
    Route("/namespace/dist", dist, "How large the keys below a path are.", Dist),
    Route("/namespace/owners", owners, "Whose keys fill a path.", Owners),
    Route("/namespace/ages", ages, "How long the keys below a path have not been written.", Ages),
)
