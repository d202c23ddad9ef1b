"""The routes /volumes and /buckets."""

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
    volumes: list[VolumeJson] = Field(description="In byte order of their names.")


class BucketsResponse(BaseModel):
    """A page of buckets."""

    totalCount: int = Field(description="Number of buckets on this page.")
    buckets: list[BucketJson] = Field(description="In byte order of `/volume/bucket`.")


async def volumes(
    view: CurrentView,
    limit: Limit = 1000,
    prevKey: Annotated[
        str, Query(description="Begin after this volume, be it there or not: the page before ended with it.")
    ] = "",
) -> Response:
    """A limit of 0 or less answers with none."""
    if view.generation is None:
        return json_response({"totalCount": 0, "volumes": []})
    found = list_volumes(view.generation, prevKey, max(0, limit))
    return page_response({"totalCount": len(found), "volumes": volumes_json(found)})


async def buckets(
    view: CurrentView,
    volume: Annotated[str, Query(description="The volume whose buckets are asked for; without it, all buckets.")] = "",
    limit: Limit = 1000,
    prevKey: Annotated[
        str,
        Query(
            description="Begin after this bucket, be it there or not: its name, or `volume/bucket` when no volume is "
            "given."
        ),
    ] = "",
) -> Response:
    """A limit of 0 or less answers with none."""
    if view.generation is None:
        return json_response({"totalCount": 0, "buckets": []})
    found = list_buckets(view.generation, volume or None, prevKey, max(0, limit))
    return page_response({"totalCount": len(found), "buckets": buckets_json(found)})


ROUTES = (
    Route("/volumes", volumes, "The volumes, in order of their names.", VolumesResponse),
    Route("/buckets", buckets, "The buckets of a volume or of all, in order of their names.", BucketsResponse),
)
