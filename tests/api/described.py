"""Checks answers against our OpenAPI description: every field is described, and no other field is allowed."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jsonschema
from fastapi import FastAPI

Json = dict[str, Any]
DIALECT = jsonschema.Draft202012Validator


def undescribed(app: FastAPI, method: str, path: str, status: int, body: object) -> list[str]:
    """Lists the violations of the description in an answer; `path` has no query."""
    document = _closed(app)
    operation = _operation(document, "get" if method == "HEAD" else method.lower(), path)
    if operation is None:
        return [] if status >= 400 else [f"{method} {path} is not described"]
    response = operation["responses"].get(str(status), operation["responses"]["default"] if status >= 400 else None)
    if response is None:
        return [f"{method} {path} is not described to answer {status}"]
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return [] if body is None else [f"{method} {path} is described to answer {status} without a body"]
    validator = DIALECT(schema | {"components": document["components"]})
    return [f"{method} {path} {error.json_path}: {error.message}"[:400] for error in validator.iter_errors(body)]


_CLOSED: dict[int, tuple[Json, Json]] = {}
"""By a description's identity, which stays its own while it is held here: the description, and its closed form."""


def _closed(app: FastAPI) -> Json:
    """Returns the description with `additionalProperties: false` on every object."""
    document = app.openapi()
    if id(document) not in _CLOSED:
        _CLOSED[id(document)] = document, _close(document)
    return _CLOSED[id(document)][1]


def _close(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_close(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _close(one) for name, one in schema.items()}
    if closed.get("type") == "object" and isinstance(closed.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def _operation(document: Json, method: str, path: str) -> Json | None:
    for template, operations in document["paths"].items():
        # Starlette's patterns end with `$`, which one newline may follow.
        if method in operations and _pattern(template).fullmatch(path.removesuffix("\n")):
            operation: Json = operations[method]
            return operation
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]*", re.escape(template)) + "/?")
