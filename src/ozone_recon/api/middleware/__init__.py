"""ASGI middleware around every request: limits, headers, cache, metrics."""
