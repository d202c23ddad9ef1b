"""The addresses of Java Recon and ours beside a real cluster, and their JSON."""

from __future__ import annotations

import json
from typing import Any

from tools.capture.sample import get

JAVA = "http://localhost:9888"
PORT = 9788
OURS = f"http://localhost:{PORT}"


def of(server: str, path: str) -> Any:
    """The JSON that a server answers to GET `path`; None as long as it answers none."""
    try:
        status, _, body = get(f"{server}/api/v1{path}")
    except OSError:
        return None
    return json.loads(body) if status == 200 else None
