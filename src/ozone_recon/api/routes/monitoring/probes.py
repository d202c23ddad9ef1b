"""What those who run the server watch: /health, /ready, and /prom for Prometheus."""

from __future__ import annotations

from hmac import compare_digest

from fastapi import Request, Response
from pydantic import BaseModel, Field

from ozone_recon import __version__
from ozone_recon.api.context import CurrentView
from ozone_recon.api.responses import HttpRefusal, json_response
from ozone_recon.api.route import Route
from ozone_recon.errors import NotReady


class HealthProcess(BaseModel):
    """One process of the service, besides the one that answers."""

    name: str = Field(description="What it is for.")
    state: str = Field(description="`starting`, `running`, `hung`, `ended`, or `stopped` when none is needed now.")
    pid: int = Field(description="Its process id, or that of the one before while none runs.")
    reason: str = Field(description="Why it is not running as it should; empty when it is.")
    replaced: int = Field(description="Times that it ended or hung and another took its place.")


class Health(BaseModel):
    """The process answers."""

    status: str = Field(description="`OK`, or `DEGRADED` while a process of the service is being replaced.")
    version: str = Field(description="Version of ozone-recon.")
    processes: list[HealthProcess] = Field(description="The service's other processes.")


class Ready(BaseModel):
    """There is all that is to be answered from."""

    status: str = Field(description="`OK`.")
    generation: str = Field(description="Name of the OM's data being served.")
    clusterGeneration: str | None = Field(
        description="Name of the cluster's data being served; null for a server that follows no cluster."
    )


async def health(view: CurrentView) -> Response:
    """200 as long as the process answers at all; it says nothing about the data.

    A process that hangs or ends is replaced within seconds; until then the status is DEGRADED.
    """
    processes = view.context.processes()
    return json_response(
        {
            "status": "DEGRADED" if any(one.reason for one in processes) else "OK",
            "version": __version__,
            "processes": [
                {
                    "name": one.name,
                    "state": one.state,
                    "pid": one.pid,
                    "reason": one.reason,
                    "replaced": one.hung + one.ended,
                }
                for one in processes
            ],
        }
    )


async def ready(view: CurrentView) -> Response:
    """200 once there is data to answer from, of the OM and of the cluster if one is followed; 503 says what is missing.

    It stays 200 when OM or SCM are away later: what was read of them is answered from.
    """

    def cluster_ready() -> None:
        view.ready_scm()
        view.ready_cluster_generation()

    missing = []
    for require in (view.ready, *((cluster_ready,) if view.context.ask_cluster else ())):
        try:
            require()
        except NotReady as reason:
            missing.append(str(reason))
    if missing:
        raise NotReady(" ".join(missing))
    tables = view.cluster_generation
    return json_response({"status": "OK", "generation": view.om_version, "clusterGeneration": tables and tables.id})


async def prom(view: CurrentView, request: Request) -> Response:
    """All metrics, in the format of Prometheus that it asks for.

    With hdds.prometheus.endpoint.token set, that token is asked for as a bearer token.
    """
    config = view.context.config
    if not config.prom_enabled:
        raise HttpRefusal(404, "Metrics are switched off: hdds.prometheus.endpoint.enabled is false.")
    said = request.headers.get("authorization", "")
    if config.prom_token and not compare_digest(said.encode(), f"Bearer {config.prom_token}".encode()):
        raise HttpRefusal(403, "Give the token of hdds.prometheus.endpoint.token: `Authorization: Bearer …`.")
    from ozone_recon.api.routes.monitoring.exposition import (
        exposition,  # Slow to load, and most are asked for by nobody.
    )

    body, kind = exposition(view, request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": kind})


PROBES = (
    Route(
        "/health", health, "Whether the process lives; one that does not should be restarted.", Health, immutable=False
    ),
    Route(
        "/ready",
        ready,
        "Whether there is data to answer from; before, no requests should be sent here.",
        Ready,
        immutable=False,
        others={503: "No OM checkpoint has been read yet, or SCM has not; the message says what is missing."},
    ),
    Route(
        "/prom",
        prom,
        "Metrics for Prometheus.",
        str,
        immutable=False,
        others={403: "The token is missing or wrong.", 404: "Metrics are switched off."},
    ),
)
