"""The page /docs/: every operation is there, can be tried, and nothing is loaded from anywhere else."""

import json
import urllib.request
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_every_operation_is_there_and_can_be_tried(server: str, chromium: Any) -> None:
    with urllib.request.urlopen(f"{server}/openapi.json", timeout=10) as answer:
        paths = json.load(answer)["paths"]
    page = chromium.new_page()
    troubles: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: troubles.extend([message.text] if message.type == "error" else ()))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server}/docs/")
    page.wait_for_selector(".operation")
    assert page.locator(".operation").count() == sum(len(methods) for methods in paths.values())

    usage = page.locator("[id='get/api/v1/namespace/usage']")
    usage.locator("summary").click()
    usage.locator("input[name=path]").fill("/vol1/fso")
    usage.locator("button").click()
    usage.locator("pre:not([hidden])").wait_for()
    assert usage.locator("pre").text_content().startswith("200")
    assert '"path": "/vol1/fso"' in usage.locator("pre").text_content()
    assert usage.locator("table").count() >= 4

    assert not troubles
    assert all(url.startswith(server) for url in asked)
    page.close()
