"""The containers page in a real browser: from a list to a container, its replicas and its keys."""

from typing import Any

import pytest
from tests.ui.followed import UNDER, Followed, uuid_of
from tests.ui.watching import ask, column, watched

pytestmark = pytest.mark.browser


def go(page: Any, followed: Followed, query: str = "") -> None:
    page.goto(f"{followed.address}/#/containers?{query}")
    page.wait_for_selector(".choices")


def ids(page: Any) -> list[int]:
    return [int(text) for text in column(page, "Container")]


def chosen(page: Any) -> str:
    return str(page.inner_text(".choices a[aria-current]"))


def test_the_worst_list_comes_first_and_all_are_counted(page: Any, followed: Followed) -> None:
    go(page, followed)
    assert chosen(page).startswith("Missing")
    assert ids(page) == [2]
    answered = ask(followed.address, "containers/unhealthy", limit=0)
    for title, name in (
        ("Missing", "missingCount"),
        ("Under-replicated", "underReplicatedCount"),
        ("Over-replicated", "overReplicatedCount"),
        ("Mis-replicated", "misReplicatedCount"),
        ("Mismatched", "replicaMismatchCount"),
    ):
        assert page.inner_text(f".choices a:has-text('{title}') .count") == str(answered[name])


def test_pages_forwards_and_backwards(page: Any, followed: Followed) -> None:
    go(page, followed, "list=UNDER_REPLICATED")
    first = ids(page)
    assert first == list(UNDER[:50])
    page.keyboard.press("n")
    page.wait_for_selector(f"tbody a:text-is('{UNDER[50]}')")
    assert ids(page) == list(UNDER[50:])
    assert page.query_selector("a[rel=next]") is None
    page.reload()
    page.wait_for_selector("tbody tr")
    assert ids(page) == list(UNDER[50:])
    page.keyboard.press("p")
    page.wait_for_selector(f"tbody a:text-is('{UNDER[0]}')")
    assert ids(page) == first
    assert page.query_selector("a[rel=prev]") is None


def test_all_of_them_forwards(page: Any, followed: Followed) -> None:
    go(page, followed, "list=ALL")
    answered = [one["ContainerID"] for one in ask(followed.address, "containers", limit=1000)["data"]["containers"]]
    found = ids(page)
    while page.query_selector("a[rel=next]"):
        page.click("a[rel=next]")
        page.wait_for_selector(f"caption:has-text('containers {answered[len(found)]} to')")
        found += ids(page)
    assert found == answered
    page.click("a:has-text('First')")
    page.wait_for_selector("caption:has-text('containers 1 to')")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Quasi-closed", [6]),
        ("Over-replicated", [3]),
        ("Unknown to SCM", [10, 11]),
        ("Deleted, with keys", [11]),
        ("Missing, empty", [7]),
        ("Mismatched", [4]),
    ],
)
def test_lists(page: Any, followed: Followed, title: str, expected: list[int]) -> None:
    go(page, followed)
    page.click(f".choices a:has-text('{title}')")
    page.wait_for_selector(f".choices a[aria-current]:has-text('{title}')")
    assert ids(page) == expected


def test_an_empty_list_says_so(page: Any, followed: Followed) -> None:
    go(page, followed, "list=NEGATIVE_SIZE")
    assert "No containers have a negative size" in page.inner_text(".notice.empty")


def test_from_a_list_down_to_a_key(page: Any, followed: Followed) -> None:
    go(page, followed)
    page.click("tbody a:text-is('2')")
    page.wait_for_selector(".trail [aria-current]:text-is('Container 2')")
    assert "No replicas available".lower() in page.inner_text(".advice.bad")
    answered = ask(followed.address, "containers/2/keys", limit=-1)
    keys, replicas = page.query_selector_all(".listing")[1], page.query_selector_all(".listing")[0]
    shown = [cell.inner_text() for cell in keys.query_selector_all("tbody td:first-child")]
    assert len(shown) == answered["totalKeys"]
    assert [text for text in shown if "deleted directory" not in text] == [
        f"/{key['CompletePath']}" for key in answered["keys"] if key["CompletePath"]
    ]
    assert [row.query_selector("a").inner_text() for row in replicas.query_selector_all("tbody tr")] == ["dn3", "dn4"]
    assert all("Gone" in row.inner_text() for row in replicas.query_selector_all("tbody tr"))
    page.click("a:text-is('/vol1/fso/a/one')")
    page.wait_for_selector(".trail [aria-current]:text-is('one')")
    page.go_back()
    page.click("tbody a:text-is('dn3')")
    page.wait_for_selector(".trail [aria-current]:text-is('dn3')")
    assert uuid_of("dn3") in page.url


def test_replicas_that_differ_are_shown(page: Any, followed: Followed) -> None:
    page.goto(f"{followed.address}/#/containers?id=4")
    page.wait_for_selector(".facts")
    assert [one.inner_text() for one in page.query_selector_all("code.differs")] == ["f01b7406", "00000011", "f01b7406"]
    assert "Mismatched for 50 min" in page.inner_text(".advice.warn")


def test_an_ec_container_shows_indexes(page: Any, followed: Followed) -> None:
    page.goto(f"{followed.address}/#/containers?id=5")
    page.wait_for_selector(".facts")
    assert sorted(column(page, "Index")) == ["1", "2", "3", "4", "5"]
    assert page.query_selector("code.differs") is None


def test_a_number_leads_to_its_container(page: Any, followed: Followed) -> None:
    go(page, followed)
    page.keyboard.press("/")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    page.wait_for_selector(".trail [aria-current]:text-is('Container 9')")
    page.goto(f"{followed.address}/#/containers?id=10")
    page.wait_for_selector(".notice.empty:has-text('SCM has no container 10')")
    assert column(page, "Path")


def test_until_health_is_known_it_waits(chromium: Any, followed: Followed) -> None:
    with watched(chromium, followed.address, refused=(503,)) as page:
        tables = followed.context.cluster_generation
        followed.knows(followed.context.cluster, None)
        go(page, followed)
        page.wait_for_selector(".notice.waiting")
        assert chosen(page).startswith("All")
        followed.knows(followed.context.cluster, tables)
        page.wait_for_selector(".choices a[aria-current]:has-text('Missing')")


def test_without_a_cluster_there_are_the_containers_of_keys(chromium: Any, server: str) -> None:
    with watched(chromium, server, refused=(503,)) as page:
        page.goto(f"{server}/#/containers")
        page.wait_for_selector("tbody tr")
        assert "follows no cluster" in page.inner_text(".notice.empty")
        assert ids(page) == list(range(1, 12))
        page.click("tbody a:text-is('1')")
        page.wait_for_selector("h2:text-is('Keys')")
        assert len(column(page, "Path")) == ask(server, "containers/1/keys")["totalKeys"]
