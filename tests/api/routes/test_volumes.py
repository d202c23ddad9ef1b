from pathlib import Path

import pytest
from tests.api.asking import ask
from tests.api.om_answers import initialising, served


def test_volumes_and_buckets_in_pages(tmp_path: Path) -> None:
    app, oracle = served(tmp_path)
    names: list[str] = []
    while page := ask(app, "/api/v1/volumes", params={"limit": 1, "prevKey": names[-1] if names else ""}).json():
        assert page["totalCount"] == len(page["volumes"])
        if not page["volumes"]:
            break
        names += [volume["name"] for volume in page["volumes"]]
    assert names == [key.decode()[1:] for key, _ in oracle.rows("volumeTable")]
    found: list[str] = []
    while page := ask(app, "/api/v1/buckets", params={"limit": 2, "prevKey": found[-1] if found else ""}).json():
        if not page["buckets"]:
            break
        found += [f"/{bucket['volumeName']}/{bucket['name']}" for bucket in page["buckets"]]
    assert found == [key.decode() for key, _ in oracle.rows("bucketTable")]


@pytest.mark.parametrize("route", ["volumes", "buckets", "buckets?volume=vol1", "buckets?volume=no-such"])
def test_nothing_is_an_empty_list(tmp_path: Path, route: str) -> None:
    name = route.split("?")[0]
    empty = {"totalCount": 0, name: []}
    join = "&" if "?" in route else "?"
    assert ask(initialising(), f"/api/v1/{route}").json() == empty
    for limit in (0, -1):
        assert ask(served(tmp_path / str(limit))[0], f"/api/v1/{route}{join}limit={limit}").json() == empty
