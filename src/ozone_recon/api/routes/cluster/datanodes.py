"""Serves /datanodes: the list of datanodes with their health, and the removal of dead ones."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Annotated, Any

from fastapi import Body, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.json.datanode import StorageReportJson, storage_json
from ozone_recon.api.json.pipeline import factor_text, leader_host
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.errors import BadRequest
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.cluster import Datanode
from ozone_recon.model.requests import RemoveDatanodes
from ozone_recon.model.scm import Pipeline

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OMIT_IF_ZERO = ("lastHeartbeat", "containers", "openContainers", "leaderCount", "setupTime", "layoutVersion")


class DatanodePipeline(BaseModel):
    """A pipeline that has the datanode as a member."""

    pipelineID: str = Field(description="UUID of the pipeline.")
    replicationType: str = Field(description="RATIS, STAND_ALONE or EC.")
    replicationFactor: str = Field(description="ONE or THREE; for EC a text such as `rs-3-2-1024k`.")
    leaderNode: str = Field(description="Host name of the leader; empty if there is none.")


class DatanodeMetadata(BaseModel):
    """A datanode. Times are milliseconds since 1970; fields that are 0 or unknown are omitted."""

    uuid: str = Field(description="UUID of the datanode.")
    hostname: str = Field(description="Host name.")
    state: str = Field(description="Health by its heartbeats to this server: HEALTHY, HEALTHY_READONLY, STALE or DEAD.")
    opState: str | None = Field(
        None, description="IN_SERVICE, ENTERING_MAINTENANCE, IN_MAINTENANCE, DECOMMISSIONING or DECOMMISSIONED."
    )
    lastHeartbeat: int | None = Field(None, description="Time of the last heartbeat.")
    storageReport: StorageReportJson | None = Field(None, description="Totals over its disks, from its last report.")
    pipelines: list[DatanodePipeline] | None = Field(
        description="Pipelines it is a member of; null in the answer of /datanodes/remove."
    )
    containers: int | None = Field(None, description="Number of container replicas it holds.")
    openContainers: int | None = Field(None, description="Number of those whose container is open.")
    leaderCount: int | None = Field(None, description="Number of pipelines it leads.")
    version: str | None = Field(None, description="Software version.")
    setupTime: int | None = Field(None, description="Time of its setup.")
    revision: str | None = Field(None, description="Software revision.")
    layoutVersion: int | None = Field(None, description="Metadata layout version.")
    networkLocation: str | None = Field(None, description="Rack in the network topology.")


class DatanodesResponse(BaseModel):
    """All datanodes."""

    totalCount: int = Field(description="Number of datanodes.")
    datanodes: list[DatanodeMetadata] = Field(description="The datanodes, in UUID order.")


class DatanodeGroup(BaseModel):
    """Datanodes with the same outcome of a removal."""

    totalCount: int = Field(description="Number of datanodes.")
    datanodes: list[DatanodeMetadata] = Field(description="The datanodes, without disks and pipelines.")


class FailedDatanodes(BaseModel):
    """Datanodes whose removal was refused."""

    totalCount: int = Field(description="Number of datanodes.")
    errors: dict[str, str] = Field(description="Reason by UUID.")


class RemovalOutcome(BaseModel):
    """Outcome of a removal; empty groups are omitted."""

    failedDatanodes: FailedDatanodes | None = Field(None, description="Datanodes that cannot be removed.")
    notFoundDatanodes: DatanodeGroup | None = Field(None, description="UUIDs that belong to no known datanode.")
    removedDatanodes: DatanodeGroup | None = Field(None, description="Datanodes that were removed.")


class RemoveDatanodesResponse(BaseModel):
    """Outcome of a removal."""

    datanodesResponseMap: RemovalOutcome = Field(description="Datanodes by outcome.")


async def datanodes(view: CurrentView) -> Response:
    """Includes datanodes that have reported to this server and datanodes known to SCM."""
    cluster = view.ready_cluster()
    pipelines: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    leads: defaultdict[str | None, int] = defaultdict(int)
    for pipeline in cluster.pipelines:
        leads[pipeline.leader] += 1
        described = _pipeline(pipeline)
        for member in pipeline.members:
            pipelines[member.uuid].append(described)
    rows = [
        _common(one)
        | {
            "storageReport": _storage(one),
            "pipelines": pipelines.get(one.details.uuid, []),
            "containers": one.containers,
            "openContainers": one.open_containers,
            "leaderCount": leads.get(one.details.uuid, 0),
        }
        for one in cluster.datanodes
    ]
    return json_response({"totalCount": len(rows), "datanodes": list(map(_omit_unknown, rows))})


def _pipeline(pipeline: Pipeline) -> dict[str, str]:
    return {
        "pipelineID": shown(pipeline.pipeline_id),
        "replicationType": pipeline.replication.kind,
        "replicationFactor": factor_text(pipeline.replication),
        "leaderNode": leader_host(pipeline),
    }


def _common(datanode: Datanode) -> dict[str, Any]:
    """Serialises the fields common to all answers about a datanode."""
    details, software, layout = datanode.details, datanode.software, datanode.layout
    return {
        "uuid": shown(details.uuid),
        "hostname": shown(details.host_name),
        "state": datanode.health,
        "opState": datanode.op_state or None,
        "lastHeartbeat": datanode.last_heartbeat,
        "version": software and shown(software.version),
        "setupTime": software.setup_time if software else 0,
        "revision": software and shown(software.revision),
        "layoutVersion": layout.metadata if layout else 0,
        "networkLocation": shown(details.network_location),
    }


def _storage(datanode: Datanode) -> dict[str, Any] | None:
    if datanode.storage is None:
        return None
    names = {"datanodeUuid": shown(datanode.details.uuid), "hostName": shown(datanode.details.host_name)}
    return names | storage_json(datanode.storage)


def _omit_unknown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None and (value or name not in _OMIT_IF_ZERO)}


async def remove(
    view: CurrentView, uuids: Annotated[list[str], Body(description="UUIDs of the datanodes to remove.")]
) -> Response:
    """Removes only dead datanodes without open containers and pipelines. A datanode that registers again reappears."""
    malformed = [uuid for uuid in uuids if not _UUID.fullmatch(uuid)]
    if malformed or not uuids:
        raise BadRequest(
            f"{malformed[0]!r} is not a UUID: no datanode was removed." if malformed else "The list of UUIDs is empty."
        )
    removal = await view.ask_cluster(RemoveDatanodes(tuple(map(str.lower, uuids))))
    unknown = [{"uuid": uuid, "hostname": "", "state": "DEAD", "pipelines": None} for uuid in removal.not_found]
    removed = [_omit_unknown(_common(one)) | {"pipelines": None} for one in removal.removed]
    groups: dict[str, dict[str, Any]] = {
        "failedDatanodes": {"totalCount": len(removal.refused), "errors": removal.refused},
        "notFoundDatanodes": {"totalCount": len(unknown), "datanodes": unknown},
        "removedDatanodes": {"totalCount": len(removed), "datanodes": removed},
    }
    return json_response({"datanodesResponseMap": {name: of for name, of in groups.items() if of["totalCount"]}})


ROUTES = (
    Route("/datanodes", datanodes, "Lists the datanodes with their health and usage.", DatanodesResponse, cluster=True),
    Route(
        "/datanodes/remove",
        remove,
        "Removes dead datanodes.",
        RemoveDatanodesResponse,
        immutable=False,
        method="PUT",
        others={415: "The body is not JSON.", 503: "This server follows no cluster."},
    ),
)
