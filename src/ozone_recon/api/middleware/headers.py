"""Headers of every response, and of the pages, as the configuration has them."""

from __future__ import annotations

from typing import TypeAlias

from ozone_recon.config import Config

Header: TypeAlias = tuple[bytes, bytes]
_COMMON: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-xss-protection", b"1; mode=block"),
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept-Encoding"),
)
"""`no-cache` lets a browser store a response, but revalidate it each time."""
_ANCESTORS = {"DENY": " frame-ancestors 'none';", "SAMEORIGIN": " frame-ancestors 'self';"}
"""What a page's Content-Security-Policy says for a value of X-Frame-Options; other values have no counterpart."""
_HSTS: Header = (b"strict-transport-security", b"max-age=31536000")
"""Of a server that speaks https only: browsers never try http again (RFC 6797)."""


class ResponseHeaders:
    """The headers of a server's responses."""

    def __init__(self, config: Config) -> None:
        own = ((name.lower().encode(), value.encode("latin-1")) for name, value in config.extra_headers)
        frame = ((b"x-frame-options", config.xframe.encode("latin-1")),) if config.xframe else ()
        self.common: tuple[Header, ...] = (*_COMMON, *frame, *own)
        """Of every response."""
        self.https: tuple[Header, ...] = () if config.http_enabled else (_HSTS,)
        """Of every response over https, besides."""
        ancestors = _ANCESTORS.get(config.xframe.upper(), "")
        policy = f"default-src 'self';{ancestors} base-uri 'self'; form-action 'self'"
        self.pages: tuple[Header, ...] = (
            (b"content-security-policy", policy.encode()),
            (b"referrer-policy", b"same-origin"),
        )
        """Of the pages, besides: a browser loads nothing from other sites."""
