"""The routes /utilization: how many keys of which size the buckets have, and how many containers of which size."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.parameters import Int64
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.api.routes.containers.unhealthy import evaluated_tables
from ozone_recon.errors import BadRequest
from ozone_recon.insights.containers.health.build import SIZES
from ozone_recon.insights.namespace import file_sizes
from ozone_recon.insights.size_bins import container_bins_of


class FileCount(BaseModel):
    """Keys of a bucket whose sizes are within one bin."""

    volume: str = Field(description="The volume.")
    bucket: str = Field(description="The bucket.")
    fileSize: int = Field(
        description="The bin's largest size in bytes: 1024 and its doubles; 9223372036854775807 "
        "for all of 2^50 bytes and more."
    )
    count: int = Field(description="How many there are, those below deleted directories included.")


class ContainerCount(BaseModel):
    """Containers whose sizes are within one bin."""

    containerSize: int = Field(
        description="The bin's largest size in bytes: 0 for empty ones, 536870912 and its doubles; 9223372036854775807 "
        "for all of 2^50 bytes and more."
    )
    count: int = Field(description="How many there are.")


async def file_count(
    view: CurrentView,
    volume: Annotated[str | None, Query(description="Only this volume.")] = None,
    bucket: Annotated[str | None, Query(description="Only buckets of this name.")] = None,
    fileSize: Annotated[Int64, Query(description="Only this bin, by its largest size; 0 or less: all.")] = 0,
) -> Response:
    """In order of the lengths of the volumes' names, then the names, then so for buckets, then by size."""
    found = file_sizes.of_buckets(view.generation) if view.generation else []
    rows = [
        {"volume": of.volume, "bucket": of.bucket, "fileSize": of.upper_bound, "count": of.files}
        for of in found
        if (volume is None or of.volume == volume)
        and (bucket is None or of.bucket == bucket)
        and (fileSize <= 0 or of.upper_bound == fileSize)
    ]
    return json_response(rows)


async def container_count(
    view: CurrentView,
    containerSize: Annotated[
        Int64,
        Query(description="Only the bin for so many bytes, be it empty; 0: all bins that are not."),
    ] = 0,
) -> Response:
    """In order of the sizes. Deleted containers are not counted."""
    if containerSize < 0:
        raise BadRequest("containerSize must not be negative.")
    table = evaluated_tables(view).table(SIZES)
    rows = zip(table["upper_bound"].tolist(), table["containers"].tolist(), strict=True)
    of_size = int(container_bins_of(np.array([containerSize]))[0])
    return json_response(
        [
            {"containerSize": upper_bound, "count": count}
            for number, (upper_bound, count) in enumerate(rows)
            if (number == of_size if containerSize else count)
        ]
    )


ROUTES = (
    Route("/utilization/fileCount", file_count, "How many keys of which size the buckets have.", list[FileCount]),
    Route(
        "/utilization/containerCount",
        container_count,
        "How many containers of which size there are.",
        list[ContainerCount],
        cluster=True,
    ),
)
