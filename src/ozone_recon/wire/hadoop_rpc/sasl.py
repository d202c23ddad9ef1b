"""Both sides of Hadoop RPC's SASL negotiation, for any mechanism.

    client                                  server
    NEGOTIATE                        →                          (without authentication: SUCCESS, done)
                                     ←      NEGOTIATE, its methods in order of preference
    INITIATE, chosen method, token   →                          (SIMPLE: done, without a response)
                                     ←      CHALLENGE, token    \
    RESPONSE, token                  →                          / repeated as the mechanism requires
                                     ←      SUCCESS, token

SIMPLE does not authenticate; `sasl_gssapi` has the mechanism of KERBEROS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from ozone_recon.errors import DecodeError, SourceError
from ozone_recon.wire.hadoop_rpc.messages import SaslAuth, SaslMessage, SaslState


class Exchange(Protocol):
    """The state of one authentication, on one side of one connection."""

    @property
    def complete(self) -> bool:
        """Whether this side has finished successfully."""

    @property
    def user(self) -> str:
        """Server only, when complete: the authenticated user."""

    @property
    def wraps(self) -> bool:
        """When complete: whether later frames are wrapped (`hadoop.rpc.protection` above authentication)."""

    def step(self, token: bytes) -> bytes | None:
        """Processes a token (empty at the client's start); returns the one to send. SourceError when it is invalid."""

    def wrap(self, data: bytes) -> bytes:
        """Protects bytes to send."""

    def unwrap(self, data: bytes) -> bytes:
        """Recovers the peer's bytes; DecodeError when they were tampered with."""


class Mechanism(Protocol):
    """An authentication method, on one side."""

    @property
    def auth(self) -> SaslAuth:
        """The names of the method; at a server also its principal."""

    def begin(self, auth: SaslAuth) -> Exchange | None:
        """Starts an exchange for a new connection (a client passes the server's `auth`), or None if none is needed."""


class Simple:
    """No authentication: the server trusts the user that the client names."""

    auth: Final = SaslAuth("SIMPLE", "")

    def begin(self, auth: SaslAuth) -> None:
        """Needs no exchange."""


class ClientNegotiation:
    """The client's side of the negotiation."""

    def __init__(self, mechanisms: Sequence[Mechanism]) -> None:
        """With Simple among the mechanisms, a server without authentication is accepted."""
        self.done = False
        self.exchange: Exchange | None = None
        self._mechanisms = {(one.auth.method, one.auth.mechanism): one for one in mechanisms}

    def answer(self, message: SaslMessage) -> SaslMessage | None:
        """Processes the server's message; returns the one to send, or None.

        Raises SourceError without a common method, and DecodeError for an unexpected message.
        """
        exchange = self.exchange
        match message.state:
            case SaslState.NEGOTIATE if exchange is None:
                return self._initiate(message.auths)
            case SaslState.CHALLENGE if exchange is not None:
                return SaslMessage(SaslState.RESPONSE, exchange.step(_token(message)) or b"")
            case SaslState.SUCCESS:
                if exchange is None:
                    self._choose((Simple.auth,))
                elif (message.token is not None and exchange.step(message.token)) or not exchange.complete:
                    raise DecodeError("the server sent SUCCESS before the mechanism was complete")
                self.done = True
                return None
        raise DecodeError(f"unexpected SASL {message.state.name}")

    def _initiate(self, auths: Sequence[SaslAuth]) -> SaslMessage:
        auth = self._choose(auths)
        self.exchange = self._mechanisms[auth.method, auth.mechanism].begin(auth)
        if self.exchange is None:
            self.done = True
            return SaslMessage(SaslState.INITIATE, auths=(auth,))
        token = self.exchange.step(auth.challenge or b"")
        return SaslMessage(SaslState.INITIATE, token or b"", (replace(auth, challenge=None),))

    def _choose(self, auths: Sequence[SaslAuth]) -> SaslAuth:
        """The first of the server's methods that we support."""
        for auth in auths:
            if (auth.method, auth.mechanism) in self._mechanisms:
                return auth
        offered, known = (
            ", ".join(one) or "none" for one in ([a.method for a in auths], [m for m, _ in self._mechanisms])
        )
        raise SourceError(
            f"no common authentication method: the server offers {offered}, this client {known} "
            "(hadoop.security.authentication)"
        )


class ServerNegotiation:
    """The server's side of the negotiation."""

    def __init__(self, mechanisms: Sequence[Mechanism]) -> None:
        """The mechanisms are offered in the given order."""
        self.done = False
        self.exchange: Exchange | None = None
        self._mechanisms = {one.auth: one for one in mechanisms}
        self._offered = False

    def answer(self, message: SaslMessage) -> SaslMessage | None:
        """Processes the client's message; returns the one to send, or None.

        Raises SourceError for a method that was not offered, and DecodeError for an unexpected message.
        """
        match message.state:
            case SaslState.NEGOTIATE if not self._offered:
                self._offered = True
                self.done = list(self._mechanisms) == [Simple.auth]
                if self.done:
                    return SaslMessage(SaslState.SUCCESS)
                return SaslMessage(SaslState.NEGOTIATE, auths=tuple(self._mechanisms))
            case SaslState.INITIATE if self.exchange is None and len(message.auths) == 1:
                (auth,) = message.auths
                if auth not in self._mechanisms:
                    raise SourceError(
                        f"the client chose the authentication method {auth.method}, which was not offered"
                    )
                self.exchange = self._mechanisms[auth].begin(auth)
                if self.exchange is not None:
                    return self._step(self.exchange, message)
                self.done = True
                return None
            case SaslState.RESPONSE if self.exchange is not None:
                return self._step(self.exchange, message)
        raise DecodeError(f"unexpected SASL {message.state.name}")

    def _step(self, exchange: Exchange, message: SaslMessage) -> SaslMessage:
        reply = exchange.step(_token(message))
        self.done = exchange.complete
        return SaslMessage(SaslState.SUCCESS if self.done else SaslState.CHALLENGE, reply)


def _token(message: SaslMessage) -> bytes:
    if message.token is None:
        raise DecodeError(f"SASL {message.state.name} has no token")
    return message.token
