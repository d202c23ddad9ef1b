"""SASL's mechanism GSSAPI (RFC 4752) as Hadoop RPC uses it, on both sides, over a security context of GSSAPI.

    client                                          server
    INITIATE, the context's token            →
                                             ←      CHALLENGE, the context's token
    RESPONSE, an empty token                 →
                                             ←      CHALLENGE, wrapped: the levels that it allows, its longest message
    RESPONSE, wrapped: the chosen level      →
                                             ←      SUCCESS

Both wrapped messages are protected against changes, but not sealed. Above the level `authentication` all later frames
are wrapped, several in one message or one in several.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, Protocol

from ozone_recon.errors import DecodeError, SourceError
from ozone_recon.wire.hadoop_rpc.messages import SaslAuth

METHOD: Final = "KERBEROS"
MECHANISM: Final = "GSSAPI"
LONGEST_WRAPPED: Final = 1 << 16
"""The longest message that we announce, in bytes, as Java does; neither side enforces it on receipt."""
_OFFER: Final = 4
"""Bytes of an offer and of a choice: the levels, and the longest message as three bytes."""


class Protection(IntEnum):
    """A level of `hadoop.rpc.protection`; the values are SASL's."""

    AUTHENTICATION = 1
    INTEGRITY = 2
    PRIVACY = 4


class GssContext(Protocol):
    """A security context, such as `security.gssapi.SecurityContext`."""

    @property
    def complete(self) -> bool:
        """Whether this side has finished successfully."""

    @property
    def peer(self) -> str:
        """The client's principal, at a server."""

    def step(self, token: bytes) -> bytes:
        """Processes a token; returns the one to send, possibly empty."""

    def wrap(self, data: bytes, *, seal: bool) -> bytes:
        """Protects a message."""

    def unwrap(self, data: bytes) -> bytes:
        """Returns the content of a protected message."""


def kerberos_auth(principal: str) -> SaslAuth:
    """The method as a server with this principal (`service/host@REALM`) offers it."""
    service, _, host = principal.partition("@")[0].partition("/")
    return SaslAuth(METHOD, MECHANISM, service, host)


class _GssapiExchange:
    """What both sides share: the context, and the agreed level."""

    def __init__(self, context: GssContext, protections: Sequence[Protection]) -> None:
        """`protections` are the allowed levels, the most wanted one first."""
        self.complete = False
        self._context = context
        self._protections = protections
        self._level = Protection.AUTHENTICATION

    @property
    def user(self) -> str:
        """The client's principal, at a server."""
        return self._context.peer

    @property
    def wraps(self) -> bool:
        """Whether later frames are wrapped."""
        return self._level is not Protection.AUTHENTICATION

    def wrap(self, data: bytes) -> bytes:
        """Protects bytes to send at the agreed level."""
        return self._context.wrap(data, seal=self._level is Protection.PRIVACY)

    def unwrap(self, data: bytes) -> bytes:
        """Recovers the peer's bytes."""
        return self._context.unwrap(data)

    def _announcement(self, levels: int, longest: int) -> bytes:
        return self._context.wrap(bytes([levels]) + longest.to_bytes(3, "big"), seal=False)

    def _agree(self, level: Protection) -> None:
        self._level = level
        self.complete = True


class GssapiClient(_GssapiExchange):
    """The client's side."""

    def step(self, token: bytes) -> bytes:
        """Processes the server's token; SourceError without a common level."""
        if not self._context.complete:
            return self._context.step(token)
        if self.complete:
            raise DecodeError("the server continues SASL after its end")
        offer = self._context.unwrap(token)
        if len(offer) != _OFFER:
            raise DecodeError(f"the server's offer of protection has {len(offer)} bytes instead of {_OFFER}")
        level = next((one for one in self._protections if one & offer[0]), None)
        if level is None:
            raise SourceError(
                f"no common protection: the server offers {_names(offer[0])}, this client "
                f"{', '.join(one.name.lower() for one in self._protections)} (hadoop.rpc.protection)"
            )
        choice = self._announcement(level, LONGEST_WRAPPED if level > 1 else 0)
        self._agree(level)
        return choice


class GssapiServer(_GssapiExchange):
    """The server's side."""

    def __init__(self, context: GssContext, protections: Sequence[Protection]) -> None:
        super().__init__(context, protections)
        self._has_offered = False

    def step(self, token: bytes) -> bytes | None:
        """Processes the client's token; SourceError for a level that was not offered, or another user."""
        if not self._context.complete:
            return self._context.step(token)
        if not self._has_offered:
            if token:
                raise DecodeError(f"{len(token)} bytes instead of an empty token after the authentication")
            self._has_offered = True
            return self._announcement(sum(set(self._protections)), LONGEST_WRAPPED)
        choice = self._context.unwrap(token)
        level = next((one for one in self._protections if choice[:1] == bytes([one])), None)
        if len(choice) < _OFFER or level is None:
            raise SourceError(
                f"the client chose the protection {choice[:_OFFER].hex() or 'none'}, which was not offered"
            )
        if choice[_OFFER:] not in (b"", self.user.encode()):
            raise SourceError(f"{self.user} asks to act as {choice[_OFFER:].decode(errors='replace')!r}")
        self._agree(level)
        return None


def _names(mask: int) -> str:
    return ", ".join(one.name.lower() for one in Protection if one & mask) or f"{mask:#x}"
