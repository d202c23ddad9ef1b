"""Builds generations from a checkpoint and from changes, and compares them."""

from pathlib import Path

import numpy as np
from tests.insights.om_samples import MemoryCheckpoint
from tests.oracle import Row

from ozone_recon.build.apply import MergedContents
from ozone_recon.build.build import build_generation
from ozone_recon.build.contents import CheckpointContents, Contents
from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.changes import ChangedRows, Changes
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import CHANGED

Tables = dict[str, list[Row]]
LATER = 1_700_000_100_000


def built(place: Path, contents: Contents) -> Generation:
    with GenerationBuild(place) as build:
        build_generation(contents, build, lambda _: None)
        if isinstance(contents, MergedContents):
            contents.write_changed(build)
        build.seal()
    return Generation.open(place)


def of_rows(place: Path, tables: Tables) -> Generation:
    return built(place, CheckpointContents(MemoryCheckpoint(tables), 1))


def merged(place: Path, base: Generation, changes: Changes) -> Generation:
    return built(place, MergedContents(base, changes, LATER))


def difference(before: Tables, after: Tables, sequence_number: int = 4800) -> Changes:
    families: dict[str, ChangedRows] = {}
    for name in before.keys() | after.keys():
        old, new = dict(before.get(name, ())), dict(after.get(name, ()))
        keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        values = [new.get(key, b"") for key in keys]
        gone = np.array([key not in new for key in keys], np.bool_)
        families[name] = ChangedRows(ByteColumn.of(keys), ByteColumn.of(values), gone)
    return Changes(sequence_number, families)


def assert_same(one: Generation, other: Generation) -> None:
    assert {name for name in one.tables if not name.startswith(CHANGED)} == set(other.tables)
    for name in other.tables:
        for column, kind in other.table(name).schema.items():
            left, right = one.table(name), other.table(name)
            if kind == "bytes":
                assert left.bytes(column).items() == right.bytes(column).items(), (name, column)
            else:
                np.testing.assert_array_equal(left[column], right[column], f"{name}.{column}")
    assert one.about.counts == other.about.counts
    assert one.about.bad_rows == other.about.bad_rows
    assert sorted(map(repr, one.about.bad_samples)) == sorted(map(repr, other.about.bad_samples))
