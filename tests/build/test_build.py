"""A build's tables hold what the checkpoint holds, however its rows are cut into batches."""

import filecmp
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ozone_recon.build.build import build_generation
from ozone_recon.build.contents import CheckpointContents
from ozone_recon.build.progress import Progress
from ozone_recon.columnar.byte_column import ByteColumn, Rows
from ozone_recon.decode.om.values import decode_bucket, decode_directory, decode_key_info
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import COLUMNAR_TABLES, OM_TABLES

T = TypeVar("T")
Database = dict[str, list[tuple[bytes, bytes]]]


class Cut:
    """Rows in memory, given in the batches that the test wants; no more of a checkpoint than a build asks for."""

    sequence_number = 42
    taken_at = 1_700_000_000_000

    def __init__(self, database: Database, cuts: Callable[[str, int], list[int]]) -> None:
        self.column_families = tuple(database)
        self._database = database
        self._cuts = cuts

    def scan(self, name: str, use: Callable[[Rows], T], threads: int = 1) -> Iterator[T]:
        rows = self._database[name]
        for start, stop in pairwise([0, *self._cuts(name, len(rows)), len(rows)]):
            keys, values = zip(*rows[start:stop], strict=True) if stop > start else ((), ())
            yield use(Rows(ByteColumn.of(keys), ByteColumn.of(values)))


def all_rows(checkpoint: Path) -> Database:
    with Checkpoint.open(checkpoint) as opened:
        return {
            name: [
                row
                for rows in opened.scan(name, lambda rows: rows)
                for row in zip(rows.keys.items(), rows.values.items(), strict=True)
            ]
            for name in opened.column_families
        }


@pytest.fixture(scope="session")
def database(sample_checkpoint: Path) -> Database:
    return all_rows(sample_checkpoint)


def built(place: Path, source: Cut, **options: Any) -> Generation:
    reports: list[Progress] = []
    with GenerationBuild(place) as build:
        build_generation(CheckpointContents(source, build.threads), build, reports.append, **options)
        build.seal()
    assert reports
    return Generation.open(place)


def in_one(name: str, rows: int) -> list[int]:
    return []


def one_by_one(name: str, rows: int) -> list[int]:
    return list(range(1, rows))


def test_keys_are_the_rows_of_the_database(database: Database, tmp_path: Path) -> None:
    generation = built(tmp_path, Cut(database, one_by_one), rounds=())
    keys, groups, blocks = (generation.table(name) for name in ("keys", "groups", "blocks"))
    owners = generation.table("owners").bytes("name").items()
    replications = generation.table("replications")
    kinds = replications.bytes("kind").items()
    buckets = [(key, decode_bucket(value)) for key, value in database["bucketTable"]]
    expected = [(table, *row) for table in ("keyTable", "fileTable") for row in database[table]]
    assert keys.rows == len(expected)
    bounds, first_blocks = groups["first_row"].tolist(), keys["first_block"].tolist()
    for group, (start, stop) in enumerate(pairwise(bounds)):
        assert start < stop
        prefix = groups.bytes("prefix")[group]
        for row in range(start, stop):
            table, key, value = expected[row]
            info = decode_key_info(value)
            assert prefix + keys.bytes("name")[row] == key
            assert groups["file_table"][group] == (table == "fileTable")
            bucket_key, bucket = buckets[groups["bucket"][group]]
            assert bucket_key == f"/{info.volume}/{info.bucket}".encode()
            parent = info.parent_id if table == "fileTable" else bucket.object_id
            assert groups["parent_id"][group] == parent
            assert keys["size"][row] == info.size
            assert keys["replicated_size"][row] == info.replication.replicated_size(info.size)
            assert keys["creation_time"][row] == info.creation_time
            assert keys["modification_time"][row] == info.modification_time
            assert keys["object_id"][row] == info.object_id
            assert keys["update_id"][row] == info.update_id
            assert owners[keys["owner"][row]].decode() == (info.owner or "")
            assert kinds[keys["replication"][row]].decode() == info.replication.kind
            found = slice(first_blocks[row], first_blocks[row + 1])
            expected_blocks = [(at.version, block) for at in info.locations for block in at.blocks]
            assert blocks["version"][found].tolist() == [version for version, _ in expected_blocks]
            assert blocks["container"][found].tolist() == [block.container_id for _, block in expected_blocks]
            assert blocks["local_id"][found].tolist() == [block.local_id for _, block in expected_blocks]
            assert blocks["length"][found].tolist() == [block.length for _, block in expected_blocks]


def test_directories_are_the_rows_of_the_database(database: Database, tmp_path: Path) -> None:
    generation = built(tmp_path, Cut(database, one_by_one), rounds=())
    directories = generation.table("directories")
    prefixes = generation.table("directory_groups").bytes("prefix")
    owners = generation.table("owners").bytes("name").items()
    assert directories.rows == len(database["directoryTable"])
    for row, (key, value) in enumerate(database["directoryTable"]):
        info = decode_directory(value)
        assert prefixes[directories["prefix_group"][row]] + directories.bytes("name")[row] == key
        assert directories["object_id"][row] == info.object_id
        assert directories["parent_id"][row] == info.parent_id
        assert owners[directories["owner"][row]].decode() == (info.owner or "")
    firsts = generation.table("directory_groups")["first_row"][:-1]
    assert directories["prefix_group"][firsts].tolist() == list(range(len(firsts)))


def test_other_tables_are_kept_as_they_are(database: Database, tmp_path: Path) -> None:
    generation = built(tmp_path, Cut(database, one_by_one), rounds=())
    for name in set(OM_TABLES) - set(COLUMNAR_TABLES):
        table = generation.table(f"om/{name}")
        assert list(zip(table.bytes("key"), table.bytes("value"), strict=True)) == database[name]
    assert generation.about.counts == {name: len(rows) for name, rows in database.items()}
    assert generation.sequence_number == 42
    assert generation.taken_at == 1_700_000_000_000


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_batches_may_be_cut_anywhere(database: Database, whole: Path, data: st.DataObject) -> None:
    def anywhere(name: str, rows: int) -> list[int]:
        return sorted(data.draw(st.lists(st.integers(0, rows), max_size=8), label=name))

    with tempfile.TemporaryDirectory() as place:
        built(Path(place) / "cut", Cut(columnar(database), anywhere), rounds=())
        compared = filecmp.dircmp(whole, Path(place) / "cut")
        assert differences(compared) == ["manifest.json"]


@pytest.fixture(scope="session")
def whole(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("whole") / "whole", Cut(columnar(database), in_one), rounds=()).path


def columnar(database: Database) -> Database:
    return {name: database[name] for name in (*COLUMNAR_TABLES, "bucketTable")}


def differences(compared: filecmp.dircmp[str]) -> list[str]:
    _, unequal, unread = filecmp.cmpfiles(compared.left, compared.right, compared.common_files, shallow=False)
    below = [name for sub in compared.subdirs.values() for name in differences(sub)]
    return [*compared.left_only, *compared.right_only, *unequal, *unread, *below]


def test_bad_rows_are_counted_and_left_out(database: Database, tmp_path: Path) -> None:
    broken = {name: list(rows) for name, rows in database.items()}
    (key, value), *rest = broken["keyTable"]
    broken["keyTable"] = [(key, value[:-1]), *rest]
    broken["fileTable"].append((b"no file's key", b""))
    (bucket, _), *others = broken["bucketTable"]
    broken["bucketTable"] = [(bucket, b"\xff"), *others]
    generation = built(tmp_path, Cut(broken, in_one), rounds=())
    assert generation.about.bad_rows == 3
    samples = generation.about.bad_samples
    assert {(row.table, row.key) for row in samples} == {
        ("keyTable", key),
        ("fileTable", b"no file's key"),
        ("bucketTable", bucket),
    }
    assert all(row.reason for row in samples)
    assert generation.table("keys").rows == len(database["keyTable"]) + len(database["fileTable"]) - 1
    assert generation.about.counts["keyTable"] == len(database["keyTable"])


def test_unknown_column_families_are_counted_and_missing_ones_are_empty(tmp_path: Path) -> None:
    generation = built(tmp_path, Cut({"tableOfTomorrow": [(b"a", b"1"), (b"b", b"2")]}, in_one))
    assert generation.about.counts["tableOfTomorrow"] == 2
    assert "om/tableOfTomorrow" not in generation
    for name in ("keys", "groups", "blocks", "directories", "directory_groups", "owners", "om/deletedTable"):
        assert generation.table(name).rows == 0


def test_every_insight_has_its_tables_and_its_task(database: Database, tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory, directory.build() as build:
        build_generation(CheckpointContents(Cut(database, in_one), 1), build, lambda _: None)
        generation = build.finish()
    names = {task.name for task in generation.about.tasks}
    assert names >= {
        "ContainerKeyMapperTaskFSO",
        "ContainerKeyMapperTaskOBS",
        "FileSizeCountTaskFSO",
        "FileSizeCountTaskOBS",
        "NSSummaryTask",
        "OmTableInsightTask",
    }
    assert {(task.status, task.running, task.sequence_number) for task in generation.about.tasks} == {(0, False, 42)}
