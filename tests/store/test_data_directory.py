"""The data directory: one process, one current generation, nothing left of what was not finished."""

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from tests.eventually import eventually

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.errors import DataDirectoryBusy, GenerationRemoved, NoSpace, StoreError
from ozone_recon.model.key_columns import BadRow
from ozone_recon.store.data_directory import DataDirectory, current_generation
from ozone_recon.store.generation import Generation, GenerationInfo, TaskStatus
from ozone_recon.store.manifest import FORMAT_VERSION

SCHEMA = {"name": "bytes", "size": "i8"}


def put(directory: DataDirectory, number: int, rows: int = 100) -> Generation:
    with directory.build() as build:
        with build.create("t", SCHEMA) as writer:
            writer.append(name=ByteColumn.of([b"%d" % number] * rows), size=np.full(rows, number))
        build.about = replace(build.about, sequence_number=number)
        return build.finish()


def number_of(directory: DataDirectory) -> int:
    generation = directory.current()
    assert generation is not None
    assert set(generation.table("t").bytes("name")) == {b"%d" % generation.sequence_number}
    assert set(generation.table("t")["size"].tolist()) == {generation.sequence_number}
    return generation.sequence_number


def test_the_current_generation_outlives_the_process(tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        assert directory.current() is None
        put(directory, 1)
        put(directory, 2)
        assert number_of(directory) == 2
    with DataDirectory.lock(tmp_path) as directory:
        assert number_of(directory) == 2
        assert put(directory, 3).id > "00000002"


def test_everything_about_a_generation_is_kept(tmp_path: Path) -> None:
    about = GenerationInfo(
        sequence_number=(1 << 62) + 1,
        taken_at=1_795_459_715_586,
        source="a tar",
        source_identity="x:1",
        checkpoint="/somewhere",
        filesystem_paths=True,
        built_at=5,
        counts={"keyTable": 3, "strangeTable": 1},
        bad_rows=2,
        bad_samples=(BadRow("keyTable", b"/v/\xff\x00", "torn"),),
        tasks=(TaskStatus("NSSummaryTask", 7, 8, -1, True),),
        seconds={"keyTable": 0.25},
    )
    with DataDirectory.lock(tmp_path) as directory, directory.build() as build:
        build.about = about
        build.finish()
    with DataDirectory.lock(tmp_path) as directory:
        generation = directory.current()
        assert generation is not None
        assert generation.about == about


def test_a_second_process_is_refused_by_name(tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path):
        with pytest.raises(DataDirectoryBusy, match=f"{tmp_path} is in use by process {os.getpid()}"):
            DataDirectory.lock(tmp_path)
        code = "import sys; from ozone_recon.store.data_directory import DataDirectory as D; D.lock(sys.argv[1])"
        second = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert f"DataDirectoryBusy: {tmp_path} is in use by process {os.getpid()}" in second.stderr
    DataDirectory.lock(tmp_path).close()


def test_a_build_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        put(directory, 1)
        with pytest.raises(ZeroDivisionError), directory.build() as build, build.create("t", SCHEMA):
            raise ZeroDivisionError
        assert [place.name for place in (tmp_path / "generations").iterdir()] == ["00000001"]
        assert number_of(directory) == 1


def test_what_a_killed_build_left_is_removed_at_start(tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        put(directory, 1)
        directory.build().seal()
    half_built = tmp_path / "generations" / "00000003" / "t"
    half_built.mkdir(parents=True)
    (half_built / "size.i8").write_bytes(bytes(5))
    (tmp_path / "CURRENT.new").write_text("0000")
    with DataDirectory.lock(tmp_path) as directory:
        assert [place.name for place in (tmp_path / "generations").iterdir()] == ["00000001"]
        assert put(directory, 2).sequence_number == 2


def test_readers_keep_the_old_generation_until_they_release_it(tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        old = put(directory, 1)
        put(directory, 2)
        table = old.table("t")
        old_path = old.path
        del old
        time.sleep(0.05)
        assert table["size"].tolist() == [1] * 100, "a column first asked for after the swap"
        assert old_path.exists()
        del table
        assert eventually(lambda: not old_path.exists())
        assert number_of(directory) == 2


def test_readers_in_other_threads_see_one_whole_generation_each(tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        put(directory, 1)
        stop = threading.Event()
        seen: list[set[int]] = []

        def read() -> None:
            mine = set()
            while not stop.wait(0.001):
                mine.add(number_of(directory))
            seen.append(mine)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for number in range(2, 12):
            put(directory, number)
        stop.set()
        for reader in readers:
            reader.join()
        assert len(seen) == 4, "no reader failed"
        assert eventually(lambda: len(list((tmp_path / "generations").iterdir())) == 1)


def test_swapping_leaks_no_files_and_no_threads(tmp_path: Path) -> None:
    def held() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    before = held()
    with DataDirectory.lock(tmp_path) as directory:
        for number in range(20):
            put(directory, number)
            number_of(directory)
            with pytest.raises(ZeroDivisionError), directory.build() as build:
                build.create("t", SCHEMA)
                raise ZeroDivisionError
    # What tests before have left behind may have gone meanwhile.
    assert eventually(lambda: all(now <= then for now, then in zip(held(), before, strict=True)))


@pytest.mark.parametrize("file", ["t/size.i8", "t/name.data", "t/name.offsets", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "longer"])
def test_a_torn_generation_is_recognised_and_rejected(tmp_path: Path, file: str, damage: str) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        put(directory, 1)
    path = tmp_path / "generations" / "00000001" / file
    match damage:
        case "cut":
            os.truncate(path, path.stat().st_size - 1)
        case "gone":
            path.unlink()
        case "longer":
            path.write_bytes(path.read_bytes() + b"}")
    with pytest.raises(StoreError, match="rebuild"):
        Generation.open(path.parents[file.count("/")])
    with DataDirectory.lock(tmp_path) as directory:
        assert directory.current() is None
        assert "rebuild" in str(directory.damage)
        assert list((tmp_path / "generations").iterdir()) == []
        put(directory, 2)
        assert number_of(directory) == 2


@pytest.mark.parametrize("file", ["t/size.i8", "t/name.data", "t/name.offsets", "manifest.json"])
def test_no_byte_that_is_not_as_it_was_written_is_served_after_a_start(tmp_path: Path, file: str) -> None:
    path = tmp_path / "generations" / "00000001" / file
    for at in (0, -1, 7) if file != "manifest.json" else (0, 60, 200, -10):
        with DataDirectory.lock(tmp_path) as directory:
            with directory.build() as build:
                with build.create("t", SCHEMA) as writer:
                    for number in (1, 2):
                        writer.append(name=ByteColumn.of([b"%d" % number] * 50), size=np.full(50, number))
                build.finish()
            assert directory.damage is None
            assert [place.name for place in (tmp_path / "generations").iterdir()] == ["00000001"]
        with DataDirectory.lock(tmp_path) as directory:
            assert directory.current() is not None
        data = bytearray(path.read_bytes())
        data[at] ^= 0x10 if data[at] > 32 else 0x01
        path.write_bytes(data)
        with DataDirectory.lock(tmp_path) as directory:
            assert directory.current() is None
            assert Path(file).name in str(directory.damage)


def test_an_older_format_is_rebuilt_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        put(directory, 1)
    manifest = tmp_path / "generations" / "00000001" / "manifest.json"
    content = orjson.loads(manifest.read_bytes())
    for entry in content["tables"].values():
        del entry["checksums"]
    del content["checksum"]
    manifest.write_bytes(orjson.dumps(content | {"format": 1}))
    with DataDirectory.lock(tmp_path) as directory:
        assert directory.current() is None
        assert f"has format version 1, but this program reads {FORMAT_VERSION}" in caplog.text
        put(directory, 2)
        assert number_of(directory) == 2


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        put(directory, 1)
    manifest = tmp_path / "generations" / "00000001" / "manifest.json"
    content = orjson.loads(manifest.read_bytes())
    manifest.write_bytes(orjson.dumps(content | {"format": 99, "about": "of another shape"}))
    for _ in range(2):
        with pytest.raises(StoreError, match=f"has format version 99, but this program reads up to {FORMAT_VERSION}"):
            DataDirectory.lock(tmp_path)
    assert (manifest.parent / "t" / "size.i8").exists()


def test_too_little_space_is_reported_before_the_build(tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        with pytest.raises(NoSpace, match=r"needs about 1,152,921,504,607 MB of free disk space and has [0-9,]+ MB"):
            directory.build(expected_bytes=1 << 60)
        assert list((tmp_path / "generations").iterdir()) == []


def test_a_reader_without_the_lock_keeps_its_generation(tmp_path: Path) -> None:
    assert current_generation(tmp_path) is None
    with DataDirectory.lock(tmp_path) as directory:
        old_path = put(directory, 1).path
        code = (
            "import sys, pathlib; from ozone_recon.store.data_directory import current_generation\n"
            "generation = current_generation(pathlib.Path(sys.argv[1])); print('open', flush=True)\n"
            "sys.stdin.read(); print(generation.table('t')['size'].sum())"
        )
        command = [sys.executable, "-c", code, str(tmp_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "open\n"
            put(directory, 2)
            put(directory, 3)
            assert old_path.exists()
            assert reader.communicate("")[0] == "100\n"
        # No other swap need follow.
        assert eventually(lambda: len(list((tmp_path / "generations").iterdir())) == 1)
        assert number_of(directory) == 3


def test_a_generation_that_goes_while_it_is_opened_is_not_called_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = pytest.raises(GenerationRemoved, match="open the current generation again")
    with DataDirectory.lock(tmp_path / "data") as directory:
        place = Path(shutil.copytree(put(directory, 1).path, tmp_path / "copy"))
    with open(place / "manifest.json") as manifest, gone:
        fcntl.flock(manifest, fcntl.LOCK_EX)  # As the process that removes it does first.
        Generation.open(place)

    def remove_first(file: int, how: int, flock: Callable[[int, int], None] = fcntl.flock) -> None:
        shutil.rmtree(place)
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with gone:
        Generation.open(place)
    monkeypatch.undo()
    with gone:
        Generation.open(place)


def test_unpacked_checkpoints_go_with_their_generation(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "of others").mkdir(parents=True)

    def put_from(directory: DataDirectory, name: str) -> None:
        checkpoint = directory.checkpoints / name
        checkpoint.mkdir()
        with directory.build() as build:
            build.about = GenerationInfo(checkpoint=str(checkpoint))
            build.finish()

    with DataDirectory.lock(tmp_path / "data", elsewhere) as directory:
        place = directory.checkpoints
        put_from(directory, "1")
        put_from(directory, "2")
        assert eventually(lambda: [kept.name for kept in place.iterdir()] == ["2"])
    (place / "left by a kill").mkdir()
    with DataDirectory.lock(tmp_path / "data", elsewhere) as directory:
        assert [kept.name for kept in place.iterdir()] == ["2"]
    assert (elsewhere / "of others").exists()
