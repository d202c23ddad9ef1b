"""The namespace explorer in a real browser, on the real sample."""

import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from tests.ui.watching import ask, watched

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Any, server: str) -> Iterator[Any]:
    with watched(chromium, server) as page:
        yield page


def go(page: Any, server: str, path: str, more: str = "") -> None:
    page.goto(f"{server}/#/namespace?path={urllib.parse.quote(path)}{more}")
    page.wait_for_selector(".facts")


def names(page: Any) -> list[str]:
    return [link.inner_text() for link in page.query_selector_all(".explorer tbody a")]


def test_root_shows_every_volume_with_its_true_size(page: Any, server: str) -> None:
    go(page, server, "/")
    usage = ask(server, "namespace/usage", path="/", replica="true")
    shown = {row.query_selector("a").inner_text(): row for row in page.query_selector_all(".explorer tbody tr")}
    assert set(shown) == {sub["path"].strip("/") for sub in usage["subPaths"]}
    for sub in usage["subPaths"]:
        cells = shown[sub["path"].strip("/")].query_selector_all("td")
        assert cells[1].get_attribute("title") == f"{sub['size']:,} bytes"
        assert cells[3].get_attribute("title") == f"{sub['sizeWithReplica']:,} bytes on disks"


def test_a_tile_leads_down_and_the_path_leads_up(page: Any, server: str) -> None:
    go(page, server, "/vol1")
    page.click("a.tile[aria-label^='/vol1/fso:']")
    page.wait_for_selector(".trail [aria-current]:text-is('fso')")
    assert "path=%2Fvol1%2Ffso" in page.url
    page.click(".explorer tbody a:text-is('a')")
    page.wait_for_selector(".trail [aria-current]:text-is('a')")
    page.click(".trail a:text-is('vol1')")
    page.wait_for_selector(".trail [aria-current]:text-is('vol1')")
    page.go_back()
    page.wait_for_selector(".trail [aria-current]:text-is('a')")


def test_the_url_holds_the_state(page: Any, server: str) -> None:
    go(page, server, "/vol1/fso")
    page.click("thead button:has-text('Name')")
    page.check("input[value=files]")
    page.fill("#filter", "a")
    before = names(page)
    assert before == sorted(before)
    assert before
    assert all("a" in name for name in before)
    page.reload()
    page.wait_for_selector(".facts")
    assert names(page) == before
    assert page.is_checked("input[value=files]")
    assert page.input_value("#filter") == "a"


@pytest.mark.parametrize("path", ["/", "/vol1/fso", "/vol1/obs"])
def test_what_is_not_listed_is_counted_and_any_order_is_of_all(page: Any, server: str, path: str) -> None:
    page.route("**/api/v1/namespace/usage*limit=500*", lambda r: r.continue_(url=r.request.url.replace("=500", "=2")))
    usage = ask(server, "namespace/usage", path=path, files="true", replica="true", sort="size", limit=1000)
    sizes = [sub["size"] for sub in usage["subPaths"]]
    go(page, server, path)
    caption = page.inner_text(".explorer caption")
    assert caption == f"The first 2 of {len(sizes)} entries in this order"
    assert page.get_attribute(".explorer tbody td:nth-child(2)", "title") == f"{sizes[0]:,} bytes"
    assert f"{len(sizes) - 2} other entries" in page.text_content(".tile.others title")
    share, drawn = page.evaluate(
        """() => [...document.querySelectorAll('.tile')].map((tile) => {
          const { width, height } = tile.querySelector('rect').getBBox();
          return [tile.classList.contains('others'), (width + 2) * (height + 2)];
        }).reduce(([others, all], [other, area]) => [others + other * area, all + area], [0, 0])"""
    )
    assert share / drawn == pytest.approx(sum(sizes[2:]) / sum(sizes), abs=0.02)
    for title, order in (
        ("Name", "name"),
        ("Files", "files"),
        ("Last modified", "modified"),
        ("Replicated", "replicatedSize"),
    ):
        for word in ("asc", "desc") if title == "Name" else ("desc", "asc"):
            page.click(f"thead button:has-text('{title}')")
            first = ask(server, "namespace/usage", path=path, files="true", sort=order, order=word, limit=2)["subPaths"]
            page.wait_for_function(
                """(wanted) => String(wanted) ===
                     String([...document.querySelectorAll('.explorer tbody a')].map((link) => link.textContent))""",
                arg=[sub["path"].removeprefix(path).removeprefix("/") for sub in first],
            )
    assert page.query_selector("thead button:has-text('Owner')") is None


def test_keys_walk_the_table(page: Any, server: str) -> None:
    go(page, server, "/vol1/fso")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = names(page)[1]
    assert page.evaluate("document.activeElement.textContent") == second
    page.keyboard.press("Enter")
    page.wait_for_selector(f".trail [aria-current]:text-is('{second}')")
    page.keyboard.press("u")
    page.wait_for_selector(".trail [aria-current]:text-is('fso')")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"


def test_keys_work_while_answers_are_on_their_way(page: Any, server: str) -> None:
    page.route("**/api/v1/namespace/*path=%2Fvol1%2Ffso*", lambda _: None)
    page.goto(f"{server}/#/namespace?path=%2Fvol1%2Ffso")
    page.wait_for_selector(".notice.loading")
    page.keyboard.press("u")
    page.wait_for_selector(".trail [aria-current]:text-is('vol1')")


def test_what_is_not_there_is_said(page: Any, server: str) -> None:
    page.goto(f"{server}/#/namespace?path=/vol1/nothing-here")
    assert "Path not found: /vol1/nothing-here" in page.inner_text(".notice.empty")


def test_a_name_is_text_never_markup(page: Any, server: str) -> None:
    page.goto(f"{server}/#/namespace?path={urllib.parse.quote('/<img src=x onerror=alert(1)>')}")
    page.wait_for_selector(".notice.empty")
    assert page.query_selector("main img") is None


def test_dark_and_light(page: Any, server: str) -> None:
    page.emulate_media(color_scheme="dark")
    go(page, server, "/")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.click("#theme")
    light = page.evaluate(ground)
    assert dark != light
    page.reload()
    page.wait_for_selector(".facts")
    assert page.evaluate(ground) == light


def test_freshness_is_on_the_page(page: Any, server: str) -> None:
    go(page, server, "/")
    number = ask(server, "task/status")[0]["lastUpdatedSeqNumber"]
    assert f"{number:,}" in page.inner_text("#freshness")


def test_treemap_areas_are_in_proportion(page: Any, server: str) -> None:
    page.goto(f"{server}/")
    boxes = page.evaluate(
        """async () => (await import('/parts/treemap.js'))
           .squarify([50, 25, 12, 6, 4, 2, 1], {x: 0, y: 0, width: 400, height: 300})"""
    )
    areas = [box["width"] * box["height"] for box in boxes]
    assert areas == pytest.approx([1200 * value for value in (50, 25, 12, 6, 4, 2, 1)])
    assert all(box["x"] >= -1e-6 and box["x"] + box["width"] <= 400 + 1e-6 for box in boxes)
    assert all(box["y"] >= -1e-6 and box["y"] + box["height"] <= 300 + 1e-6 for box in boxes)
