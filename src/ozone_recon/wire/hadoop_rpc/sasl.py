"""Which way to authenticate, and the doing of it: both sides of Hadoop RPC's SASL negotiation, for any mechanism.

    client                                  server
    NEGOTIATE                        →                          (a server without authentication: SUCCESS, and over)
                                     ←      NEGOTIATE, the ways it knows, the best first
    INITIATE, the way taken, token   →                          (the way SIMPLE: over, without an answer)
                                     ←      CHALLENGE, token    \
    RESPONSE, token                  →                          / as often as the mechanism needs
                                     ←      SUCCESS, token

KERBEROS is to come; SIMPLE, which is no authentication, is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from ozone_recon.errors import DecodeError, SourceError
from ozone_recon.wire.hadoop_rpc.messages import SaslAuth, SaslMessage, SaslState


class Exchange(Protocol):
    """One authentication under way, on one side of one connection."""

    @property
    def complete(self) -> bool:
        """Whether this side is satisfied."""

    @property
    def user(self) -> str:
        """At the server, when complete: who the client is."""

    @property
    def wraps(self) -> bool:
        """When complete: whether all that follows is wrapped (`hadoop.rpc.protection` is more than authentication)."""

    def step(self, token: bytes) -> bytes | None:
        """What to send for what came (at the client's beginning: nothing came); SourceError when it will not do."""

    def wrap(self, data: bytes) -> bytes:
        """Bytes to send, protected."""

    def unwrap(self, data: bytes) -> bytes:
        """The other side's bytes; DecodeError when they were tampered with."""


class Mechanism(Protocol):
    """A way to authenticate, on one side."""

    @property
    def auth(self) -> SaslAuth:
        """Its names; at a server with the principal to which clients are to authenticate."""

    def begin(self, auth: SaslAuth) -> Exchange | None:
        """An exchange for a new connection; at the client `auth` is the server's. None when there is none to have."""


class Simple:
    """No authentication: the client says who it is, and the server believes it."""

    auth: Final = SaslAuth("SIMPLE", "")

    def begin(self, auth: SaslAuth) -> None:
        """There is nothing to exchange."""


class ClientNegotiation:
    """The client's side."""

    def __init__(self, mechanisms: Sequence[Mechanism]) -> None:
        """With Simple among the mechanisms, a server that does not authenticate will do."""
        self.done = False
        self.exchange: Exchange | None = None
        self._mechanisms = {(one.auth.method, one.auth.mechanism): one for one in mechanisms}

    def answer(self, message: SaslMessage) -> SaslMessage | None:
        """What to send for the server's message; None for nothing.

        Raises SourceError when there is no way that both know, and DecodeError for a message out of turn.
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
                    raise DecodeError("the server says that it is satisfied, and the mechanism is not at its end")
                self.done = True
                return None
        raise DecodeError(f"SASL's {message.state.name} is out of turn")

    def _initiate(self, auths: Sequence[SaslAuth]) -> SaslMessage:
        auth = self._choose(auths)
        self.exchange = self._mechanisms[auth.method, auth.mechanism].begin(auth)
        if self.exchange is None:
            self.done = True
            return SaslMessage(SaslState.INITIATE, auths=(auth,))
        token = self.exchange.step(auth.challenge or b"")
        return SaslMessage(SaslState.INITIATE, token or b"", (replace(auth, challenge=None),))

    def _choose(self, auths: Sequence[SaslAuth]) -> SaslAuth:
        """The server's first way that we know too."""
        for auth in auths:
            if (auth.method, auth.mechanism) in self._mechanisms:
                return auth
        offered, known = (
            ", ".join(one) or "none" for one in ([a.method for a in auths], [m for m, _ in self._mechanisms])
        )
        raise SourceError(f"the server authenticates by {offered}, and we by {known} (hadoop.security.authentication)")


class ServerNegotiation:
    """The server's side."""

    def __init__(self, mechanisms: Sequence[Mechanism]) -> None:
        """The mechanisms are offered in their order."""
        self.done = False
        self.exchange: Exchange | None = None
        self._mechanisms = {one.auth: one for one in mechanisms}
        self._offered = False

    def answer(self, message: SaslMessage) -> SaslMessage | None:
        """What to send for the client's message; None for nothing.

        Raises SourceError for a way that was not offered, and DecodeError for a message out of turn.
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
                    raise SourceError(f"the client wants to authenticate by {auth.method}, which was not offered")
                self.exchange = self._mechanisms[auth].begin(auth)
                if self.exchange is not None:
                    return self._step(self.exchange, message)
                self.done = True
                return None
            case SaslState.RESPONSE if self.exchange is not None:
                return self._step(self.exchange, message)
        raise DecodeError(f"SASL's {message.state.name} is out of turn")

    def _step(self, exchange: Exchange, message: SaslMessage) -> SaslMessage:
        reply = exchange.step(_token(message))
        self.done = exchange.complete
        return SaslMessage(SaslState.SUCCESS if self.done else SaslState.CHALLENGE, reply)


def _token(message: SaslMessage) -> bytes:
    if message.token is None:
        raise DecodeError(f"SASL's {message.state.name} has no token")
    return message.token
