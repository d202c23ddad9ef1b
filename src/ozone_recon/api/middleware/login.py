"""Logs clients in and lets them see what they may, before any other part of the API sees the request.

The API is for administrators and readers, some routes also for owners; pages need a login only with
`ozone.http.filter.initializers`. Probes are open: they tell nothing about the data. A login is a cookie, or a Kerberos
token (SPNEGO), or with type simple a name in the query (Hadoop's AuthenticationFilter, ReconAdminFilter).
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from typing import Final, TypeVar
from urllib.parse import parse_qsl

import orjson
from fastapi import Response

from ozone_recon.api.context import Context
from ozone_recon.api.middleware.audit import ACCESS, IDENTITY
from ozone_recon.api.middleware.headers import Header
from ozone_recon.api.middleware.request import MAX_PARAMETERS, App, Message, Receive, Scope, Send
from ozone_recon.api.route import ANY_USER, BASE, changes_state
from ozone_recon.config.security.http import HttpSecurity
from ozone_recon.errors import KerberosError, LoginError, ReconError
from ozone_recon.insights.om.ownership import may_start_after, owns
from ozone_recon.model.identity import Identity
from ozone_recon.security import cookie
from ozone_recon.security.access import Access, AccessRules
from ozone_recon.security.auth_to_local import AuthToLocal
from ozone_recon.security.spnego import SCHEME, accepted, negotiate_token

T = TypeVar("T")
REPLAYS: Final = "kerberos-replays-http"
"""The file in the data directory that remembers clients' authenticators."""
_THREADS: Final = ThreadPoolExecutor(2, thread_name_prefix="login")
"""Runs logins, which wait for file locks, and group lookups. A flood of bad tokens occupies no other thread."""
_QUEUE: Final = 64
"""Maximum number of waiting logins; more are refused with 503."""
_OPEN: Final = frozenset({"/health", "/ready", "/favicon.ico"})
_USER: Final = re.compile(r"[A-Za-z0-9._@/-]{1,256}")
"""Names that a cookie can hold without a separator of its parts."""
_LOG: Final = logging.getLogger(__name__)


class _Zone(Enum):
    OPEN = 0
    PAGES = 1
    API = 2


@dataclass(slots=True)
class _Login:
    """A client's login, and what the response says about it."""

    identity: Identity | None = None
    headers: list[Header] = field(default_factory=list)


class _Refused(ReconError):
    """Ends a request with a response."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"status {response.status_code}")
        self.response = response


class LoginMiddleware:
    """The middleware around `app`, for a server that requires logins."""

    def __init__(
        self,
        app: App,
        context: Context,
        settings: HttpSecurity,
        changing: frozenset[str],
        of_owners: Mapping[str, tuple[str, ...]],
    ) -> None:
        """`changing` has the paths whose GET changes state, `of_owners` the `Route.of_owner` of paths that have one."""
        self._app = app
        self._context = context
        self._settings = settings
        self._changing = changing
        self._of_owners = of_owners
        self._rules = AccessRules(settings)
        self._names = AuthToLocal(settings.names)
        self._replays = context.config.require_data_dir() / REPLAYS
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request; passes other kinds of connections through."""
        zone = self._zone(scope["path"]) if scope["type"] == "http" else _Zone.OPEN
        if zone is _Zone.OPEN:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        login = _Login()
        try:
            await self._log_in(scope, login)
            scope[IDENTITY] = login.identity
            if zone is _Zone.API:
                await self._require_access(scope, login)
                scope[IDENTITY] = login.identity
        except _Refused as refused:
            refused.response.raw_headers += login.headers
            await refused.response(scope, receive, send)
            self._context.metrics.observe("none", refused.response.status_code, time.perf_counter() - began)
            return

        async def send_with_login(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *login.headers]}
            await send(message)

        await self._app(scope, receive, send_with_login)

    def _zone(self, path: str) -> _Zone:
        if path == BASE or path.startswith(BASE + "/") or path.rstrip("/") in self._changing:
            return _Zone.API
        if path in _OPEN or not self._settings.protects_pages:
            return _Zone.OPEN
        if path == "/prom" and self._context.config.prom_token:
            return _Zone.OPEN
        return _Zone.PAGES

    async def _log_in(self, scope: Scope, login: _Login) -> None:
        """Sets the identity; _Refused if the client must log in."""
        headers = dict(scope["headers"])
        invalid = ""
        if value := _cookie(headers.get(b"cookie", b"")):
            try:
                method = "kerberos" if self._settings.kerberos else "simple"
                found = cookie.read(value, self._settings.secret, _now(), method)
                login.identity = found.identity
                if self._settings.max_inactive:
                    self._set_cookie(scope, login, *found)
            except LoginError as refusal:
                invalid = str(refusal)
        if login.identity is None:
            identity = await (self._negotiated(headers, login) if self._settings.kerberos else self._named(scope))
            if identity is not None:
                self._set_cookie(scope, login, identity, _now() + round(1000 * self._settings.validity))
            elif self._settings.kerberos or invalid or not self._settings.anonymous_allowed:
                raise _Refused(self._unauthorized(scope["method"], invalid))
            login.identity = identity
        if login.identity is not None:
            login.headers.append((b"x-recon-user", login.identity.user.encode("latin-1", "replace")))

    async def _negotiated(self, headers: dict[bytes, bytes], login: _Login) -> Identity | None:
        token = negotiate_token(headers.get(b"authorization", b"").decode("latin-1"))
        if token is None:
            return None
        keytab, principal = self._settings.keytab, self._settings.principal
        try:
            client = await self._in_thread(lambda: accepted(token, keytab, principal, self._replays))
            identity = Identity(self._names.short_name(client.principal), client.principal, "kerberos")
        except KerberosError as failure:
            _LOG.info("a login over HTTP failed: %s", failure)
            raise _Refused(_plain(403, f"The Kerberos login failed: {failure}")) from failure
        login.headers.append((b"www-authenticate", client.proof.encode()))
        return identity

    async def _named(self, scope: Scope) -> Identity | None:
        name = _parameter(scope, "user.name")
        if name and not _USER.fullmatch(name):
            raise _Refused(_plain(403, "The name in user.name is not valid: use letters, digits and ._-@/ only."))
        return Identity(name, name, "simple") if name else None

    async def _require_access(self, scope: Scope, login: _Login) -> None:
        """_Refused if the client may not do this; replaces the identity by that of `doAs`."""
        user = _parameter(scope, "doas")
        if user and login.identity is not None:
            acting, client = login.identity, (scope.get("client") or ("",))[0]
            try:
                login.identity = await self._in_thread(lambda: self._rules.acting_as(acting, user, client))
            except LoginError as refusal:
                raise _Refused(_remote_exception(str(refusal))) from refusal
        identity = login.identity
        access = self._rules.known(identity)
        if access is None and identity is not None:
            access = await self._in_thread(lambda: self._rules.of(identity))
        scope[ACCESS] = access
        if access is Access.OWN:
            login.headers.append((b"x-recon-access", access.name.encode()))
        changes = changes_state(scope["method"], scope["path"], self._changing)
        if access is Access.CHANGE or (access is Access.READ and not changes):
            return
        if not changes and identity is not None:
            path = scope["path"].rstrip("/")
            if path == BASE + "/cluster/generation" and self._rules.is_peer(identity):
                return
            of_owner = self._of_owners.get(path, ())
            if of_owner == ANY_USER or (access is Access.OWN and self._owns(identity.user, scope, of_owner)):
                return
        response = Response(status_code=403)
        response.headers["content-type"] = "text/plain;charset=utf-8"
        raise _Refused(response)

    def _owns(self, user: str, scope: Scope, of_owner: tuple[str, ...]) -> bool:
        """Whether a user owns what a request asks for, by the parameters of `Route.of_owner`."""
        served, query = self._context.served, scope["query_string"]
        if not of_owner or served is None or query.count(b"&") >= MAX_PARAMETERS:
            return False
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        path, *others = ([value for name, value in pairs if name == parameter] for parameter in of_owner)
        return (
            len(path) == 1
            and owns(served.generation, user, path[0])
            and all(may_start_after(served.generation, user, value) for values in others for value in values)
        )

    async def _in_thread(self, call: Callable[[], T]) -> T:
        if self._waiting >= _QUEUE:
            raise _Refused(_plain(503, "Too many logins at once: retry later.", ((b"retry-after", b"1"),)))
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(_THREADS, call)
        finally:
            self._waiting -= 1

    def _set_cookie(self, scope: Scope, login: _Login, identity: Identity, expires: int) -> None:
        settings = self._settings
        inactive = _now() + round(1000 * settings.max_inactive) if settings.max_inactive else -1
        try:
            value = cookie.written(identity, expires, settings.secret, inactive)
        except LoginError as refusal:
            raise _Refused(_plain(403, f"The login failed: {refusal}.")) from refusal
        until = f"; Expires={formatdate(expires / 1000, usegmt=True)}" if settings.cookie_persistent else ""
        attributes = self._attributes(secure=scope.get("scheme") == "https")
        login.headers.append((b"set-cookie", f'{cookie.NAME}="{value}"{until}{attributes}'.encode()))

    def _attributes(self, *, secure: bool) -> str:
        settings = self._settings
        domain = f"; Domain={settings.cookie_domain}" if settings.cookie_domain else ""
        path = f"; Path={settings.cookie_path}" if settings.cookie_path else ""
        return f"{path}{domain}{'; Secure' if secure else ''}; HttpOnly; SameSite=Lax"

    def _unauthorized(self, method: str, reason: str) -> Response:
        kerberos = self._settings.kerberos
        how = "with Kerberos (`kinit`, then `curl --negotiate -u :`)" if kerberos else "with `?user.name=`"
        text = f"{reason or 'Authentication required'}: log in {how}."
        headers = (
            (b"www-authenticate", SCHEME.encode() if kerberos else b"PseudoAuth"),
            (b"set-cookie", f"{cookie.NAME}={self._attributes(secure=False)}".encode()),
            (b"cache-control", b"must-revalidate,no-cache,no-store"),
        )
        return _plain(401, "" if method in ("PUT", "OPTIONS") else text, headers)


def _plain(status: int, text: str, headers: Sequence[Header] = ()) -> Response:
    response = Response(orjson.dumps({"message": text}) if text else b"", status)
    if text:
        response.headers["content-type"] = "application/json"
    response.raw_headers += [(b"x-content-type-options", b"nosniff"), *headers]
    return response


def _remote_exception(text: str) -> Response:
    name = "org.apache.hadoop.security.authorize.AuthorizationException"
    body = {"message": text, "exception": name.rpartition(".")[2], "javaClassName": name}
    return Response(orjson.dumps({"RemoteException": body}), 403, {"content-type": "application/json"})


def _cookie(header: bytes) -> str:
    """The value of our cookie; empty without one."""
    for part in header.decode("utf-8", "surrogateescape").split(";"):
        name, _, value = part.strip().partition("=")
        if name == cookie.NAME:
            return value.strip('"')
    return ""


def _parameter(scope: Scope, name: str) -> str:
    """The first value of a parameter, whatever the case of its name; empty without one."""
    query = scope["query_string"]
    if name.encode() not in query.lower():
        return ""
    if query.count(b"&") >= MAX_PARAMETERS:
        raise _Refused(_plain(400, f"The query has more than {MAX_PARAMETERS} parameters."))
    pairs = parse_qsl(query.decode("latin-1"))
    return next((value for key, value in pairs if key.lower() == name), "")


def _now() -> int:
    return time.time_ns() // 1_000_000
