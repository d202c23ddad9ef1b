"""Browser pages that fail their test on any console error, unexpected status or request to another origin."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def watched(chromium: Any, server: str, width: int = 1360, refused: tuple[int, ...] = ()) -> Iterator[Any]:
    """A new page; responses with a status in `refused` are no faults."""
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    faults: list[str] = []

    def on_console(message: Any) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            faults.append(f"console: {message.text}")

    def on_response(response: Any) -> None:
        if response.status >= 400 and response.status not in refused:
            faults.append(f"{response.status} {response.url}")

    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("console", on_console)
    page.on("request", lambda request: None if request.url.startswith(server) else faults.append(request.url))
    page.on("response", on_response)
    yield page
    context.close()
    assert not faults, faults


def ask(server: str, route: str, **query: object) -> Any:
    """The server's JSON response."""
    with urllib.request.urlopen(f"{server}/api/v1/{route}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
        return json.load(answer)


def column(page: Any, title: str) -> list[str]:
    """The cell texts of the first column with this title."""
    for table in page.query_selector_all("main table"):
        heads = [head.inner_text() for head in table.query_selector_all("thead th")]
        for index, head in enumerate(heads):
            if head.startswith(title):
                rows = table.query_selector_all("tbody tr")
                return [row.query_selector_all("td")[index].inner_text() for row in rows]
    raise AssertionError(f"no table has a column {title}")
