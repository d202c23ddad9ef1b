"""The route /blocks/deletePending, which answers as Recon does where it has read no database of SCM's."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.parameters import Int64, Limit
from ozone_recon.api.responses import HttpRefusal, json_response
from ozone_recon.api.route import Route


class DeletedBlocks(BaseModel):
    """A transaction of SCM's that has datanodes delete blocks of a container."""

    containerId: int | None = Field(None, description="The container.")
    localIDList: list[int] | None = Field(None, description="The blocks, by their numbers within it.")
    localIDCount: int | None = Field(None, description="How many.")
    txID: int | None = Field(None, description="The transaction's number.")


async def delete_pending(
    view: CurrentView,
    limit: Limit = 1000,
    prevKey: Annotated[Int64, Query(description="Begin after this transaction.")] = 0,
) -> Response:
    """Always empty: SCM tells nobody which blocks it has to delete, only how many, see /pendingDeletion."""
    if limit < 0 or prevKey < 0:
        raise HttpRefusal(406, "limit and prevKey must not be negative.")
    view.ready_scm()
    return json_response({})


ROUTES = (
    Route(
        "/blocks/deletePending",
        delete_pending,
        "Blocks that SCM has still to have deleted, by the state of their containers.",
        dict[str, list[DeletedBlocks]],
        cluster=True,
    ),
)
