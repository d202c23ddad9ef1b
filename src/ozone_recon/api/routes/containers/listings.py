"""Serves container listings from SCM and datanode reports: replica history, deleted and quasi-closed containers."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.json.container import container_states, pipeline_ids, replication_factors, replications
from ozone_recon.api.json.om import ReplicationJson
from ozone_recon.api.json.pipeline import PipelineId
from ozone_recon.api.json.replicas import ContainerHistory, replicas_json
from ozone_recon.api.json.rows import lists, rows_json, scalars
from ozone_recon.api.parameters import ContainerId, Int64, Limit
from ozone_recon.api.responses import RawJson, page_response, written_response
from ozone_recon.api.route import Route
from ozone_recon.columnar.byte_slices import ByteSlices
from ozone_recon.errors import BadRequest
from ozone_recon.insights.cluster.tables import CONTAINERS
from ozone_recon.insights.containers.listing import (
    are_live,
    count_states,
    latest_of,
    replicas_of,
    required_of,
    rows_after,
    rows_of,
)
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.columns import Array

MinContainerId = Annotated[Int64, Query(description="Start after this container ID; the container need not exist.")]


class DeletedContainer(BaseModel):
    """A deleted container; numbers that are 0 are omitted."""

    containerId: int = Field(description="Container ID.")
    pipelineID: PipelineId | None = Field(description="Pipeline in which it was written; null if there is none.")
    numberOfKeys: int | None = Field(None, description="Number of blocks.")
    containerState: str = Field(description="DELETED.")
    stateEnterTime: int | None = Field(None, description="Time of the deletion in milliseconds since 1970.")
    usedBytes: int | None = Field(None, description="Bytes used by one replica.")
    replicationConfig: ReplicationJson = Field(description="Replication of the container.")
    replicationFactor: str | None = Field(None, description="ONE or THREE; omitted for EC.")


class QuasiClosedContainer(BaseModel):
    """A quasi-closed container: its replicas were closed without consensus in the pipeline."""

    containerID: int = Field(description="Container ID.")
    pipelineID: str | None = Field(description="Pipeline in which it was written; null if there is none.")
    keys: int = Field(description="Number of blocks.")
    stateEnterTime: int = Field(description="Time at which it became quasi-closed, in milliseconds since 1970.")
    expectedReplicaCount: int = Field(description="Number of replicas it should have.")
    actualReplicaCount: int = Field(description="Number of replicas present.")
    replicas: list[ContainerHistory] = Field(
        description="Present replicas; if there are too few, also the most recently seen lost ones."
    )


class QuasiClosed(BaseModel):
    """A page of quasi-closed containers."""

    quasiClosedCount: int = Field(description="Number of quasi-closed containers in the cluster.")
    firstKey: int = Field(description="First container ID of this page; minContainerId if the page is empty.")
    lastKey: int = Field(description="Last container ID of this page: the minContainerId of the next page.")
    containers: list[QuasiClosedContainer] = Field(description="The containers, in container ID order.")


async def replica_history(view: CurrentView, id: ContainerId) -> Response:
    """Most recently seen first, including lost replicas. The list is empty for an unknown container."""
    tables = view.ready_cluster_generation()
    rows = rows_of(tables, np.array([id]))
    found = replicas_json(tables, replicas_of(tables, rows[rows >= 0]), rows)
    return written_response(RawJson([b"[", found.data[:-1].data, b"]"]))


async def deleted(
    view: CurrentView,
    limit: Limit = 1000,
    prevKey: Annotated[Int64, Query(description="Start after this container ID; the container need not exist.")] = 0,
) -> Response:
    """Recon's field lastUsed is missing: SCM's RPCs do not report it."""
    if limit < 0 or prevKey < 0:
        raise BadRequest("limit and prevKey must not be negative.")
    tables = view.ready_cluster_generation()
    rows, table = rows_after(tables, prevKey, limit, ContainerState.DELETED), tables.table(CONTAINERS)
    written = rows_json(
        {
            "containerId": scalars(table["id"][rows]),
            "pipelineID": pipeline_ids(tables, rows, b'{"id":', b"}"),
            "numberOfKeys": _unless_zero(table["blocks"][rows]),
            "containerState": container_states(table["state"][rows]),
            "stateEnterTime": _unless_zero(table["state_enter_time"][rows]),
            "usedBytes": _unless_zero(table["used_bytes"][rows]),
            "replicationConfig": replications(tables, rows),
            "replicationFactor": replication_factors(tables, rows),
        }
    )
    return written_response(written)


async def quasi_closed(view: CurrentView, limit: Limit = 1000, minContainerId: MinContainerId = 0) -> Response:
    """Lists quasi-closed containers with IDs greater than minContainerId."""
    for name, value in (("minContainerId", minContainerId), ("limit", limit)):
        if value < 0:
            raise BadRequest(f"{name} must be >= 0")
    tables = view.ready_cluster_generation()
    rows, table = rows_after(tables, minContainerId, limit, ContainerState.QUASI_CLOSED), tables.table(CONTAINERS)
    ids, replicas = table["id"][rows], latest_of(tables, rows)
    live = np.bincount(replicas.of[are_live(tables, replicas.row)], minlength=len(rows))
    return page_response(
        {
            "quasiClosedCount": int(count_states(tables)[ContainerState.QUASI_CLOSED]),
            "firstKey": int(ids[0]) if len(ids) else minContainerId,
            "lastKey": int(ids[-1]) if len(ids) else minContainerId,
            "containers": rows_json(
                {
                    "containerID": scalars(ids),
                    "pipelineID": pipeline_ids(tables, rows),
                    "keys": scalars(table["blocks"][rows]),
                    "stateEnterTime": scalars(table["state_enter_time"][rows]),
                    "expectedReplicaCount": scalars(required_of(tables, rows)),
                    "actualReplicaCount": scalars(live),
                    "replicas": lists(replicas_json(tables, replicas, rows), replicas.of, len(rows)),
                }
            ),
        }
    )


def _unless_zero(values: Array) -> ByteSlices:
    return scalars(values).masked(values != 0)


ROUTES = (
    Route(
        "/containers/{id}/replicaHistory",
        replica_history,
        "Lists the current and past replicas of a container.",
        list[ContainerHistory],
        cluster=True,
    ),
    Route(
        "/containers/deleted",
        deleted,
        "Lists the deleted containers in ID order.",
        list[DeletedContainer],
        cluster=True,
    ),
    Route(
        "/containers/quasiClosed",
        quasi_closed,
        "Lists the quasi-closed containers in ID order.",
        QuasiClosed,
        cluster=True,
    ),
)
