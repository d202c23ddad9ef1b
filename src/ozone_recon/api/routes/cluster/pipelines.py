"""Serves /pipelines: SCM's pipelines and their leader elections."""

from __future__ import annotations

from fastapi import Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.json.datanode import DatanodeDetailsJson, fragments
from ozone_recon.api.json.pipeline import factor_text, leader_host
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.api.routes.cluster.elections import elections
from ozone_recon.columnar.amounts import clamp
from ozone_recon.insights.om.key_rows import shown


class PipelineMetadata(BaseModel):
    """A pipeline. Election fields are 0 without data from Prometheus (ozone.recon.prometheus.http.endpoint)."""

    pipelineId: str = Field(description="UUID of the pipeline.")
    status: str = Field(description="ALLOCATED, OPEN, DORMANT or CLOSED.")
    leaderNode: str = Field(description="Host name of the leader; empty if there is none.")
    datanodes: list[DatanodeDetailsJson] = Field(description="Member datanodes.")
    lastLeaderElection: int = Field(description="Milliseconds since the last leader election.")
    duration: int = Field(description="Age of the pipeline in milliseconds.")
    leaderElections: int = Field(description="Number of leader elections.")
    replicationType: str = Field(description="RATIS, STAND_ALONE or EC.")
    replicationFactor: str = Field(description="ONE or THREE; for EC a text such as `rs-3-2-1024k`.")
    containers: int = Field(description="Number of open containers.")


class PipelinesResponse(BaseModel):
    """All pipelines."""

    totalCount: int = Field(description="Number of pipelines.")
    pipelines: list[PipelineMetadata] = Field(description="The pipelines, in SCM's order.")


async def pipelines(view: CurrentView) -> Response:
    """Queries Prometheus twice per request; if it does not answer within 5 seconds, election fields are 0."""
    cluster = view.ready_scm()
    elected = await elections(view.context.config)
    datanodes = fragments(member for pipeline in cluster.pipelines for member in pipeline.members)
    rows = [
        {
            "pipelineId": shown(pipeline.pipeline_id),
            "status": pipeline.state,
            "leaderNode": leader_host(pipeline),
            "datanodes": [datanodes[member.uuid] for member in pipeline.members],
            "lastLeaderElection": elected.last(pipeline),
            "duration": clamp(cluster.at - pipeline.creation_time),
            "leaderElections": elected.count(pipeline),
            "replicationType": pipeline.replication.kind,
            "replicationFactor": factor_text(pipeline.replication),
            "containers": cluster.open_containers_of.get(pipeline.pipeline_id, 0),
        }
        for pipeline in cluster.pipelines
    ]
    return json_response({"totalCount": len(rows), "pipelines": rows})


ROUTES = (Route("/pipelines", pipelines, "Lists the pipelines.", PipelinesResponse, cluster=True),)
