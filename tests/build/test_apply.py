"""A generation and what has changed since give the generation that is built from the changed database."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.build.generations import LATER, Tables, assert_same, built, difference, merged, of_rows
from tests.insights.om_samples import RandomDatabase
from tests.sources.captured_deltas import CAPTURE, updates_of
from tools.capture.deltas import Deltas, families_of, sequence_of

from ozone_recon.build import apply
from ozone_recon.build.changes_file import read_changes, read_rows, write_changes
from ozone_recon.build.contents import CheckpointContents
from ozone_recon.columnar.changes import NO_ROWS
from ozone_recon.errors import StoreError
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.store.schema import CHANGED, OM_TABLES
from ozone_recon.wire.write_batch.net_changes import net_changes


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "_CHUNK", 7)
    monkeypatch.setattr(apply, "_RAW_CHUNK", 5)


def some_of(seed: int, one: Tables, other: Tables, share: float) -> Tables:
    """The first database with some of the rows, and some of the missing ones, of the other."""
    pick = random.Random(seed)
    mixed: Tables = {}
    for name in one.keys() | other.keys():
        old, new = dict(one.get(name, ())), dict(other.get(name, ()))
        taken = {key for key in sorted(old.keys() | new.keys()) if pick.random() < share}
        kept = {key: value for key, value in old.items() if key not in taken}
        mixed[name] = sorted((kept | {key: new[key] for key in taken & new.keys()}).items())
    return mixed


@pytest.mark.parametrize("seed", range(12))
def test_merging_random_changes_equals_a_rebuild(seed: int, tmp_path: Path) -> None:
    one, other = (RandomDatabase(2 * seed + n).tables for n in (0, 1))
    states = [one]
    for step, share in enumerate((0.05, 0.3, 1.0)):
        states.append(some_of(seed + step, states[-1], other, share))
    generation = of_rows(tmp_path / "0", one)
    for number, (before, after) in enumerate(pairwise(states), 1):
        generation = merged(tmp_path / str(number), generation, difference(before, after))
        assert_same(generation, of_rows(tmp_path / f"{number} again", after))
        assert generation.sequence_number == 4800
        assert generation.taken_at == LATER
    changed = difference(one, states[-1]).families
    for name in ("keyTable", "fileTable", "directoryTable"):
        raw = read_rows(generation.table(CHANGED + name)) if CHANGED + name in generation else NO_ROWS
        said = dict(zip(raw.keys, zip(raw.values, raw.deleted.tolist(), strict=True), strict=True))
        rows = changed.get(name, NO_ROWS)
        for key, value, gone in zip(rows.keys, rows.values, rows.deleted.tolist(), strict=True):
            assert said[key] == (value, gone)


def test_a_row_that_went_bad_and_one_that_was_mended(tmp_path: Path) -> None:
    name = "keyTable"
    good = next(found for seed in range(99) if len((found := RandomDatabase(seed).tables).get(name, ())) > 4)
    bad = {**good, name: [(key, b"\xff" if n in (1, 3) else value) for n, (key, value) in enumerate(good[name])]}
    mended = {**good, name: [(key, b"\xff" if n in (2, 3) else value) for n, (key, value) in enumerate(good[name])]}
    base = of_rows(tmp_path / "bad", bad)
    assert base.about.bad_rows == 2
    assert_same(merged(tmp_path / "merged", base, difference(bad, mended)), of_rows(tmp_path / "again", mended))


def test_changes_that_follow_each_other_are_one(tmp_path: Path) -> None:
    one, other = RandomDatabase(3).tables, RandomDatabase(4).tables
    between = some_of(5, one, other, 0.5)
    both = difference(one, between, 1).followed_by(difference(between, other, 2))
    assert both.last_sequence == 2
    base = of_rows(tmp_path / "base", one)
    assert_same(merged(tmp_path / "merged", base, both), of_rows(tmp_path / "again", other))


def test_changes_are_read_as_they_were_written(tmp_path: Path) -> None:
    changes = difference(RandomDatabase(1).tables, RandomDatabase(2).tables)
    (tmp_path / "changes").mkdir()
    write_changes(tmp_path / "changes", changes, LATER)
    found, taken_at = read_changes(tmp_path / "changes")
    assert taken_at == LATER
    assert found.last_sequence == changes.last_sequence
    assert found.size == changes.size > 0
    for name, rows in changes.families.items():
        for column in ("keys", "values"):
            assert getattr(found.families[name], column).items() == getattr(rows, column).items()
        assert found.families[name].deleted.tolist() == rows.deleted.tolist()


def test_unfinished_changes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        read_changes(tmp_path)


@pytest.fixture(scope="module")
def deltas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deltas]:
    yield Deltas.unpack(CAPTURE, tmp_path_factory.mktemp("deltas"))


def test_merging_a_real_om_s_deltas_equals_its_next_checkpoint(deltas: Deltas, tmp_path: Path) -> None:
    last = sequence_of(deltas.before)
    with Checkpoint.open(deltas.before) as before:
        generation = built(tmp_path / "before", CheckpointContents(before, 1))
    for number, answer in enumerate(deltas.answers):
        changes = net_changes(updates_of(answer).batches, last, families_of(deltas.before))
        generation = merged(tmp_path / str(number), generation, changes)
        last = changes.last_sequence
    with Checkpoint.open(deltas.after) as after:
        assert_same(generation, built(tmp_path / "after", CheckpointContents(after, 1)))
        assert generation.sequence_number == after.sequence_number
    assert set(OM_TABLES) <= set(generation.about.counts)
