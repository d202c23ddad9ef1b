"""Serves /containers/missing and /containers/unhealthy: containers by unhealthy state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView, View
from ozone_recon.api.json.container import pipeline_ids
from ozone_recon.api.json.replicas import ContainerHistory, replicas_json
from ozone_recon.api.json.rows import chosen, lists, rows_json, scalars
from ozone_recon.api.parameters import Int32, Int64, Limit
from ozone_recon.api.responses import page_response
from ozone_recon.api.route import Route
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, Part
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.errors import BadRequest, NotReady
from ozone_recon.insights.cluster.tables import CONTAINERS
from ozone_recon.insights.containers.health.build import UNHEALTHY
from ozone_recon.insights.containers.health.pages import (
    count_unhealthy,
    is_evaluated,
    unhealthy_after,
    unhealthy_before,
    unhealthy_from,
)
from ozone_recon.insights.containers.listing import latest_of, rows_of
from ozone_recon.insights.om.key_rows import shown
from ozone_recon.model.container_health import UnhealthyContainer, UnhealthyState
from ozone_recon.store.generation import Generation

MAX_NAMED = 5
"""Maximum number of unreported datanodes named in the 503 message."""
STATE_NAMES = [state.name for state in UnhealthyState]
COUNTS = {
    UnhealthyState.MISSING: "missingCount",
    UnhealthyState.UNDER_REPLICATED: "underReplicatedCount",
    UnhealthyState.OVER_REPLICATED: "overReplicatedCount",
    UnhealthyState.MIS_REPLICATED: "misReplicatedCount",
    UnhealthyState.REPLICA_MISMATCH: "replicaMismatchCount",
    UnhealthyState.EMPTY_MISSING: "emptyMissingCount",
    UnhealthyState.NEGATIVE_SIZE: "negativeSizeCount",
}
REASONS = [
    UnhealthyContainer(0, state, 0, 0, actual).reason if state in COUNTS else ""
    for state in UnhealthyState
    for actual in (0, 1)
]
"""Reason texts, at index 2 * state + (1 if the container has replicas)."""


class MissingContainer(BaseModel):
    """A container with too few replicas to be read. Times are milliseconds since 1970."""

    containerID: int = Field(description="Container ID.")
    missingSince: int = Field(description="Time at which the state was detected.")
    keys: int = Field(description="Number of blocks.")
    pipelineID: str | None = Field(description="Pipeline in which it was written; null if there is none.")
    replicas: list[ContainerHistory] = Field(
        description="Present replicas and the most recently seen lost ones, most recently seen first."
    )


class MissingContainers(BaseModel):
    """A page of missing containers."""

    totalCount: int = Field(description="Number of containers on this page.")
    containers: list[MissingContainer] = Field(description="The containers, in container ID order.")


class UnhealthyContainerJson(BaseModel):
    """A container in one unhealthy state. Times are milliseconds since 1970."""

    containerID: int = Field(description="Container ID.")
    containerState: str = Field(description="Unhealthy state.")
    unhealthySince: int = Field(description="Time at which the state was detected.")
    expectedReplicaCount: int = Field(description="Number of replicas it should have.")
    actualReplicaCount: int = Field(description="Number of replicas it has.")
    replicaDeltaCount: int = Field(description="Number of excess replicas; negative if there are too few.")
    reason: str = Field(description="Reason for the state.")
    keys: int = Field(description="Number of blocks.")
    pipelineID: str | None = Field(description="Pipeline in which it was written; null if there is none.")
    replicas: list[ContainerHistory] = Field(
        description="Present replicas; if there are too few, also the most recently seen lost ones."
    )


class UnhealthyPage(BaseModel):
    """A page of unhealthy containers. A container in several states has a row for each."""

    missingCount: int = Field(description="Number of missing containers in the cluster.")
    underReplicatedCount: int = Field(description="Number of under-replicated containers in the cluster.")
    overReplicatedCount: int = Field(description="Number of over-replicated containers in the cluster.")
    misReplicatedCount: int = Field(
        description="Number of mis-replicated containers (replicas on the wrong racks) in the cluster."
    )
    replicaMismatchCount: int = Field(
        description="Number of containers in the cluster whose replicas have different checksums."
    )
    emptyMissingCount: int = Field(description="Number of missing containers in the cluster that are empty.")
    negativeSizeCount: int = Field(
        description="Number of under-, over- and mis-replicated containers with a negative size."
    )
    firstKey: int = Field(
        description="First container ID of this page: the maxContainerId of the previous page; 0 if the page is empty."
    )
    lastKey: int = Field(
        description="Last container ID of this page: the minContainerId of the next page; 0 if the page is empty."
    )
    containers: list[UnhealthyContainerJson] = Field(description="The rows, in order of container ID, then state name.")


MinContainerId = Annotated[Int64, Query(description="Start after this container ID; the container need not exist.")]
MaxContainerId = Annotated[
    Int64, Query(description="Return the last rows before this container ID; 0 or less: use minContainerId.")
]
BatchNumber = Annotated[
    Int32,
    Query(
        description="Page number from 1, as in Recon up to 2.0; ignored with minContainerId or maxContainerId. Such a "
        "page can end between two rows of a container."
    ),
]
State = Annotated[str, Path(description=f"{', '.join(STATE_NAMES)}.")]


async def missing(view: CurrentView, limit: Limit = 1000) -> Response:
    """A limit of 0 or less returns an empty page."""
    tables = evaluated_tables(view)
    found = unhealthy_after(tables, 0, max(0, limit), UnhealthyState.MISSING)
    known, containers, common = _common(tables, found)
    since = scalars(tables.table(UNHEALTHY)["since"][known])
    written = rows_json({"containerID": scalars(containers), "missingSince": since, **common})
    return page_response({"totalCount": len(known), "containers": written})


async def unhealthy(
    view: CurrentView,
    limit: Limit = 1000,
    maxContainerId: MaxContainerId = 0,
    minContainerId: MinContainerId = 0,
    batchNum: BatchNumber = 0,
) -> Response:
    """A limit of 0 or less returns no rows. All rows of a container are on one page, so a page can exceed the limit."""
    return _page(evaluated_tables(view), None, limit, maxContainerId, minContainerId, batchNum)


async def unhealthy_in(
    view: CurrentView,
    state: State,
    limit: Limit = 1000,
    maxContainerId: MaxContainerId = 0,
    minContainerId: MinContainerId = 0,
    batchNum: BatchNumber = 0,
) -> Response:
    """The counts cover all states, not only the requested one."""
    if state not in STATE_NAMES:
        raise BadRequest(f"{state!r} is not an unhealthy state: allowed are {', '.join(STATE_NAMES)}.")
    return _page(evaluated_tables(view), UnhealthyState[state], limit, maxContainerId, minContainerId, batchNum)


def evaluated_tables(view: View) -> Generation:
    """Returns the cluster's tables with container health; raises NotReady (HTTP 503) before it has been evaluated."""
    tables = view.ready_cluster_generation()
    if not is_evaluated(tables):
        hosts = view.cluster.waiting_for if view.cluster else ()
        named = ", ".join(map(shown, hosts[:MAX_NAMED])) + (
            f" and {len(hosts) - MAX_NAMED} more" if len(hosts) > MAX_NAMED else ""
        )
        unreported = f": not reported yet by {named}" if named else ""
        raise NotReady(
            f"Container health is unknown until every datanode has sent a full container report{unreported}."
        )
    return tables


def _page(
    tables: Generation, state: UnhealthyState | None, limit: int, before: int, after: int, batch: int
) -> Response:
    limit = max(0, limit)
    if before > 0:
        found = unhealthy_before(tables, before, limit, state)
    elif after <= 0 < batch:
        found = unhealthy_from(tables, (batch - 1) * limit, limit, state)
    else:
        found = unhealthy_after(tables, max(0, after), limit, state)
    known, containers, common = _common(tables, found)
    table = tables.table(UNHEALTHY)
    states = table["state"][known].astype(np.int64)
    expected, actual = table["expected"][known], table["actual"][known]
    counts = count_unhealthy(tables)
    return page_response(
        {name: counts[one] for one, name in COUNTS.items()}
        | {
            "firstKey": int(containers[0]) if len(containers) else 0,
            "lastKey": int(containers[-1]) if len(containers) else 0,
            "containers": rows_json(
                {
                    "containerID": scalars(containers),
                    "containerState": chosen(DictionaryColumn(STATE_NAMES, states), str),
                    "unhealthySince": scalars(table["since"][known]),
                    "expectedReplicaCount": scalars(expected),
                    "actualReplicaCount": scalars(actual),
                    "replicaDeltaCount": scalars(actual - expected),
                    "reason": chosen(DictionaryColumn(REASONS, 2 * states + (actual > 0)), str),
                    **common,
                }
            ),
        }
    )


def _common(tables: Generation, found: Int64s) -> tuple[Int64s, Int64s, dict[str, ByteSlices | Sequence[Part]]]:
    """Returns the rows whose containers are known, their container IDs, and the fields common to both answers."""
    containers = tables.table(UNHEALTHY)["container"][found]
    rows = rows_of(tables, containers)
    known = rows >= 0
    rows = rows[known]
    replicas = latest_of(tables, rows)
    written = lists(replicas_json(tables, replicas, rows), replicas.of, len(rows))
    keys = scalars(tables.table(CONTAINERS)["blocks"][rows])
    return (
        found[known],
        containers[known],
        {"keys": keys, "pipelineID": pipeline_ids(tables, rows), "replicas": written},
    )


ROUTES = (
    Route(
        "/containers/missing",
        missing,
        "Lists the missing containers in ID order.",
        MissingContainers,
        cluster=True,
    ),
    Route(
        "/containers/unhealthy",
        unhealthy,
        "Lists the unhealthy containers in ID order.",
        UnhealthyPage,
        cluster=True,
    ),
    Route(
        "/containers/unhealthy/{state}",
        unhealthy_in,
        "Lists the containers in one unhealthy state, in ID order.",
        UnhealthyPage,
        cluster=True,
    ),
)
