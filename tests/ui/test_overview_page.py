"""The overview in a real browser: findings with remedies first, then the totals."""

from typing import Any

import pytest
from tests.ui.followed import UNDER, Followed, cluster, healthy
from tests.ui.watching import ask, watched

from ozone_recon.store.generation import Generation

pytestmark = pytest.mark.browser


def titles(page: Any, tone: str) -> list[str]:
    return [one.inner_text() for one in page.query_selector_all(f".findings li.{tone} h2")]


def numbers(page: Any, card: str) -> dict[str, str]:
    rows = page.query_selector_all(f".card:has(h2:text-is('{card}')) .pairs > div")
    return {row.query_selector("dt").inner_text(): row.query_selector("dd").inner_text() for row in rows}


def go(page: Any, followed: Followed) -> None:
    page.goto(f"{followed.address}/")
    page.wait_for_selector(".cards")


def test_it_is_home_and_the_worst_comes_first(page: Any, followed: Followed) -> None:
    go(page, followed)
    assert page.inner_text("nav [aria-current]") == "Overview"
    assert "3 problems" in page.inner_text("h1")
    assert titles(page, "bad") == ["1 container cannot be read", "1 datanode is dead: dn3", "1 disk has failed in dn8"]
    # Data ages depend on how long the earlier tests took.
    assert {title for title in titles(page, "warn") if not title.endswith(" old")} == {
        f"{len(UNDER)} containers have too few replicas",
        "1 container has replicas that differ",
        "1 container is quasi-closed",
        "1 datanode is stale: dn4",
        "1 datanode is read-only: dn5",
        "1 datanode is nearly full: dn8",
        "1 pipeline has no leader",
        "PipelineSyncTask fails",
    }
    missing = page.inner_text(".findings li.bad")
    assert "42 blocks are affected. Too few" in missing
    assert "dn3 (had 1) is dead: start it first" in missing


def test_findings_link_to_details(page: Any, followed: Followed) -> None:
    go(page, followed)
    for title, url in (
        ("cannot be read", "#/containers?list=MISSING"),
        ("dead", "#/datanodes?show=DEAD"),
        ("no leader", "#/pipelines?show=LEADERLESS"),
        ("fails", "#/tasks"),
    ):
        page.click(f".findings li:has(h2:has-text('{title}')) a.more")
        page.wait_for_selector("main table")
        assert page.url.endswith(url)
        page.go_back()
        page.wait_for_selector(".findings")


@pytest.mark.parametrize(("name", "key"), [("datanodes", "d"), ("pipelines", "f")])
def test_drawing_never_writes_the_url(page: Any, followed: Followed, name: str, key: str) -> None:
    """A page may be drawn while the browser navigates to another one, whose URL must stay."""
    page.add_init_script("""
        window.written = [];
        const replace = history.replaceState.bind(history);
        history.replaceState = (...to) => { written.push(to[2]); replace(...to); };
    """)
    page.goto(f"{followed.address}/#/{name}")
    page.wait_for_selector("tbody tr")
    assert page.evaluate("written") == []
    page.fill("#filter", key)
    assert page.evaluate("written") == [f"#/{name}?filter={key}"]


def test_the_numbers_are_the_apis(page: Any, followed: Followed) -> None:
    go(page, followed)
    state = ask(followed.address, "clusterState")
    containers, namespace, waiting = (numbers(page, card) for card in ("Containers", "Namespace", "Pending deletion"))
    assert containers["All"] == str(state["containers"])
    assert containers["Open"] == str(state["openContainers"])
    assert containers["Under-replicated"] == str(len(UNDER))
    assert namespace["Keys"] == str(state["keys"])
    assert namespace["Buckets"] == str(state["buckets"])
    assert waiting["Keys"] == str(state["keysPendingDeletion"])
    assert waiting["Blocks, in SCM"] == "340"
    assert numbers(page, "Datanodes")["Healthy"] == "7 of 9"


def test_informational_findings_stay_open(page: Any, followed: Followed, cluster_tables: Generation) -> None:
    page.clock.install()
    go(page, followed)
    assert not page.is_visible("details li")
    page.click("summary")
    assert "dn6 is decommissioning" in titles(page, "info")
    followed.knows(cluster(), cluster_tables)
    page.clock.fast_forward(31_000)
    page.wait_for_timeout(500)
    assert page.is_visible("details li")


def test_a_healthy_cluster(page: Any, followed: Followed, healthy_cluster_tables: Generation) -> None:
    followed.knows(healthy(), healthy_cluster_tables)
    go(page, followed)
    assert page.inner_text("h1").endswith("Healthy")
    assert "3 datanodes are healthy" in page.inner_text(".lead")
    assert not titles(page, "bad") + titles(page, "warn")


def test_an_unknown_cluster_is_not_called_healthy(chromium: Any, followed: Followed) -> None:
    with watched(chromium, followed.address, refused=(503,)) as page:
        followed.knows(None, None)
        go(page, followed)
        assert page.query_selector(".notice.waiting")
        assert "Healthy" not in page.inner_text("h1")
        followed.knows(healthy(), None)
        page.wait_for_selector(".card .shares")
        assert "Healthy" not in page.inner_text("h1")


def test_without_a_cluster_it_says_so_and_shows_what_om_has(chromium: Any, server: str) -> None:
    with watched(chromium, server, refused=(503,)) as page:
        page.goto(f"{server}/#/overview")
        page.wait_for_selector(".cards")
        assert "follows no cluster" in page.inner_text(".notice.empty")
        assert numbers(page, "Namespace")["Keys"] == str(ask(server, "clusterState")["keys"])


@pytest.mark.parametrize("width", [400, 900, 1200, 1360])
def test_nothing_is_wider_than_the_screen(chromium: Any, followed: Followed, width: int) -> None:
    with watched(chromium, followed.address, width=width) as page:
        for name in ("overview", "datanodes", "containers", "containers?id=2", "pipelines", "tasks", "namespace"):
            page.goto(f"{followed.address}/#/{name}")
            page.reload()
            page.wait_for_selector("main .cards, main .listing")
            assert page.evaluate("document.documentElement.scrollWidth") == width, name
