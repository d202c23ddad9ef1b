"""Whether the server lives and whether it can answer, for those who run it: /health and /ready."""

from __future__ import annotations

from fastapi import Response
from pydantic import BaseModel, Field

from ozone_recon import __version__
from ozone_recon.api.context import CurrentView
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import Route


class Health(BaseModel):
    """The process answers."""

    status: str = Field(description="`OK`.")
    version: str = Field(description="Version of ozone-recon.")


class Ready(BaseModel):
    """There is data to answer from."""

    status: str = Field(description="`OK`.")
    generation: str = Field(description="Name of the data set being served.")


async def health(view: CurrentView) -> Response:
    """200 as long as the process answers at all; it says nothing about the data."""
    return json_response({"status": "OK", "version": __version__})


async def ready(view: CurrentView) -> Response:
    """200 once there is data to answer from, 503 before."""
    view.ready()
    return json_response({"status": "OK", "generation": view.served and view.served.identity})


PROBES = (
    Route("/health", health, "Whether the process lives.", Health, immutable=False),
    Route(
        "/ready",
        ready,
        "Whether there is data to answer from.",
        Ready,
        immutable=False,
        others={503: "No OM checkpoint has been read yet."},
    ),
)
