"""Serves the probes for operators: /health (liveness), /ready (readiness) and /prom (Prometheus metrics)."""

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
    """A process of the service other than the one that sent this answer."""

    name: str = Field(description="Name of the process.")
    state: str = Field(description="`starting`, `running`, `hung`, `ended`, or `stopped` if it is not needed now.")
    pid: int = Field(description="Process ID; that of the previous process while none is running.")
    reason: str = Field(description="Reason why it is not healthy; empty if it is.")
    replaced: int = Field(description="Number of times it was replaced because it ended or hung.")


class Health(BaseModel):
    """Liveness of the service."""

    status: str = Field(description="`OK`, or `DEGRADED` while a process of the service is being replaced.")
    version: str = Field(description="Version of ozone-recon.")
    processes: list[HealthProcess] = Field(description="Other processes of the service.")


class Ready(BaseModel):
    """Readiness of the service."""

    status: str = Field(description="`OK`.")
    generation: str = Field(description="Name of the OM generation being served.")
    clusterGeneration: str | None = Field(
        description="Name of the cluster generation being served; null on a server that follows no cluster."
    )


async def health(view: CurrentView) -> Response:
    """Answers 200 as long as the process answers at all, regardless of the data.

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
    """Answers 200 once there is data from OM and, on a server that follows a cluster, from SCM; before that 503.

    The message of a 503 names what is missing. The status stays 200 if OM or SCM becomes unreachable later: the server
    continues to serve the data it has.
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
    """Returns all metrics in the format requested by the Accept header.

    If hdds.prometheus.endpoint.token is set, the request must carry it as a bearer token.
    """
    config = view.context.config
    if not config.prom_enabled:
        raise HttpRefusal(404, "Metrics are disabled: hdds.prometheus.endpoint.enabled is false.")
    authorization = request.headers.get("authorization", "")
    if config.prom_token and not compare_digest(authorization.encode(), f"Bearer {config.prom_token}".encode()):
        raise HttpRefusal(
            403, "The token is missing or wrong: send hdds.prometheus.endpoint.token as `Authorization: Bearer …`."
        )
    from ozone_recon.api.routes.monitoring.exposition import (
        exposition,  # Imported here because it loads slowly.
    )

    body, kind = exposition(view, request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": kind})


PROBES = (
    Route("/health", health, "Liveness probe: restart the process if it does not answer.", Health, immutable=False),
    Route(
        "/ready",
        ready,
        "Readiness probe: send requests only after it answers 200.",
        Ready,
        immutable=False,
        others={503: "OM or SCM has not been read yet; the message says which."},
    ),
    Route(
        "/prom",
        prom,
        "Returns the metrics for Prometheus.",
        str,
        immutable=False,
        media_type="text/plain",
        others={403: "The token is missing or wrong.", 404: "Metrics are disabled."},
    ),
)
