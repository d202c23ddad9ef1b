"""The routes about containers as SCM and the datanodes know them: their replicas, deleted and quasi-closed ones."""

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

MinContainerId = Annotated[Int64, Query(description="Begin after this container, be it there or not.")]
"""`minContainerId` of a listing."""


class DeletedContainer(BaseModel):
    """A container that was deleted; numbers that are 0 are left out."""

    containerId: int = Field(description="Its number.")
    pipelineID: PipelineId | None = Field(description="The pipeline in which it was written.")
    numberOfKeys: int | None = Field(None, description="Blocks in it.")
    containerState: str = Field(description="DELETED.")
    stateEnterTime: int | None = Field(None, description="When it was deleted, in milliseconds since 1970.")
    usedBytes: int | None = Field(None, description="Bytes of one of its replicas.")
    replicationConfig: ReplicationJson = Field(description="How it was replicated.")
    replicationFactor: str | None = Field(None, description="ONE or THREE; left out for EC.")


class QuasiClosedContainer(BaseModel):
    """A container whose replicas were closed without agreement of a pipeline."""

    containerID: int = Field(description="Its number.")
    pipelineID: str | None = Field(description="The pipeline in which it was written.")
    keys: int = Field(description="Blocks in it.")
    stateEnterTime: int = Field(description="Since when it is so, in milliseconds since 1970.")
    expectedReplicaCount: int = Field(description="Replicas that it is to have.")
    actualReplicaCount: int = Field(description="Replicas that are present.")
    replicas: list[ContainerHistory] = Field(
        description="Those it has; if they are too few, the last seen of those it had as well."
    )


class QuasiClosed(BaseModel):
    """A page of quasi-closed containers."""

    quasiClosedCount: int = Field(description="How many there are in all.")
    firstKey: int = Field(description="The first container on this page; minContainerId when it is empty.")
    lastKey: int = Field(description="The last one: the minContainerId of the next page.")
    containers: list[QuasiClosedContainer] = Field(description="In order of their numbers.")


async def replica_history(view: CurrentView, id: ContainerId) -> Response:
    """The replica that was seen last comes first; those that are gone are there too. An unknown container has none."""
    tables = view.ready_cluster_generation()
    rows = rows_of(tables, np.array([id]))
    found = replicas_json(tables, replicas_of(tables, rows[rows >= 0]), rows)
    return written_response(RawJson([b"[", found.data[:-1].data, b"]"]))


async def deleted(
    view: CurrentView,
    limit: Limit = 1000,
    prevKey: Annotated[Int64, Query(description="Begin after this container, be it there or not.")] = 0,
) -> Response:
    """SCM does not tell when a container was last used, which Recon shows as lastUsed."""
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
    """Those with numbers greater than minContainerId."""
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
        "The replicas that a container has or had.",
        list[ContainerHistory],
        cluster=True,
    ),
    Route(
        "/containers/deleted",
        deleted,
        "Containers that were deleted, in order of their numbers.",
        list[DeletedContainer],
        cluster=True,
    ),
    Route(
        "/containers/quasiClosed",
        quasi_closed,
        "Quasi-closed containers, in order of their numbers.",
        QuasiClosed,
        cluster=True,
    ),
)
