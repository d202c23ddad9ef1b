"""Serves /pendingDeletion: bytes pending deletion in OM, in SCM or on the datanodes."""

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
    """Bytes pending deletion on one datanode."""

    hostName: str = Field(description="Host name.")
    datanodeUuid: str = Field(description="UUID of the datanode.")
    pendingBlockSize: int = Field(description="Bytes of blocks pending deletion; -1 if the query failed.")


class PendingDeletion(BaseModel):
    """Bytes pending deletion. Only the fields of the requested component are present."""

    totalSize: int | None = Field(
        None,
        description="OM: sum of pendingDirectorySize and pendingKeySize; -1 until the first checkpoint has been read.",
    )
    pendingDirectorySize: int | None = Field(
        None, description="OM: bytes of all files below deleted directories, replicas included."
    )
    pendingKeySize: int | None = Field(
        None, description="OM: bytes of all versions of deleted keys, replicas included."
    )
    totalBlocksize: int | None = Field(
        None, description="SCM: bytes of blocks, without replicas; -1 until SCM has been read."
    )
    totalReplicatedBlockSize: int | None = Field(
        None, description="SCM: bytes of blocks, replicas included; -1 until SCM has been read."
    )
    totalBlocksCount: int | None = Field(None, description="SCM: number of blocks; -1 until SCM has been read.")
    status: str | None = Field(
        None, description="Datanodes: FINISHED; until the first query has ended, NOT_STARTED or IN_PROGRESS."
    )
    totalPendingDeletionSize: int | None = Field(None, description="Datanodes: total bytes of those that answered.")
    pendingDeletionPerDataNode: list[PendingOnDatanode] | None = Field(
        None, description="Datanodes: in descending order of bytes."
    )
    totalNodesQueried: int | None = Field(None, description="Datanodes: number of datanodes queried.")
    totalNodeQueriesFailed: int | None = Field(None, description="Datanodes: number of failed queries.")
    collectedAt: int | None = Field(None, description="Datanodes: end of the query, in milliseconds since 1970.")


async def pending_deletion(
    view: CurrentView,
    component: Annotated[str, Query(description="`om`, `scm` or `dn`.")] = "",
    limit: Annotated[Int32 | None, Query(description="Maximum number of datanodes in the answer.")] = None,
) -> Response:
    """The datanodes are queried at most every 30 seconds; the answer is the result of the last complete query."""
    requested = component.strip().lower()
    if not requested:
        raise BadRequest("component query parameter is required")
    if requested not in ("dn", "scm", "om"):
        raise BadRequest("component query parameter must be one of dn, scm, om")
    if requested == "scm":
        return _of_scm(view)
    if requested == "dn":
        if limit is not None and limit < 1:
            raise BadRequest("Limit query parameter must be at-least 1")
        return _of_datanodes(view.ready_cluster(), await view.ask_cluster(GetPendingBlocks()), limit)
    return _of_om(view)


def _of_scm(view: View) -> Response:
    """Answers 204 if SCM reports no summary of deleted blocks."""
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
    """Answers 202 until the first query of the datanodes has ended."""
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
        "Returns the bytes pending deletion in OM, in SCM or on the datanodes.",
        PendingDeletion,
        immutable=False,
        others={202: "The datanodes are still being queried; retry later.", 204: "SCM reports no summary."},
        bodies={202: PendingDeletion},
    ),
)
