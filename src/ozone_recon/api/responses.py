"""Creates responses: JSON with Recon's content type, and errors.

An error is always `{"message": "…"}`: what happened and what to do. This module alone maps exception classes to
statuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
from fastapi import Response

from ozone_recon.errors import BadRequest, NotReady, ReconError, SourceError


class HttpRefusal(ReconError):
    """An error with an explicit status, for statuses without an exception class (404, 406, …)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


STATUSES: tuple[tuple[type[ReconError], int], ...] = (
    (BadRequest, 400),
    (NotReady, 503),
    (SourceError, 502),
    (ReconError, 500),
)
"""Statuses by exception class; the first match wins."""


class JsonBytes(Response):
    """A response whose body is JSON bytes; its content type is exactly `application/json`, as Recon's."""

    media_type = "application/json"


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Encodes `body` as JSON. Supports numpy numbers and arrays, but not bytes (decode names with errors="replace")."""
    return JsonBytes(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), status, headers)


class RawJson(NamedTuple):
    """Encoded JSON, in pieces."""

    pieces: Sequence[bytes | memoryview]


def written_object(members: Mapping[str, object]) -> RawJson:
    """Encodes an object; members may be `RawJson`."""
    pieces: list[bytes | memoryview] = []
    for name, value in members.items():
        pieces += (b",%s:" % orjson.dumps(name) if pieces else b"{%s:" % orjson.dumps(name),)
        pieces += value.pieces if isinstance(value, RawJson) else [orjson.dumps(value)]
    return RawJson([*pieces, b"}"])


def written_response(written: RawJson) -> Response:
    """A response of encoded JSON, copied once."""
    return JsonBytes(b"".join(written.pieces))


def page_response(members: Mapping[str, object]) -> Response:
    """A response of a JSON object; members may be `RawJson`."""
    return written_response(written_object(members))


def no_content() -> Response:
    """204 with a content type and without a body, Recon's response for an empty listing."""
    return JsonBytes(None, 204)


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error response."""
    return json_response({"message": message}, status, headers)


def status_of(error: ReconError) -> int:
    """Returns the HTTP status of an error."""
    if isinstance(error, HttpRefusal):
        return error.status
    return next(status for kind, status in STATUSES if isinstance(error, kind))
