"""The OpenAPI description at /openapi.json: FastAPI's, with what framing.py and responses.py do for every route."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

DESCRIPTION = """Recon's REST API v1, as Apache Ozone 2.2.0 has it, of what the OM, SCM and the datanodes say.

Every answer says how fresh it is: `X-Recon-Sequence-Number` is the OM database's sequence number at which the answer
is true, `X-Recon-Data-Age-Ms` how long ago that was, `X-Recon-Generation` the name of the data set it came from. Of a
server that follows a cluster, `X-Recon-Cluster-Age-Ms` says how old what it knows of SCM and the datanodes is, and
`X-Recon-Scm-Age-Ms` how long ago all of SCM was read; one that follows none says `X-Recon-Follows-Cluster: false`, and
answers what needs a cluster with a 503.
`ETag` with `If-None-Match` saves asking twice within one generation; `Accept-Encoding: gzip` is honoured.
A page has at most 100,000 rows; the next one follows by `prevKey`.
An error is always `{"message": "…"}`. A number that does not parse is a 404, as in Recon; an empty one is its default.
"""
ERROR = {
    "type": "object",
    "title": "Error",
    "required": ["message"],
    "properties": {"message": {"type": "string", "description": "What was wrong, where, and what to do about it."}},
}
FRESHNESS = {
    "X-Recon-Generation": {
        "description": "Name of the data set the answer came from; `none` before the first one is built.",
        "schema": {"type": "string"},
    },
    "X-Recon-Sequence-Number": {
        "description": "Sequence number of the OM's database at which the answer is true.",
        "schema": {"type": "integer", "format": "int64"},
    },
    "X-Recon-Data-Age-Ms": {
        "description": "Milliseconds since the OM's database was in that state.",
        "schema": {"type": "integer", "format": "int64"},
    },
    "X-Recon-Cluster-Age-Ms": {
        "description": "Milliseconds since the containers and datanodes were as they are known; absent when unknown.",
        "schema": {"type": "integer", "format": "int64"},
    },
    "X-Recon-Scm-Age-Ms": {
        "description": "Milliseconds since all of SCM was read; absent before the first time.",
        "schema": {"type": "integer", "format": "int64"},
    },
}
PROBLEM = "Any other problem, in words; 503 while the data that the question needs is not there yet."
COMMON = {"400": "The question cannot be answered as it was asked.", "404": "A parameter does not parse."}


class Application(FastAPI):
    """FastAPI whose description leaves out its own 422 and has our errors and headers in."""

    def openapi(self) -> dict[str, Any]:
        """The description, made once."""
        if not self.openapi_schema:
            self.openapi_schema = _described(super().openapi())
        return self.openapi_schema


def _described(document: dict[str, Any]) -> dict[str, Any]:
    document["info"]["description"] = DESCRIPTION
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Error"] = ERROR
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            responses.pop("422", None)
            if operation.get("parameters"):
                for status, text in COMMON.items():
                    responses.setdefault(status, {"description": text})
            responses["default"] = {"description": PROBLEM}
            for status, response in responses.items():
                response["headers"] = FRESHNESS
                if status == "default" or (int(status) >= 400 and "content" not in response):
                    response["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                elif status == "204":
                    response.pop("content", None)
    return document
