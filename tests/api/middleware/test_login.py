"""Logins over HTTP without Kerberos' library: cookies, names in the query, what is protected, and refusals."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.api.asking import ask
from tests.api.middleware.login_sites import cookie_of, login_site, sent
from tests.security.samples import FILTER

from ozone_recon.api.middleware import login
from ozone_recon.errors import KerberosError
from ozone_recon.security import auth_to_local
from ozone_recon.security.spnego import ClientLogin

API = "/api/v1/task/status"
LATER = 1 << 50
Site = Callable[..., FastAPI]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Makes an application; keys are given with underscores for dots."""
    return partial(login_site, tmp_path)


def status(app: FastAPI, path: str, **options: Any) -> int:
    return ask(app, path, **options).status_code


@pytest.mark.parametrize(("user", "expected"), [("testuser", 200), ("testuser2", 200), ("testuser3", 403)])
def test_the_api_is_for_administrators(site: Site, user: str, expected: int) -> None:
    answer = ask(site(), API, headers=cookie_of(user))
    assert answer.status_code == expected
    assert answer.headers["x-recon-user"] == user
    if expected == 403:
        assert (answer.content, answer.headers["content-type"]) == (b"", "text/plain;charset=utf-8")


def test_an_unknown_path_of_the_api_tells_nothing(site: Site) -> None:
    assert status(site(), "/api/v1/nothing", headers=cookie_of("testuser3")) == 403
    assert status(site(), "/api/v1/nothing") == 401
    assert status(site(), "/api/v1/nothing", headers=cookie_of("testuser")) == 404


@pytest.mark.parametrize("path", [API, API + "/", "/api/v1", "/api/v1/", "/api/v1//task/status", "/api/v1/../v1/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_of_the_api_is_open(site: Site, path: str, method: str) -> None:
    assert status(site(), path, method=method) == 401


@pytest.mark.parametrize("path", ["//api/v1/task/status", "/%2e/api/v1/task/status", "/API/v1/task/status"])
def test_no_other_spelling_leads_to_the_api(site: Site, path: str) -> None:
    app = site(ozone_security_http_kerberos_enabled="false")
    assert sent(app, API).status_code == 200
    assert sent(app, path).status_code == 404


def test_a_cached_answer_is_for_those_who_may_see_it(site: Site) -> None:
    app = site()
    first = ask(app, "/api/v1/features/disabledFeatures", headers=cookie_of("testuser"))
    assert first.status_code == 200
    assert status(app, "/api/v1/features/disabledFeatures") == 401
    for headers in (cookie_of("testuser3"), cookie_of("testuser3") | {"if-none-match": first.headers.get("etag", "*")}):
        assert status(app, "/api/v1/features/disabledFeatures", headers=headers) == 403


def test_401_says_how_to_log_in(site: Site) -> None:
    answer = ask(site(), API)
    assert answer.headers["www-authenticate"] == "Negotiate"
    assert answer.headers["set-cookie"] == "hadoop.auth=; Path=/; HttpOnly; SameSite=Lax"
    assert "kinit" in answer.json()["message"]
    assert ask(site(), API, method="PUT").content == b""


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("rubbish", "Invalid signature"),
        (cookie_of("testuser", 1)["cookie"].split('"')[1], "AuthenticationToken expired"),
    ],
)
def test_a_bad_cookie_is_said(site: Site, value: str, reason: str) -> None:
    answer = ask(site(), API, headers={"cookie": f"hadoop.auth={value}"})
    assert answer.status_code == 401
    assert reason in answer.json()["message"]


def test_pages_are_open_unless_the_filter_protects_them(site: Site) -> None:
    open_site, closed = site(), site(ozone_http_filter_initializers=FILTER)
    for path in ("/", "/index.html", "/openapi.json", "/docs/", "/prom"):
        assert sent(open_site, path).status_code == 200, path
        assert sent(closed, path).status_code == 401, path
        assert sent(closed, path, headers=cookie_of("testuser3")).status_code == 200, path
    for probe in ("/health", "/ready"):
        assert sent(closed, probe).status_code in (200, 503)


def test_prometheus_token_replaces_the_login(site: Site) -> None:
    app = site(ozone_http_filter_initializers=FILTER, hdds_prometheus_endpoint_token="T")
    assert status(app, "/prom", headers={"authorization": "Bearer T"}) == 200
    assert status(app, "/prom", headers=cookie_of("testuser")) == 403


def test_readers_read(site: Site) -> None:
    app = site(ozone_recon_http_readers="testuser3")
    headers = cookie_of("testuser3")
    assert status(app, API, headers=headers) == 200
    for path, method in [
        ("/api/v1/triggerdbsync/om", "GET"),
        ("/api/v1/triggerdbsync/om/", "GET"),
        ("/api/v1/triggerdbsync/om", "HEAD"),
        ("/api/v1/datanodes/remove", "PUT"),
        ("/api/v1/triggerdbsync/scm/snapshot", "POST"),
    ]:
        assert status(app, path, method=method, headers=headers) == 403, path


def test_the_other_recon_gets_the_cluster_generation_alone(site: Site) -> None:
    app = site()
    headers = cookie_of("recon", principal="recon/other@OZONE.TEST")
    assert status(app, "/api/v1/cluster/generation", headers=headers) == 503, "there is none yet"
    assert status(app, API, headers=headers) == 403
    assert status(app, "/api/v1/cluster/generation", headers=cookie_of("om", principal="om/other@OZONE.TEST")) == 403


def test_without_authorization_every_user_may(site: Site) -> None:
    app = site(ozone_authorization_enabled="false")
    assert status(app, API, headers=cookie_of("testuser3")) == 200
    assert status(app, API) == 401


def test_without_the_filter_of_http_all_is_open(site: Site) -> None:
    assert status(site(ozone_security_http_kerberos_enabled="false"), API) == 200


def test_type_simple(site: Site) -> None:
    app = site(ozone_recon_http_auth_type="simple")
    assert (status(app, "/"), status(app, API)) == (200, 403)
    answer = ask(app, API + "?user.name=testuser2")
    assert answer.status_code == 200
    assert "t=simple" in answer.headers["set-cookie"]
    value = answer.headers["set-cookie"].partition(";")[0]
    assert status(app, API, headers={"cookie": value}) == 200
    named = site(
        ozone_recon_http_auth_type="simple",
        ozone_recon_http_auth_simple_anonymous_allowed="false",
        ozone_http_filter_initializers=FILTER,
    )
    assert ask(named, "/").headers["www-authenticate"] == "PseudoAuth"
    assert status(named, "/?user.name=testuser3") == 200


def test_a_proxy_user_acts_for_another(site: Site) -> None:
    app = site(
        ozone_recon_http_auth_proxyuser_knox_hosts="*",
        ozone_recon_http_auth_proxyuser_knox_users="testuser,testuser3",
    )
    for name, expected in (("testuser", 200), ("testuser3", 403)):
        for parameter in ("doAs", "doas", "DOAS"):
            assert status(app, f"{API}?{parameter}={name}", headers=cookie_of("knox")) == expected
    refused = sent(app, f"{API}?doAs=testuser2", headers=cookie_of("knox"))
    assert refused.status_code == 403
    assert refused.json()["RemoteException"]["message"] == "User: knox is not allowed to impersonate testuser2"
    assert sent(app, f"{API}?doAs=testuser", headers=cookie_of("testuser3")).status_code == 403


class Negotiated:
    """Stands for the Kerberos library: a token names its client."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(login, "accepted", self)

    def __call__(self, token: bytes, *_: object) -> ClientLogin:
        if b"@" not in token:
            raise KerberosError("Request is a replay")
        return ClientLogin(token.decode(), "Negotiate proof")


def negotiate(app: FastAPI, token: str, path: str = API, **headers: str) -> httpx.Response:
    return ask(app, path, headers={"authorization": f"Negotiate {token}", **headers})


def test_a_token_logs_in_and_sets_a_cookie(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    Negotiated(monkeypatch)
    monkeypatch.setattr(auth_to_local, "default_realm", lambda: "OZONE.TEST")
    app = site()
    for user, expected in (("testuser", 200), ("testuser3", 403)):
        token = base64.b64encode(f"{user}@OZONE.TEST".encode()).decode()
        answer = negotiate(app, token, cookie="hadoop.auth=rubbish")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (expected, "Negotiate proof")
        value, _, attributes = answer.headers["set-cookie"].partition("; ")
        assert attributes == "Path=/; HttpOnly; SameSite=Lax"
        again = ask(app, API, headers={"cookie": value})
        assert again.status_code == expected
        assert "set-cookie" not in again.headers


def test_a_cookie_may_persist_or_end_without_requests(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    Negotiated(monkeypatch)
    monkeypatch.setattr(auth_to_local, "default_realm", lambda: "OZONE.TEST")
    token = base64.b64encode(b"testuser@OZONE.TEST").decode()
    persistent = {"ozone_recon_http_auth_cookie_persistent": "true"}
    inactive = {"ozone_recon_http_auth_token_max-inactive-interval": "60"}
    assert "; Expires=" in negotiate(site(**persistent), token).headers["set-cookie"]
    app = site(**inactive)
    first = negotiate(app, token).headers["set-cookie"].partition("; ")[0]
    renewed = ask(app, API, headers={"cookie": first}).headers["set-cookie"].partition("; ")[0]
    assert "&i=" in first
    assert "&i=" in renewed
    assert re.findall("&e=[0-9]+", first) == re.findall("&e=[0-9]+", renewed)
    assert "&i=" not in negotiate(site(**persistent, **inactive), token).headers["set-cookie"]


def test_a_name_beyond_ascii_keeps_its_cookie_and_one_with_separators_gets_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    Negotiated(monkeypatch)
    monkeypatch.setattr(auth_to_local, "default_realm", lambda: "OZONE.TEST")
    app = site(ozone_recon_administrators="zoë")
    answer = negotiate(app, base64.b64encode("zoë@OZONE.TEST".encode()).decode())
    again = ask(app, API, headers={"cookie": answer.headers["set-cookie"].partition("; ")[0].encode("latin-1")})
    assert (answer.status_code, again.status_code, "set-cookie" in again.headers) == (200, 200, False)
    forged = negotiate(app, base64.b64encode("x&u=zoë@OZONE.TEST".encode()).decode())
    assert (forged.status_code, "set-cookie" in forged.headers) == (403, False)


def test_a_bad_token_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    Negotiated(monkeypatch)
    app = site()
    answer = negotiate(app, "cnViYmlzaA==")
    assert answer.status_code == 403
    assert "Request is a replay" in answer.json()["message"]
    foreign = negotiate(app, base64.b64encode(b"testuser@ELSE.WHERE").decode())
    assert (foreign.status_code, "no rule of hadoop.security.auth_to_local" in foreign.text) == (403, True)
    for header in ("Negotiate", "Negotiate ", "Negotiate é", "Basic dGVzdA==", "Bearer T"):
        assert status(app, API, headers={"authorization": header.encode()}) == 401


@pytest.mark.parametrize("name", ["nobody%26u%3Dtestuser", "a;b", "a%22", "a%0d%0ab", "%C3%A9", "a b", "a" * 300])
def test_a_name_that_would_break_the_cookie_is_refused(site: Site, name: str) -> None:
    answer = sent(site(ozone_recon_http_auth_type="simple"), f"{API}?user.name={name}")
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize("parameter", ["user.name", "doAs"])
def test_a_query_of_very_many_parameters_is_refused(site: Site, parameter: str) -> None:
    named = parameter == "user.name"
    app = site(ozone_recon_http_auth_type="simple" if named else "kerberos")
    query = f"{parameter}=testuser" + "&a=b" * 200
    assert sent(app, f"{API}?{query}", headers={} if named else cookie_of("testuser")).status_code == 400
