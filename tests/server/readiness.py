"""Asks a running server whether it is ready."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request


def ready(url: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether the server at a base URL answers that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/ready", context=tls, timeout=10) as answer:
            return bool(json.load(answer)["status"] == "OK")
    except (urllib.error.URLError, ConnectionError):
        return False
