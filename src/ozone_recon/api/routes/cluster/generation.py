"""Serves /cluster/generation: the published cluster generation as a tar, for a standby (`follow.cluster.peer`)."""

from __future__ import annotations

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from ozone_recon.api.context import CurrentView
from ozone_recon.api.route import Route
from ozone_recon.store.archive import MEDIA_TYPE, packed


async def generation(view: CurrentView, request: Request) -> Response:
    """Answers 304 if the client's copy (If-None-Match) is the current generation."""
    current = view.ready_cluster_generation()
    version = f'"{current.id}-{current.about.built_at}"'
    if request.headers.get("if-none-match") == version:
        return Response(status_code=304, headers={"ETag": version})
    return StreamingResponse(packed(current), media_type=MEDIA_TYPE, headers={"ETag": version})


ROUTES = (
    Route(
        "/cluster/generation",
        generation,
        "Returns the tables of containers, replicas and datanodes as a tar, for another ozone-recon.",
        bytes,
        immutable=False,
        media_type=MEDIA_TYPE,
        others={304: "The client has the current generation.", 503: "SCM has not been read yet."},
    ),
)
