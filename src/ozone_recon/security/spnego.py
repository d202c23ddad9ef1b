"""Kerberos logins over HTTP (SPNEGO, RFC 4559): to OM, datanodes and another Recon, and of Recon's own clients.

A token serves one request: the server refuses it as a replay the second time. It is made for the host of the URL, and
no other host accepts it; callers follow no redirects.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from ozone_recon.config.security.rpc import KeytabIdentity
from ozone_recon.errors import ConfigError, KerberosError
from ozone_recon.security.gssapi import MUTUAL, SPNEGO, HostService, accept, initiate

SCHEME: Final = "Negotiate"
SERVICE: Final = "HTTP"


class SpnegoLogin:
    """The login of one request to a web server."""

    def __init__(self, host: str, identity: KeytabIdentity | None) -> None:
        """Without an identity, the client is the user of the ticket cache. May wait for a KDC; KerberosError."""
        self._host = host
        self._context = initiate(HostService(SERVICE, host), identity, SPNEGO, MUTUAL)
        self.authorization: Final = f"{SCHEME} {base64.b64encode(self._context.step(b'')).decode()}"
        """The value of the request's Authorization header."""

    def verify(self, challenge: str | None) -> None:
        """Checks the server's proof of its identity, its WWW-Authenticate header; KerberosError without one."""
        token = negotiate_token(challenge or "")
        if token is None:
            raise KerberosError(f"the web server of {self._host} did not prove its identity")
        if not self._context.complete:
            self._context.step(token)


class SpnegoAuth(httpx.Auth):
    """Logs in each request of an httpx client."""

    def __init__(self, identity: KeytabIdentity | None) -> None:
        self._identity = identity

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Adds a token and checks the server's proof."""
        login = SpnegoLogin(request.url.host, self._identity)
        request.headers["authorization"] = login.authorization
        response = yield request
        if response.is_success:
            login.verify(response.headers.get("www-authenticate"))

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Does the same in threads."""
        login = await asyncio.to_thread(SpnegoLogin, request.url.host, self._identity)
        request.headers["authorization"] = login.authorization
        response = yield request
        if response.is_success:
            await asyncio.to_thread(login.verify, response.headers.get("www-authenticate"))


class ClientLogin(NamedTuple):
    """A client that has logged in: its principal, and the server's proof for its WWW-Authenticate header."""

    principal: str
    proof: str


def accepted(token: bytes, keytab: Path, principal: str, replay_cache: Path) -> ClientLogin:
    """Logs in the client that sent `token`, with SPNEGO or plain Kerberos, to this principal; `*` is every HTTP one.

    Raises KerberosError if the token is invalid, repeated or not the only one needed. Blocks for file locks.
    """
    context = accept(keytab, _served(principal), replay_cache)
    reply = context.step(token)
    if not context.complete:
        raise KerberosError("the client's login needs more than one token: use Kerberos, not NTLM")
    return ClientLogin(context.peer, f"{SCHEME} {base64.b64encode(reply).decode()}" if reply else SCHEME)


def require_keytab(keytab: Path, principal: str) -> None:
    """Raises ConfigError unless the keytab has a key of the web server's principal. Needs no KDC."""
    try:
        accept(keytab, _served(principal))
    except KerberosError as failure:
        raise ConfigError(
            f"ozone.recon.http.auth.kerberos.keytab = {keytab} cannot be used for "
            f"ozone.recon.http.auth.kerberos.principal = {principal}: {failure}: export the keytab of this principal, "
            "readable for this user, or correct the keys"
        ) from failure


def _served(principal: str) -> str | HostService:
    return HostService(SERVICE, "") if principal == "*" else principal


def negotiate_token(header: str) -> bytes | None:
    """The token of an Authorization or WWW-Authenticate header; None if it is not one of SPNEGO's."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != SCHEME.lower() or not token.strip():
        return None
    try:
        return base64.b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
