"""The namespace's tree against a brute-force walk over the same rows, one by one."""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.insights.namespace.brute_force import below, built, by_brute_force, is_in, rows_by_path
from tests.insights.namespace_samples import (
    FIRST_ID,
    Bucket,
    Database,
    Directory,
    Key,
    Volume,
    random_database,
)

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.insights.namespace import counts, file_sizes, owners_ages
from ozone_recon.insights.namespace.legacy_paths import PathWalk
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.namespace.order import depth_first
from ozone_recon.insights.size_bins import UPPER_BOUNDS, bin_of
from ozone_recon.store.generation import Generation
from ozone_recon.store.table import Table


def number_at(table: Table, row: int, column: str) -> int:
    return int(table[column][row])


@pytest.mark.parametrize("filesystem_paths", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_the_tree_is_what_brute_force_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, filesystem_paths: bool
) -> None:
    database = random_database(seed)
    monkeypatch.setattr(counts, "LARGE", 1 + seed % 7)
    # Now and then so little memory that the pairs are written in many rounds.
    generation = built(database, tmp_path / "g", filesystem_paths, 1 << 26 if seed % 3 else 2000)
    places = by_brute_force(database, filesystem_paths)
    table, paths = generation.table("namespace"), rows_by_path(generation)
    assert paths.keys() == places.keys()
    for place, truth in places.items():
        row, everything = paths[place], below(places, place)
        number = partial(number_at, table, row)
        assert number("kind") == truth.kind
        assert number("files") == len(truth.keys)
        assert number("size") == sum(key.size for key in truth.keys)
        assert number("replicated_size") == sum(key.size * key.copies for key in truth.keys)
        assert number("all_files") == len(everything)
        assert number("all_size") == sum(key.size for key in everything)
        assert number("all_replicated_size") == sum(key.size * key.copies for key in everything)
        assert number("newest") == max((key.modified for key in everything), default=0)
        assert number("oldest") == min((key.modified for key in everything), default=0)
        inside = [p for p in places if is_in(place, p) and p != place]
        assert number("end") == row + 1 + len(inside)
        assert number("all_directories") == sum(places[p].kind in (NodeKind.DIRECTORY, NodeKind.PATH) for p in inside)
        assert_counts(generation, row, everything)


def assert_counts(generation: Generation, row: int, keys: list[Key]) -> None:
    sizes = Counter(min(bin_of(key.size), 40) for key in keys)
    assert file_sizes.of_node(generation, row).tolist() == [sizes[bin_] for bin_ in range(41)]
    for of in owners_ages.owners_of(generation, row):
        own = [key for key in keys if (key.owner or b"") == of.owner]
        assert (of.files, of.size) == (len(own), sum(key.size for key in own))
        assert of.replicated_size == sum(key.size * key.copies for key in own)
    months = owners_ages.months_of(generation, row)
    assert [of.month for of in months] == sorted({month(key) for key in keys})
    for aged in months:
        own = [key for key in keys if month(key) == aged.month]
        assert (aged.files, aged.size) == (len(own), sum(key.size for key in own))
    assert len(owners_ages.owners_of(generation, row)) == len({key.owner for key in keys})


def month(key: Key) -> str:
    return str(np.datetime64(key.modified, "ms").astype("M8[M]"))


def test_children_stand_in_order_of_their_names(tmp_path: Path) -> None:
    for seed in range(10):
        generation = built(random_database(seed), tmp_path / str(seed), True)
        table = generation.table("namespace")
        children, names = generation.table("namespace_children")["row"], table.bytes("name")
        firsts = table["first_child"]
        for row in range(table.rows):
            own = children[firsts[row] : firsts[row + 1]].tolist()
            assert all(table["parent"][child] == row for child in own)
            slash = [b"/" if table["kind"][child] == NodeKind.PATH else b"" for child in own]
            ordered = [names[child] + end for child, end in zip(own, slash, strict=True)]
            assert ordered == sorted(ordered)
        assert len(children) == np.count_nonzero(table["parent"] >= 0)


def test_cycles_are_cut(tmp_path: Path) -> None:
    volume, bucket = Volume(b"vol", FIRST_ID), Bucket(b"vol", b"fso", FIRST_ID + 1, "FSO")
    ring = [Directory(bucket.id, 10 + (i + 1) % 3, b"d%d" % i, 10 + i) for i in range(3)]
    hanging = Directory(bucket.id, 11, b"hanging", 50)
    own_parent = Directory(bucket.id, 60, b"self", 60)
    database = Database([volume], [bucket], [*ring, hanging, own_parent])
    database.files = [Key(database.within(bucket.id, id), b"f", 7, 5) for id in (10, 11, 12, 50, 60)]
    generation = built(database, tmp_path / "g")
    table = generation.table("namespace")
    assert int(table["all_files"][0]) == 0
    roots = np.flatnonzero(table["parent"] < 0)[1:]
    assert sorted(table["all_files"][roots].tolist()) == [1, 4]
    assert table.rows == 1 + 2 + 5


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.integers(-1, 30), max_size=30))
def test_depth_first_order_meets_everything_once(parents: list[int]) -> None:
    parent = np.array([p if p < len(parents) else -1 for p in parents], np.int64)
    order = depth_first(parent).tolist()
    assert sorted(order) == list(range(len(parents)))
    row = {node: place for place, node in enumerate(order)}
    for node, above in enumerate(parent.tolist()):
        assert above == -1 or row[above] < row[node]
        if above != -1:  # everything between a place and its parent is below the parent
            between = order[row[above] + 1 : row[node]]
            assert all(above in ancestors(parent, other) for other in between)


def ancestors(parent: np.ndarray, node: int) -> list[int]:
    found = []
    while (node := int(parent[node])) >= 0:
        found.append(node)
    return found


component = st.sampled_from([b"", b"a", b"b", b"a-", b"a0", b"ab"])


@settings(deadline=None)  # the first call compiles
@given(st.sets(st.lists(component, min_size=1, max_size=5).map(b"/".join), max_size=40), st.integers(1, 7))
def test_paths_are_the_same_however_the_keys_are_batched(keys: set[bytes], batch: int) -> None:
    ordered = sorted(keys)
    expected: set[tuple[bytes, ...]] = set()
    for key in ordered:
        parts = key.split(b"/")[:-1]
        expected |= {tuple(parts[: depth + 1]) for depth in range(len(parts))}
    walk = PathWalk()
    paths: list[tuple[bytes, ...]] = []
    of_key: list[tuple[tuple[bytes, ...], bool]] = []
    for start in range(0, len(ordered), batch):
        here = ordered[start : start + batch]
        found = walk.walk(ByteColumn.of(here))
        for parent, name in zip(found.parent.tolist(), found.names.items(), strict=True):
            paths.append((*(paths[parent] if parent >= 0 else ()), name))
        for place, first in enumerate(found.run_start.tolist()):
            last = found.run_start[place + 1] if place + 1 < len(found.run_start) else len(here)
            directory = int(found.run_directory[place])
            assert not found.run_is_marker[place] or last == first + 1
            of_key += [(paths[directory] if directory >= 0 else (), bool(found.run_is_marker[place]))] * (last - first)
    assert len(paths) == len(expected)
    assert set(paths) == expected
    assert of_key == [(tuple(key.split(b"/")[:-1]), key.endswith(b"/")) for key in ordered]


def test_file_counts_of_buckets_count_every_key(tmp_path: Path) -> None:
    for seed in range(10):
        database = random_database(seed).sorted()
        generation = built(database, tmp_path / str(seed), True)
        expected: Counter[tuple[str, str, int]] = Counter()
        for bucket in database.buckets:
            id_prefix = database.within(bucket.id, 0)[: -len(b"0/")]
            for key in database.keys + database.files:
                if key.within == b"/%b/%b/" % (bucket.volume, bucket.name) or key.within.startswith(id_prefix):
                    expected[bucket.volume.decode(), bucket.name.decode(), UPPER_BOUNDS[bin_of(key.size)]] += 1
        found = file_sizes.of_buckets(generation)
        assert {(of.volume, of.bucket, of.upper_bound): of.files for of in found} == expected
        assert found == sorted(found, key=lambda of: (len(of.volume), of.volume, len(of.bucket), of[1:]))


def test_a_bucket_without_its_volume_is_detached(tmp_path: Path) -> None:
    database = Database([], [Bucket(b"gone", b"b", 77)], keys=[Key(b"/gone/b/", b"k", 3, 4)])
    table = built(database, tmp_path / "g").table("namespace")
    assert table["all_size"].tolist() == [0, 3]
    assert table["parent"].tolist() == [-1, -1]


def test_keys_without_a_bucket_are_lost_but_kept(tmp_path: Path) -> None:
    database = Database([Volume(b"v", 1)], [], keys=[Key(b"/v/gone/", b"k", 3, 4), Key(b"/v/gone2/", b"k", 5, 4)])
    generation = built(database, tmp_path / "g")
    table = generation.table("namespace")
    assert (int(table["all_size"][0]), int(table["all_size"][-1])) == (0, 8)
    assert file_sizes.of_buckets(generation) == []


def test_nothing_at_all(tmp_path: Path) -> None:
    generation = built(Database(), tmp_path / "g", True)
    assert rows_by_path(generation) == {(): 0}
    assert owners_ages.months_of(generation, 0) == []
