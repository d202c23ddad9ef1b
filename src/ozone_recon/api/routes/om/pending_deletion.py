"""The route /pendingDeletion: how much space deletion will free, at OM, SCM or the datanodes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView, View
from ozone_recon.api.parameters import Int32
from ozone_recon.api.responses import json_response, no_content
from ozone_recon.api.route import Route
from ozone_recon.columnar.amounts import sum_amounts
from ozone_recon.errors import BadRequest
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.insights.om.pending_deletion import pending_bytes
from ozone_recon.model.cluster import Cluster
from ozone_recon.model.requests import GetPendingBlocks, PendingBlocks


class PendingOnDatanode(BaseModel):
    """What one datanode has still to delete."""

    hostName: str = Field(description="Its host.")
    datanodeUuid: str = Field(description="Its UUID.")
    pendingBlockSize: int = Field(description="Bytes of blocks; -1 when it did not say.")


class PendingDeletion(BaseModel):
    """Bytes on disks that will be freed, replicas counted: the fields of the component that is asked about."""

    totalSize: int | None = Field(None, description="OM: both of the following; -1 before its first checkpoint.")
    pendingDirectorySize: int | None = Field(None, description="OM: all files below directories that were deleted.")
    pendingKeySize: int | None = Field(None, description="OM: all versions of keys that were deleted.")
    totalBlocksize: int | None = Field(None, description="SCM: bytes of blocks; -1 until SCM is read.")
    totalReplicatedBlockSize: int | None = Field(None, description="SCM: their bytes on disks; -1 until SCM is read.")
    totalBlocksCount: int | None = Field(None, description="SCM: number of blocks; -1 until SCM is read.")
    status: str | None = Field(None, description="Datanodes: FINISHED; IN_PROGRESS until they were asked once.")
    totalPendingDeletionSize: int | None = Field(None, description="Datanodes: bytes of all that said.")
    pendingDeletionPerDataNode: list[PendingOnDatanode] | None = Field(
        None, description="Datanodes: those with most to delete first."
    )
    totalNodesQueried: int | None = Field(None, description="Datanodes: how many were asked.")
    totalNodeQueriesFailed: int | None = Field(None, description="Datanodes: how many of them did not say.")
    collectedAt: int | None = Field(None, description="Datanodes: when they had been asked, in ms since 1970.")


async def pending_deletion(
    view: CurrentView,
    component: Annotated[str, Query(description="`om`, `scm` or `dn`.")] = "",
    limit: Annotated[Int32 | None, Query(description="The most datanodes to answer with.")] = None,
) -> Response:
    """Datanodes are asked again when half a minute has passed; the answer is what they said last."""
    asked = component.strip().lower()
    if not asked:
        raise BadRequest("component query parameter is required")
    if asked not in ("dn", "scm", "om"):
        raise BadRequest("component query parameter must be one of dn, scm, om")
    if asked == "scm":
        return _of_scm(view)
    if asked == "dn":
        if limit is not None and limit < 1:
            raise BadRequest("Limit query parameter must be at-least 1")
        return _of_datanodes(view.ready_cluster(), await view.ask_cluster(GetPendingBlocks()), limit)
    return _of_om(view)


def _of_scm(view: View) -> Response:
    """204 when SCM itself does not know."""
    if view.cluster is None or not view.cluster.scm_at:
        return json_response({"totalBlocksize": -1, "totalReplicatedBlockSize": -1, "totalBlocksCount": -1})
    summary = view.cluster.deleted_blocks
    if summary is None:
        return no_content()
    return json_response(
        {
            "totalBlocksize": summary.size,
            "totalReplicatedBlockSize": summary.replicated_size,
            "totalBlocksCount": summary.blocks,
        }
    )


def not_asked_yet(pending: PendingBlocks) -> Response:
    """202, until the datanodes have been asked once."""
    status = "IN_PROGRESS" if pending.polling else "NOT_STARTED"
    unknown = {"totalPendingDeletionSize": None, "pendingDeletionPerDataNode": None}
    return json_response({"status": status, **unknown, "totalNodesQueried": 0, "totalNodeQueriesFailed": 0}, 202)


def _of_datanodes(cluster: Cluster, pending: PendingBlocks, limit: int | None) -> Response:
    if not pending.ended:
        return not_asked_yet(pending)
    hosts = {one.details.uuid: one.details.host_name for one in cluster.datanodes}
    sizes = pending.pending.values()
    return json_response(
        {
            "status": "FINISHED",
            "totalPendingDeletionSize": sum_amounts(size for size in sizes if size > 0),
            "pendingDeletionPerDataNode": [
                {"hostName": shown(hosts.get(uuid, "")), "datanodeUuid": shown(uuid), "pendingBlockSize": size}
                for uuid, size in sorted(pending.pending.items(), key=lambda one: -one[1])[:limit]
            ],
            "totalNodesQueried": len(sizes),
            "totalNodeQueriesFailed": sum(size < 0 for size in sizes),
            "collectedAt": pending.ended,
        }
    )


def _of_om(view: View) -> Response:
    if view.generation is None:
        return json_response(dict.fromkeys(("totalSize", "pendingDirectorySize", "pendingKeySize"), -1))
    pending = pending_bytes(view.generation)
    return json_response(
        {
            "totalSize": sum_amounts(pending),
            "pendingDirectorySize": pending.directories,
            "pendingKeySize": pending.keys,
        }
    )


ROUTES = (
    Route(
        "/pendingDeletion",
        pending_deletion,
        "How much space deletion will free.",
        PendingDeletion,
        immutable=False,
        others={202: "The datanodes are being asked; ask again in a while.", 204: "SCM does not know."},
        bodies={202: PendingDeletion},
    ),
)
