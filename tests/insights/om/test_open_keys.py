from pathlib import Path
from random import Random

import pytest
from tests.insights.om_samples import RandomDatabase, generation_of, texts
from tests.oracle import FSO, Key, Oracle, Row

from ozone_recon.insights.om.open_keys import OpenKeyRows, list_open_files, list_open_keys
from ozone_recon.insights.om.prefixes import Prefix, read_prefix
from ozone_recon.store.generation import Generation

SEEDS = range(12)


def expected(oracle: Oracle, table: str) -> list[tuple[object, ...]]:
    return [of_row(oracle, table, row) for row in oracle.rows(table)]


def of_row(oracle: Oracle, table: str, row: Row) -> tuple[object, ...]:
    text, key = row[0].decode(), Key.of(row[1])
    path = text[1:].rpartition("/")[0]
    if table == "openFileTable":
        _, _, _, parent, name, _ = text.split("/")
        directory = oracle.directory_path(int(parent))
        path = f"{key.volume}/{key.bucket}/{key.name}" if directory is None else directory + name
    return text, path, key.size, key.replicated, key.created, key.modified, key.is_file


def shown(found: OpenKeyRows) -> list[tuple[object, ...]]:
    numbers = (found.size, found.replicated_size, found.creation_time, found.modification_time, found.is_file == 1)
    return list(zip(texts(found.db_key), texts(found.path), *(column.tolist() for column in numbers), strict=True))


def in_pages(generation: Generation, prefix: Prefix | None, limit: int) -> list[tuple[object, ...]]:
    """All pages as a client asks for them: keys first, files in what is left of the limit, then after the last one."""
    joined: list[tuple[object, ...]] = []
    after = b""
    while True:
        page = shown(list_open_keys(generation, prefix, after, limit))
        page += shown(list_open_files(generation, prefix, after, limit - len(page)))
        if not page:
            return joined
        joined += page
        after = str(page[-1][0]).encode()


@pytest.mark.parametrize("seed", SEEDS)
def test_open_keys_are_those_of_a_scan_in_pages_of_any_size(tmp_path: Path, seed: int) -> None:
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g")
    whole = expected(oracle, "openKeyTable") + expected(oracle, "openFileTable")
    everything = (read(generation, None, b"", None) for read in (list_open_keys, list_open_files))
    assert [row for found in everything for row in shown(found)] == whole
    for limit in (1, 2, 7):
        assert in_pages(generation, None, limit) == whole


def below(oracle: Oracle, volume: str, bucket: str, rest: str) -> list[tuple[object, ...]]:
    """Every open key below a path."""
    own = oracle.find_bucket(volume, bucket)
    assert own is not None
    if oracle.buckets[own][2] != FSO:
        text = f"/{volume}/{bucket}/{rest}".encode()
        return [of_row(oracle, "openKeyTable", row) for row in oracle.rows("openKeyTable") if row[0].startswith(text)]
    rows = [row for row in oracle.rows("openFileTable") if int(row[0].split(b"/")[2]) == own]
    whole = f"{volume}/{bucket}/{rest}".rstrip("/")
    is_directory = any(oracle.directory_path(one) == whole + "/" for one in oracle.directories)
    found = []
    for row in rows:
        path = str(of_row(oracle, "openFileTable", row)[1])
        attached = oracle.directory_path(int(row[0].split(b"/")[3])) is not None
        if not rest or (attached and (path.startswith(whole + "/") if is_directory else path == whole)):
            found.append(of_row(oracle, "openFileTable", row))
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_a_prefix_is_text_in_names_and_a_directory_in_fso_buckets(tmp_path: Path, seed: int) -> None:
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g")
    for volume, bucket, _ in oracle.buckets.values():
        everything = below(oracle, volume, bucket, "")
        assert in_pages(generation, read_prefix(generation, f"/{volume}/{bucket}"), 3) == everything
        paths = {str(row[1]).split("/", 2)[2] for row in everything}
        rests = paths | {path[:-1] for path in paths} | {path.rpartition("/")[0] for path in paths} | {"a", "b", "zz"}
        for rest in rests:
            prefix = read_prefix(generation, f"/{volume}/{bucket}/{rest}")
            assert in_pages(generation, prefix, 3) == below(oracle, volume, bucket, rest), rest


def test_a_bucket_that_is_not_there_has_none(tmp_path: Path) -> None:
    database = RandomDatabase(1)
    generation = generation_of(database.tables, tmp_path / "g")
    assert in_pages(generation, read_prefix(generation, "/vol1/no-such"), 3) == []


@pytest.mark.parametrize("seed", [0, 3, 5, 6, 8, 9, 10, 11])
def test_rows_that_cannot_be_decoded_end_no_page(tmp_path: Path, seed: int) -> None:
    tables = RandomDatabase(seed).tables
    oracle = Oracle(tables)
    whole = expected(oracle, "openKeyTable") + expected(oracle, "openFileTable")
    readable = Random(seed).sample(whole, len(whole) // 3)
    left = {str(row[0]).encode() for row in readable}
    cut = {
        table: [(key, value if key in left else b"\xff") for key, value in tables.get(table, [])]
        for table in ("openKeyTable", "openFileTable")
    }
    generation = generation_of(tables | cut, tmp_path / "g")
    for limit in (1, 2, 7):
        assert in_pages(generation, None, limit) == [row for row in whole if row in readable]
    for volume, bucket, _ in oracle.buckets.values():
        everything = below(oracle, volume, bucket, "")
        for rest in {str(row[1]).split("/", 2)[2].rpartition("/")[0] for row in everything}:
            wanted = [row for row in below(oracle, volume, bucket, rest) if row in readable]
            assert in_pages(generation, read_prefix(generation, f"/{volume}/{bucket}/{rest}"), 1) == wanted
