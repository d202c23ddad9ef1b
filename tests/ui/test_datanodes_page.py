"""The datanodes page in a real browser, with a server that follows a cluster."""

from dataclasses import replace
from typing import Any

import pytest
from tests.ui.followed import HOSTS, Followed, cluster, uuid_of
from tests.ui.watching import ask, column, watched

from ozone_recon.store.generation import Generation

pytestmark = pytest.mark.browser


def go(page: Any, followed: Followed, query: str = "") -> None:
    page.goto(f"{followed.address}/#/datanodes?{query}")
    page.wait_for_selector("tbody tr")


def test_every_datanode_is_there_the_sick_first(page: Any, followed: Followed) -> None:
    go(page, followed)
    assert sorted(column(page, "Host")) == sorted(HOSTS)
    assert column(page, "Host")[:3] == ["dn3", "dn4", "dn5"]
    answered = {one["hostname"]: one for one in ask(followed.address, "datanodes")["datanodes"]}
    for host, containers, leads in zip(
        column(page, "Host"), column(page, "Containers"), column(page, "Leads"), strict=True
    ):
        assert int(containers) == answered[host]["containers"]
        assert int(leads) == answered[host].get("leaderCount", 0)


def test_what_is_chosen_sorted_and_filtered_is_in_the_url(page: Any, followed: Followed) -> None:
    go(page, followed)
    page.click(".choices a:has-text('Healthy')")
    page.wait_for_selector(".choices a[aria-current]:has-text('Healthy')")
    page.click("thead button:has-text('Full')")
    page.keyboard.press("/")
    page.keyboard.type("/rack2")
    assert column(page, "Host") == ["dn8", "dn5", "dn2"]
    assert page.evaluate("document.activeElement.id") == "filter"
    page.reload()
    page.wait_for_selector("tbody tr")
    assert column(page, "Host") == ["dn8", "dn5", "dn2"]
    assert page.input_value("#filter") == "/rack2"
    page.click("thead button:has-text('Full')")
    assert column(page, "Host") == ["dn2", "dn5", "dn8"]
    assert page.evaluate("document.activeElement.id") == "by-full"


def test_a_datanode_with_its_pipelines(page: Any, followed: Followed) -> None:
    go(page, followed)
    page.click("tbody a:text-is('dn2')")
    page.wait_for_selector(".trail [aria-current]:text-is('dn2')")
    assert uuid_of("dn2") in page.inner_text(".facts")
    mine = next(one for one in ask(followed.address, "datanodes")["datanodes"] if one["hostname"] == "dn2")
    assert column(page, "Pipeline") == [one["pipelineID"] for one in mine["pipelines"]]
    assert "none" in column(page, "Leader")[1]
    page.click(".trail a")
    page.wait_for_selector("tbody a:text-is('dn2')")


def test_a_decommissioning_datanode_shows_its_progress(page: Any, followed: Followed) -> None:
    go(page, followed)
    card = page.wait_for_selector(".card:has-text('dn6')").inner_text()
    assert "12 containers are under-replicated" in card
    assert "2 containers are not closed: 8, 9" in card


def test_a_dead_one_can_be_removed(page: Any, followed: Followed) -> None:
    go(page, followed)
    page.click("tbody a:text-is('dn3')")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("button:has-text('Remove')")
    page.wait_for_selector("caption:has-text('8 of 8')")
    assert "dn3" not in column(page, "Host")
    page.goto(f"{followed.address}/#/datanodes?node={uuid_of('dn0')}")
    page.wait_for_selector(".facts")
    assert page.query_selector("button:has-text('Remove')") is None


def test_a_visible_page_polls(page: Any, followed: Followed, cluster_tables: Generation) -> None:
    """Every 30 seconds while it is visible; the focus stays."""
    page.clock.install()
    go(page, followed)
    page.focus("tbody a:text-is('dn1')")
    known = cluster()
    followed.knows(replace(known, datanodes=known.datanodes[:8]), cluster_tables)
    page.clock.fast_forward(31_000)
    page.wait_for_selector("caption:has-text('8 of 8')")
    assert page.evaluate("document.activeElement.textContent") == "dn1"
    page.evaluate("Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})")
    followed.knows(cluster(), cluster_tables)
    page.clock.fast_forward(61_000)
    assert page.query_selector("caption:has-text('8 of 8')")
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector("caption:has-text('9 of 9')")


def test_how_old_it_is_stands_there(page: Any, followed: Followed) -> None:
    go(page, followed)
    shown = page.inner_text("#freshness")
    assert "OM at 1,988" in shown
    assert "datanodes" in shown
    assert "SCM 4" in shown


def test_before_anything_is_known_it_waits(chromium: Any, followed: Followed, cluster_tables: Generation) -> None:
    with watched(chromium, followed.address, refused=(503,)) as page:
        followed.knows(None, None)
        page.goto(f"{followed.address}/#/datanodes")
        page.wait_for_selector(".notice.waiting")
        followed.knows(cluster(), cluster_tables)
        page.wait_for_selector("tbody tr")


def test_a_failure_leaves_what_was_there(chromium: Any, followed: Followed) -> None:
    with watched(chromium, followed.address, refused=(503,)) as page:
        page.clock.install()
        go(page, followed)
        page.route("**/api/v1/datanodes", lambda route: route.abort())
        page.keyboard.press("r")
        page.wait_for_selector(".notice.error:has-text('does not respond')")
        page.wait_for_selector("tbody a:text-is('dn1')")
        page.unroute("**/api/v1/datanodes")
        page.click(".notice button")
        page.wait_for_selector(".notice.error", state="detached")
        page.wait_for_selector("tbody a:text-is('dn1')")


def test_without_a_cluster_that_is_said(chromium: Any, server: str) -> None:
    with watched(chromium, server, refused=(503,)) as page:
        page.goto(f"{server}/#/datanodes")
        assert "follows no cluster" in page.inner_text(".notice.empty")
        page.click(".brand")
        page.wait_for_selector(".explorer")


def test_of_many_the_first_are_shown_and_all_when_asked_for(
    page: Any, followed: Followed, cluster_tables: Generation
) -> None:
    one, known = cluster().datanodes[0], cluster()
    many = tuple(replace(one, details=replace(one.details, uuid=f"u{n}", host_name=f"dn{n}")) for n in range(250))
    followed.knows(replace(known, datanodes=many), cluster_tables)
    go(page, followed)
    assert column(page, "Host") == [f"dn{n}" for n in range(200)]
    page.click("tfoot a")
    page.wait_for_selector("tbody a:text-is('dn249')")
    assert page.query_selector("tfoot") is None
    page.reload()
    page.wait_for_selector("tbody a:text-is('dn249')")
