"""Serves /utilization: the number of keys per bucket and of containers by size bin."""

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
    """The keys of a bucket in one size bin."""

    volume: str = Field(description="Volume name.")
    bucket: str = Field(description="Bucket name.")
    fileSize: int = Field(
        description="Upper bound of the bin in bytes: 1024, 2048, 4096 …; 9223372036854775807 "
        "for sizes of 2^50 bytes and more."
    )
    count: int = Field(description="Number of keys, including those below deleted directories.")


class ContainerCount(BaseModel):
    """The containers in one size bin."""

    containerSize: int = Field(
        description="Upper bound of the bin in bytes: 0 for empty containers, 536870912, 1073741824 …; "
        "9223372036854775807 for sizes of 2^50 bytes and more."
    )
    count: int = Field(description="Number of containers.")


async def file_count(
    view: CurrentView,
    volume: Annotated[str | None, Query(description="Only keys of this volume.")] = None,
    bucket: Annotated[str | None, Query(description="Only keys of buckets with this name.")] = None,
    fileSize: Annotated[Int64, Query(description="Only the bin with this upper bound; 0 or less: all bins.")] = 0,
) -> Response:
    """Rows are ordered by volume, bucket (shorter names first, then by name) and size."""
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
        Query(
            description="Only the bin that contains this size in bytes, even if empty; 0: all bins that are not empty."
        ),
    ] = 0,
) -> Response:
    """Rows are in ascending order of size. Deleted containers are not counted."""
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
    Route("/utilization/fileCount", file_count, "Counts the keys of each bucket by size.", list[FileCount]),
    Route(
        "/utilization/containerCount",
        container_count,
        "Counts the containers by size.",
        list[ContainerCount],
        cluster=True,
    ),
)
