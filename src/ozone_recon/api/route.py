"""What a route is: a path, the function that answers it, and all that its documentation needs.

A module of routes looks like this, and is named in routes.py:

    class Volumes(BaseModel):
        totalCount: int = Field(description="Number of volumes on this page.")

    async def volumes(view: CurrentView, limit: Limit = 1000) -> Response:
        generation = view.generation
        return json_response({"totalCount": 0 if generation is None else …})

    ROUTES = (Route("/volumes", volumes, "The volumes, in order of their names.", Volumes),)

A handler runs on the event loop: it does its short work at once, and refuses with an exception of errors.py or with
HttpRefusal. Headers, gzip, 304, HEAD and the keeping of answers are framing.py's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Response

BASE = "/api/v1"
"""Where the API lives."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route below /api/v1.

    `answer` is a pydantic model (or `list[Model]`, …) whose every field is described; it documents the answer and
    serialises nothing: the handler returns a Response. `immutable` says that within one generation the same question
    always has the same answer, so that it may be kept and be answered with 304; `cluster`, that what is known of the
    cluster has to be the same for that as well. `others` describes further statuses; `bodies` has the model of each of
    them whose body is neither an error nor empty. `method` is GET or POST, PUT, DELETE. `changes` says that a GET
    changes state, as all other methods do: it has no HEAD then, and a browser must ask for it from one of our own
    pages (browsers.py). HEAD comes with every other GET.
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

    @property
    def changes_state(self) -> bool:
        """Whether asking for it changes anything."""
        return self.changes or self.method != "GET"

    @property
    def tag(self) -> str:
        """The heading it is documented under: the first part of its path."""
        return self.path.split("/")[1]
