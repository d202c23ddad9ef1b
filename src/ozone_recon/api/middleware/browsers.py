"""Protection of browsers' users: cross-site request forgery (CSRF) and DNS rebinding.

A page of any site can make a browser inside the firewall send requests here. It cannot read the answers, but the
request may change state (CSRF). A request that does must therefore come from one of our own pages, by `Sec-Fetch-Site`,
else `Origin`, else `Referer`; a page cannot forge these. A site can also resolve its own host name to our address for a
moment (DNS rebinding): the browser then takes its page for one of ours, but sends that name as `Host`. A browser must
therefore use one of our names.

Both rules apply to browsers only. No page controls what curl, Prometheus or a probe sends, and these may use any name
that leads here, such as a proxy's or a Kubernetes service's. A browser is recognised by headers that it always sends
and a page cannot remove; over plain http, where there is no `Sec-Fetch-Site`, that is `Accept-Language`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ozone_recon.api.context import Context

MARKS = (b"sec-fetch-site", b"origin", b"referer", b"accept-language")
"""Headers that identify a browser."""
PRIVATE = (".localhost", ".local", ".internal")
"""Domains that are not in the public DNS (RFC 6761, RFC 6762, ICANN): no hostile site can be there."""
MAX_HOST = 300
"""Maximum size of a Host header in bytes."""

Headers = Mapping[bytes, bytes]


def is_browser(headers: Headers) -> bool:
    """Whether a browser sent these headers; tools that claim to be one count too."""
    return any(name in headers for name in MARKS) or headers.get(b"user-agent", b"").startswith(b"Mozilla/")


class HostNames:
    """The host names of this server."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._of_machine: frozenset[str] | None = None
        self._lookup_lock = asyncio.Lock()

    async def refused(self, headers: Headers) -> str:
        """The unknown host name that a browser used; empty if it is one of ours, or the client is no browser."""
        host = headers.get(b"host", b"")
        if len(host) <= MAX_HOST and _is_not_public(host):
            return ""
        if not is_browser(headers):
            return ""
        name = _name(host[:MAX_HOST].decode("latin-1"))
        if name in map(str.lower, self._context.config.own_hosts) or self.is_allowed(name):
            return ""
        return "" if name in await self._names_of_machine() else name or "(none)"

    def is_allowed(self, name: str) -> bool:
        """Whether ozone.recon.http.allowed.hosts lists this name or its domain."""
        return any(
            name.endswith(one) if one.startswith(".") else name == one
            for one in map(str.lower, self._context.config.http_allowed_hosts)
        )

    def other_site(self, headers: Headers) -> str:
        """The other site for which a browser sent this; empty for our own pages, and if the client is no browser."""
        source = (headers.get(b"origin") or headers.get(b"referer") or b"").decode("latin-1")
        if site := headers.get(b"sec-fetch-site"):
            return "" if site in (b"same-origin", b"none") else source or "another site"
        if not source:
            return "an unnamed page" if is_browser(headers) else ""
        try:
            there = urlsplit(source)
            authority, name = there.netloc.rpartition("@")[2].lower(), there.hostname or ""
        except ValueError:
            return source
        # A proxy may replace Host, or drop its port. A page of another site cannot set X-Forwarded-Host.
        ours = [headers.get(header, b"").decode("latin-1").lower() for header in (b"host", b"x-forwarded-host")]
        known = {one.strip() for one in ",".join(ours).split(",")} - {""}
        if authority and (authority in known or name in known or self.is_allowed(name)):
            return ""
        return source

    async def _names_of_machine(self) -> frozenset[str]:
        """The names of this machine, looked up once."""
        async with self._lookup_lock:
            if self._of_machine is None:
                self._of_machine = await asyncio.to_thread(_names_of_machine)
        return self._of_machine


@lru_cache(256)
def _is_not_public(host: bytes) -> bool:
    """Whether the public DNS cannot have this name: an IP address, no dot in it, or in a private domain."""
    name = _name(host.decode("latin-1"))
    if not name:
        return False
    try:
        ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(PRIVATE)
    return True


def _name(host: str) -> str:
    """A host name without port, brackets and final dot."""
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    return name.strip().lower().removesuffix(".")


def _names_of_machine() -> frozenset[str]:
    return frozenset(name.lower().removesuffix(".") for name in (socket.gethostname(), socket.getfqdn()))
