"""Tells which captured requests have a route in ours."""

from __future__ import annotations

import re
from pathlib import Path

from tests.golden.captured import Answer

from ozone_recon.api.route_table import ROUTES

SERVED = [
    re.compile(re.sub(r"{\w+}", "[^/?]+", route.path) + r"/?(\?.*)?") for route in ROUTES if route.method == "GET"
]
COMPATIBILITY = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text()


def served(java: Answer) -> bool:
    """Whether we have the route, or Java has not either."""
    return java.status == 404 or any(route.fullmatch(java.path) for route in SERVED)
