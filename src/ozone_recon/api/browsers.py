"""What a browser asks on behalf of another site, told apart from what anybody may ask.

A page of any site can have a browser behind the firewall send requests here. It cannot read the answers, but a request
may change something (cross-site request forgery). So those that do must come from our own pages: `Sec-Fetch-Site`, else
`Origin`, else `Referer` says so, none of which a page can set. And a site may have its own name lead to our address for
a moment (DNS rebinding): to the browser its page is one of ours then, but `Host` is its name. So a browser must use a
name that is ours.

Both hold for browsers alone. curl, Prometheus, a probe or a proxy for programs can be told by no page what to send, and
may call us by any name that leads here. A browser is told by headers of which it always sends at least one and that
a page cannot take away: over http, where there is no `Sec-Fetch-Site`, that is `Accept-Language`.
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
"""Headers of browsers."""
PRIVATE = (".localhost", ".local", ".internal")
"""Domains that the public DNS does not have, so that no site can be there (RFC 6761, RFC 6762, ICANN)."""
LONGEST = 300
"""Bytes of a name with a port."""

Headers = Mapping[bytes, bytes]


def is_browser(headers: Headers) -> bool:
    """Whether a browser has sent these; some tools that call themselves one count as such."""
    return any(name in headers for name in MARKS) or headers.get(b"user-agent", b"").startswith(b"Mozilla/")


class HostNames:
    """The names that are ours."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._of_machine: frozenset[str] | None = None
        self._asking = asyncio.Lock()

    async def refused(self, headers: Headers) -> str:
        """The name by which a browser asks for us that is not ours; empty when there is none."""
        host = headers.get(b"host", b"")
        if len(host) <= LONGEST and _is_nobodys(host):
            return ""
        if not is_browser(headers):
            return ""
        name = _name(host[:LONGEST].decode("latin-1"))
        config = self._context.config
        if name in (config.http_host.lower(), config.http.host.lower()) or self.is_allowed(name):
            return ""
        return "" if name in await self._names_of_machine() else name or "(none)"

    def is_allowed(self, name: str) -> bool:
        """Whether ozone.recon.http.allowed.hosts has this name, or a domain that it is in."""
        return any(
            name.endswith(one) if one.startswith(".") else name == one
            for one in map(str.lower, self._context.config.http_allowed_hosts)
        )

    def other_site(self, headers: Headers) -> str:
        """The site that has a browser ask; empty when that is one of our pages, or it is no browser."""
        source = (headers.get(b"origin") or headers.get(b"referer") or b"").decode("latin-1")
        if site := headers.get(b"sec-fetch-site"):
            return "" if site in (b"same-origin", b"none") else source or "another site"
        if not source:
            return "a page that is not named" if is_browser(headers) else ""
        try:
            there = urlsplit(source)
            authority, name = there.netloc.rpartition("@")[2].lower(), there.hostname or ""
        except ValueError:
            return source
        # A proxy may have put another Host in, or have left out its port; a page can have no browser send the second.
        ours = [headers.get(header, b"").decode("latin-1").lower() for header in (b"host", b"x-forwarded-host")]
        known = {one.strip() for one in ",".join(ours).split(",")} - {""}
        if authority and (authority in known or name in known or self.is_allowed(name)):
            return ""
        return source

    async def _names_of_machine(self) -> frozenset[str]:
        """What this machine calls itself; DNS is asked for it, once."""
        async with self._asking:
            if self._of_machine is None:
                self._of_machine = await asyncio.to_thread(_names_of_machine)
        return self._of_machine


@lru_cache(256)
def _is_nobodys(host: bytes) -> bool:
    """Whether no site can have this name: an address, or one without a dot or in a private domain."""
    name = _name(host.decode("latin-1"))
    if not name:
        return False
    try:
        ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(PRIVATE)
    return True


def _name(host: str) -> str:
    """A name without its port, brackets, and the dot at its end."""
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    return name.strip().lower().removesuffix(".")


def _names_of_machine() -> frozenset[str]:
    return frozenset(name.lower().removesuffix(".") for name in (socket.gethostname(), socket.getfqdn()))
