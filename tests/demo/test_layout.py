"""The simulator's model touches nothing: only its edge has sockets, files, threads and a clock."""

from __future__ import annotations

import pytest
from tests.layout import IMPURE, PACKAGE, imports

EDGE = {"day", "fleet", "om_database", "om_server", "play", "running", "site"}
MODEL = sorted(path for path in (PACKAGE / "demo").glob("*.py") if path.stem not in EDGE)


@pytest.mark.parametrize("path", MODEL, ids=lambda path: path.stem)
def test_the_model_is_pure(path) -> None:  # type: ignore[no-untyped-def]
    assert not IMPURE & {name.split(".")[0] for name in imports(path)}
    assert not EDGE & {name.split(".")[2] for name in imports(path) if name.startswith("ozone_recon.demo.")}
