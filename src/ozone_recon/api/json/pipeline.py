"""A pipeline as JSON: what several routes say of it, and all that Recon shows of Java's object."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from ozone_recon.api.json.datanode import DatanodeDetailsJson, DatanodeId, Fragments
from ozone_recon.api.json.om import FACTORS, ReplicationJson, ec_text, replication_json
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import DatanodeDetails, Pipeline


class PipelineId(BaseModel):
    """A pipeline's id."""

    id: str = Field(description="The UUID.")


class PipelineJson(BaseModel):
    """A pipeline, with all that Java's object has. Times are seconds since 1970."""

    id: PipelineId = Field(description="Its id.")
    replicationConfig: ReplicationJson = Field(description="How what is written in it is replicated.")
    replicaIndexes: dict[str, int] = Field(
        description="Which part of an EC container each member has, by `uuid(host/address)`; else 0."
    )
    nodesInOrder: list[DatanodeDetailsJson] = Field(description="Its members.")
    leaderId: DatanodeId | None = Field(description="Its leader.")
    creationTimestamp: float = Field(description="When it was made.")
    suggestedLeaderId: DatanodeId | None = Field(description="Who is to lead it.")
    stateEnterTime: None = Field(description="Always null: SCM does not tell.")
    empty: bool = Field(description="Whether it has no members.")
    type: str = Field(description="RATIS, STAND_ALONE or EC.")
    nodes: list[DatanodeDetailsJson] = Field(description="Its members.")
    healthy: bool = Field(description="Whether it is open and, if it has to have a leader, has one.")
    pipelineState: str = Field(description="ALLOCATED, OPEN, DORMANT or CLOSED.")
    leaderNode: DatanodeDetailsJson | None = Field(description="Its leader, or its first member when it has none.")
    firstNode: DatanodeDetailsJson | None = Field(description="Its first member.")
    closestNode: DatanodeDetailsJson | None = Field(description="The same.")


def factor_text(replication: ReplicationConfig) -> str:
    """ONE or THREE; of EC a text such as `rs-3-2-1024k`."""
    if replication.kind == "EC":
        return ec_text(replication)
    return FACTORS.get(replication.factor, str(replication.factor))


def leader_of(pipeline: Pipeline) -> DatanodeDetails | None:
    """The leader; the first member of a pipeline that needs none; None while there is none."""
    if pipeline.replication.kind != "RATIS":
        return next(iter(pipeline.members), None)
    return next((member for member in pipeline.members if member.uuid == pipeline.leader), None)


def leader_host(pipeline: Pipeline) -> str:
    """The leader's host; empty while there is no leader."""
    leader = leader_of(pipeline)
    return shown(leader.host_name) if leader else ""


def pipeline_json(pipeline: Pipeline, datanodes: Fragments) -> dict[str, Any]:
    """A PipelineJson, with its members from `datanodes`."""
    members = [datanodes[member.uuid] for member in pipeline.members]
    first = members[0] if members else None
    leader = leader_of(pipeline)
    return {
        "id": {"id": shown(pipeline.pipeline_id)},
        "replicationConfig": replication_json(pipeline.replication),
        "replicaIndexes": {
            shown(f"{member.uuid}({member.host_name}/{member.ip_address})"): index
            for member, index in zip(pipeline.members, pipeline.replica_indexes, strict=True)
        },
        "nodesInOrder": members,
        "leaderId": _datanode_id(pipeline.leader),
        "creationTimestamp": pipeline.creation_time / 1000,
        "suggestedLeaderId": _datanode_id(pipeline.suggested_leader),
        "stateEnterTime": None,
        "empty": not members,
        "type": pipeline.replication.kind,
        "nodes": members,
        "healthy": pipeline.state == "OPEN" and leader is not None,
        "pipelineState": pipeline.state,
        "leaderNode": datanodes[leader.uuid] if leader else first,
        "firstNode": first,
        "closestNode": first,
    }


def _datanode_id(uuid: str | None) -> dict[str, Any] | None:
    if uuid is None:
        return None
    return {"uuid": shown(uuid), "byteString": {"validUtf8": True, "empty": not uuid}}
