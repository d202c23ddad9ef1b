"""The application: every route of the table, errors in their one shape, and the web pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ozone_recon import __version__
from ozone_recon.api.context import Context
from ozone_recon.api.middleware.browsers import HostNames
from ozone_recon.api.middleware.request import METHOD, RequestMiddleware
from ozone_recon.api.openapi import Application
from ozone_recon.api.responses import HttpRefusal, refusal, status_of
from ozone_recon.api.route import BASE, Route
from ozone_recon.api.route_table import ROUTES
from ozone_recon.api.routes.monitoring.probes import PROBES
from ozone_recon.errors import ReconError

PAGES = Path(str(files("ozone_recon.ui"))) / "static"
"""The web pages; they talk to the API alone."""
KEEP = 64 << 20
"""Bytes of answers kept for the next time they are asked for."""


def create_app(context: Context, keep: int = KEEP) -> FastAPI:
    """The ASGI application over `context`; `keep` bounds the kept answers, in bytes."""
    app = Application(
        title="Recon for Apache Ozone",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    names = HostNames(context)
    guarded = [Depends(_only_from_our_pages(names))]
    for base, routes in ((BASE, ROUTES), ("", PROBES)):
        for route in routes:
            app.add_api_route(
                base + route.path,
                route.handler,
                methods=[route.method],
                summary=route.summary,
                response_model=route.answer,
                response_description="The answer.",
                tags=[route.tag],
                responses={
                    status: {"description": text, "model": route.bodies.get(status)}
                    for status, text in _others(route).items()
                },
                dependencies=guarded if route.changes_state else None,
            )
    app.router.default = Pages(directory=PAGES, html=True)
    app.add_exception_handler(ReconError, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _not_routed)
    immutable = {route.handler: route.cluster for route in ROUTES if route.immutable}
    app.add_middleware(RequestMiddleware, context=context, names=names, immutable=immutable, keep=keep)
    return app


class Pages(StaticFiles):
    """The web pages. Redirects are relative: behind a proxy, scheme, host and path differ from those seen here."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or a redirect to a directory's page."""
        response = await super().get_response(path, scope)
        if isinstance(response, RedirectResponse):
            response.headers["location"] = path.rpartition("/")[2] + "/"
        return response


def _others(route: Route) -> dict[int, str]:
    return dict(route.others) | ({403: "A browser sent it from a page of another site."} if route.changes_state else {})


def _only_from_our_pages(names: HostNames) -> Callable[[Request], Awaitable[None]]:
    """A dependency of routes that change state: refuses requests that a browser sends for another site."""

    async def check(request: Request) -> None:
        if request.scope[METHOD] == "HEAD":
            raise HTTPException(405)
        if site := names.other_site(dict(request.headers.raw)):
            message = f"This request changes state, and a browser sent it from {site}: use Recon's own pages, or curl."
            raise HttpRefusal(403, message)

    return check


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ReconError)
    status = status_of(error)
    return refusal(status, str(error), {"Retry-After": "5"} if status == 503 else None)


async def _unreadable(request: Request, error: Exception) -> Response:
    """404, as Recon answers a parameter that does not parse; 400 for one that is missing, and for a body."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if found[0]["loc"][0] == "body":
        is_json = request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"
        return refusal(400 if is_json else 415, "The body is not the JSON that this route takes. See /docs/.")
    said = [f"{fault['loc'][-1]}: {_reason(fault)}" for fault in found]
    missing = all(fault["type"] == "missing" for fault in found)
    return refusal(400 if missing else 404, "; ".join(said) + ". See /docs/ for what this route takes.")


def _reason(fault: dict[str, Any]) -> str:
    if fault["type"] == "missing":
        return "is required"
    return f"{fault['input']!r} {fault['msg'].removeprefix('Value error, ')}"


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = _allowed(request)
    if error.status_code == 404 or not allowed:
        return refusal(404, f"There is nothing at {request.url.path}. See /docs/ for what there is.")
    if error.status_code == 405:
        if request.method == "OPTIONS":
            return Response(headers={"Allow": allowed})
        return refusal(405, f"{request.scope[METHOD]} is not answered here, but {allowed}.", {"Allow": allowed})
    return refusal(error.status_code, str(error.detail), error.headers)


def _allowed(request: Request) -> str:
    """Every method that this path answers; nothing when the API has no such path."""
    methods: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= set(route.methods)
            if "GET" in methods and not route.dependencies:
                methods.add("HEAD")
    if not request.url.path.startswith(BASE + "/"):
        methods |= {"GET", "HEAD"}
    return ",".join(sorted(methods | {"OPTIONS"})) if methods else ""
