"""Serves /containers/mismatch: containers that only one of OM and SCM knows."""

from __future__ import annotations

import asyncio
from typing import Annotated
from weakref import ref

import numpy as np
import orjson
from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.json.datanode import fragments
from ozone_recon.api.json.pipeline import PipelineJson, pipeline_json
from ozone_recon.api.json.rows import rows_json, scalars
from ozone_recon.api.parameters import PAGE, Int64, Limit
from ozone_recon.api.responses import HttpRefusal, page_response
from ozone_recon.api.route import Route
from ozone_recon.columnar.byte_column import ByteColumn, Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, same_slices, slices_of_texts
from ozone_recon.errors import BadRequest
from ozone_recon.insights.cluster.tables import CONTAINERS
from ozone_recon.insights.containers.listing import pipelines_of
from ozone_recon.insights.containers.mismatch import OM_CONTAINERS, Mismatch, after, compare
from ozone_recon.model.cluster import Cluster
from ozone_recon.store.generation import Generation


class Discrepancy(BaseModel):
    """A container that exists in only one of OM and SCM."""

    containerId: int = Field(description="Container ID.")
    numberOfKeys: int = Field(description="Number of (key, version) pairs with a block in it; 0 if OM knows none.")
    pipelines: list[PipelineJson] = Field(
        description="Pipeline in which it was written, if it still exists and SCM knows the container."
    )
    existsAt: str | None = Field(
        None, description="Where the container exists: OM or SCM. Omitted for deleted containers."
    )


class Discrepancies(BaseModel):
    """A page of containers that exist in only one of OM and SCM."""

    containerDiscrepancyInfo: list[Discrepancy] = Field(description="The containers, in container ID order.")
    lastKey: int | None = Field(
        description="Last container ID: the prevKey of the next page; null if the page is empty."
    )


PrevKey = Annotated[Int64, Query(description="Start after this container ID; the container need not exist.")]


class _LastComparison:
    """Caches the comparison of the last pair of generations. One thread computes it; concurrent requests share it."""

    def __init__(self) -> None:
        self._generations: tuple[ref[Generation], ...] = ()
        self._comparison: asyncio.Future[Mismatch] | None = None

    async def of(self, *generations: Generation) -> Mismatch:
        """Returns the comparison of the OM generation and the cluster generation, in this order."""
        comparison = self._comparison
        if comparison is None or _has_failed(comparison) or tuple(one() for one in self._generations) != generations:
            self._generations = tuple(map(ref, generations))
            comparison = self._comparison = asyncio.ensure_future(asyncio.to_thread(compare, *generations))
        return await asyncio.shield(comparison)


def _has_failed(comparison: asyncio.Future[Mismatch]) -> bool:
    return comparison.done() and (comparison.cancelled() or comparison.exception() is not None)


_LAST = _LastComparison()


async def mismatch(
    view: CurrentView,
    limit: Limit = 1000,
    prevKey: PrevKey = 0,
    missingIn: Annotated[
        str, Query(description="Where the container is missing: SCM or OM, case-insensitive.")
    ] = "SCM",
) -> Response:
    """Containers deleted in SCM count as missing there. A negative limit or prevKey returns 406, as in Recon."""
    if limit < 0 or prevKey < 0:
        raise HttpRefusal(406, "limit and prevKey must not be negative.")
    if missingIn.upper() not in ("SCM", "OM"):
        raise BadRequest(f"missingIn is {missingIn!r}: allowed are SCM and OM.")
    om, tables = view.ready(), view.ready_cluster_generation()
    found = await _LAST.of(om, tables)
    if missingIn.upper() == "SCM":
        return _of_om(om, after(found.not_in_scm, om.table(OM_CONTAINERS)["id"], prevKey, limit), b'"OM"')
    ids = tables.table(CONTAINERS)["id"]
    rows = after(found.not_in_om, ids, prevKey, limit)
    pipelines = _pipelines(tables, rows, view.cluster or Cluster())
    return _answer(ids[rows], np.zeros(len(rows), np.int64), pipelines, same_slices(b'"SCM"', len(rows)))


async def deleted(view: CurrentView, limit: Limit = 1000, prevKey: PrevKey = 0) -> Response:
    """A limit of 0 or less returns the largest page. A negative prevKey returns 406, as in Recon."""
    if prevKey < 0:
        raise HttpRefusal(406, "prevKey must not be negative.")
    om, tables = view.ready(), view.ready_cluster_generation()
    found = await _LAST.of(om, tables)
    return _of_om(om, after(found.deleted, om.table(OM_CONTAINERS)["id"], prevKey, limit if limit > 0 else PAGE), b"")


def _of_om(om: Generation, rows: Int64s, exists_at: bytes) -> Response:
    table = om.table(OM_CONTAINERS)
    pipelines, exists = (same_slices(text, len(rows)) for text in (b"[]", exists_at))
    return _answer(table["id"][rows], table["pairs"][rows], pipelines, exists)


def _answer(ids: Int64s, keys: Int64s, pipelines: ByteSlices, exists_at: ByteSlices) -> Response:
    rows = {"containerId": scalars(ids), "numberOfKeys": scalars(keys), "pipelines": pipelines, "existsAt": exists_at}
    return page_response({"containerDiscrepancyInfo": rows_json(rows), "lastKey": int(ids[-1]) if len(ids) else None})


def _pipelines(tables: Generation, rows: Int64s, cluster: Cluster) -> ByteSlices:
    """Serialises for each container a list of its pipeline; the list is empty if SCM has no pipeline of that ID."""
    ids = joined([pipelines_of(tables, rows)]).items()
    wanted = set(ids)
    there = [one for one in cluster.pipelines if one.pipeline_id.encode(errors="surrogateescape") in wanted]
    datanodes = fragments(member for one in there for member in one.members)
    written = {
        one.pipeline_id.encode(errors="surrogateescape"): orjson.dumps([pipeline_json(one, datanodes)]) for one in there
    }
    return slices_of_texts(ByteColumn.of(written.get(one, b"[]") for one in ids))


ROUTES = (
    Route(
        "/containers/mismatch",
        mismatch,
        "Lists containers that exist in only one of OM and SCM, in ID order.",
        Discrepancies,
        cluster=True,
    ),
    Route(
        "/containers/mismatch/deleted",
        deleted,
        "Lists containers deleted in SCM that still hold blocks of keys, in ID order.",
        Discrepancies,
        cluster=True,
    ),
)
