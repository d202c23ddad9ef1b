"""Every route, parameter and field is documented, and docs/api.md matches the code."""

from pathlib import Path
from typing import Any

import pytest
from tests.api.reference import PAGE, description, operations, reference

from ozone_recon.api.route import BASE
from ozone_recon.api.route_table import ROUTES
from ozone_recon.api.routes.monitoring.operator import OPERATOR_PAGES
from ozone_recon.api.routes.monitoring.probes import PROBES
from ozone_recon.config.keys import KEYS

DOCUMENT = description()
COMPATIBILITY = Path(PAGE.parent / "compatibility.md").read_text()


@pytest.mark.parametrize(
    ("path", "method", "operation"), list(operations(DOCUMENT)), ids=lambda part: part if isinstance(part, str) else ""
)
def test_every_route_and_parameter_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    for parameter in operation.get("parameters", ()):
        assert parameter["description"], f"{method} {path}: {parameter['name']}"


def test_every_field_is_described() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            assert described.get("description"), f"{name}.{field}"


def test_answers_are_described_by_their_models() -> None:
    for _, _, operation in operations(DOCUMENT):
        content = operation["responses"]["200"]["content"]
        assert content.get("application/json", {}).get("schema") != {"type": "string"}


def test_the_reference_page_is_made_of_the_routes() -> None:
    assert PAGE.read_text() == reference(DOCUMENT), "run: .venv/bin/python -m tests.api.reference"


def test_the_table_and_the_page_name_the_same_routes() -> None:
    table = {(route.method, BASE + route.path) for route in ROUTES} | {
        (route.method, route.path) for route in (*PROBES, *OPERATOR_PAGES)
    }
    headings = {
        tuple(line[3:].split(" ")) for line in PAGE.read_text().splitlines() if line.startswith("## ") and "/" in line
    }
    assert headings == table


def test_compatibility_names_exactly_the_routes_that_are_there() -> None:
    rows = [line.split(" | ") for line in COMPATIBILITY.splitlines() if line.startswith(("| GET", "| P", "| DELETE"))]
    there = {(row[0][2:], row[1].strip("`")) for row in rows if row[2][0] in "✓◐"}
    assert there == {(route.method, route.path) for route in ROUTES}


def test_compatibility_names_exactly_the_keys_that_are_taken() -> None:
    rows = COMPATIBILITY[COMPATIBILITY.index("## Configuration keys") :].splitlines()
    taken = {name for row in rows if "| ✓ |" in row or "| ◐ |" in row for name in row.split("`")[1::2] if "." in name}
    assert taken == {key.name for key in KEYS if not key.ours}
