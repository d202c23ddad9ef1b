"""The audit log: refused and state-changing requests, and no others."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tests.api.middleware.login_sites import cookie_of, login_site, sent

from ozone_recon.logs import AUDITED_CHANGES, BURST, RateLimit

API = "/api/v1/task/status"
SYNC = "/api/v1/triggerdbsync/om"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [one.getMessage() for one in caplog.records if one.getMessage().startswith("audit: ")]
    caplog.clear()
    return found


def test_what_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = login_site(tmp_path)
    caplog.set_level(logging.INFO)
    sent(app, API, headers=cookie_of("testuser"))
    sent(app, API)
    assert lines(caplog) == [], "reading, and being asked to log in, are no events"
    sent(app, SYNC + "/", headers=cookie_of("testuser"))
    assert lines(caplog) == [f"audit: testuser@OZONE.TEST at 127.0.0.1: GET {SYNC}/: 200"]
    sent(app, API, headers=cookie_of("testuser3"))
    sent(app, API, headers={"cookie": "hadoop.auth=rubbish"})
    assert lines(caplog) == [
        f"audit: testuser3@OZONE.TEST at 127.0.0.1: GET {API}: 403",
        f"audit: an anonymous client at 127.0.0.1: GET {API}: 401",
    ]


def test_a_proxy_user_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    proxy = "ozone_recon_http_auth_proxyuser_knox_"
    app = login_site(tmp_path, **{f"{proxy}hosts": "*", f"{proxy}users": "testuser"})
    caplog.set_level(logging.INFO)
    sent(app, f"{SYNC}?doAs=testuser", headers=cookie_of("knox"))
    (record,) = (one for one in caplog.records if one.getMessage().startswith("audit: "))
    assert (vars(record)["user"], vars(record)["real_user"], vars(record)["status"]) == ("testuser", "knox", 200)


def test_without_logins_changes_are_logged_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = login_site(tmp_path, ozone_security_http_kerberos_enabled="false")
    caplog.set_level(logging.INFO)
    sent(app, SYNC)
    sent(app, SYNC, headers={"origin": "http://evil.example", "accept-language": "en"})
    assert [line.rpartition(" ")[2] for line in lines(caplog)] == ["200", "403"]


def test_changes_by_users_are_never_dropped() -> None:
    limit = RateLimit()

    def logged(name: str) -> int:
        records = (logging.LogRecord(name, logging.INFO, "audit.py", 1, "audit", (), None) for _ in range(2 * BURST))
        return sum(map(limit.filter, records))

    assert logged(AUDITED_CHANGES) == 2 * BURST
    assert logged("ozone_recon.audit") < 2 * BURST
