"""The OpenAPI document at /openapi.json: FastAPI's, with the errors and headers that every route shares."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

DESCRIPTION = """Recon's REST API v1, as in Apache Ozone 2.2.0, over the data of OM, SCM and the datanodes.

Every response has the age of its data. `X-Recon-Sequence-Number` is the sequence number of OM's database in that state,
`X-Recon-Data-Age-Ms` the time since the data was last known to be current, and `X-Recon-Generation` the name of the
data set. On a server that follows a cluster, `X-Recon-Cluster-Age-Ms` is the age of the data of SCM and the datanodes,
and `X-Recon-Scm-Age-Ms` the time since all of SCM was read. A server without a cluster sends
`X-Recon-Follows-Cluster: false`, and responds with 503 to requests that need one.
`ETag` and `If-None-Match` are supported within one data set, and so is `Accept-Encoding: gzip`.
A page has at most 100,000 rows; `prevKey` selects the next one.
An error is always `{"message": "…"}`. An invalid number is a 404, as in Recon; an empty one means its default.
"""
ERROR = {
    "type": "object",
    "title": "Error",
    "required": ["message"],
    "properties": {"message": {"type": "string", "description": "What happened, where, and what to do."}},
}
FRESHNESS = {
    "X-Recon-Generation": {
        "description": "Name of the data set; `none` before the first one is built.",
        "schema": {"type": "string"},
    },
    "X-Recon-Sequence-Number": {
        "description": "Sequence number of OM's database in the state of the data.",
        "schema": {"type": "integer", "format": "int64"},
    },
    "X-Recon-Data-Age-Ms": {
        "description": "Milliseconds since the OM data was last known to be current.",
        "schema": {"type": "integer", "format": "int64"},
    },
    "X-Recon-Cluster-Age-Ms": {
        "description": "Milliseconds since the cluster data was last known to be current; absent if there is none.",
        "schema": {"type": "integer", "format": "int64"},
    },
    "X-Recon-Scm-Age-Ms": {
        "description": "Milliseconds since all of SCM was last read; absent before the first time.",
        "schema": {"type": "integer", "format": "int64"},
    },
}
OTHER_ERROR = "Any other error; 503 while the required data is not available yet."
COMMON = {"400": "The request is invalid.", "404": "A parameter is invalid."}


class Application(FastAPI):
    """FastAPI with our errors and headers instead of its own 422 in the OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """Returns the document, created once."""
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
            responses["default"] = {"description": OTHER_ERROR}
            for status, response in responses.items():
                response["headers"] = FRESHNESS
                if status == "default" or (int(status) >= 400 and "content" not in response):
                    response["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                elif status == "204":
                    response.pop("content", None)
    return document
