"""The routes about unhealthy containers: the lists that Recon keeps of them."""

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

NAMED = 5
"""Datanodes to be named that have still to report."""
NAMES = [state.name for state in UnhealthyState]
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
"""By state, and whether there are replicas."""


class MissingContainer(BaseModel):
    """A container that has too few replicas to be read. Times are milliseconds since 1970."""

    containerID: int = Field(description="Its number.")
    missingSince: int = Field(description="When that was found out.")
    keys: int = Field(description="Blocks in it.")
    pipelineID: str | None = Field(description="The pipeline in which it was written.")
    replicas: list[ContainerHistory] = Field(
        description="The replicas it has, and the last seen of those it had, the one that was seen last first."
    )


class MissingContainers(BaseModel):
    """A page of missing containers."""

    totalCount: int = Field(description="How many are on this page.")
    containers: list[MissingContainer] = Field(description="In order of their numbers.")


class Unhealthy(BaseModel):
    """A container in one of the lists. Times are milliseconds since 1970."""

    containerID: int = Field(description="Its number.")
    containerState: str = Field(description="The list that it is in.")
    unhealthySince: int = Field(description="When that was found out.")
    expectedReplicaCount: int = Field(description="Replicas that it is to have.")
    actualReplicaCount: int = Field(description="Replicas that it has.")
    replicaDeltaCount: int = Field(description="How many are too many; negative: too few.")
    reason: str = Field(description="Why it is in the list.")
    keys: int = Field(description="Blocks in it.")
    pipelineID: str | None = Field(description="The pipeline in which it was written.")
    replicas: list[ContainerHistory] = Field(
        description="The replicas it has; if those are too few, the last seen of those it had as well."
    )


class UnhealthyPage(BaseModel):
    """A page of unhealthy containers; a container may be there more than once, each time in another list."""

    missingCount: int = Field(description="Containers that cannot be read, in all.")
    underReplicatedCount: int = Field(description="Containers with too few replicas, in all.")
    overReplicatedCount: int = Field(description="Containers with too many replicas, in all.")
    misReplicatedCount: int = Field(description="Containers whose replicas are in the wrong racks, in all.")
    replicaMismatchCount: int = Field(description="Containers with replicas that differ, in all.")
    emptyMissingCount: int = Field(description="Containers that cannot be read and have nothing in them, in all.")
    negativeSizeCount: int = Field(
        description="Of those with replicas too few, too many or misplaced, how many have a negative size."
    )
    firstKey: int = Field(
        description="The first container on this page: the maxContainerId of the one before; 0 for none."
    )
    lastKey: int = Field(description="The last container on this page: the minContainerId of the next one; 0 for none.")
    containers: list[Unhealthy] = Field(description="In order of their numbers, then of the lists' names.")


MinContainerId = Annotated[Int64, Query(description="Begin after this container, be it there or not.")]
MaxContainerId = Annotated[
    Int64, Query(description="The last ones before this container, be it there or not; 0 or less: see minContainerId.")
]
BatchNumber = Annotated[
    Int32,
    Query(
        description="Which page, from 1 on, as up to Recon 2.0; only without minContainerId and maxContainerId. Such a "
        "page may end within a container."
    ),
]
State = Annotated[str, Path(description=f"{', '.join(NAMES)}.")]


async def missing(view: CurrentView, limit: Limit = 1000) -> Response:
    """A limit of 0 or less answers with none."""
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
    """A limit of 0 or less answers with none. A container is never cut: a page may have some rows more for it."""
    return _page(evaluated_tables(view), None, limit, maxContainerId, minContainerId, batchNum)


async def unhealthy_in(
    view: CurrentView,
    state: State,
    limit: Limit = 1000,
    maxContainerId: MaxContainerId = 0,
    minContainerId: MinContainerId = 0,
    batchNum: BatchNumber = 0,
) -> Response:
    """The counts are those of all lists."""
    if state not in NAMES:
        raise BadRequest(f"{state!r} is no list of unhealthy containers. There are {', '.join(NAMES)}.")
    return _page(evaluated_tables(view), UnhealthyState[state], limit, maxContainerId, minContainerId, batchNum)


def evaluated_tables(view: View) -> Generation:
    """The cluster's tables with the lists; NotReady (HTTP 503) before the containers' health is known."""
    tables = view.ready_cluster_generation()
    if not is_evaluated(tables):
        hosts = view.cluster.waiting_for if view.cluster else ()
        named = ", ".join(map(shown, hosts[:NAMED])) + (f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else "")
        waits = f"; it waits for {named}" if named else ""
        raise NotReady(f"The containers' health is not known before all datanodes have said what they have{waits}.")
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
                    "containerState": chosen(DictionaryColumn(NAMES, states), str),
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
    """Those of these rows whose containers are known, the containers, and the fields that all answers have."""
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
        "Containers that cannot be read, in order of their numbers.",
        MissingContainers,
        cluster=True,
    ),
    Route(
        "/containers/unhealthy",
        unhealthy,
        "All unhealthy containers, in order of their numbers.",
        UnhealthyPage,
        cluster=True,
    ),
    Route(
        "/containers/unhealthy/{state}",
        unhealthy_in,
        "The unhealthy containers of one list, in order of their numbers.",
        UnhealthyPage,
        cluster=True,
    ),
)
