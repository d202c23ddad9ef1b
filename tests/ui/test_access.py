"""What somebody without access sees: who they are, why there is nothing to see, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.security.samples import FILTER, FLAGS
from tests.server.serving import serving_sample
from tests.ui.watching import watched

pytestmark = pytest.mark.browser


@contextmanager
def secure_server(data: Path, **keys: str) -> Iterator[str]:
    """A server with logins of type simple."""
    secret = data.parent / "secret"
    secret.write_text("secret")
    flags = FLAGS | {
        "ozone.recon.http.auth.type": "simple",
        "ozone.recon.http.auth.signature.secret.file": str(secret),
        **{name.replace("_", "."): value for name, value in keys.items()},
    }
    with serving_sample(data, flags) as server:
        yield server


def test_pages_say_who_is_refused_and_what_to_do(chromium: Any, tmp_path: Path) -> None:
    with secure_server(tmp_path / "data", ozone_http_filter_initializers=FILTER) as server:
        with watched(chromium, server, refused=(403,)) as page:
            page.goto(f"{server}/?user.name=testuser3#/tasks")
            notice = page.wait_for_selector(".notice.error").inner_text()
            assert "logged in as testuser3" in notice
            assert "ozone.recon.http.readers" in notice
            page.screenshot(path=tmp_path / "refused.png")
        with watched(chromium, server) as page:
            page.goto(f"{server}/?user.name=testuser2#/tasks")
            page.wait_for_selector("tbody tr")
            assert "user testuser2" in page.inner_text("#freshness")


def test_an_owner_starts_from_what_it_owns(chromium: Any, tmp_path: Path) -> None:
    keys = {"ozone_recon_http_owners": "true", "ozone_http_filter_initializers": FILTER}
    with secure_server(tmp_path / "data", **keys) as server, watched(chromium, server, refused=(403,)) as page:
        page.goto(f"{server}/?user.name=alice#/tasks")
        assert "listed on the page Namespace" in page.wait_for_selector(".notice.error").inner_text()
        page.goto(f"{server}/?user.name=alice#/namespace")
        page.wait_for_selector("main li a")
        page.screenshot(path=tmp_path / "owned.png")
        page.click("main li a")
        page.wait_for_selector("tbody tr")


def test_an_anonymous_client_is_told_so(chromium: Any, tmp_path: Path) -> None:
    with secure_server(tmp_path / "data") as server, watched(chromium, server, refused=(403,)) as page:
        page.goto(f"{server}/#/tasks")
        assert "not logged in" in page.wait_for_selector(".notice.error").inner_text()
