"""The namespace routes, beyond the comparison with Java Recon in tests/golden."""

from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from tests.api.asking import ask
from tests.api.routes.application import application
from tests.insights.namespace.brute_force import built
from tests.insights.namespace_samples import Bucket, Database, Directory, Key, Volume

from ozone_recon.api.routes.om import namespace

ROUTES = ("summary", "usage", "du", "quota", "dist", "owners", "ages")
JANUARY, MARCH = 1704067200000, 1710000000000


def database() -> Database:
    found = Database(
        [Volume(b"vol", 1, b"vera", quota=5000)],
        [Bucket(b"vol", b"fso", 2, "FSO", b"frank", quota=-1), Bucket(b"vol", b"legacy", 3, "LEGACY")],
        [Directory(2, 2, b"dir", 10, b"dora", 7, 8), Directory(2, 10, b"sub", 11), Directory(2, 2, b"empty", 12)],
        [Directory(2, 2, b"gone", 13)],
    )
    found.keys = [Key(b"/vol/legacy/", name, 100, MARCH, b"anna", 1, 5) for name in (b"l/", b"l/m/x", b"l/y", b"z")]
    found.files = [
        Key(found.within(2, 2), b"top", 1000, JANUARY, b"anna"),
        Key(found.within(2, 10), b"a", 2000, MARCH, b"bert"),
        Key(found.within(2, 11), b"b", 3000, MARCH, None, 1),
        Key(found.within(2, 13), b"deleted", 9000, MARCH, b"bert"),
    ]
    return found


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return application(built(database(), tmp_path / "g"))


@pytest.fixture
def with_paths(tmp_path: Path) -> FastAPI:
    return application(built(database(), tmp_path / "g", filesystem_paths=True))


def get(app: FastAPI, route: str, **parameters: object) -> dict[str, Any]:
    answer = ask(app, f"/api/v1/namespace/{route}", params=parameters)
    assert answer.status_code == 200
    return cast("dict[str, Any]", answer.json())


def paths(answer: dict[str, Any]) -> list[str]:
    return [sub["path"] for sub in answer["subPaths"]]


def test_a_sub_path_has_what_a_page_about_it_needs(app: FastAPI) -> None:
    answer = get(app, "usage", path="/vol/fso", files=True, replica=True)
    assert (answer["size"], answer["sizeWithReplica"], answer["sizeDirectKey"]) == (6000, 12000, 1000)
    assert answer["subPathCount"] == 3
    assert answer["subPaths"] == [
        {
            "key": False,
            "path": "/vol/fso/dir",
            "size": 5000,
            "sizeWithReplica": 9000,
            "isKey": False,
            "kind": "DIRECTORY",
            "files": 2,
            "directories": 1,
            "owner": "dora",
            "newestModification": MARCH,
            "oldestModification": MARCH,
        },
        {
            "key": True,
            "path": "/vol/fso/top",
            "size": 1000,
            "sizeWithReplica": 3000,
            "isKey": True,
            "kind": "KEY",
            "files": 1,
            "directories": 0,
            "owner": "anna",
            "newestModification": JANUARY,
            "oldestModification": JANUARY,
        },
        {
            "key": False,
            "path": "/vol/fso/empty",
            "size": 0,
            "sizeWithReplica": 0,
            "isKey": False,
            "kind": "DIRECTORY",
            "files": 0,
            "directories": 0,
            "owner": "root",
            "newestModification": 0,
            "oldestModification": 0,
        },
    ]
    assert get(app, "du", path="/vol/fso", files=True, replica=True) == answer
    assert get(app, "usage", path="/")["subPaths"][0]["owner"] == "vera"
    assert get(app, "usage", path="/vol")["subPaths"][0]["owner"] == "frank"


def test_deleted_directories_count_nowhere(app: FastAPI) -> None:
    assert get(app, "usage", path="/")["size"] == 6400
    assert get(app, "summary", path="/vol/fso/gone")["status"] == "PATH_NOT_FOUND"
    assert get(app, "summary", path="/")["countStats"] == {"numVolume": 1, "numBucket": 2, "numDir": 3, "numKey": 7}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"sort": "size"}, ["dir", "top", "empty"]),
        ({"sort": "size", "order": "asc"}, ["empty", "top", "dir"]),
        ({"sort": "files"}, ["dir", "top", "empty"]),
        ({"sort": "modified", "order": "asc"}, ["empty", "top", "dir"]),
        ({"sort": "name"}, ["dir", "empty", "top"]),
        ({"sort": "name", "order": "desc"}, ["top", "empty", "dir"]),
        ({"sort": "name", "limit": 2}, ["dir", "empty"]),
        ({"limit": 1}, ["dir"]),
        ({"limit": -1}, ["dir", "top", "empty"]),
        ({"sortSubPaths": False, "limit": 1}, ["dir"]),
        ({"sortSubPaths": False, "sort": "size"}, ["dir", "top", "empty"]),
    ],
)
def test_orders_and_limits(app: FastAPI, parameters: dict[str, object], expected: list[str]) -> None:
    answer = get(app, "usage", path="/vol/fso", files=True, **parameters)
    assert paths(answer) == [f"/vol/fso/{name}" for name in expected]
    assert answer["subPathCount"] == 3


@pytest.mark.parametrize("parameters", ["sort=age", "order=up", "sort=name&order=descending"])
def test_an_unknown_order_is_refused_and_told_the_known_ones(app: FastAPI, parameters: str) -> None:
    answer = ask(app, f"/api/v1/namespace/usage?path=/&{parameters}")
    assert answer.status_code == 400
    assert "allowed are" in answer.json()["message"]


def test_sorted_answers_have_thirty_sub_paths_and_others_all(tmp_path: Path) -> None:
    keys = [Key(b"/v/b/", b"%03d" % number, number, 1) for number in range(100)]
    app = application(built(Database([Volume(b"v", 1)], [Bucket(b"v", b"b", 2)], keys=keys), tmp_path / "g"))
    by_size = get(app, "usage", path="/v/b", files=True)
    assert (paths(by_size)[0], len(by_size["subPaths"]), by_size["subPathCount"]) == ("099", 30, 100)
    assert len(get(app, "usage", path="/v/b", files=True, sort="name")["subPaths"]) == 30
    assert paths(get(app, "usage", path="/v/b", files=True, sortSubPaths=False)) == [f"{n:03}" for n in range(100)]


def test_long_listings_are_the_same_and_no_longer_than_the_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [Key(b"/v/b/", b"%03d" % number, number, 1) for number in range(100)]
    app = application(built(Database([Volume(b"v", 1)], [Bucket(b"v", b"b", 2)], keys=keys), tmp_path / "g"))
    on_event_loop = get(app, "usage", path="/v/b", files=True, limit=99)
    monkeypatch.setattr(namespace, "MAX_ON_EVENT_LOOP", 10)
    monkeypatch.setattr(namespace, "MAX_SUB_PATHS", 98)
    on_another_thread = get(app, "usage", path="/v/b", files=True, limit=100)
    assert on_another_thread["subPaths"] == on_event_loop["subPaths"][:98]


def test_legacy_keys_without_paths_are_flat(app: FastAPI) -> None:
    assert get(app, "summary", path="/vol/legacy")["countStats"]["numKey"] == 4
    assert get(app, "summary", path="/vol/legacy/l")["status"] == "PATH_NOT_FOUND"
    assert get(app, "summary", path="/vol/legacy/l/")["type"] == "KEY"
    assert sorted(paths(get(app, "usage", path="/vol/legacy", files=True))) == ["l/", "l/m/x", "l/y", "z"]


def test_legacy_keys_with_paths_have_directories(with_paths: FastAPI) -> None:
    counts = get(with_paths, "summary", path="/vol/legacy")["countStats"]
    assert (counts["numDir"], counts["numKey"]) == (2, 3)
    directory = get(with_paths, "summary", path="/vol/legacy/l/m")
    assert (directory["type"], directory["path"], directory["objectInfo"]["name"]) == (
        "DIRECTORY",
        "/vol/legacy/l/m",
        "m",
    )
    marked = get(with_paths, "summary", path="/vol/legacy/l/")["objectInfo"]
    assert (marked["modificationTime"], marked["creationTime"]) == (MARCH, MARCH - 1)
    assert get(with_paths, "summary", path="/vol/legacy/l/y")["type"] == "KEY"
    listed = get(with_paths, "usage", path="/vol/legacy/l", files=True, sortSubPaths=False)
    assert paths(listed) == ["/vol/legacy/l/m", "/vol/legacy/l/y"]
    assert listed["sizeDirectKey"] == 100


def test_quota_counts_both_ways(app: FastAPI) -> None:
    for path, expected in (("/vol", (5000, 6400, 12400)), ("/vol/fso", (-1, 6000, 12000))):
        answer = get(app, "quota", path=path)
        assert (answer["allowed"], answer["used"], answer["usedWithReplica"]) == expected
    assert get(app, "quota", path="/")["used"] == 12400
    assert get(app, "quota", path="/vol/fso/dir")["status"] == "TYPE_NOT_APPLICABLE"


def test_quota_says_what_oms_own_numbers_are_made_of(app: FastAPI, tmp_path: Path) -> None:
    assert get(app, "quota", path="/vol/fso")["charged"] == {
        "usedBytes": 0, "usedNamespace": 0, "snapshotUsedBytes": 0, "snapshotUsedNamespace": 0,
        "committed": {"keys": 3, "names": 6, "bytes": 12000},
        "openParts": {"keys": 0, "names": 0, "bytes": 0},
        "pendingDirectories": {"keys": 1, "names": 1, "bytes": 27000},
        "orphaned": {"keys": 0, "names": 0, "bytes": 0},
        "unexplainedBytes": -39000, "unexplainedNamespace": -7,
    }  # fmt: skip
    with_paths = application(built(database(), tmp_path / "with paths", filesystem_paths=True))
    for one in (app, with_paths):  # a marker of a directory is a key, whatever it is in the tree
        assert get(one, "quota", path="/vol/legacy")["charged"]["committed"] == {"keys": 4, "names": 4, "bytes": 400}
    assert get(app, "quota", path="/vol/fso/dir")["charged"] is None


def test_owners_and_ages(app: FastAPI) -> None:
    assert get(app, "owners", path="/vol/fso", limit=2) == {
        "status": "OK",
        "path": "/vol/fso",
        "ownerCount": 3,
        "owners": [
            {"owner": "", "files": 1, "size": 3000, "sizeWithReplica": 3000},
            {"owner": "bert", "files": 1, "size": 2000, "sizeWithReplica": 6000},
        ],
    }
    assert get(app, "ages", path="vol/fso/") == {
        "status": "OK",
        "path": "/vol/fso",
        "newestModification": MARCH,
        "oldestModification": JANUARY,
        "months": [
            {"month": "2024-01", "files": 1, "size": 1000, "sizeWithReplica": 3000},
            {"month": "2024-03", "files": 2, "size": 5000, "sizeWithReplica": 9000},
        ],
    }
    for route, what in (("owners", "owners"), ("ages", "months")):
        answer = get(app, route, path="/vol/fso/top")
        assert (answer["status"], answer["path"], answer[what]) == ("TYPE_NOT_APPLICABLE", None, [])


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_not_there(app: FastAPI, route: str) -> None:
    assert get(app, route, path="/vol/nothing")["status"] == "PATH_NOT_FOUND"
    for query in ("", "?path=", "?other=/"):
        assert ask(app, f"/api/v1/namespace/{route}{query}").status_code == 400
    assert get(application(None), route, path="/")["status"] == "INITIALIZING"
    assert ask(application(None), f"/api/v1/namespace/{route}?path=").status_code == 400
