"""The routes /storageDistribution: what takes space in OM's namespace, and on the disks of which datanode."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

from fastapi import Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.json.datanode import StorageReportJson, storage_json
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.api.routes.om.pending_deletion import PendingDeletion, not_asked_yet
from ozone_recon.columnar.amounts import sum_amounts
from ozone_recon.insights.namespace.view import Namespace
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.insights.om.pending_deletion import pending_bytes
from ozone_recon.insights.om.tables import table_counts
from ozone_recon.model.cluster import Cluster, Datanode, StorageTotals, sum_of
from ozone_recon.model.requests import GetPendingBlocks, PendingBlocks
from ozone_recon.store.generation import Generation

OPEN = ("openKeyTable", "openFileTable", "multipartInfoTable")
COLUMNS = {
    "Filesystem Capacity (Bytes)": "filesystemCapacity",
    "Filesystem Used Space (Bytes)": "filesystemUsed",
    "Filesystem Remaining Space (Bytes)": "filesystemAvailable",
    "Ozone Capacity (Bytes)": "capacity",
    "Ozone Used Space (Bytes)": "used",
    "Ozone Remaining Space (Bytes)": "remaining",
    "PreAllocated Container Space (Bytes)": "committed",
    "Reserved Space (Bytes)": "reserved",
    "Minimum Free Space (Bytes)": "minimumFreeSpace",
}
"""Of the table to be downloaded: their headings, and the fields of a StorageReport."""


class GlobalStorage(BaseModel):
    """All disks, those of dead datanodes included, in bytes."""

    totalFileSystemCapacity: int = Field(description="What Ozone may use and what is kept back from it.")
    totalReservedSpace: int = Field(description="What is kept back from Ozone.")
    totalOzoneCapacity: int = Field(description="What Ozone may use.")
    totalOzoneUsedSpace: int = Field(description="What Ozone uses.")
    totalOzoneFreeSpace: int = Field(description="What is left for Ozone.")
    totalOzoneCommittedSpace: int = Field(description="What open containers may still grow by.")
    totalMinimumFreeSpace: int = Field(description="What is to stay free.")


class GlobalNamespace(BaseModel):
    """OM's keys; -1 before OM's first checkpoint has been read."""

    totalUsedSpace: int = Field(description="Bytes on disks of all keys: committed, being written, and to be deleted.")
    totalKeys: int = Field(description="Committed keys.")


class OpenKeyBytes(BaseModel):
    """Bytes on disks of what is being written; -1 before OM's first checkpoint has been read."""

    openKeyAndFileBytes: int = Field(description="Of open keys.")
    multipartOpenKeyBytes: int = Field(description="Of parts of multipart uploads.")
    totalOpenKeyBytes: int = Field(description="Both.")


class UsedSpaceBreakdown(BaseModel):
    """Bytes on disks by what has become of a key."""

    openKeyBytes: OpenKeyBytes = Field(description="What is being written.")
    finalizedKeyBytes: int = Field(description="Of committed keys; -1 before OM's first checkpoint has been read.")


class StorageDistribution(BaseModel):
    """What takes space. Bytes on disks, replicas counted."""

    globalStorage: GlobalStorage = Field(description="All disks.")
    globalNamespace: GlobalNamespace = Field(description="All keys.")
    usedSpaceBreakdown: UsedSpaceBreakdown = Field(description="Keys by what has become of them.")
    dataNodeUsage: list[StorageReportJson] = Field(description="By datanode, of those that have reported their disks.")


async def distribution(view: CurrentView) -> Response:
    """What datanodes report and what OM counts are compared by whoever reads it: neither is derived of the other."""
    cluster = view.ready_cluster()
    total = sum_of(one.storage for one in cluster.datanodes if one.storage)
    return json_response(
        {
            "globalStorage": {
                "totalFileSystemCapacity": sum_amounts((total.capacity, total.reserved)),
                "totalReservedSpace": total.reserved,
                "totalOzoneCapacity": total.capacity,
                "totalOzoneUsedSpace": total.used,
                "totalOzoneFreeSpace": total.remaining,
                "totalOzoneCommittedSpace": total.committed,
                "totalMinimumFreeSpace": total.minimum_free_space,
            },
            **_of_om(view.generation),
            "dataNodeUsage": [_usage(one, one.storage) for one in cluster.datanodes if one.storage],
        }
    )


def _of_om(generation: Generation | None) -> dict[str, object]:
    opened = uploads = finalized = used = keys = both = -1
    if generation:
        bytes_of = {name: table_counts(generation, name).replicated_size for name in OPEN}
        opened = sum_amounts((bytes_of["openKeyTable"], bytes_of["openFileTable"]))
        uploads = bytes_of["multipartInfoTable"]
        namespace, pending = Namespace(generation), pending_bytes(generation)
        root = namespace.find("/")
        finalized = namespace.totals(root.node).replicated_size if root else 0
        both = sum_amounts((opened, uploads))
        used = sum_amounts((*pending, both, finalized))
        keys = table_counts(generation, "keyTable").rows + table_counts(generation, "fileTable").rows
    return {
        "globalNamespace": {"totalUsedSpace": used, "totalKeys": keys},
        "usedSpaceBreakdown": {
            "openKeyBytes": {
                "openKeyAndFileBytes": opened,
                "multipartOpenKeyBytes": uploads,
                "totalOpenKeyBytes": both,
            },
            "finalizedKeyBytes": finalized,
        },
    }


def _usage(datanode: Datanode, storage: StorageTotals) -> dict[str, object]:
    names = {"datanodeUuid": shown(datanode.details.uuid), "hostName": shown(datanode.details.host_name)}
    return {**names, **storage_json(storage)}


async def download(view: CurrentView) -> Response:
    """Those that have most to delete first; what a datanode has not said is -1."""
    cluster = view.ready_cluster()
    pending = await view.ask_cluster(GetPendingBlocks())
    if not pending.ended:
        return not_asked_yet(pending)
    name = f"Datanode_Insights_{_cluster_id(cluster)}_{datetime.now(UTC):%Y%m%d_%H%M}Z.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(_table(cluster, pending), media_type="text/csv", headers=headers)


def _cluster_id(cluster: Cluster) -> str:
    return re.sub(r"[^\w-]", "", cluster.scm.cluster_id, flags=re.ASCII) if cluster.scm else "UnknownCluster"


def _table(cluster: Cluster, pending: PendingBlocks) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(["HostName", "Datanode UUID", *COLUMNS, "Pending Block Size (Bytes)"])
    of = {one.details.uuid: pending.pending.get(one.details.uuid, -1) for one in cluster.datanodes}
    for one in sorted(cluster.datanodes, key=lambda one: -of[one.details.uuid]):
        numbers = storage_json(one.storage) if one.storage else dict.fromkeys(COLUMNS.values(), -1)
        disks = [numbers[name] for name in COLUMNS.values()]
        rows.writerow([shown(one.details.host_name), shown(one.details.uuid), *disks, of[one.details.uuid]])
    return text.getvalue()


ROUTES = (
    Route("/storageDistribution", distribution, "What takes space, and where.", StorageDistribution, cluster=True),
    Route(
        "/storageDistribution/download",
        download,
        "The datanodes' disks and what is still to be deleted from them, as CSV.",
        None,
        immutable=False,
        others={202: "The datanodes are being asked; ask again in a while."},
        bodies={202: PendingDeletion},
    ),
)
