from pathlib import Path

import numpy as np
import pytest
from tests.insights.om_samples import RandomDatabase, generation_of, texts
from tests.oracle import Key, Oracle, fields

from ozone_recon.columnar.byte_slices import joined
from ozone_recon.insights.om.pending_deletion import (
    DeletedKeyRows,
    list_deleted_directories,
    list_deleted_keys,
    pending_bytes,
)

SEEDS = range(12)


def shown(found: DeletedKeyRows) -> list[tuple[object, ...]]:
    names = joined([found.keys.key])
    versions = [
        [names[at].decode() for at in np.flatnonzero(found.keys.row == row).tolist()] for row in range(len(found))
    ]
    return list(zip(texts(found.db_key), versions, found.size.tolist(), found.replicated_size.tolist(), strict=True))


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
        pages: list[tuple[object, ...]] = []
        after = b""
        while page := shown(list_deleted_keys(generation, prefix.encode(), after, 2)):
            pages += page
            after = str(page[-1][0]).encode()
        assert pages == wanted
        assert shown(list_deleted_keys(generation, prefix.encode(), b"", None)) == wanted


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
    pages: list[tuple[object, ...]] = []
    after = b""
    while len(page := list_deleted_directories(generation, after, 1)):
        pages += zip(
            texts(page.db_key),
            texts(page.name),
            texts(page.path),
            page.size.tolist(),
            page.replicated_size.tolist(),
            strict=True,
        )
        after = page.db_key[0]
    assert pages == wanted
    assert pending_bytes(generation).directories == total
    assert pending_bytes(generation).keys == oracle.sums("deletedTable")[3]
