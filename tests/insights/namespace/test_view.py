"""Every path of random databases is found, and what is directly in it is listed, as a look at all rows says."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.insights.namespace.brute_force import Place, Truth, below, built, by_brute_force, is_in, rows_by_path
from tests.insights.namespace_samples import Bucket, Database, Key, Volume, random_database

from ozone_recon.insights.namespace import listing as namespace_listing
from ozone_recon.insights.namespace.listing import Listing, SortOrder, smallest
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.namespace.view import Namespace


def text(place: Place) -> str:
    return "/" + "/".join(name.decode() for name in place if isinstance(name, bytes))


def is_live(place: Place) -> bool:
    return not place or isinstance(place[0], bytes)


@pytest.mark.parametrize("filesystem_paths", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_every_path_leads_where_it_should(tmp_path: Path, seed: int, filesystem_paths: bool) -> None:
    database = random_database(seed)
    generation = built(database, tmp_path / "g", filesystem_paths)
    namespace, rows = Namespace(generation), rows_by_path(generation)
    layouts = {(b.volume, b.name): b.layout for b in database.buckets}
    places = {p: t for p, t in by_brute_force(database, filesystem_paths).items() if is_live(p)}
    sizes = generation.table("keys")["size"]
    for place, truth in places.items():
        path = text(place)
        key_of_that_name = [key for key in places.get(place[:-1], Truth(NodeKind.ROOT)).keys if leaf(key) == place[-1]]
        if truth.kind is not NodeKind.PATH or not key_of_that_name:  # of a LEGACY key and directory, the key is meant
            spot = namespace.find(path)
            assert spot is not None
            assert (spot.node, spot.key, spot.path) == (rows[place], None, path)
            numbers = namespace.totals(spot.node)
            assert numbers.volumes == (None if place else len(database.volumes))
            buckets = [p for p in places if len(p) == 2 and is_in(place, p)]
            assert numbers.buckets == (len(buckets) if len(place) < 2 else None)
            assert numbers.direct_size == sum(key.size for key in truth.keys)
        assert namespace.find(path + "/no-such") is None
        flat = len(place) == 2 and (layouts[place] == "OBS" or (layouts[place] == "LEGACY" and not filesystem_paths))
        for key in truth.keys:
            name = key.name if flat else leaf(key)
            directory = places.get((*place, name))
            if directory and directory.kind is NodeKind.DIRECTORY:
                continue  # of an FSO file and directory of one name, which OM never has, the directory is meant
            spot = namespace.find(f"{path}/{name.decode()}")
            assert spot is not None
            assert spot.key is not None
            holder = place if layouts[place[:2]] == "FSO" else place[:2]
            assert (spot.node, int(sizes[spot.key])) == (rows[holder], key.size)


def leaf(key: Key) -> bytes:
    return key.name.rpartition(b"/")[2]


@pytest.mark.parametrize("filesystem_paths", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_listings_are_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, filesystem_paths: bool
) -> None:
    monkeypatch.setattr(namespace_listing, "BATCH", 1 + seed)
    database = random_database(seed)
    generation = built(database, tmp_path / "g", filesystem_paths)
    namespace, rows = Namespace(generation), rows_by_path(generation)
    places = by_brute_force(database, filesystem_paths)
    rng = random.Random(seed)
    for place, truth in places.items():
        listing = Listing(namespace, rows[place], keys=True)
        entries = listing.page(SortOrder.NAME, False, 10_000)
        children = {p: t for p, t in places.items() if len(p) == len(place) + 1 and is_in(place, p)}
        assert len(listing) == len(entries) == len(children) + len(truth.keys)
        found = {entry.name: entry for entry in entries if entry.kind is not None}
        assert found.keys() == {p[-1].decode() for p in children}
        for child, child_truth in children.items():
            keys, entry = below(places, child), found[child[-1].decode()]
            assert entry.kind is child_truth.kind
            assert (entry.size, entry.files) == (sum(key.size for key in keys), len(keys))
            assert entry.replicated_size == sum(key.size * key.copies for key in keys)
            assert (entry.newest, entry.oldest) == (
                max((key.modified for key in keys), default=0),
                min((key.modified for key in keys), default=0),
            )
        listed = [(e.name.encode(), e.size, e.newest, e.owner) for e in entries if e.kind is None]
        own = [(key.name, key.size, key.modified, (key.owner or b"").decode()) for key in truth.keys]
        assert listed == sorted(own)
        for by in SortOrder:
            for descending in (False, True):
                limit = rng.randint(0, 12)
                assert listing.page(by, descending, limit) == ordered(entries, by, descending)[:limit]


def ordered(
    entries: list[namespace_listing.ListingEntry], by: SortOrder, descending: bool
) -> list[namespace_listing.ListingEntry]:
    if by is SortOrder.NAME:
        return entries[::-1] if descending else entries
    field = {"size": "size", "replicatedSize": "replicated_size", "files": "files", "modified": "newest"}[by]
    sign = -1 if descending else 1
    return sorted(entries, key=lambda entry: sign * getattr(entry, field))


@given(st.lists(st.integers(-5, 5)), st.integers(-1, 12))
def test_the_smallest_values_in_order(values: list[int], count: int) -> None:
    expected = sorted(range(len(values)), key=lambda place: values[place])[: max(0, count)]
    assert smallest(np.array(values, np.int64), count).tolist() == expected


@pytest.fixture
def namespace(tmp_path: Path) -> Namespace:
    buckets = [Bucket(b"vol", b"obs", 2), Bucket(b"vol", b"legacy", 3, "LEGACY"), Bucket(b"vol", b"fso", 4, "FSO")]
    keys = [Key(b"/vol/obs/", name, 1, 1) for name in (b"a//b", b"a/b/", b"/c", b"d", b"\xff")]
    keys += [Key(b"/vol/legacy/", name, 1, 1) for name in (b"a/b", b"a-b", b"a")]
    return Namespace(built(Database([Volume(b"vol", 1)], buckets, keys=keys), tmp_path / "g", True))


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("//", None),
        ("///", None),
        ("vol", "/vol"),
        ("//vol//", "/vol"),
        ("vol/obs", "/vol/obs"),
        ("/vol//obs/", "/vol/obs"),
        ("/vol/obs/d", "/vol/obs/d"),
        ("/vol/obs//d", None),
        ("//vol//obs/d", "/vol/obs/d"),
        ("/vol/obs/d/", None),
        ("/vol/obs/a//b", "/vol/obs/a//b"),
        ("/vol/obs/a/b", None),
        ("/vol/obs/a/b/", "/vol/obs/a/b/"),
        ("/vol/obs//c", "/vol/obs//c"),
        ("/vol/obs/a", None),
        ("/vol/legacy//a///b/", "/vol/legacy/a/b"),
        ("/vol/legacy/a-b", "/vol/legacy/a-b"),
        ("/vol/fso/x", None),
        ("/vol/no", None),
        ("/no/obs", None),
        ("vol\0/obs", None),
    ],
)
def test_paths_are_read_as_recon_reads_them(namespace: Namespace, path: str, normal: str | None) -> None:
    spot = namespace.find(path)
    assert (spot and spot.path) == normal


def test_a_legacy_name_may_be_a_key_and_a_directory(namespace: Namespace) -> None:
    spot = namespace.find("/vol/legacy/a")
    assert spot is not None
    assert spot.key is not None
    legacy = namespace.find("/vol/legacy")
    assert legacy is not None
    names = [(e.name, e.kind) for e in Listing(namespace, legacy.node, True).page(SortOrder.NAME, False, 9)]
    assert names == [("a", NodeKind.PATH), ("a", None), ("a-b", None)]


def test_names_that_are_not_utf8_are_shown_with_replacements(namespace: Namespace) -> None:
    spot = namespace.find("/vol/obs")
    assert spot is not None
    assert Listing(namespace, spot.node, True).page(SortOrder.NAME, True, 1)[0].name == "\N{REPLACEMENT CHARACTER}"
