"""The routes about datanodes on their way out of service, and what they wait for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.json.datanode import DatanodeDetailsJson, datanode_json
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.errors import BadRequest
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.cluster import DecommissioningDatanode
from ozone_recon.model.scm import DecommissionProgress

LATEST = 253_402_300_799_000
"""Milliseconds since 1970 of the latest time that a date can be of."""


class DecommissionMetrics(BaseModel):
    """How far a datanode is, as SCM counts it."""

    decommissionStartTime: str = Field(description="When it began, in UTC: `dd/MM/yyyy hh:mm:ss`, of twelve hours.")
    decommissionStartedAt: int = Field(description="The same in milliseconds since 1970.")
    numOfUnclosedPipelines: int = Field(description="Pipelines that it is still in.")
    numOfUnderReplicatedContainers: float = Field(description="Containers of it that have too few replicas elsewhere.")
    numOfUnclosedContainers: float = Field(description="Containers of it that are not closed.")


class DatanodeLeaving(BaseModel):
    """A datanode on its way out of service."""

    datanodeDetails: DatanodeDetailsJson = Field(description="The datanode.")
    metrics: DecommissionMetrics | None = Field(description="How far it is; null until SCM says.")
    containers: dict[str, list[str]] = Field(
        description="What it waits for, by UnderReplicated and UnClosed: containers as `#1`."
    )


class DecommissionInfo(BaseModel):
    """Datanodes on their way out of service."""

    DatanodesDecommissionInfo: list[DatanodeLeaving] = Field(description="As SCM lists them.")


async def info(view: CurrentView) -> Response:
    """As SCM said when it was asked last."""
    return _answer(view.ready_scm().decommissioning)


async def info_of(
    view: CurrentView,
    uuid: Annotated[str, Query(description="The datanode's UUID.")] = "",
    ipAddress: Annotated[str, Query(description="Its address, if no UUID is given.")] = "",
) -> Response:
    """Nothing for a datanode that is not leaving."""
    if not uuid and not ipAddress:
        raise BadRequest("Give uuid or ipAddress.")
    leaving = view.ready_scm().decommissioning
    if uuid:
        return _answer(one for one in leaving if one.datanode.uuid == uuid.lower())
    return _answer(one for one in leaving if one.datanode.ip_address == ipAddress)


def _answer(leaving: Iterable[DecommissioningDatanode]) -> Response:
    return json_response({"DatanodesDecommissionInfo": list(map(_row, leaving))})


def _row(leaving: DecommissioningDatanode) -> dict[str, Any]:
    return {
        "datanodeDetails": datanode_json(leaving.datanode),
        "metrics": leaving.progress and _metrics(leaving.progress),
        "containers": {
            shown(pending.reason): [f"#{container}" for container in pending.container_ids]
            for pending in leaving.waits_for
        },
    }


def _metrics(progress: DecommissionProgress) -> dict[str, Any]:
    began = datetime.fromtimestamp(min(max(progress.start_time, 0), LATEST) / 1000, UTC)
    return {
        "decommissionStartTime": began.strftime("%d/%m/%Y %I:%M:%S UTC"),
        "decommissionStartedAt": progress.start_time,
        "numOfUnclosedPipelines": progress.unclosed_pipelines,
        "numOfUnderReplicatedContainers": float(progress.under_replicated_containers),
        "numOfUnclosedContainers": float(progress.unclosed_containers),
    }


ROUTES = (
    Route(
        "/datanodes/decommission/info",
        info,
        "The datanodes on their way out of service, and what they wait for.",
        DecommissionInfo,
        cluster=True,
    ),
    Route(
        "/datanodes/decommission/info/datanode",
        info_of,
        "What one datanode waits for on its way out of service.",
        DecommissionInfo,
        cluster=True,
    ),
)
