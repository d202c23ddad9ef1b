from pathlib import Path

import pytest
from tests.insights.om_samples import RandomDatabase, generation_of, texts
from tests.oracle import Oracle

from ozone_recon.insights.om.volumes import list_buckets, list_volumes


@pytest.mark.parametrize("seed", range(12))
def test_volumes_and_buckets_are_those_of_a_scan_in_pages(tmp_path: Path, seed: int) -> None:
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g")
    names: list[str] = []
    while volumes := texts(list_volumes(generation, names[-1] if names else "", 2).name):
        names += volumes
    assert names == [key.decode()[1:] for key, _ in oracle.rows("volumeTable")]

    everything = [tuple(key.decode().split("/")[1:]) for key, _ in oracle.rows("bucketTable")]
    found: list[tuple[str, str]] = []
    while len(buckets := list_buckets(generation, None, "/".join(found[-1]) if found else "", 2)):
        volumes = [buckets.volume.values[index] for index in buckets.volume.indices]
        found += zip(volumes, texts(buckets.name), strict=True)
    assert found == everything
    for volume in (*names, "no-such"):
        own: list[str] = []
        while page := texts(list_buckets(generation, volume, own[-1] if own else "", 1).name):
            own += page
        assert own == [bucket for held_in, bucket in everything if held_in == volume]


def test_a_page_begins_after_a_name_that_is_not_there(tmp_path: Path) -> None:
    database = next(one for seed in range(50) if len((one := RandomDatabase(seed)).rows["volumeTable"]) == 3)
    generation = generation_of(database.tables, tmp_path / "g")
    assert texts(list_volumes(generation, "vol", 9).name) == ["vol1", "vol2"]
    assert len(list_volumes(generation, "", 0)) == 0
