"""Serves /volumes and /buckets: pages of OM's volumes and buckets."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.json.om import BucketJson, VolumeJson
from ozone_recon.api.json.volumes import buckets_json, volumes_json
from ozone_recon.api.parameters import Limit
from ozone_recon.api.responses import json_response, page_response
from ozone_recon.api.route import Route
from ozone_recon.insights.om.volumes import list_buckets, list_volumes


class VolumesResponse(BaseModel):
    """A page of volumes."""

    totalCount: int = Field(description="Number of volumes on this page.")
    volumes: list[VolumeJson] = Field(description="The volumes, in byte order of their names.")


class BucketsResponse(BaseModel):
    """A page of buckets."""

    totalCount: int = Field(description="Number of buckets on this page.")
    buckets: list[BucketJson] = Field(description="The buckets, in byte order of `/volume/bucket`.")


async def volumes(
    view: CurrentView,
    limit: Limit = 1000,
    prevKey: Annotated[
        str, Query(description="Start after this volume, which need not exist: the last volume of the previous page.")
    ] = "",
) -> Response:
    """A limit of 0 or less returns an empty page."""
    if view.generation is None:
        return json_response({"totalCount": 0, "volumes": []})
    found = list_volumes(view.generation, prevKey, max(0, limit))
    return page_response({"totalCount": len(found), "volumes": volumes_json(found)})


async def buckets(
    view: CurrentView,
    volume: Annotated[str, Query(description="List the buckets of this volume; if empty, those of all volumes.")] = "",
    limit: Limit = 1000,
    prevKey: Annotated[
        str,
        Query(
            description="Start after this bucket, which need not exist: its name, or `volume/bucket` if volume is "
            "empty."
        ),
    ] = "",
) -> Response:
    """A limit of 0 or less returns an empty page."""
    if view.generation is None:
        return json_response({"totalCount": 0, "buckets": []})
    found = list_buckets(view.generation, volume or None, prevKey, max(0, limit))
    return page_response({"totalCount": len(found), "buckets": buckets_json(found)})


ROUTES = (
    Route("/volumes", volumes, "Lists the volumes, ordered by name.", VolumesResponse),
    Route("/buckets", buckets, "Lists the buckets of a volume or of all volumes, ordered by name.", BucketsResponse),
)
