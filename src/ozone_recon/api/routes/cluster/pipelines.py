"""The route /pipelines: the pipelines, and how often each has elected a leader."""

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
    """A pipeline. What elections say is 0 without a Prometheus that knows (ozone.recon.prometheus.http.endpoint)."""

    pipelineId: str = Field(description="Its UUID.")
    status: str = Field(description="ALLOCATED, OPEN, DORMANT or CLOSED.")
    leaderNode: str = Field(description="Host of its leader; empty when there is none.")
    datanodes: list[DatanodeDetailsJson] = Field(description="Its members.")
    lastLeaderElection: int = Field(description="Milliseconds since its leader was elected.")
    duration: int = Field(description="Milliseconds that there has been this pipeline.")
    leaderElections: int = Field(description="How often a leader was elected.")
    replicationType: str = Field(description="RATIS, STAND_ALONE or EC.")
    replicationFactor: str = Field(description="ONE or THREE; for EC a text such as `rs-3-2-1024k`.")
    containers: int = Field(description="Open containers in it.")


class PipelinesResponse(BaseModel):
    """All pipelines."""

    totalCount: int = Field(description="How many there are.")
    pipelines: list[PipelineMetadata] = Field(description="As SCM lists them.")


async def pipelines(view: CurrentView) -> Response:
    """Prometheus is asked twice for all of them; when it does not answer within some seconds, elections are 0."""
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


ROUTES = (Route("/pipelines", pipelines, "The pipelines.", PipelinesResponse, cluster=True),)
