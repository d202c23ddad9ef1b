"""The tasks page in a real browser."""

from typing import Any

import pytest
from tests.ui.followed import Followed
from tests.ui.watching import ask, column, watched

pytestmark = pytest.mark.browser


def test_every_task_with_its_state(page: Any, followed: Followed) -> None:
    page.goto(f"{followed.address}/#/tasks")
    page.wait_for_selector("tbody tr")
    answered = ask(followed.address, "task/status")
    assert [text.split()[0] for text in column(page, "Task")] == [one["taskName"] for one in answered]
    states = dict(zip((one["taskName"] for one in answered), column(page, "State"), strict=True))
    assert "Failed" in states.pop("PipelineSyncTask")
    assert all("OK" in state for state in states.values())
    assert "connection refused" in page.inner_text(".advice.bad")
    assert "1,988" in page.inner_text(".facts")


def test_a_synchronisation_can_be_asked_for(page: Any, followed: Followed) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url.removeprefix(followed.address)}"))
    page.goto(f"{followed.address}/#/tasks")
    page.click("button:has-text('Sync with OM now')")
    page.wait_for_selector("button:has-text('Sync with OM now'):enabled")
    page.click("button:has-text('Read SCM now')")
    page.wait_for_selector("button:has-text('Read SCM now'):enabled")
    assert "GET /api/v1/triggerdbsync/om" in asked
    assert "POST /api/v1/triggerdbsync/scm/snapshot" in asked


def test_without_a_cluster_there_are_oms_tasks(chromium: Any, server: str) -> None:
    with watched(chromium, server) as page:
        page.goto(f"{server}/#/tasks")
        page.wait_for_selector("tbody tr")
        assert "not followed" in page.inner_text(".facts")
        assert page.query_selector("button:has-text('SCM')") is None
