"""Serves /datanodes/decommission: decommissioning datanodes and the containers they are waiting for."""

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
"""Latest time a datetime can represent, in milliseconds since 1970."""


class DecommissionMetrics(BaseModel):
    """Progress of a decommission, as reported by SCM."""

    decommissionStartTime: str = Field(description="Start time in UTC, as `dd/MM/yyyy hh:mm:ss` on a 12-hour clock.")
    decommissionStartedAt: int = Field(description="Start time in milliseconds since 1970.")
    numOfUnclosedPipelines: int = Field(description="Number of pipelines it is still a member of.")
    numOfUnderReplicatedContainers: float = Field(
        description="Number of its containers with too few replicas on other datanodes."
    )
    numOfUnclosedContainers: float = Field(description="Number of its containers that are not closed.")


class DecommissioningDatanodeJson(BaseModel):
    """A decommissioning datanode."""

    datanodeDetails: DatanodeDetailsJson = Field(description="The datanode.")
    metrics: DecommissionMetrics | None = Field(description="Progress; null until SCM reports it.")
    containers: dict[str, list[str]] = Field(
        description="Containers it is waiting for, written as `#1`, by reason: UnderReplicated or UnClosed."
    )


class DecommissionInfo(BaseModel):
    """Decommissioning datanodes."""

    DatanodesDecommissionInfo: list[DecommissioningDatanodeJson] = Field(description="The datanodes, in SCM's order.")


async def info(view: CurrentView) -> Response:
    """The answer is SCM's state at the last query."""
    return _answer(view.ready_scm().decommissioning)


async def info_of(
    view: CurrentView,
    uuid: Annotated[str, Query(description="UUID of the datanode.")] = "",
    ipAddress: Annotated[str, Query(description="IP address of the datanode; ignored if uuid is given.")] = "",
) -> Response:
    """The list is empty for a datanode that is not decommissioning."""
    if not uuid and not ipAddress:
        raise BadRequest("One of the parameters uuid and ipAddress is required.")
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
        "Lists decommissioning datanodes and the containers they are waiting for.",
        DecommissionInfo,
        cluster=True,
    ),
    Route(
        "/datanodes/decommission/info/datanode",
        info_of,
        "Returns the decommission progress of one datanode.",
        DecommissionInfo,
        cluster=True,
    ),
)
