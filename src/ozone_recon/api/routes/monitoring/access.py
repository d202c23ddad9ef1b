"""Serves /access: who a client is, what it may do, and what it owns."""

from __future__ import annotations

import asyncio

from fastapi import Request, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView
from ozone_recon.api.middleware.audit import ACCESS, IDENTITY
from ozone_recon.api.responses import json_response
from ozone_recon.api.route import ANY_USER, Route
from ozone_recon.insights.om.ownership import LISTED, Owned, owned_by
from ozone_recon.model.identity import Identity
from ozone_recon.security.access import Access


class AccessAnswer(BaseModel):
    """A user's access."""

    user: str = Field(description="The user's short name; empty without a login.")
    access: str = Field(description="CHANGE (administrators), READ (readers), OWN (owners see their own) or NOTHING.")
    volumes: list[str] = Field(description=f"With OWN, the first {LISTED} volumes that the user owns, as paths.")
    buckets: list[str] = Field(description=f"With OWN, the first {LISTED} buckets that the user owns, as paths.")


async def access(view: CurrentView, request: Request) -> Response:
    """Every user who has logged in may ask."""
    identity: Identity | None = request.scope[IDENTITY]
    level: Access = request.scope[ACCESS]
    owned = Owned([], [])
    if level is Access.OWN and identity is not None and view.generation is not None:
        owned = await asyncio.to_thread(owned_by, view.generation, identity.user)
    return json_response({"user": identity.user if identity else "", "access": level.name, **owned._asdict()})


ROUTES = (
    Route(
        "/access",
        access,
        "Returns who the client is, what it may do, and what it owns.",
        AccessAnswer,
        immutable=False,
        of_owner=ANY_USER,
    ),
)
