"""The route /utilization/fileCount: how many keys of which size the buckets have."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.parameters import Int64
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route
from ozone_recon.insights import file_sizes


class FileCount(BaseModel):
    """Keys of a bucket whose sizes are within one bin."""

    volume: str = Field(description="The volume.")
    bucket: str = Field(description="The bucket.")
    fileSize: int = Field(
        description="The bin's largest size in bytes: 1024 and its doubles; 9223372036854775807 "
        "for all of 2^50 bytes and more."
    )
    count: int = Field(description="How many there are, those below deleted directories included.")


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


ROUTES = (
    Route("/utilization/fileCount", file_count, "How many keys of which size the buckets have.", list[FileCount]),
)
