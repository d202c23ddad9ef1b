"""How answers leave: JSON bytes with Recon's content type, and one shape for every error.

An error is always `{"message": "…"}`, valid JSON, with what was wrong and what to do. The status follows from the
exception's class, here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
from fastapi import Response

from ozone_recon.errors import BadRequest, NotReady, ReconError, SourceError


class HttpRefusal(ReconError):
    """A refusal with a status of its own, where the exception tree has no class for it (404, 406, …)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


STATUSES: tuple[tuple[type[ReconError], int], ...] = (
    (BadRequest, 400),
    (NotReady, 503),
    (SourceError, 502),
    (ReconError, 500),
)
"""The status of an error: that of the first class it belongs to."""


class JsonBytes(Response):
    """A body that is JSON already; its content type is exactly `application/json`, as Recon's."""

    media_type = "application/json"


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`body` as JSON; numpy numbers and arrays are fine, bytes are not (decode names with errors="replace")."""
    return JsonBytes(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), status, headers)


class RawJson(NamedTuple):
    """JSON that has been written already, in pieces."""

    pieces: Sequence[bytes | memoryview]


def written_object(members: Mapping[str, object]) -> RawJson:
    """An object as JSON, of which some members may be `RawJson`."""
    pieces: list[bytes | memoryview] = []
    for name, value in members.items():
        pieces += (b",%s:" % orjson.dumps(name) if pieces else b"{%s:" % orjson.dumps(name),)
        pieces += value.pieces if isinstance(value, RawJson) else [orjson.dumps(value)]
    return RawJson([*pieces, b"}"])


def written_response(written: RawJson) -> Response:
    """What has been written, copied once."""
    return JsonBytes(b"".join(written.pieces))


def page_response(members: Mapping[str, object]) -> Response:
    """An object as JSON, of which some members may be `RawJson`."""
    return written_response(written_object(members))


def no_content() -> Response:
    """204, as Recon answers an empty listing: with the content type, without a body."""
    return JsonBytes(None, 204)


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error in its one shape."""
    return json_response({"message": message}, status, headers)


def status_of(error: ReconError) -> int:
    """The HTTP status an error is answered with."""
    if isinstance(error, HttpRefusal):
        return error.status
    return next(status for kind, status in STATUSES if isinstance(error, kind))
