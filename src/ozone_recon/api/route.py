"""Defines a route: its path, handler and documentation.

A module of routes looks like this, and is listed in route_table.py:

    class Volumes(BaseModel):
        totalCount: int = Field(description="Number of volumes on this page.")

    async def volumes(view: CurrentView, limit: Limit = 1000) -> Response:
        generation = view.generation
        return json_response({"totalCount": 0 if generation is None else …})

    ROUTES = (Route("/volumes", volumes, "The volumes, in order of their names.", Volumes),)

A handler runs on the event loop, so it must be short. It raises an exception of errors.py, or HttpRefusal.
middleware/request.py adds headers, gzip, 304, HEAD and caching.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Response

BASE = "/api/v1"
"""Prefix of the API's paths."""


ANY_USER: Final = ("",)
"""`Route.of_owner` of a route that everybody who has logged in may read."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def changes_state(method: str, path: str, changing: frozenset[str]) -> bool:
    """Whether a request changes state; `changing` has the paths whose GET does."""
    return method not in _READING or path.rstrip("/") in changing


@dataclass(frozen=True, slots=True)
class Route:
    """A route below /api/v1.

    `answer` is a pydantic model (or `list[Model]`, …) with a description of every field. It only documents the
    response: the handler returns a Response. `immutable` means that the response depends only on the request and the
    generation, so it may be cached and revalidated with 304; with `cluster`, it depends on the cluster's state as
    well. `others` describes further statuses, and `bodies` has the models of those whose body is neither an error nor
    empty; `media_type` is that of a successful response. `method` is GET, POST, PUT or DELETE. `changes` means that a
    GET changes state, as the other methods do: HEAD is not allowed, and a browser must send it from our own pages
    (browsers.py). Every other GET allows HEAD.

    `of_owner` names query parameters with paths. The answer tells only of the place that the first one names, so the
    owner of this volume or bucket may read it (`ozone.recon.http.owners`); the others may not name other places.
    `ANY_USER` is for an answer about the user alone. Without it, a route is for administrators and readers.
    """

    path: str
    handler: Callable[..., Awaitable[Response]]
    summary: str
    answer: Any
    immutable: bool = True
    cluster: bool = False
    method: str = "GET"
    changes: bool = False
    others: Mapping[int, str] = field(default_factory=dict)
    bodies: Mapping[int, Any] = field(default_factory=dict)
    media_type: str = "application/json"
    of_owner: tuple[str, ...] = ()

    @property
    def changes_state(self) -> bool:
        """Whether a request changes state."""
        return self.changes or self.method != "GET"

    @property
    def tag(self) -> str:
        """The route's heading in the documentation: the first part of its path."""
        return self.path.split("/")[1]
