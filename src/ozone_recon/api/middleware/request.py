"""What is the same for every request: its one generation, its normal form, its headers, gzip, 304, HEAD and 500.

Rules by the Jersey and Jetty servers of Recon 2.2.0: a trailing slash is accepted, of a repeated parameter the first
counts, `Accept` without JSON is a 406, HEAD works wherever GET does.
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
from ozone_recon.api.middleware.cache import CachedResponse, Header, Key, ResponseCache
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
"""Where the ASGI scope holds the query and the method as they came."""
MOST_PARAMETERS = 100
"""In a query. Parsing makes objects of each, and no route takes more than a few."""
GZIP_FROM = 1024
"""Bodies of fewer bytes are not worth packing."""
PACK_ASIDE = 256 << 10
"""Bodies of this many bytes and more are packed on another thread, while other requests go on."""
FRAME: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-xss-protection", b"1; mode=block"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept-Encoding"),
)
"""Headers of every answer. `no-cache` lets a browser keep an answer, but ask each time whether it still holds."""
PAGE: tuple[Header, ...] = (
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'self'; base-uri 'self'; form-action 'self'"),
    (b"referrer-policy", b"same-origin"),
)
"""Headers of what a browser shows: nothing is loaded from anywhere else."""


class RequestMiddleware:
    """The outermost layer around `app`.

    `immutable` has the handlers whose answers depend on the generation alone, or, where it says so, on what is known
    of the cluster as well.
    """

    def __init__(self, app: App, context: Context, names: HostNames, immutable: Mapping[Any, bool], keep: int) -> None:
        self.app = app
        self.context = context
        self.immutable = immutable
        self.kept = ResponseCache(keep)
        self.names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; other kinds of connections go through untouched."""
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
            self.context.measured.observe(exchange.route, exchange.status, time.perf_counter() - began)


class _Exchange:
    """One request and its answer."""

    def __init__(self, framing: RequestMiddleware, view: View, scope: Scope, send: Send) -> None:
        self.framing = framing
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
        self.route = "none"
        self.status = 500

    async def run(self, receive: Receive) -> None:
        if self.scope["query_string"].count(b"&") >= MOST_PARAMETERS:
            await self._answer(refusal(400, f"The query has more than {MOST_PARAMETERS} parameters."))
            return
        if name := await self.framing.names.refused(self.headers):
            message = f"Unknown host name {name}: if it is this server's, add it to ozone.recon.http.allowed.hosts."
            await self._answer(refusal(403, message))
            return
        scope = self._normalised()
        accept = self.headers.get(b"accept", b"*/*")
        if self.api and not _accepts(accept, (b"*/*", b"application/*", b"application/json")):
            await self._answer(refusal(406, "The answer is application/json, which the Accept header leaves out."))
            return
        asked: Key = ()
        if self.api and scope["method"] == "GET":
            asked = (scope["path"], scope["query_string"].decode("latin-1"), "gzip" if self.gzip else "")
            if answer := self._kept(asked):
                self.route = answer.route
                await self._send_whole(answer.status, answer.headers, answer.body)
                return
        try:
            await self.framing.app(scope, receive, self._collect)
            self.route = getattr(scope.get("route"), "path", self.route)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if self.started:
                raise
            await self._answer(refusal(500, "The server failed at this question; its log says why. Please report it."))
            return
        if not self.started:
            await self._finish(scope, asked)

    def _kept(self, asked: Key) -> CachedResponse | None:
        for name in (self.view.om_name, self.view.whole_name):
            if name and (answer := self.framing.kept.get((name, *asked))):
                return answer
        return None

    def _normalised(self) -> Scope:
        """The request as the routes see it: GET for HEAD, no trailing slash, each parameter once, in a fixed order."""
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
        """Holds a whole body back to be packed and kept; lets a body that comes in pieces pass."""
        if message["type"] == "http.response.start":
            self.start = message
        elif self.started:
            await self.send(message if not self.head else {**message, "body": b""})
        elif message.get("more_body"):
            self.started = True
            self.status = self.start["status"]
            headers = [*self.start["headers"], *self._frame()]
            await self.send({**self.start, "headers": headers})
            await self.send(message if not self.head else {**message, "body": b""})
        else:
            self.body.append(message.get("body", b""))

    async def _finish(self, scope: Scope, asked: Key) -> None:
        status: int = self.start["status"]
        headers: tuple[Header, ...] = tuple(self.start["headers"])
        body = b"".join(self.body)
        name = self._name(scope.get("endpoint")) if asked and status in (200, 204) else ""
        if name:
            headers = (*headers, (b"etag", _etag(name)))
        if self.gzip and len(body) >= GZIP_FROM and not _named(headers, b"content-encoding"):
            body = _packed(body) if len(body) < PACK_ASIDE else await asyncio.to_thread(_packed, body)
            headers = (*_without(headers, b"content-length"), (b"content-encoding", b"gzip"), _length(body))
            headers = tuple((name, _weak(value) if name == b"etag" else value) for name, value in headers)
        if name:
            self.framing.kept.keep((name, *asked), CachedResponse(status, headers, body, self.route))
        await self._send_whole(status, headers, body)

    def _name(self, endpoint: object) -> str:
        """Names the state of things that an answer belongs to; empty for one that is not to be kept."""
        match self.framing.immutable.get(endpoint):
            case None:
                return ""
            case False:
                return self.view.om_name
            case True:
                return self.view.whole_name

    async def _answer(self, response: Response) -> None:
        await self._send_whole(response.status_code, response.raw_headers, bytes(response.body))

    async def _send_whole(self, status: int, headers: Iterable[Header], body: bytes) -> None:
        etag = _named(headers, b"etag")
        if etag and etag in self.headers.get(b"if-none-match", b""):
            status, body = 304, b""
            headers = _without(headers, b"content-length", b"content-encoding", b"content-type")
        self.started = True
        self.status = status
        await self.send({"type": "http.response.start", "status": status, "headers": [*headers, *self._frame()]})
        await self.send({"type": "http.response.body", "body": b"" if self.head else body})

    def _frame(self) -> Iterable[Header]:
        yield from FRAME
        if not self.api:
            yield from PAGE
            return
        yield b"pragma", b"no-cache"
        yield b"expires", formatdate(usegmt=True).encode()
        yield b"x-recon-generation", (self.view.om_name or "none").encode()
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


def _packed(body: bytes) -> bytes:
    packer = zlib.compressobj(4, wbits=31)
    return packer.compress(body) + packer.flush()


def _etag(name: str) -> bytes:
    """An answer of a generation never changes, so the generation and our version name it; weak, as gzip may differ."""
    return f'W/"{name}-{__version__}"'.encode()


def _weak(etag: bytes) -> bytes:
    return etag if etag.startswith(b"W/") else b"W/" + etag


def _accepts(header: bytes, wanted: tuple[bytes, ...]) -> bool:
    """Whether an Accept or Accept-Encoding header names one of `wanted`, with a weight above zero."""
    for choice in header.lower().split(b","):
        name, *parameters = (part.strip() for part in choice.split(b";"))
        if name in wanted and not any(parameter.rstrip(b"0.") == b"q=" for parameter in parameters):
            return True
    return False


def _named(headers: Iterable[Header], name: bytes) -> bytes | None:
    return next((value for key, value in headers if key == name), None)


def _without(headers: Iterable[Header], *names: bytes) -> tuple[Header, ...]:
    return tuple(header for header in headers if header[0] not in names)


def _length(body: bytes) -> Header:
    return b"content-length", b"%d" % len(body)
