"""Creates the ASGI application: all routes, error responses and web pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ozone_recon import __version__
from ozone_recon.api.context import Context
from ozone_recon.api.middleware.audit import AuditMiddleware
from ozone_recon.api.middleware.browsers import HostNames
from ozone_recon.api.middleware.login import LoginMiddleware
from ozone_recon.api.middleware.request import METHOD, RequestMiddleware
from ozone_recon.api.openapi import Application
from ozone_recon.api.responses import HttpRefusal, refusal, status_of
from ozone_recon.api.route import BASE, Route
from ozone_recon.api.route_table import ROUTES
from ozone_recon.api.routes.monitoring.operator import OPERATOR_PAGES
from ozone_recon.api.routes.monitoring.probes import PROBES
from ozone_recon.errors import ReconError

PAGES = Path(str(files("ozone_recon.ui"))) / "static"
"""Directory of the web pages; they use only the API."""
CACHE_BYTES = 64 << 20
"""Default capacity of the response cache in bytes."""


def create_app(context: Context, cache_bytes: int = CACHE_BYTES) -> FastAPI:
    """Creates the ASGI application over `context`; `cache_bytes` is the capacity of the response cache."""
    app = Application(
        title="Recon for Apache Ozone",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    names = HostNames(context)
    require_our_pages = [Depends(_only_from_our_pages(names))]
    everything = ((BASE, ROUTES), ("", PROBES), ("", OPERATOR_PAGES))
    for base, routes in everything:
        for route in routes:
            app.add_api_route(
                base + route.path,
                route.handler,
                methods=[route.method],
                summary=route.summary,
                response_class=_answer_class(route.media_type),
                response_model=route.answer,
                response_description="The answer.",
                tags=[route.tag],
                responses={
                    status: {"description": text, "model": route.bodies.get(status)}
                    for status, text in _other_responses(route).items()
                },
                dependencies=require_our_pages if route.changes_state else None,
            )
    app.router.default = Pages(directory=PAGES, html=True)
    app.add_exception_handler(ReconError, _on_recon_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    immutable = {route.handler: route.cluster for route in ROUTES if route.immutable}
    app.add_middleware(RequestMiddleware, context=context, names=names, immutable=immutable, capacity=cache_bytes)
    changing = frozenset(base + route.path for base, routes in everything for route in routes if route.changes)
    if security := context.config.http_security:
        # Before the cache: nobody sees a cached response without a login.
        of_owners = {BASE + route.path: route.of_owner for route in ROUTES if route.of_owner}
        app.add_middleware(LoginMiddleware, context=context, settings=security, changing=changing, of_owners=of_owners)
    app.add_middleware(AuditMiddleware, changing=changing)
    return app


class Pages(StaticFiles):
    """Serves the web pages. Redirects are relative: behind a proxy, scheme, host and path are different."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Returns a file, or a redirect to a directory's page."""
        response = await super().get_response(path, scope)
        if isinstance(response, RedirectResponse):
            response.headers["location"] = path.rpartition("/")[2] + "/"
        return response


def _answer_class(media_type: str) -> type[Response]:
    """The class by which FastAPI describes a successful response: it describes the model of JSON only."""
    return JSONResponse if media_type == "application/json" else type("Answer", (Response,), {"media_type": media_type})


def _other_responses(route: Route) -> dict[int, str]:
    return dict(route.others) | ({403: "A browser sent it from another site."} if route.changes_state else {})


def _only_from_our_pages(names: HostNames) -> Callable[[Request], Awaitable[None]]:
    """A dependency of routes that change state: rejects requests that a browser sends for another site."""

    async def check(request: Request) -> None:
        if request.scope[METHOD] == "HEAD":
            raise HTTPException(405)
        if site := names.other_site(dict(request.headers.raw)):
            message = f"This request changes state, but a browser sent it from {site}: use Recon's own pages, or curl."
            raise HttpRefusal(403, message)

    return check


async def _on_recon_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ReconError)
    status = status_of(error)
    return refusal(status, str(error), {"Retry-After": "5"} if status == 503 else None)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    """Responds with 404, as Recon does for an invalid parameter; 400 for a missing one and for an invalid body."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if faults[0]["loc"][0] == "body":
        is_json = request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"
        return refusal(400 if is_json else 415, "The body is not the JSON that this route requires. See /docs/.")
    messages = [f"{fault['loc'][-1]}: {_reason(fault)}" for fault in faults]
    missing = all(fault["type"] == "missing" for fault in faults)
    return refusal(400 if missing else 404, "; ".join(messages) + ". See /docs/ for the parameters of this route.")


def _reason(fault: dict[str, Any]) -> str:
    if fault["type"] == "missing":
        return "is required"
    return f"{fault['input']!r} {fault['msg'].removeprefix('Value error, ')}"


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = _allowed(request)
    if error.status_code == 404 or not allowed:
        return refusal(404, f"{request.url.path} does not exist. See /docs/ for all routes.")
    if error.status_code == 405:
        if request.method == "OPTIONS":
            return Response(headers={"Allow": allowed})
        return refusal(405, f"{request.scope[METHOD]} is not allowed here: use {allowed}.", {"Allow": allowed})
    return refusal(error.status_code, str(error.detail), error.headers)


def _allowed(request: Request) -> str:
    """The methods allowed on this path; empty if it does not exist."""
    methods: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= set(route.methods)
            if "GET" in methods and not route.dependencies:
                methods.add("HEAD")
    if not request.url.path.startswith(BASE + "/"):
        methods |= {"GET", "HEAD"}
    return ",".join(sorted(methods | {"OPTIONS"})) if methods else ""
