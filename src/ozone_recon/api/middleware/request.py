"""Middleware for every request: a fixed view of the data, normalisation, cache, headers, gzip, 304, HEAD and 500.

Rules of the Jersey and Jetty servers of Recon 2.2.0: a trailing slash is accepted, the first of a repeated parameter
wins, an `Accept` without JSON is a 406, and HEAD works wherever GET does.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Response

from ozone_recon import __version__
from ozone_recon.api.context import VIEW, Context, View
from ozone_recon.api.middleware.browsers import HostNames
from ozone_recon.api.middleware.cache import CachedResponse, Key, ResponseCache
from ozone_recon.api.middleware.headers import Header, ResponseHeaders
from ozone_recon.api.middleware.metrics import NO_ROUTE
from ozone_recon.api.responses import refusal
from ozone_recon.api.route import BASE

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger(__name__)

RAW_QUERY = "ozone_recon.raw_query"
METHOD = "ozone_recon.method"
"""Keys of the original query and method in the ASGI scope."""
MAX_PARAMETERS = 100
"""Maximum number of query parameters. Parsing creates objects for each, and no route takes more than a few."""
GZIP_FROM = 1024
"""Minimum size of a compressed body, in bytes."""
GZIP_IN_THREAD_FROM = 256 << 10
"""Bodies of at least this number of bytes are compressed in another thread, so that they delay no other request."""


class RequestMiddleware:
    """The outermost middleware around `app`.

    `immutable` has the handlers whose responses depend only on the request and on the OM data (False), or on the OM
    and cluster data (True).
    """

    def __init__(
        self, app: App, context: Context, names: HostNames, immutable: Mapping[Any, bool], capacity: int
    ) -> None:
        self.app = app
        self.context = context
        self.immutable = immutable
        self.cache = ResponseCache(capacity)
        self.names = names
        self.headers = ResponseHeaders(context.config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request; passes other kinds of connections through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        view = self.context.view()
        exchange = _Exchange(self, view, scope, send)
        try:
            await exchange.run(receive)
        finally:
            view.release()
            self.context.metrics.observe(exchange.route, exchange.status, time.perf_counter() - began)


class _Exchange:
    """A request and its response."""

    def __init__(self, middleware: RequestMiddleware, view: View, scope: Scope, send: Send) -> None:
        self.middleware = middleware
        self.view = view
        self.scope = scope
        self.send = send
        self.api = scope["path"].startswith(BASE + "/")
        self.head = scope["method"] == "HEAD"
        self.headers = dict(scope["headers"])
        self.gzip = _accepts(self.headers.get(b"accept-encoding", b""), (b"gzip", b"*")) and not self.head
        self.started = False
        self.start: Message = {}
        self.body: list[bytes] = []
        self.route = NO_ROUTE
        self.status = 500

    async def run(self, receive: Receive) -> None:
        if self.scope["query_string"].count(b"&") >= MAX_PARAMETERS:
            await self._respond(refusal(400, f"The query has more than {MAX_PARAMETERS} parameters."))
            return
        if name := await self.middleware.names.refused(self.headers):
            message = f"Unknown host name {name}: if it is this server's, add it to ozone.recon.http.allowed.hosts."
            await self._respond(refusal(403, message))
            return
        scope = self._normalised()
        accept = self.headers.get(b"accept", b"*/*")
        if self.api and not _accepts(accept, (b"*/*", b"application/*", b"application/json")):
            await self._respond(refusal(406, "The response is application/json: add it to the Accept header."))
            return
        key: Key = ()
        if self.api and scope["method"] == "GET":
            key = (scope["path"], scope["query_string"].decode("latin-1"), "gzip" if self.gzip else "")
            if answer := self._cached(key):
                self.route = answer.route
                await self._send_response(answer.status, answer.headers, answer.body)
                return
        try:
            await self.middleware.app(scope, receive, self._collect)
            self.route = getattr(scope.get("route"), "path", self.route)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if self.started:
                raise
            await self._respond(refusal(500, "An internal error occurred: see the server's log, and please report it."))
            return
        if not self.started:
            await self._finish(scope, key)

    def _cached(self, key: Key) -> CachedResponse | None:
        for version in (self.view.om_version, self.view.full_version):
            if version and (answer := self.middleware.cache.get((version, *key))):
                return answer
        return None

    def _normalised(self) -> Scope:
        """Normalises the request: GET for HEAD, no trailing slash, each parameter once, in a fixed order."""
        scope = dict(self.scope)
        scope[VIEW] = self.view
        scope[METHOD] = self.scope["method"]
        if self.head:
            scope["method"] = "GET"
        if self.api:
            if scope["path"].endswith("/"):
                scope["path"] = scope["path"][:-1]
                scope["raw_path"] = None
            query = scope["query_string"]
            scope[RAW_QUERY] = query
            if b"&" in query:
                first = dict(reversed(parse_qsl(query.decode("latin-1"), keep_blank_values=True)))
                scope["query_string"] = urlencode(sorted(first.items())).encode()
        return scope

    async def _collect(self, message: Message) -> None:
        """Collects a complete body for compression and caching; passes a streamed body through."""
        if message["type"] == "http.response.start":
            self.start = message
        elif self.started:
            await self.send(message if not self.head else {**message, "body": b""})
        elif message.get("more_body"):
            self.started = True
            self.status = self.start["status"]
            headers = [*self.start["headers"], *self._headers()]
            await self.send({**self.start, "headers": headers})
            await self.send(message if not self.head else {**message, "body": b""})
        else:
            self.body.append(message.get("body", b""))

    async def _finish(self, scope: Scope, key: Key) -> None:
        status: int = self.start["status"]
        headers: tuple[Header, ...] = tuple(self.start["headers"])
        body = b"".join(self.body)
        version = self._version(scope.get("endpoint")) if key and status in (200, 204) else ""
        if version:
            headers = (*headers, (b"etag", _etag(version)))
        if self.gzip and len(body) >= GZIP_FROM and not _header(headers, b"content-encoding"):
            body = _compressed(body) if len(body) < GZIP_IN_THREAD_FROM else await asyncio.to_thread(_compressed, body)
            headers = (*_without(headers, b"content-length"), (b"content-encoding", b"gzip"), _length(body))
            headers = tuple((name, _weak(value) if name == b"etag" else value) for name, value in headers)
        if version:
            self.middleware.cache.put((version, *key), CachedResponse(status, headers, body, self.route))
        await self._send_response(status, headers, body)

    def _version(self, endpoint: object) -> str:
        """The version of the data that a response depends on; empty if it must not be cached."""
        match self.middleware.immutable.get(endpoint):
            case None:
                return ""
            case False:
                return self.view.om_version
            case True:
                return self.view.full_version

    async def _respond(self, response: Response) -> None:
        await self._send_response(response.status_code, response.raw_headers, bytes(response.body))

    async def _send_response(self, status: int, headers: Iterable[Header], body: bytes) -> None:
        etag = _header(headers, b"etag")
        if etag and etag in self.headers.get(b"if-none-match", b""):
            status, body = 304, b""
            headers = _without(headers, b"content-length", b"content-encoding", b"content-type")
        self.started = True
        self.status = status
        await self.send({"type": "http.response.start", "status": status, "headers": [*headers, *self._headers()]})
        await self.send({"type": "http.response.body", "body": b"" if self.head else body})

    def _headers(self) -> Iterable[Header]:
        headers = self.middleware.headers
        yield from headers.common
        if self.scope.get("scheme") == "https":
            yield from headers.https
        if not self.api:
            yield from headers.pages
            return
        yield b"pragma", b"no-cache"
        yield b"expires", formatdate(usegmt=True).encode()
        yield b"x-recon-generation", (self.view.om_version or "none").encode()
        yield b"x-recon-follows-cluster", b"true" if self.view.context.ask_cluster else b"false"
        if served := self.view.served:
            yield b"x-recon-sequence-number", b"%d" % served.sequence_number
            yield b"x-recon-data-age-ms", _age(self.view.om_at)
        if cluster_at := self.view.cluster_at:
            yield b"x-recon-cluster-age-ms", _age(cluster_at)
        if (cluster := self.view.cluster) and cluster.scm_at:
            yield b"x-recon-scm-age-ms", _age(cluster.scm_at)


def _age(at: int) -> bytes:
    return b"%d" % max(0, int(time.time() * 1000) - at)


def _compressed(body: bytes) -> bytes:
    compressor = zlib.compressobj(4, wbits=31)
    return compressor.compress(body) + compressor.flush()


def _etag(version: str) -> bytes:
    """The ETag of a response: data version and program version; weak, because gzip may differ."""
    return f'W/"{version}-{__version__}"'.encode()


def _weak(etag: bytes) -> bytes:
    return etag if etag.startswith(b"W/") else b"W/" + etag


def _accepts(header: bytes, wanted: tuple[bytes, ...]) -> bool:
    """Whether an Accept or Accept-Encoding header contains one of `wanted` with a weight above zero."""
    for choice in header.lower().split(b","):
        name, *parameters = (part.strip() for part in choice.split(b";"))
        if name in wanted and not any(parameter.rstrip(b"0.") == b"q=" for parameter in parameters):
            return True
    return False


def _header(headers: Iterable[Header], name: bytes) -> bytes | None:
    return next((value for key, value in headers if key == name), None)


def _without(headers: Iterable[Header], *names: bytes) -> tuple[Header, ...]:
    return tuple(header for header in headers if header[0] not in names)


def _length(body: bytes) -> Header:
    return b"content-length", b"%d" % len(body)
