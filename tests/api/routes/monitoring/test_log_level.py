"""Log levels over HTTP: in the form of Hadoop's page, for administrators only, without scripts in names."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.asking import ask
from tests.api.cluster_answers import following
from tests.api.middleware.login_sites import cookie_of, login_site, sent

from ozone_recon import logs

LOGGER = "tests.log_level"


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logs, "_CHANGED", {})
    ours = logging.getLogger("ozone_recon")
    before = ours.level
    yield
    ours.setLevel(before)
    logging.getLogger(LOGGER).setLevel(logging.NOTSET)


def printed(query: str) -> list[str]:
    """What `hadoop daemonlog` prints."""
    answer = ask(following(), f"/logLevel?{query}")
    assert answer.headers["content-type"] == "text/html;charset=utf-8"
    lines = [line for line in answer.text.splitlines() if line.startswith("<!-- OUTPUT -->")]
    return [re.sub("<[^>]*>", "", line) for line in lines]


def test_a_level_is_set_and_returned() -> None:
    assert printed("") == []
    assert printed(f"log={LOGGER}&level=debug") == [
        f"Submitted Class Name: {LOGGER}",
        f"Log Class: {LOGGER}",
        "Submitted Level: debug",
        "Setting Level to debug ...",
        "Effective Level: DEBUG",
    ]
    assert printed(f"log={LOGGER}.child")[-1] == "Effective Level: DEBUG"
    assert printed(f"log={LOGGER}&level=OFF")[-1] == "Effective Level: OFF"
    assert printed(f"log={LOGGER}&level=warn")[-1] == "Effective Level: WARN"


def test_a_logger_of_java_stands_for_ours() -> None:
    assert printed("log=org.apache.hadoop.ozone.recon.ReconServer&level=ERROR")[1:2] == ["Log Class: ozone_recon"]
    assert logging.getLogger("ozone_recon").level == logging.ERROR


def test_what_is_invalid_changes_nothing_and_is_escaped() -> None:
    text = ask(following(), "/logLevel?log=%3Cscript%3E&level=INFO").text
    assert "<script>" not in text
    assert "Bad Class Name" in text
    text = ask(following(), f"/logLevel?log={LOGGER}&level=%3Cscript%3E").text
    assert "<script>" not in text
    assert "Bad Level" in text
    assert logs.changed_levels() == ()
    before = len(logging.root.manager.loggerDict)
    printed("log=tests.an.unknown.one")
    assert len(logging.root.manager.loggerDict) == before


def test_the_number_of_changed_loggers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(logs.MAX_CHANGED):
        logs._CHANGED[str(number)] = logs.LogLevel(str(number), 0)
    assert "maximum" in printed(f"log={LOGGER}&level=INFO")[3]


def test_only_our_own_pages_and_administrators(tmp_path: Path) -> None:
    assert ask(following(), "/logLevel?log=x", headers={"origin": "http://evil.example"}).status_code == 403
    app = login_site(tmp_path, ozone_recon_http_readers="rita")
    statuses = [
        sent(app, "/logLevel?log=x", headers=cookie_of(user)).status_code for user in ("testuser", "rita", "eve")
    ]
    assert statuses == [200, 403, 403]
    assert sent(app, "/logLevel").status_code == 401
