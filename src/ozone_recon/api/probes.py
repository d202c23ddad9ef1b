"""What those who run the server watch: /health, /ready, and /prom for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hmac import compare_digest
from typing import TYPE_CHECKING

from fastapi import Request, Response
from pydantic import BaseModel, Field

from ozone_recon import __version__
from ozone_recon.api.context import CurrentView
from ozone_recon.api.responses import HttpRefusal, json_response
from ozone_recon.api.route import Route

if TYPE_CHECKING:
    from ozone_recon.store.manifest import TaskStatus

TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""Content type of Prometheus' text format."""


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


async def prom(view: CurrentView, request: Request) -> Response:
    """Text for Prometheus. With hdds.prometheus.endpoint.token set, that token is asked for as a bearer token."""
    config = view.context.config
    if not config.prom_enabled:
        raise HttpRefusal(404, "Metrics are switched off: hdds.prometheus.endpoint.enabled is false.")
    said = request.headers.get("authorization", "")
    if config.prom_token and not compare_digest(said.encode(), f"Bearer {config.prom_token}".encode()):
        raise HttpRefusal(403, "Give the token of hdds.prometheus.endpoint.token: `Authorization: Bearer …`.")
    context = view.context
    counted = context.measured.plus(context.measured_elsewhere)
    return Response("\n".join([*_task_lines(context.tasks()), *counted.lines(), ""]), media_type=TEXT)


def _task_lines(tasks: Iterable[TaskStatus]) -> Iterator[str]:
    """The metrics of Recon's ReconTaskStatusMetrics, under its names."""
    for task in tasks:
        label = f'{{type="{task.name}"}}'
        yield f"recon_task_status_metrics_last_updated_timestamp{label} {task.timestamp}"
        yield f"recon_task_status_metrics_last_updated_seq_number{label} {task.sequence_number}"


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
    Route(
        "/prom",
        prom,
        "Counters for Prometheus: tasks as in Recon, and the times of every route.",
        str,
        immutable=False,
        others={403: "The token is missing or wrong.", 404: "Metrics are switched off."},
    ),
)
