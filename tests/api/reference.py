"""Writes docs/api.md from the OpenAPI description: `.venv/bin/python -m tests.api.reference`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def description() -> dict[str, Any]:
    """The OpenAPI description of the whole API."""
    return create_app(Context(cast("Any", None), lambda: (), lambda: True)).openapi()


def reference(document: dict[str, Any]) -> str:
    """The Markdown page."""
    return "\n".join(_lines(document)) + "\n"


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every (path, METHOD, operation)."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _lines(document: dict[str, Any]) -> Iterator[str]:
    yield "<!-- Made by `python -m tests.api.reference`; do not change it here, but where the routes are. -->"
    yield "# The API"
    yield ""
    yield document["info"]["description"]
    yield "A running server has the same at `/docs/`, where each route can be tried, and for programs `/openapi.json`."
    yield ""
    yield "Fields of objects are listed below the routes, under [Objects](#objects)."
    for path, method, operation in operations(document):
        yield ""
        yield f"## {method} {path}"
        yield operation["summary"]
        if operation.get("description"):
            yield ""
            yield operation["description"]
        if operation.get("parameters"):
            yield ""
            yield "| parameter | type | default | |"
            yield "|---|---|---|---|"
            for parameter in operation["parameters"]:
                schema = parameter["schema"]
                default = "required" if parameter["required"] else f"`{_shown(schema.get('default', ''))}`"
                yield f"| `{parameter['name']}` | {_type(schema)} | {default} | {parameter['description']} |"
        if body := operation.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]
            yield ""
            yield f"Body: {_type(schema)}. {schema['description']}"
        yield ""
        for status, response in operation["responses"].items():
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            text = f"- **{status}** {'' if status == '200' else response['description']}".rstrip()
            yield f"{text} {_type(schema)}" if status == "200" else text
    yield ""
    yield "## Objects"
    for name, schema in sorted(document["components"]["schemas"].items()):
        if "properties" not in schema:
            continue
        yield ""
        yield f"### {name}"
        if schema.get("description"):
            yield schema["description"]
        yield ""
        yield "| field | type | |"
        yield "|---|---|---|"
        for field, described in schema["properties"].items():
            yield f"| `{field}` | {_type(described)} | {described.get('description', '')} |"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return f"map to {_type(schema['additionalProperties'])}"
    return str(schema.get("format") or schema.get("type", ""))


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    PAGE.write_text(reference(description()))
