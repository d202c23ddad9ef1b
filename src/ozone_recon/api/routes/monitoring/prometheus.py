"""Serves /metrics/{api}: a proxy to Prometheus' HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Path, Request, Response
from fastapi.responses import StreamingResponse

from ozone_recon.api.context import CurrentView
from ozone_recon.api.middleware.request import RAW_QUERY
from ozone_recon.api.responses import HttpRefusal
from ozone_recon.api.route import Route

Api = Annotated[str, Path(description="Endpoint of Prometheus' HTTP API, such as `query` or `query_range`.")]
PASSED_HEADERS = ("content-type", "content-encoding")
"""Response headers passed through with the body."""


async def metrics(view: CurrentView, request: Request, api: Api) -> Response:
    """Forwards the query string unchanged. A response that is not 2xx is passed on with status 502."""
    config = view.context.config
    if not config.prometheus_url:
        raise HttpRefusal(
            502,
            "Metrics endpoint is not configured. Configure ozone.recon.prometheus.http.endpoint and try again later.",
        )
    if api in (".", ".."):
        raise HttpRefusal(404, f"{api} is not an endpoint of Prometheus' HTTP API: use /metrics/query, for example.")
    url = f"{config.prometheus_url}/api/v1/{quote(api, safe='')}"
    if query := request.scope[RAW_QUERY].decode("latin-1"):
        url += f"?{query}"
    import httpx  # Imported here because it loads slowly and is rarely needed.

    timeout = httpx.Timeout(config.metrics_answer_timeout, connect=config.metrics_connect_timeout)
    # Certificates take long to load and plain HTTP needs none.
    client = httpx.AsyncClient(timeout=timeout, verify=url.startswith("https:"))
    encoding = request.headers.get("accept-encoding", "identity")
    try:
        answer = await client.send(client.build_request("GET", url, headers={"Accept-Encoding": encoding}), stream=True)
    except httpx.HTTPError as error:
        await client.aclose()
        raise HttpRefusal(
            502,
            f"Prometheus does not answer at {config.prometheus_url} ({str(error) or type(error).__name__}): check that "
            "it is running, and ozone.recon.prometheus.http.endpoint.",
        ) from error

    async def body() -> AsyncIterator[bytes]:
        async with aclosing(client):
            async for piece in answer.aiter_raw():
                yield piece

    headers = {name: answer.headers[name] for name in PASSED_HEADERS if name in answer.headers}
    return StreamingResponse(body(), 200 if answer.is_success else 502, headers)


ROUTES = (
    Route(
        "/metrics/{api}",
        metrics,
        "Forwards a query to Prometheus.",
        dict[str, Any],
        immutable=False,
        others={
            502: "Prometheus is not configured, does not answer, or answered with an error (passed on as the body)."
        },
    ),
)
