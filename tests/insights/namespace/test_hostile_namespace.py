"""Whatever contradictions a database has, every answer places a file where every other does, built or merged."""

from pathlib import Path

import numpy as np
import pytest
from tests.build.generations import assert_same, difference, merged, of_rows
from tests.insights.hostile_samples import HostileDatabase, places_by_rule
from tests.insights.namespace_samples import Bucket, Database, Directory, Key, Volume, sealed, write
from tests.insights.om_samples import generation_of, texts

from ozone_recon.build.insights import ROUNDS
from ozone_recon.errors import BadRequest
from ozone_recon.insights.namespace import file_sizes, owners_ages, summary
from ozone_recon.insights.namespace.listing import Listing, SortOrder
from ozone_recon.insights.namespace.view import Namespace
from ozone_recon.insights.om.bucket_accounts import accounts_of
from ozone_recon.insights.om.key_listing import list_keys
from ozone_recon.insights.om.key_rows import read_keys
from ozone_recon.insights.om.open_keys import list_open_files
from ozone_recon.insights.om.pending_deletion import list_deleted_directories, pending_bytes
from ozone_recon.insights.om.prefixes import read_prefix, to_db_key
from ozone_recon.insights.om.tables import table_counts
from ozone_recon.store.generation import Generation

SEEDS = range(30)


def paths_of_files(generation: Generation) -> dict[bytes, str | None]:
    """What a page of keys says of every row of fileTable."""
    files = generation.table("keys").rows
    keys = read_keys(generation, np.arange(files))
    tables = generation.table("groups")["file_table"]
    in_files = np.repeat(tables == 1, np.diff(generation.table("groups")["first_row"]))
    said = zip(texts(keys.db_key), texts(keys.path), keys.has_path.tolist(), in_files.tolist(), strict=True)
    return {key.encode(): path if has else None for key, path, has, of_file in said if of_file}


def walked(namespace: Namespace, path: str) -> dict[str, int]:
    """Files below a path and their sizes, by asking for what is directly in each place as a browser does."""
    spot = namespace.find(path)
    assert spot is not None and spot.key is None, path
    listing = Listing(namespace, spot.node, keys=True)
    found: dict[str, int] = {}
    for entry in listing.page(SortOrder.NAME, False, len(listing)):
        if entry.kind is None:
            found[f"{path}/{entry.name}"] = entry.size
        else:
            below = walked(namespace, f"{path}/{entry.name}")
            assert (entry.files, entry.size) == (len(below), sum(below.values())), path
            found |= below
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_all_answers_agree(seed: int, tmp_path: Path) -> None:
    tables = HostileDatabase(seed).tables
    generation = generation_of(tables, tmp_path / "g", rounds=ROUNDS)
    namespace = Namespace(generation)
    paths = paths_of_files(generation)
    assert paths == places_by_rule(tables)

    def fso(key: bytes, _: bytes) -> bool:
        spot = namespace.find(key.decode())
        return spot is not None and spot.layout == "FILE_SYSTEM_OPTIMIZED"

    seen: set[str] = set()
    for bucket in (key.decode() for key, value in tables.get("bucketTable", []) if fso(key, value)):
        files = walked(namespace, bucket)
        assert files.keys() == {f"/{path}" for path in paths.values() if path and f"/{path}".startswith(bucket + "/")}
        seen |= files.keys()
        for place in {bucket, *(path.rpartition("/")[0] for path in files)}:
            assert_the_same_below(generation, namespace, place, files)
        for path in files:
            spot = namespace.find(path)
            if spot and spot.key is not None:  # else there is a directory of that name, too
                listed = list_keys(generation, read_prefix(generation, path), b"", 9)
                assert [f"/{one}" for one in texts(listed.path)] == [path]
    assert seen == {f"/{path}" for path in paths.values() if path}


def assert_the_same_below(generation: Generation, namespace: Namespace, place: str, files: dict[str, int]) -> None:
    below = {path: size for path, size in files.items() if path.startswith(place + "/")}
    listed = list_keys(generation, read_prefix(generation, place), b"", 10_000)
    shown = [f"/{path}" for path, has in zip(texts(listed.path), listed.has_path, strict=True) if has]
    assert sorted(shown) == sorted(below)
    spot = namespace.find(place)
    assert spot is not None
    row = spot.node
    numbers = namespace.totals(row)
    assert (numbers.files, numbers.size) == (len(below), sum(below.values()))
    assert file_sizes.of_node(generation, row).sum() == len(below)
    for of in (owners_ages.owners_of(generation, row), owners_ages.months_of(generation, row)):
        assert (sum(one.files for one in of), sum(one.size for one in of)) == (len(below), sum(below.values()))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_waits_agrees_too(seed: int, tmp_path: Path) -> None:
    tables = HostileDatabase(seed).tables
    generation = generation_of(tables, tmp_path / "g", rounds=ROUNDS)
    deleted = list_deleted_directories(generation, b"", None)
    assert int(deleted.replicated_size.sum()) == pending_bytes(generation).directories
    opened = list_open_files(generation, None, b"", None)
    said = dict(zip(opened.db_key, texts(opened.path), strict=True))
    for key, path in places_by_rule(tables, "openFileTable").items():
        if path:  # else it is where it was when it was opened
            assert said[key] == path


@pytest.mark.parametrize("filesystem_paths", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_key_is_in_one_account(seed: int, filesystem_paths: bool, tmp_path: Path) -> None:
    tables = HostileDatabase(seed).tables
    generation = generation_of(tables, tmp_path / "g", rounds=ROUNDS, filesystem_paths=filesystem_paths)
    namespace = Namespace(generation)
    everything = namespace.accounts(0)
    keys = table_counts(generation, "keyTable").rows + table_counts(generation, "fileTable").rows
    assert everything.committed.keys + everything.deleted.keys + everything.orphaned.keys == keys
    replicated = sum(generation.table("keys")["replicated_size"].tolist())
    assert everything.committed.bytes + everything.deleted.bytes + everything.orphaned.bytes == replicated
    parts = table_counts(generation, "multipartInfoTable")
    assert (everything.parts.keys, everything.parts.bytes) == (parts.keys, parts.replicated_size)
    buckets = [accounts_of(generation, [row]) for row in range(len(tables.get("bucketTable", [])))]
    nowhere = accounts_of(generation, [], in_no_bucket=True)
    assert sum(one.committed.keys for one in buckets) == everything.committed.keys
    assert sum(one.explained.bytes for one in (*buckets, nowhere)) == everything.explained.bytes
    below = [namespace.totals(place) for place in generation.table("namespace_buckets")["place"].tolist()]
    markers = int(np.sum(namespace.tree.nodes_of_keys(np.arange(keys)) < 0))
    assert sum(one.files for one in below) + markers == everything.committed.keys
    names = sum(one.names for one in (everything.committed, everything.deleted, everything.orphaned))
    assert names == keys + len(tables.get("directoryTable", []))


@pytest.mark.parametrize("seed", range(0, 30, 5))
def test_merged_is_built(seed: int, tmp_path: Path) -> None:
    one, other = HostileDatabase(seed).tables, HostileDatabase(seed + 1).tables
    base = of_rows(tmp_path / "base", one)
    assert_same(merged(tmp_path / "merged", base, difference(one, other)), of_rows(tmp_path / "built", other))


def test_of_two_directories_with_one_id_the_first_in_key_order_has_the_files(tmp_path: Path) -> None:
    bucket = Bucket(b"vol", b"fso", 2, "FSO")
    directories = [
        Directory(bucket.id, 2, b"0dup", 50),  # the first in the tree
        Directory(bucket.id, 2, b"a", 10),
        Directory(bucket.id, 10, b"dup", 50),  # the first in key order: /1/2/10/dup
    ]
    database = Database([Volume(b"vol", 1)], [bucket], directories)
    database.files = [Key(database.within(bucket.id, 50), b"f", 7, 5)]
    build = write(database, tmp_path / "g")
    summary.rebuild(build)
    generation = sealed(build)
    namespace = Namespace(generation)
    assert walked(namespace, "/vol/fso") == {"/vol/fso/a/dup/f": 7}
    assert texts(list_keys(generation, read_prefix(generation, "/vol/fso/a"), b"", 9).path) == ["vol/fso/a/dup/f"]
    for path in ("/vol/fso/0dup", "/vol/fso/0dup/f"):
        assert len(list_keys(generation, read_prefix(generation, path), b"", 9)) == 0
    assert namespace.find("/vol/fso/0dup/f") is None
    with pytest.raises(BadRequest, match="is in a directory that does not exist"):
        to_db_key(generation, "/vol/fso/0dup/f")
