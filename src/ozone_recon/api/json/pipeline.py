"""Serialises pipelines as Recon does: every bean property of Java's Pipeline, and texts shared by several routes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from ozone_recon.api.json.datanode import DatanodeDetailsJson, DatanodeId, Fragments
from ozone_recon.api.json.om import FACTORS, ReplicationJson, ec_text, replication_json
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import DatanodeDetails, Pipeline


class PipelineId(BaseModel):
    """A pipeline ID."""

    id: str = Field(description="UUID of the pipeline.")


class PipelineJson(BaseModel):
    """A pipeline with every bean property of Java's Pipeline. Times are seconds since 1970."""

    id: PipelineId = Field(description="Pipeline ID.")
    replicationConfig: ReplicationJson = Field(description="Replication configuration.")
    replicaIndexes: dict[str, int] = Field(
        description="EC replica index of each member, by `uuid(host/address)`; 0 if the pipeline is not EC."
    )
    nodesInOrder: list[DatanodeDetailsJson] = Field(description="Member datanodes.")
    leaderId: DatanodeId | None = Field(description="Leader; null if there is none.")
    creationTimestamp: float = Field(description="Creation time.")
    suggestedLeaderId: DatanodeId | None = Field(description="Suggested leader; null if there is none.")
    stateEnterTime: None = Field(description="Always null: SCM's RPCs do not report it.")
    empty: bool = Field(description="True if it has no members.")
    type: str = Field(description="RATIS, STAND_ALONE or EC.")
    nodes: list[DatanodeDetailsJson] = Field(description="Member datanodes.")
    healthy: bool = Field(description="True if it is open and has a leader, if it needs one.")
    pipelineState: str = Field(description="ALLOCATED, OPEN, DORMANT or CLOSED.")
    leaderNode: DatanodeDetailsJson | None = Field(description="Leader; the first member if there is none.")
    firstNode: DatanodeDetailsJson | None = Field(description="First member.")
    closestNode: DatanodeDetailsJson | None = Field(description="The same as firstNode.")


def factor_text(replication: ReplicationConfig) -> str:
    """Formats a replication factor: ONE or THREE; for EC a text such as `rs-3-2-1024k`."""
    if replication.kind == "EC":
        return ec_text(replication)
    return FACTORS.get(replication.factor, str(replication.factor))


def leader_of(pipeline: Pipeline) -> DatanodeDetails | None:
    """Returns the leader; the first member of a pipeline that needs no leader; None while there is none."""
    if pipeline.replication.kind != "RATIS":
        return next(iter(pipeline.members), None)
    return next((member for member in pipeline.members if member.uuid == pipeline.leader), None)


def leader_host(pipeline: Pipeline) -> str:
    """Returns the leader's host name; empty while there is no leader."""
    leader = leader_of(pipeline)
    return shown(leader.host_name) if leader else ""


def pipeline_json(pipeline: Pipeline, datanodes: Fragments) -> dict[str, Any]:
    """Serialises a pipeline as a PipelineJson, with its members taken from `datanodes`."""
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
