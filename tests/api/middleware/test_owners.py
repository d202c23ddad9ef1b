"""Owners see their own: which routes, which paths, and nothing of anybody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.api.asking import ask
from tests.api.middleware.login_sites import cookie_of, login_site
from tests.insights.namespace.brute_force import built
from tests.insights.namespace_samples import Bucket, Database, Directory, Key, Volume

from ozone_recon.api.route import ANY_USER, BASE
from ozone_recon.api.route_table import ROUTES

ID = -(1 << 63) + 512
ANNA, BERT = cookie_of("anna"), cookie_of("bert")


def database() -> Database:
    """A volume of anna's with a bucket of bert's; one of bert's with a bucket of anna's, one of his, and a link."""
    found = Database(
        [Volume(b"annas", ID, b"anna"), Volume(b"berts", ID + 256, b"bert")],
        [
            Bucket(b"annas", b"one", ID + 512, "OBS", b"bert"),
            Bucket(b"berts", b"hers", ID + 768, "FSO", b"anna"),
            Bucket(b"berts", b"his", ID + 1024, "FSO", b"bert"),
            Bucket(b"berts", b"link", ID + 1280, "OBS", b"anna", (b"berts", b"his")),
        ],
    )
    found.directories.append(Directory(ID + 1024, ID + 1024, b"secret", ID + 1536))
    found.keys.append(Key(b"/annas/one/", b"key", 1, 1))
    found.files.append(Key(found.within(ID + 768, ID + 768), b"a", 1, 1))
    found.files.append(Key(found.within(ID + 768, ID + 768), b"b", 1, 1))
    found.files.append(Key(found.within(ID + 1024, ID + 1536), b"c", 1, 1))
    return found


@pytest.fixture
def site(tmp_path: Path) -> FastAPI:
    om = built(database().sorted(), tmp_path / "om")
    return login_site(tmp_path, om, ozone_recon_http_owners="true", ozone_recon_http_readers="rob")


def status(app: FastAPI, path: str, user: dict[str, str], method: str = "GET") -> int:
    return ask(app, BASE + path, method, headers=user).status_code


@pytest.mark.parametrize(
    ("path", "anna", "bert"),
    [
        ("/annas", 200, 403),
        ("annas", 200, 403),
        ("/annas/", 200, 403),
        ("/annas/one", 200, 200),
        ("/annas/one/key", 200, 200),
        ("/annas/not-there", 200, 403),
        ("/berts", 403, 200),
        ("/berts/hers", 200, 200),
        ("/berts/hers/a", 200, 200),
        ("/berts/hers//a", 200, 200),
        ("/berts/link", 200, 200),
        ("/berts/his", 403, 200),
        ("/berts/his/secret", 403, 200),
        ("/berts/not-there", 403, 200),
        ("/berts/her", 403, 200),
        ("/", 403, 403),
        ("", 403, 403),
        ("//annas", 403, 403),
        ("/annas//one", 403, 403),
        ("//berts/hers", 403, 403),
        ("/ANNAS", 403, 403),
        ("/annas/../berts/his", 200, 403),
        ("/berts/hers/../his", 200, 200),
        ("/nobody", 403, 403),
    ],
)
def test_the_namespace_is_for_the_owners_of_its_volumes_and_buckets(
    site: FastAPI, path: str, anna: int, bert: int
) -> None:
    for route in ("summary", "usage", "du", "quota", "dist", "owners", "ages"):
        expected = [anna, bert]
        assert [status(site, f"/namespace/{route}?path={path}", user) for user in (ANNA, BERT)] == expected
        assert [status(site, f"/namespace/{route}/?path={path}", user, "HEAD") for user in (ANNA, BERT)] == expected


def test_dots_are_names_and_lead_nowhere_else(site: FastAPI) -> None:
    for path in ("/annas/../berts/his", "/berts/hers/../his/secret"):
        answer = ask(site, f"{BASE}/namespace/usage?path={path}", headers=ANNA)
        assert answer.json()["status"] == "PATH_NOT_FOUND"


@pytest.mark.parametrize(
    "query",
    [
        "path=/annas&path=/berts",
        "path=/berts&path=/annas",
        "path=/annas&path=/annas",
        "PATH=/annas",
        "other=/annas",
        "",
    ],
)
def test_a_request_names_one_path(site: FastAPI, query: str) -> None:
    assert status(site, f"/namespace/usage?{query}", ANNA) == 403


def test_keys_are_listed_to_the_owner_of_their_bucket(site: FastAPI) -> None:
    page = ask(site, f"{BASE}/keys/listKeys?startPrefix=/berts/hers&limit=1", headers=ANNA)
    assert [key["path"] for key in page.json()["keys"]] == ["berts/hers/a"]
    more = f"/keys/listKeys?startPrefix=/berts/hers&prevKey={page.json()['lastKey']}"
    assert [key["path"] for key in ask(site, BASE + more, headers=ANNA).json()["keys"]] == ["berts/hers/b"]
    assert status(site, "/keys/listKeys?startPrefix=/berts/his", ANNA) == 403
    assert status(site, "/keys/listKeys?startPrefix=/berts/her", ANNA) == 403
    assert status(site, "/keys/listKeys", ANNA) == 403


@pytest.mark.parametrize("there", ["secret", "nothing"])
def test_a_listing_cannot_be_continued_after_somebody_elses_key(site: FastAPI, there: str) -> None:
    """Otherwise the answer would tell whether a directory exists."""
    query = f"startPrefix=/berts/hers&prevKey=/berts/his/{there}/c"
    assert status(site, f"/keys/listKeys?{query}", ANNA) == 403
    assert status(site, f"/keys/listKeys?{query}", BERT) == (200 if there == "secret" else 400)


def test_all_other_routes_are_for_administrators_and_readers(site: FastAPI) -> None:
    for route in ROUTES:
        if not route.of_owner:
            path = route.path.replace("{id}", "1").replace("{state}", "MISSING") + "?path=/annas&startPrefix=/annas/one"
            assert status(site, path, ANNA, route.method) == 403, route.path
    assert status(site, "/namespace/usage?path=/annas", ANNA, "POST") == 403


def test_routes_for_owners_are_few() -> None:
    of_owner = {route.path for route in ROUTES if route.of_owner and route.of_owner != ANY_USER}
    namespace = {f"/namespace/{name}" for name in ("summary", "usage", "du", "quota", "dist", "owners", "ages")}
    assert of_owner == namespace | {"/keys/listKeys"}


@pytest.mark.parametrize(
    ("user", "answer"),
    [
        ("anna", ("OWN", ["/annas"], ["/berts/hers", "/berts/link"])),
        ("bert", ("OWN", ["/berts"], ["/annas/one", "/berts/his"])),
        ("carl", ("OWN", [], [])),
        ("rob", ("READ", [], [])),
        ("testuser", ("CHANGE", [], [])),
    ],
)
def test_access_says_what_a_user_may_and_owns(
    site: FastAPI, user: str, answer: tuple[str, list[str], list[str]]
) -> None:
    said = ask(site, f"{BASE}/access", headers=cookie_of(user)).json()
    assert (said["user"], said["access"], said["volumes"], said["buckets"]) == (user, *answer)


def test_without_the_key_owners_are_strangers(tmp_path: Path) -> None:
    site = login_site(tmp_path, built(database().sorted(), tmp_path / "om"))
    assert status(site, "/namespace/usage?path=/annas", ANNA) == 403
    assert ask(site, f"{BASE}/access", headers=ANNA).json()["access"] == "NOTHING"
    assert status(site, "/access", {}) == 401


def test_a_server_without_logins_lets_everybody_do_everything(tmp_path: Path) -> None:
    site = login_site(tmp_path, ozone_security_http_kerberos_enabled="false")
    assert ask(site, f"{BASE}/access").json() == {"user": "", "access": "CHANGE", "volumes": [], "buckets": []}
