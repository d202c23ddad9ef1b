"""The route /pendingDeletion: how much space deletion will free, at OM, SCM or the datanodes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.parameters import Int32
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.errors import BadRequest
from ozone_recon.insights.pending_deletion import pending_bytes


class PendingDeletion(BaseModel):
    """Bytes on disks that OM will free, replicas counted; -1 before the first checkpoint has been read.

    SCM and the datanodes have fields of their own, which are there once they are read.
    """

    totalSize: int | None = Field(None, description="OM: both of the following.")
    pendingDirectorySize: int | None = Field(None, description="OM: all files below directories that were deleted.")
    pendingKeySize: int | None = Field(None, description="OM: all versions of keys that were deleted.")
    totalBlocksize: int | None = Field(None, description="SCM: bytes of blocks; -1 until SCM is read.")
    totalReplicatedBlockSize: int | None = Field(None, description="SCM: their bytes on disks; -1 until SCM is read.")
    totalBlocksCount: int | None = Field(None, description="SCM: number of blocks; -1 until SCM is read.")
    status: str | None = Field(None, description="Datanodes: NOT_STARTED until they are read.")


async def pending_deletion(
    view: CurrentView,
    component: Annotated[str, Query(description="`om`, `scm` or `dn`.")] = "",
    limit: Annotated[Int32 | None, Query(description="The most datanodes to answer with.")] = None,
) -> Response:
    """What waits at SCM and at the datanodes is not known until they are read: -1, and status 202."""
    asked = component.strip().lower()
    if not asked:
        raise BadRequest("component query parameter is required")
    if asked not in ("dn", "scm", "om"):
        raise BadRequest("component query parameter must be one of dn, scm, om")
    if asked == "scm":
        return json_response({"totalBlocksize": -1, "totalReplicatedBlockSize": -1, "totalBlocksCount": -1})
    if asked == "dn":
        if limit is not None and limit < 1:
            raise BadRequest("Limit query parameter must be at-least 1")
        unread = {"totalPendingDeletionSize": None, "pendingDeletionPerDataNode": None}
        failed = {"totalNodesQueried": 0, "totalNodeQueriesFailed": 0}
        return json_response({"status": "NOT_STARTED", **unread, **failed}, 202)
    if view.generation is None:
        return json_response(dict.fromkeys(("totalSize", "pendingDirectorySize", "pendingKeySize"), -1))
    pending = pending_bytes(view.generation)
    return json_response(
        {
            "totalSize": pending.directories + pending.keys,
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
        others={202: "The datanodes have not been read."},
    ),
)
