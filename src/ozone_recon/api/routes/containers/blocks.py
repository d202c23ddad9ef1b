"""Serves /blocks/deletePending, always empty: the answer of a Recon that holds no SCM database."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.parameters import Int64, Limit
from ozone_recon.api.responses import HttpRefusal, json_response
from ozone_recon.api.route import Route


class DeletedBlocks(BaseModel):
    """An SCM transaction that deletes blocks of one container."""

    containerId: int | None = Field(None, description="Container ID.")
    localIDList: list[int] | None = Field(None, description="Local IDs of the blocks.")
    localIDCount: int | None = Field(None, description="Number of blocks.")
    txID: int | None = Field(None, description="Transaction ID.")


async def delete_pending(
    view: CurrentView,
    limit: Limit = 1000,
    prevKey: Annotated[Int64, Query(description="Start after this transaction ID.")] = 0,
) -> Response:
    """Always empty: SCM's RPCs report only the number of blocks pending deletion; see /pendingDeletion."""
    if limit < 0 or prevKey < 0:
        raise HttpRefusal(406, "limit and prevKey must not be negative.")
    view.ready_scm()
    return json_response({})


ROUTES = (
    Route(
        "/blocks/deletePending",
        delete_pending,
        "Lists the blocks pending deletion in SCM, by container state.",
        dict[str, list[DeletedBlocks]],
        cluster=True,
    ),
)
