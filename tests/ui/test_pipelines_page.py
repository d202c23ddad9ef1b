"""The pipelines page in a real browser."""

from typing import Any

import pytest
from tests.ui.followed import Followed, pipeline_id
from tests.ui.watching import ask, column

pytestmark = pytest.mark.browser


def test_pipelines_with_their_members(page: Any, followed: Followed) -> None:
    page.goto(f"{followed.address}/#/pipelines")
    page.wait_for_selector("tbody tr")
    answered = {one["pipelineId"]: one for one in ask(followed.address, "pipelines")["pipelines"]}
    assert set(column(page, "Pipeline")) == set(answered)
    assert column(page, "Pipeline")[0] == pipeline_id(2)
    for name, members, containers in zip(
        column(page, "Pipeline"), column(page, "Datanodes"), column(page, "Open containers"), strict=True
    ):
        assert members.split() == [one["hostName"] for one in answered[name]["datanodes"]]
        assert int(containers) == answered[name]["containers"]
    page.click("tbody a:text-is('dn4')")
    page.wait_for_selector(".trail [aria-current]:text-is('dn4')")


def test_those_without_a_leader(page: Any, followed: Followed) -> None:
    page.goto(f"{followed.address}/#/pipelines")
    page.click(".choices a:has-text('Without a leader')")
    page.wait_for_selector("caption:has-text('1 of 8')")
    assert column(page, "Pipeline") == [pipeline_id(2)]
    page.keyboard.press("/")
    page.keyboard.type("dn8")
    page.wait_for_selector("caption:has-text('0 of 8')")
    page.reload()
    page.wait_for_selector("caption:has-text('0 of 8')")


def test_a_datanode_leads_to_its_pipeline(page: Any, followed: Followed) -> None:
    page.goto(f"{followed.address}/#/datanodes")
    page.click("tbody a:text-is('dn1')")
    page.click(f"a:has-text('{pipeline_id(1)}')")
    page.wait_for_selector("caption:has-text('1 of 8')")
    assert column(page, "Leader") == ["dn1"]
