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
from typing import Any

from fastapi import Response

BASE = "/api/v1"
"""Prefix of the API's paths."""


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

    @property
    def changes_state(self) -> bool:
        """Whether a request changes state."""
        return self.changes or self.method != "GET"

    @property
    def tag(self) -> str:
        """The route's heading in the documentation: the first part of its path."""
        return self.path.split("/")[1]
