from pathlib import Path

import numpy as np
import pytest
from tests.insights.containers.listing import listed
from tests.insights.om_samples import CONTAINERS, RandomDatabase, generation_of
from tests.oracle import Oracle

from ozone_recon.errors import BadRequest
from ozone_recon.insights.containers import sort as container_sort
from ozone_recon.insights.containers.keys import find_container, list_containers
from ozone_recon.insights.containers.sort import ContainerSort
from ozone_recon.insights.om.prefixes import to_db_key
from ozone_recon.store.generation import GenerationBuild, Table

SEEDS = range(12)


def expected(oracle: Oracle, container: int) -> list[tuple[object, ...]]:
    return [
        (row.db_key.decode(), row.volume, row.bucket, row.name, row.path, row.key.size, ids)
        for row, ids in oracle.keys_in(container)
    ]


@pytest.mark.parametrize("memory_limit", [1 << 26, 1 << 10, 1])
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
                pairs = [len(row[-1]) for row in page]
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
    with build.create("keys", {"first_block": "starts"}) as writer:
        writer.append(first_block=np.arange(keys) * len(containers) // keys)
        writer.end(first_block=len(containers))
    with build.create("blocks", {"container": "i8", "length": "i8", "version": "i4"}) as writer:
        writer.append(
            container=np.array(containers, np.int64),
            length=np.ones(len(containers), np.int64),
            version=np.zeros(len(containers), np.int32),
        )
    return build.table("keys"), build.table("blocks")


@pytest.mark.parametrize(
    "containers",
    [
        [],
        [5] * 100,
        list(range(100)),
        [7] * 60 + [1 << 50] * 3 + [7] * 37,
        [0, (1 << 63) - 1] * 50,
        [-(1 << 63), (1 << 63) - 1, 0, 1] * 25,
        [(1 << 62) + i % 3 for i in range(97)] + [-1, 0, 1],
    ],
)
@pytest.mark.parametrize("memory_limit", [1, 48, 640, 1 << 20])
@pytest.mark.parametrize("chunk", [1, 7, container_sort.CHUNK])
def test_blocks_are_sorted_wherever_ids_are_and_whatever_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, containers: list[int], memory_limit: int, chunk: int
) -> None:
    monkeypatch.setattr(container_sort, "CHUNK", chunk)
    keys, blocks = tables(tmp_path, containers, keys=20)
    sort = ContainerSort(keys, blocks, memory_limit)
    pieces = list(sort.pieces())
    assert all(8 * len(piece) <= max(8, memory_limit) for piece in pieces)
    order = [int(block) for piece in pieces for block in piece]
    assert order == sorted(range(len(containers)), key=lambda block: containers[block])
    key_of = [int(np.searchsorted(keys["first_block"], block, side="right")) for block in range(len(containers))]
    counted = zip(*(column.tolist() for column in sort.counts()), strict=True)
    assert list(counted) == [
        (one, of.count(one), len(having), len(having), of.count(one))
        for of in [containers]
        for one in sorted(set(of))
        for having in [{key for key, container in zip(key_of, of, strict=True) if container == one}]
    ]
