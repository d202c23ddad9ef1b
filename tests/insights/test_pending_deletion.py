from pathlib import Path

import pytest
from tests.insights.om_samples import RandomDatabase, generation_of
from tests.oracle import Key, Oracle, fields

from ozone_recon.insights.pending_deletion import (
    DeletedDirectory,
    DeletedKeys,
    list_deleted_directories,
    list_deleted_keys,
    pending_bytes,
)

SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
def test_deleted_keys_are_those_of_a_scan(tmp_path: Path, seed: int) -> None:
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g")
    for prefix in ("", "/vol1/", "/vol1/one/", "/vol2/two/a", "/zz"):
        wanted = []
        for db_key, value in oracle.rows("deletedTable"):
            keys = list(map(Key.of, fields(value)[1]))
            sizes = sum(key.size for key in keys), sum(key.replicated for key in keys)
            if db_key.decode().startswith(prefix):
                wanted.append((db_key.decode(), [key.name for key in keys], *sizes))
        joined: list[DeletedKeys] = []
        while page := list_deleted_keys(generation, prefix.encode(), joined[-1].db_key.encode() if joined else b"", 2):
            joined += page
        assert [
            (one.db_key, [key.key for key in one.deleted.keys], one.size, one.replicated_size) for one in joined
        ] == wanted
        assert list_deleted_keys(generation, prefix.encode(), b"", None) == joined


@pytest.mark.parametrize("seed", SEEDS)
def test_deleted_directories_are_those_of_a_scan(tmp_path: Path, seed: int) -> None:
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g")
    wanted, total = [], 0
    for db_key, value in oracle.rows("deletedDirectoryTable"):
        _, _, _, parent, name, own = db_key.decode().split("/")
        key, above = Key.of(value), oracle.directory_path(int(parent))
        path = f"{key.volume}/{key.bucket}/{key.name}" if above is None else above + name
        sizes = oracle.deleted_size(int(own))
        total += sizes[1]
        wanted.append((db_key.decode(), name, path, *sizes))
    joined: list[DeletedDirectory] = []
    while page := list_deleted_directories(generation, joined[-1].db_key.encode() if joined else b"", 1):
        joined += page
    assert [(one.db_key, one.name, one.path, one.size, one.replicated_size) for one in joined] == wanted
    assert pending_bytes(generation).directories == total
    assert pending_bytes(generation).keys == oracle.sums("deletedTable")[3]
