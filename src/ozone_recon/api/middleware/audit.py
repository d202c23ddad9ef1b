"""Logs every request that was refused for its sender or that changes state: who, from where, what, and the status.

A client without credentials that is asked to log in is not refused yet. With `ozone.recon.log.format=json` the facts
are members of the line. Events of clients without a login are rate-limited; a change by a user is always logged.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from ozone_recon.api.middleware.request import App, Message, Receive, Scope, Send
from ozone_recon.api.route import changes_state
from ozone_recon.logs import AUDIT, AUDITED_CHANGES
from ozone_recon.model.identity import Identity
from ozone_recon.security.access import Access

IDENTITY: Final = "ozone_recon.identity"
"""The key of the Identity in the ASGI scope; set by the login."""
ACCESS: Final = "ozone_recon.access"
"""The key of the Access in the ASGI scope; everything unless the login restricts it."""
_CHANGES: Final = logging.getLogger(AUDITED_CHANGES)
_OTHERS: Final = logging.getLogger(AUDIT)
_CREDENTIALS: Final = frozenset({b"authorization", b"cookie"})


class AuditMiddleware:
    """The outermost middleware around `app`; `changing` has the paths whose GET changes state."""

    def __init__(self, app: App, changing: frozenset[str]) -> None:
        self._app = app
        self._changing = changing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request; passes other kinds of connections through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        scope = {**scope, IDENTITY: None, ACCESS: Access.CHANGE}
        try:
            await self._app(scope, receive, noting)
        finally:
            self._note(scope, status)

    def _note(self, scope: Scope, status: int) -> None:
        method, path = scope["method"], scope["path"]
        changes = changes_state(method, path, self._changing)
        refused = status == 403 or (status == 401 and any(name in _CREDENTIALS for name, _ in scope["headers"]))
        if not changes and not refused:
            return
        identity: Identity | None = scope[IDENTITY]
        facts: dict[str, Any] = {
            "user": identity.principal if identity else "",
            "real_user": identity.real_user if identity else "",
            "client": (scope.get("client") or ("unknown",))[0],
            "method": method,
            "path": path,
            "status": status,
        }
        log = _CHANGES if changes and identity else _OTHERS
        log.info(
            "audit: %s at %s: %s %s: %s",
            (f"{identity.principal} as {identity.user}" if identity.real_user else identity.principal)
            if identity
            else "an anonymous client",
            facts["client"],
            method,
            path,
            status,
            extra=facts,
        )
