from pathlib import Path
from typing import Any

import pytest
from tests.api.asking import ask
from tests.api.om_answers import initialising, served

BOTH = {"includeFso": "true", "includeNonFso": "true"}


def test_open_keys_in_pages(tmp_path: Path) -> None:
    app, oracle = served(tmp_path)
    wanted = [key.decode() for table in ("openKeyTable", "openFileTable") for key, _ in oracle.rows(table)]
    assert wanted
    found: list[str] = []
    after = ""
    while (answer := ask(app, "/api/v1/keys/open", params={**BOTH, "limit": 3, "prevKey": after})).status_code == 200:
        page = answer.json()
        rows = page.get("nonFSO", []) + page.get("fso", [])
        assert page["unreplicatedDataSize"] == sum(row["size"] for row in rows)
        assert page["replicatedDataSize"] == sum(row["replicatedSize"] for row in rows)
        found += [row["key"] for row in rows]
        after = page["lastKey"]
    assert answer.status_code == 204
    assert found == wanted


def test_summaries_are_those_of_a_scan(tmp_path: Path) -> None:
    app, oracle = served(tmp_path)
    keys, files, parts = (oracle.sums(table) for table in ("openKeyTable", "openFileTable", "multipartInfoTable"))
    assert ask(app, "/api/v1/keys/open/summary").json() == {
        "totalUnreplicatedDataSize": keys[2] + files[2],
        "totalReplicatedDataSize": keys[3] + files[3],
        "totalOpenKeys": keys[0] + files[0],
    }
    assert ask(app, "/api/v1/keys/open/mpu/summary").json() == {
        "totalOpenMPUKeys": parts[0],
        "totalReplicatedDataSize": parts[3],
        "totalDataSize": parts[2],
    }
    deleted = oracle.sums("deletedTable")
    assert ask(app, "/api/v1/keys/deletePending/summary").json() == {
        "totalUnreplicatedDataSize": deleted[2],
        "totalReplicatedDataSize": deleted[3],
        "totalDeletedKeys": deleted[1],
    }
    directories = len(oracle.rows("deletedDirectoryTable"))
    assert ask(app, "/api/v1/keys/deletePending/dirs/summary").json() == {"totalDeletedDirectories": directories}
    pending = ask(app, "/api/v1/pendingDeletion?component= OM ").json()
    assert pending["pendingKeySize"] == deleted[3]
    assert pending["totalSize"] == pending["pendingKeySize"] + pending["pendingDirectorySize"]


def test_deleted_keys_sum_all_their_versions(tmp_path: Path) -> None:
    app, oracle = served(tmp_path)
    page = ask(app, "/api/v1/keys/deletePending?limit=-1").json()
    assert (page["unreplicatedDataSize"], page["replicatedDataSize"]) == oracle.sums("deletedTable")[2:]
    assert [len(row["omKeyInfoList"]) for row in page["deletedKeyInfo"]].count(1) < len(page["deletedKeyInfo"])
    for row in page["deletedKeyInfo"]:
        sizes = [key["dataSize"] for key in row["omKeyInfoList"]]
        assert list(row["totalSize"]) == [str(sum(sizes))]


@pytest.mark.parametrize("path", ["/", "/vol1", "vol1", "/vol1/", "//b"])
@pytest.mark.parametrize("route", ["open", "deletePending", "listKeys"])
def test_a_prefix_without_a_bucket_is_refused(tmp_path: Path, route: str, path: str) -> None:
    for app in (served(tmp_path / "a")[0], initialising()):
        answer = ask(app, f"/api/v1/keys/{route}", params={**BOTH, "startPrefix": path})
        assert answer.status_code == 400
        assert "bucket level" in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "words"),
    [("/v/bucket", "between 3 and 63"), ("/vol1/-bucket", "start or end"), ("/vol1/Bucket", "lowercase")],
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, path: str, words: str) -> None:
    answer = ask(served(tmp_path)[0], "/api/v1/keys/open", params={**BOTH, "startPrefix": path})
    assert answer.status_code == 400
    assert words in answer.json()["message"]


@pytest.mark.parametrize("query", [{}, {**BOTH, "limit": 0}, {**BOTH, "limit": -2}, {"includeFso": "yes"}])
def test_no_open_keys_are_no_content(tmp_path: Path, query: dict[str, Any]) -> None:
    answer = ask(served(tmp_path)[0], "/api/v1/keys/open", params=query)
    assert (answer.status_code, answer.content) == (204, b"")


def test_listed_keys_in_pages_after_keys_or_paths(tmp_path: Path) -> None:
    app, oracle = served(tmp_path)
    for volume, bucket, _ in oracle.buckets.values():
        wanted = oracle.listed(volume, bucket, "")
        for by_path in (False, True):
            found: list[dict[str, Any]] = []
            after = ""
            while True:
                query = {"startPrefix": f"/{volume}/{bucket}", "limit": 4, "prevKey": after}
                page = ask(app, "/api/v1/keys/listKeys", params=query).json()
                assert page["unReplicatedDataSize"] == sum(row["size"] for row in page["keys"])
                if not page["keys"]:
                    break
                found += page["keys"]
                after = (by_path and page["keys"][-1]["path"]) or page["lastKey"]
            assert [row["key"] for row in found] == [row.db_key.decode() for row in wanted]
            assert [row["path"] for row in found] == [row.path or "" for row in wanted]


def test_a_date_filters_in_the_servers_time_and_what_is_none_finds_nothing(tmp_path: Path) -> None:
    app, oracle = served(tmp_path)
    volume, bucket = next(names[:2] for names in oracle.buckets.values() if oracle.listed(*names[:2], ""))
    query = {"startPrefix": f"/{volume}/{bucket}", "creationDate": "01-01-1960 00:00:00"}
    assert ask(app, "/api/v1/keys/listKeys", params=query).json()["keys"]
    for date in ("01-01-2200 00:00:00", "yesterday"):
        assert ask(app, "/api/v1/keys/listKeys", params={**query, "creationDate": date}).json()["keys"] == []


def test_before_the_first_checkpoint() -> None:
    app = initialising()
    assert ask(app, "/api/v1/keys/open", params=BOTH).status_code == 204
    assert ask(app, "/api/v1/keys/deletePending").status_code == 204
    assert ask(app, "/api/v1/keys/deletePending/dirs").json()["lastKey"] == ""
    assert ask(app, "/api/v1/keys/open/summary").json()["totalOpenKeys"] == 0
    assert ask(app, "/api/v1/pendingDeletion?component=om").json()["totalSize"] == -1
    answer = ask(app, "/api/v1/keys/listKeys?startPrefix=/vol1/one")
    assert (answer.status_code, answer.json()["status"]) == (503, "INITIALIZING")


@pytest.mark.parametrize(("query", "status"), [("", 400), ("component=x", 400), ("component=dn&limit=0", 400)])
def test_pending_deletion_refuses_in_recons_words(tmp_path: Path, query: str, status: int) -> None:
    answer = ask(served(tmp_path)[0], f"/api/v1/pendingDeletion?{query}")
    assert (answer.status_code, "message" in answer.json()) == (status, True)


def test_what_waits_elsewhere_is_not_known(tmp_path: Path) -> None:
    app, _ = served(tmp_path)
    assert set(ask(app, "/api/v1/pendingDeletion?component=scm").json().values()) == {-1}
    assert ask(app, "/api/v1/pendingDeletion?component=dn&limit=1").status_code == 503
