"""The routes /datanodes: what the datanodes are, how they fare, and the removal of dead ones."""

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
_ZERO_IS_LEFT_OUT = ("lastHeartbeat", "containers", "openContainers", "leaderCount", "setupTime", "layoutVersion")


class DatanodePipeline(BaseModel):
    """A pipeline that a datanode is in."""

    pipelineID: str = Field(description="Its UUID.")
    replicationType: str = Field(description="RATIS, STAND_ALONE or EC.")
    replicationFactor: str = Field(description="ONE or THREE, for EC a text such as `rs-3-2-1024k`.")
    leaderNode: str = Field(description="Host of its leader; empty when there is none.")


class DatanodeMetadata(BaseModel):
    """A datanode. Times are milliseconds since 1970; what is 0 or not known is left out."""

    uuid: str = Field(description="Its UUID.")
    hostname: str = Field(description="Its host.")
    state: str = Field(description="By its heartbeats to us: HEALTHY, HEALTHY_READONLY, STALE or DEAD.")
    opState: str | None = Field(
        None, description="IN_SERVICE, ENTERING_MAINTENANCE, IN_MAINTENANCE, DECOMMISSIONING or DECOMMISSIONED."
    )
    lastHeartbeat: int | None = Field(None, description="When we heard of it last.")
    storageReport: StorageReportJson | None = Field(None, description="Its disks, as it reported last.")
    pipelines: list[DatanodePipeline] | None = Field(description="Pipelines that it is in; null of one not in service.")
    containers: int | None = Field(None, description="Replicas that it has.")
    openContainers: int | None = Field(None, description="Those of open containers.")
    leaderCount: int | None = Field(None, description="Pipelines that it leads.")
    version: str | None = Field(None, description="Version of its software.")
    setupTime: int | None = Field(None, description="When it was set up.")
    revision: str | None = Field(None, description="Revision of its software.")
    layoutVersion: int | None = Field(None, description="Layout in which it keeps its data.")
    networkLocation: str | None = Field(None, description="The rack that it is in.")


class DatanodesResponse(BaseModel):
    """All datanodes."""

    totalCount: int = Field(description="How many there are.")
    datanodes: list[DatanodeMetadata] = Field(description="In order of their UUIDs.")


class SomeDatanodes(BaseModel):
    """Some of the datanodes that were to be removed."""

    totalCount: int = Field(description="How many.")
    datanodes: list[DatanodeMetadata] = Field(description="Which, without their disks and pipelines.")


class FailedDatanodes(BaseModel):
    """Those that were not removed."""

    totalCount: int = Field(description="How many.")
    errors: dict[str, str] = Field(description="Why not, by their UUIDs.")


class RemovedByKind(BaseModel):
    """What became of the datanodes that were to be removed; what is empty is left out."""

    failedDatanodes: FailedDatanodes | None = Field(None, description="Those that must not be removed.")
    notFoundDatanodes: SomeDatanodes | None = Field(None, description="Those that nobody knows.")
    removedDatanodes: SomeDatanodes | None = Field(None, description="Those that were removed.")


class RemoveDatanodesResponse(BaseModel):
    """What became of the datanodes that were to be removed."""

    datanodesResponseMap: RemovedByKind = Field(description="By what became of them.")


async def datanodes(view: CurrentView) -> Response:
    """Those that have reported to us, and those that SCM knows."""
    cluster = view.ready_cluster()
    pipelines: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    leads: defaultdict[str | None, int] = defaultdict(int)
    for pipeline in cluster.pipelines:
        leads[pipeline.leader] += 1
        described = _pipeline(pipeline)
        for member in pipeline.members:
            pipelines[member.uuid].append(described)
    rows = [
        _about(one)
        | {
            "storageReport": _storage(one),
            "pipelines": pipelines.get(one.details.uuid, []),
            "containers": one.containers,
            "openContainers": one.open_containers,
            "leaderCount": leads.get(one.details.uuid, 0),
        }
        for one in cluster.datanodes
    ]
    return json_response({"totalCount": len(rows), "datanodes": list(map(_without_unknown, rows))})


def _pipeline(pipeline: Pipeline) -> dict[str, str]:
    return {
        "pipelineID": shown(pipeline.pipeline_id),
        "replicationType": pipeline.replication.kind,
        "replicationFactor": factor_text(pipeline.replication),
        "leaderNode": leader_host(pipeline),
    }


def _about(datanode: Datanode) -> dict[str, Any]:
    """What is said of a datanode wherever it is."""
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


def _without_unknown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in row.items() if value is not None and (value or name not in _ZERO_IS_LEFT_OUT)
    }


async def remove(
    view: CurrentView, uuids: Annotated[list[str], Body(description="The UUIDs of the datanodes.")]
) -> Response:
    """Only dead datanodes without open containers and pipelines are. One that registers again is there again."""
    malformed = [uuid for uuid in uuids if not _UUID.fullmatch(uuid)]
    if malformed or not uuids:
        raise BadRequest(f"{malformed[0]!r} is no UUID; none was removed." if malformed else "Give some UUIDs.")
    removal = await view.ask_cluster(RemoveDatanodes(tuple(map(str.lower, uuids))))
    unknown = [{"uuid": uuid, "hostname": "", "state": "DEAD", "pipelines": None} for uuid in removal.not_found]
    removed = [_without_unknown(_about(one)) | {"pipelines": None} for one in removal.removed]
    groups: dict[str, dict[str, Any]] = {
        "failedDatanodes": {"totalCount": len(removal.refused), "errors": removal.refused},
        "notFoundDatanodes": {"totalCount": len(unknown), "datanodes": unknown},
        "removedDatanodes": {"totalCount": len(removed), "datanodes": removed},
    }
    return json_response({"datanodesResponseMap": {name: of for name, of in groups.items() if of["totalCount"]}})


ROUTES = (
    Route("/datanodes", datanodes, "The datanodes, and how they fare.", DatanodesResponse, cluster=True),
    Route(
        "/datanodes/remove",
        remove,
        "Forgets datanodes that are dead.",
        RemoveDatanodesResponse,
        immutable=False,
        method="PUT",
        others={415: "The body is no JSON.", 503: "There is no cluster."},
    ),
)
