from pathlib import Path
from typing import Any

import pytest
from tests.api.asking import ask
from tests.api.om_answers import initialising, served


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_containers_in_pages(tmp_path: Path, limit: int) -> None:
    app, oracle = served(tmp_path)
    found: list[dict[str, Any]] = []
    after = 0
    while page := ask(app, f"/api/v1/containers?limit={limit}&prevKey={after}").json()["data"]:
        assert page["totalContainers"] == len(oracle.containers())
        assert page["totalCount"] == len(page["containers"]) <= limit
        found += page["containers"]
        if not page["containers"]:
            assert page["prevKey"] == after
            break
        after = page["prevKey"]
    assert [(one["ContainerID"], one["NumberOfKeys"], one["NumberOfOmKeys"], one["pipelines"]) for one in found] == [
        (container, blocks, keys, None) for container, (blocks, _, keys, _) in oracle.containers().items()
    ]


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_keys_of_a_container_in_pages(tmp_path: Path, limit: int) -> None:
    app, oracle = served(tmp_path)
    for container, (_, pairs, keys, _) in oracle.containers().items():
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = ask(app, f"/api/v1/containers/{container}/keys", params={"limit": limit, "prevKey": after}).json()
            assert (page["totalCount"], page["totalKeys"]) == (pairs, keys)
            if not page["keys"]:
                assert page["lastKey"] == ""
                break
            found += page["keys"]
            after = page["lastKey"]
        for one, (row, local_ids) in zip(found, oracle.keys_in(container), strict=True):
            blocks = {str(v): [{"containerID": container, "localID": i} for i in ids] for v, ids in local_ids.items()}
            assert (one["Volume"], one["Bucket"], one["Key"]) == (row.volume, row.bucket, row.name)
            assert (one["CompletePath"], one.get("ParentDeleted", False)) == (row.path or "", row.path is None)
            assert (one["DataSize"], one["Versions"], one["Blocks"]) == (row.key.size, list(local_ids), blocks)


def test_times_are_iso_in_utc_with_milliseconds(tmp_path: Path) -> None:
    app, oracle = served(tmp_path)
    container = next(iter(oracle.containers()))
    first = ask(app, f"/api/v1/containers/{container}/keys?limit=1").json()["keys"][0]
    for name in ("CreationTime", "ModificationTime"):
        assert len(first[name]) == len("2020-11-18T18:09:17.722Z")
        assert first[name].endswith("Z")


@pytest.mark.parametrize(("limit", "count"), [(-1, None), (-2, 0), (0, 0)])
def test_limits_of_keys(tmp_path: Path, limit: int, count: int | None) -> None:
    app, oracle = served(tmp_path)
    container, (_, _, keys, _) = next(iter(oracle.containers().items()))
    found = ask(app, f"/api/v1/containers/{container}/keys?limit={limit}").json()
    assert len(found["keys"]) == (keys if count is None else count)


def test_a_container_that_nobody_knows_has_no_keys(tmp_path: Path) -> None:
    app, _ = served(tmp_path)
    empty = {"totalCount": 0, "totalKeys": 0, "keys": [], "lastKey": ""}
    for container in (0, 999, -1, -(1 << 63)):
        assert ask(app, f"/api/v1/containers/{container}/keys").json() == empty
    assert ask(initialising(), "/api/v1/containers/1/keys").json() == empty


@pytest.mark.parametrize("query", ["limit=-1", "prevKey=-1"])
def test_negative_numbers_are_not_acceptable(tmp_path: Path, query: str) -> None:
    answer = ask(served(tmp_path)[0], f"/api/v1/containers?{query}")
    assert answer.status_code == 406
    assert "negative" in answer.json()["message"]


def test_before_the_first_checkpoint_there_are_no_containers() -> None:
    page = ask(initialising(), "/api/v1/containers?prevKey=7").json()["data"]
    assert page == {"totalCount": 0, "totalContainers": 0, "prevKey": 7, "containers": []}
