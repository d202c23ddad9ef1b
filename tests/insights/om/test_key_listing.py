from pathlib import Path

import pytest
from tests.insights.om_samples import RandomDatabase, generation_of, texts
from tests.oracle import Committed, Oracle

from ozone_recon.insights.om import key_listing
from ozone_recon.insights.om.key_listing import NO_FILTER, KeyFilter, list_keys
from ozone_recon.insights.om.key_rows import KeyRows
from ozone_recon.insights.om.prefixes import read_prefix
from ozone_recon.store.generation import Generation

SEEDS = range(12)
KINDS = {"RATIS": 1, "STAND_ALONE": 2, "EC": 4}


def shown(found: KeyRows) -> list[tuple[object, ...]]:
    paths = [path if has else None for path, has in zip(texts(found.path), found.has_path, strict=True)]
    names = texts(found.db_key), texts(found.volume), texts(found.bucket), texts(found.name), paths
    numbers = found.parent_id, found.size, found.replicated_size, found.creation_time, found.modification_time
    return list(zip(*names, *(column.tolist() for column in numbers), strict=True))


def expected(rows: list[Committed]) -> list[tuple[object, ...]]:
    return [
        (
            *(row.db_key.decode(), row.volume, row.bucket, row.name, row.path, row.parent),
            *(row.key.size, row.key.replicated, row.key.created, row.key.modified),
        )
        for row in rows
    ]


def in_pages(generation: Generation, path: str, limit: int, wanted: KeyFilter = NO_FILTER) -> list[tuple[object, ...]]:
    prefix = read_prefix(generation, path)
    joined: list[tuple[object, ...]] = []
    after = ""
    while page := list_keys(generation, prefix, after.encode(), limit, wanted):
        assert len(page) <= limit
        joined += shown(page)
        after = page.last_key()
    return joined


def rests(oracle: Oracle, volume: str, bucket: str) -> set[str]:
    """Paths below a bucket worth asking about."""
    keys = {row.path.split("/", 2)[2] for row in oracle.listed(volume, bucket, "") if row.path}
    cut = {key[:-1] for key in keys} | {key.rpartition("/")[0] for key in keys}
    return keys | cut | {"", "a", "a/", "b", "zz"}


@pytest.mark.parametrize("runs", [2, 1 << 13])
@pytest.mark.parametrize("seed", SEEDS)
def test_keys_below_any_path_are_those_of_a_scan(
    tmp_path: Path, seed: int, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_listing, "RUNS", runs)
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g")
    for volume, bucket, _ in oracle.buckets.values():
        for rest in rests(oracle, volume, bucket):
            wanted = expected(oracle.listed(volume, bucket, rest))
            assert in_pages(generation, f"/{volume}/{bucket}/{rest}", 4) == wanted, rest


@pytest.mark.parametrize("seed", SEEDS)
def test_filters_are_those_of_a_scan(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_listing, "ROWS", 3)
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g")
    for volume, bucket, _ in oracle.buckets.values():
        rows = oracle.listed(volume, bucket, "")
        for wanted in (
            KeyFilter(min_size=1024),
            KeyFilter(created_from=1 << 39),
            KeyFilter(1, 1 << 38, "EC"),
            KeyFilter(0, 0, "X"),
        ):
            passing = [
                row
                for row in rows
                if row.key.size >= wanted.min_size
                and row.key.created >= (wanted.created_from or 0)
                and wanted.replication_kind in ("", next((k for k, n in KINDS.items() if n == row.key.kind), "77"))
            ]
            assert in_pages(generation, f"{volume}/{bucket}", 3, wanted) == expected(passing)


def test_nothing_is_wanted_and_nothing_is_there(tmp_path: Path) -> None:
    database = RandomDatabase(3)
    generation = generation_of(database.tables, tmp_path / "g")
    (volume, bucket, _), *_ = Oracle(database.tables).buckets.values()
    for limit in (0, -5):
        found = list_keys(generation, read_prefix(generation, f"/{volume}/{bucket}"), b"", limit)
        assert (shown(found), found.last_key()) == ([], "")
    assert shown(list_keys(generation, read_prefix(generation, "/no/such"), b"", 5)) == []
