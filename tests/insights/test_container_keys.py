from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.insights.om_samples import CONTAINERS, RandomDatabase, generation_of
from tests.oracle import Oracle

from ozone_recon.errors import BadRequest
from ozone_recon.insights import container_sort
from ozone_recon.insights.container_keys import find_container, keys_in, list_containers
from ozone_recon.insights.container_sort import blocks_by_container, id_ranges
from ozone_recon.insights.prefixes import to_db_key
from ozone_recon.store.generation import Generation, GenerationBuild, Table

SEEDS = range(12)


def listed(generation: Generation, container: int, after: bytes, limit: int | None) -> list[tuple[object, ...]]:
    found = keys_in(generation, container, after, limit)
    return [(key.db_key, key.volume, key.bucket, key.name, key.path, key.size, ids) for key, ids in found]


def expected(oracle: Oracle, container: int) -> list[tuple[object, ...]]:
    return [
        (row.db_key.decode(), row.volume, row.bucket, row.name, row.path, row.key.size, ids)
        for row, ids in oracle.keys_in(container)
    ]


@pytest.mark.parametrize("memory_limit", [1 << 26, 10 * container_sort.BYTES_PER_BLOCK, 1])
@pytest.mark.parametrize("seed", SEEDS)
def test_containers_and_their_keys_are_those_of_a_scan(tmp_path: Path, seed: int, memory_limit: int) -> None:
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g", memory_limit)
    found = list_containers(generation, -1, 100)
    assert {one.id: (one.blocks, one.pairs, one.keys, one.bytes) for one in found} == oracle.containers()
    for container in (*CONTAINERS, 0, 7):
        assert listed(generation, container, b"", None) == expected(oracle, container)
        assert find_container(generation, container).keys == len(expected(oracle, container))


@pytest.mark.parametrize("seed", SEEDS)
def test_pages_joined_are_the_whole(tmp_path: Path, seed: int) -> None:
    database = RandomDatabase(seed)
    generation = generation_of(database.tables, tmp_path / "g")
    for limit in (1, 2, 5):
        for container in CONTAINERS:
            whole = listed(generation, container, b"", None)
            joined: list[tuple[object, ...]] = []
            after = ""
            while page := listed(generation, container, after.encode(), limit):
                pairs = [len(row[-1]) for row in page]  # type: ignore[arg-type]
                assert sum(pairs[:-1]) < limit
                joined += page
                after = str(page[-1][0])
            assert joined == whole
        ids: list[int] = []
        while page_of_ids := [one.id for one in list_containers(generation, ids[-1] if ids else -1, limit)]:
            ids += page_of_ids
        assert ids == [one.id for one in list_containers(generation, -1, 100)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_page_may_begin_after_any_key_or_path_there_or_not(tmp_path: Path, seed: int) -> None:
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g")
    for container in CONTAINERS[:2]:
        whole = expected(oracle, container)
        for index, row in enumerate(whole):
            db_key, path = str(row[0]), row[4]
            assert listed(generation, container, db_key.encode(), None) == whole[index + 1 :]
            missing = db_key.encode()[:-1]
            assert listed(generation, container, missing, None) == [
                other for other in whole if str(other[0]).encode() > missing
            ]
            if path is not None:
                assert to_db_key(generation, f"/{path}") == db_key.encode()


def test_the_path_of_a_key_in_a_directory_that_is_gone_is_refused(tmp_path: Path) -> None:
    database = next(one for seed in range(50) if (one := RandomDatabase(seed)).rows.get("directoryTable"))
    generation = generation_of(database.tables, tmp_path / "g")
    oracle = Oracle(database.tables)
    volume, bucket, _ = oracle.buckets[int(database.tables["directoryTable"][0][0].split(b"/")[2])]
    with pytest.raises(BadRequest, match="lastKey"):
        to_db_key(generation, f"/{volume}/{bucket}/no/such/key")


def tables(tmp_path: Path, containers: list[int], keys: int = 1) -> tuple[Table, Table]:
    """Blocks in these containers, dealt out evenly to keys."""
    build = GenerationBuild(tmp_path)
    build.create_array("keys", "first_block", "i8", keys)[:] = np.arange(keys) * len(containers) // keys
    build.create_array("blocks", "container", "i8", len(containers))[:] = containers
    build.create_array("blocks", "length", "i8", len(containers))[:] = 1
    build.create_array("blocks", "version", "i4", len(containers))
    return build.table("keys"), build.table("blocks")


@pytest.mark.parametrize(
    "containers",
    [
        [5] * 100,
        list(range(100)),
        [0, (1 << 63) - 1] * 50,
        [-(1 << 63), (1 << 63) - 1, 0, 1] * 25,
        [(1 << 62) + i % 3 for i in range(97)] + [-1, 0, 1],
    ],
)
@pytest.mark.parametrize("capacity", [1, 3, 40, 1000])
def test_ranges_cover_every_id_once_and_fit(tmp_path: Path, containers: list[int], capacity: int) -> None:
    _, blocks = tables(tmp_path, containers)
    ranges = id_ranges(blocks, capacity)
    assert all(low <= high for low, high in ranges)
    assert all(one[1] < other[0] for one, other in pairwise(ranges))
    for low, high in ranges:
        assert low == high or sum(low <= one <= high for one in containers) <= capacity
    assert all(sum(low <= one <= high for low, high in ranges) == 1 for one in containers)


@pytest.mark.parametrize("capacity", [1, 3, 40, 1000])
def test_a_container_that_does_not_fit_comes_in_pieces_of_whole_keys(tmp_path: Path, capacity: int) -> None:
    keys, blocks = tables(tmp_path, [7] * 60 + [1 << 50] * 3 + [7] * 37, keys=20)
    pieces = list(blocks_by_container(keys, blocks, capacity * container_sort.BYTES_PER_BLOCK))
    order = np.concatenate([block for block, _ in pieces])
    assert order.tolist() == [*range(60), *range(63, 100), 60, 61, 62]
    counted = np.concatenate([counts for _, counts in pieces], axis=1)
    sums = {one: counted[1:, counted[0] == one].sum(axis=1).tolist() for one in (7, 1 << 50)}
    assert sums == {7: [97, 20, 20, 97], 1 << 50: [3, 1, 1, 3]}
