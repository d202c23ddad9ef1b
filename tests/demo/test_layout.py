"""The simulator's model touches nothing: only its edge has sockets, files, threads and a clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.layout import IMPURE, PACKAGE, imports

DEMO = PACKAGE / "demo"
EDGE = {
    "datanodes.fleet", "om.database", "om.server", "running", "script.day", "script.play", "site",
}  # fmt: skip
"""Modules that open sockets and files, or wait."""


def module(path: Path) -> str:
    return ".".join(path.relative_to(DEMO).with_suffix("").parts)


MODEL = sorted(path for path in DEMO.rglob("*.py") if module(path) not in EDGE)


def test_the_edge_is_there() -> None:
    assert {module(path) for path in DEMO.rglob("*.py")} >= EDGE


@pytest.mark.parametrize("path", MODEL, ids=module)
def test_the_model_is_pure(path: Path) -> None:
    taken = list(imports(path))
    assert not IMPURE & {name.split(".")[0] for name in taken}
    assert not EDGE & {name.removeprefix("ozone_recon.demo.") for name in taken}
