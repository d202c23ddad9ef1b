"""Synchronisation: checkpoint, build, swap; after a failure the old generation stays in service."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import SAMPLE
from tests.eventually import eventually
from tests.follow.om.om_stand_in import Served
from tests.sources.om_stand_in import chunked, om, status

from ozone_recon.config.connections import OmHttp
from ozone_recon.errors import CheckpointError, NoSpace, ReconError, TransferError
from ozone_recon.follow.om.origin import DataOrigin, GivenPath, RunningOm, Taken
from ozone_recon.follow.om.sync import OmSync, OmSyncSettings, pause_between_updates
from ozone_recon.store.data_directory import DataDirectory


def sync_of(directory: DataDirectory, origin: DataOrigin, served: Served | None = None, **settings: Any) -> OmSync:
    return OmSync(directory, origin, OmSyncSettings(**settings), (served if served is not None else Served()).append)


def test_a_tar_is_unpacked_built_served_and_known_again(tmp_path: Path) -> None:
    tar = tmp_path / "om.tar.gz"
    shutil.copy2(SAMPLE, tar)
    served = Served()
    with DataDirectory.lock(tmp_path / "data") as directory:
        sync = sync_of(directory, GivenPath(tar), served)
        assert not sync.reuse()
        assert served == []
        generation = sync.synchronise()
        assert served == [generation]
        assert Path(generation.about.checkpoint).parent == directory.checkpoints
        assert (sync.state.doing, sync.state.error) == ("idle", None)
    with DataDirectory.lock(tmp_path / "data") as directory:
        served = Served()
        assert sync_of(directory, GivenPath(tar), served).reuse()
        assert [one.sequence_number for one in served] == [generation.sequence_number]
        assert not sync_of(directory, GivenPath(SAMPLE)).reuse(), "another tar"
        served = Served()
        assert not sync_of(directory, GivenPath(tar), served, filesystem_paths=True).reuse(), "other settings"
        os.utime(tar, (0, 0))
        assert not sync_of(directory, GivenPath(tar), served).reuse(), "another content, perhaps"
        assert len(served) == 2, "older data of the same source answers until the new is built"


def test_rows_of_task_status(sample_checkpoint: Path, tmp_path: Path) -> None:
    seen: list[dict[str, bool]] = []

    class Watched(GivenPath):
        def get(self, checkpoints: Path, report: object, expected: int, leader: str = "") -> Taken:
            seen.append({task.name: task.running for task in sync.tasks()})
            return Taken(self.path)

    with DataDirectory.lock(tmp_path) as directory:
        sync = sync_of(directory, Watched(sample_checkpoint))
        assert {(task.timestamp, task.running) for task in sync.tasks()} == {(0, False)}
        generation = sync.synchronise()
        assert seen == [{"OmSnapshotRequest": True, "REPROCESS_STAGING": False}]
        rows = {task.name: task for task in sync.tasks()}
        assert list(rows)[:2] == ["OmSnapshotRequest", "REPROCESS_STAGING"]
        assert "NSSummaryTask" in rows
        assert {row.sequence_number for row in rows.values()} == {generation.sequence_number}
        assert {(row.status, row.running, row.timestamp > 0) for row in rows.values()} == {(0, False, True)}
    with DataDirectory.lock(tmp_path) as directory:
        again = sync_of(directory, GivenPath(sample_checkpoint))
        again.reuse()
        assert {task.name: task for task in again.tasks()} == rows


def test_a_failure_is_said_and_the_old_generation_stays(sample_checkpoint: Path, tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path / "data") as directory:
        first = sync_of(directory, GivenPath(sample_checkpoint)).synchronise()
        broken = tmp_path / "broken"
        shutil.copytree(sample_checkpoint, broken)
        for table in broken.glob("*.sst"):
            os.truncate(table, 100)
        sync = sync_of(directory, GivenPath(broken))
        for failures in (1, 2):
            with pytest.raises(ReconError) as refused:
                sync.synchronise()
            assert sync.state.error is refused.value
            assert sync.state.failures == failures
            snapshot, *_ = sync.tasks()
            assert (snapshot.status, snapshot.running) == (-1, False)
        assert directory.current() is first
        assert len(list((directory.path / "generations").iterdir())) == 1


def test_a_broken_tar_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "torn.tar.gz").write_bytes(SAMPLE.read_bytes()[:-1000])
    with DataDirectory.lock(tmp_path / "data") as directory:
        with pytest.raises(CheckpointError, match=r"torn.tar.gz"):
            sync_of(directory, GivenPath(tmp_path / "torn.tar.gz")).synchronise()
        assert list(directory.checkpoints.iterdir()) == []


def test_an_om_that_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    om = OmHttp(("http://127.0.0.1:9",), attempts=2, pause=0.01)
    with DataDirectory.lock(tmp_path) as directory:
        sync = sync_of(directory, RunningOm(om))
        with pytest.raises(TransferError, match=r"127\.0\.0\.1:9"):
            sync.synchronise()
        assert "127.0.0.1:9" in str(sync.state.error)
        reprocess = sync.tasks()[1]
        assert (reprocess.timestamp, reprocess.status) == (0, 0), "there was nothing to build from"


@pytest.mark.parametrize(("leader", "asked"), [("om2", (0, 1)), ("om1", (1, 1)), ("", (1, 1)), ("om9", (1, 1))])
def test_the_known_leader_is_asked_first(
    sample_checkpoint: Path, tmp_path: Path, leader: str, asked: tuple[int, int]
) -> None:
    tar = tmp_path / "om.tar"
    with tarfile.open(tar, "w") as packed:
        packed.add(sample_checkpoint, "")
    with om(status("503 Not the leader")) as follower, om(chunked(tar.read_bytes())) as leading:
        origin = RunningOm(OmHttp((follower.address, leading.address)), ("om1", "om2"))
        taken = origin.get(tmp_path / "checkpoints", lambda _: None, 0, leader)
        assert taken.node == "om2"
        assert (len(follower.requests), len(leading.requests)) == asked


def test_the_thread_builds_when_triggered(sample_checkpoint: Path, tmp_path: Path) -> None:
    served = Served()
    with DataDirectory.lock(tmp_path) as directory:
        sync = sync_of(directory, GivenPath(sample_checkpoint), served)
        sync.start()
        assert eventually(lambda: len(served) == 1)
        assert eventually(sync.trigger)
        assert eventually(lambda: len(served) == 2)
        sync.stop()
        assert not sync.trigger() or len(served) == 2
    with DataDirectory.lock(tmp_path) as directory:
        sync = sync_of(directory, GivenPath(sample_checkpoint), served)
        sync.start()
        assert eventually(lambda: len(served) == 3), "what was there is served without a build"
        sync.stop()
        assert directory.current() is served[2]


def test_stopping_in_the_middle_of_a_build(sample_checkpoint: Path, tmp_path: Path) -> None:
    served = Served()
    with DataDirectory.lock(tmp_path) as directory:
        sync = sync_of(directory, GivenPath(sample_checkpoint), served)
        sync.start()
        assert eventually(lambda: sync.state.doing == "build" and sync.state.at is not None)
        sync.stop()
        assert served == []
        assert list((tmp_path / "generations").iterdir()) == []


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mount.stderr.strip()}")
    try:
        yield place
    finally:
        # Lazily: what the test has still mapped would keep it busy.
        subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_said_beforehand(sample_checkpoint: Path, tmp_path: Path) -> None:
    said = r"/data needs about [0-9]+ MB of free disk space and has \d MB"
    with (
        small_disk(tmp_path / "disk", "64k") as place,
        DataDirectory.lock(place / "data") as directory,
        pytest.raises(NoSpace, match=said),
    ):
        sync_of(directory, GivenPath(sample_checkpoint)).synchronise()


@pytest.mark.parametrize("filled", [100, 40, 8])
def test_a_disk_that_fills_up_ends_the_build_and_leaves_the_old_generation(
    sample_checkpoint: Path, tmp_path: Path, filled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has `filled` KiB left when the second build begins, whatever was expected."""
    monkeypatch.setattr("ozone_recon.follow.om.sync.BUILD_SHARE", 0)
    with small_disk(tmp_path / "disk", "4m") as place, DataDirectory.lock(place / "data") as directory:
        sync = sync_of(directory, GivenPath(sample_checkpoint))
        first = sync.synchronise()
        free = shutil.disk_usage(place).free
        (place / "other data").write_bytes(bytes(free - filled * 1024))
        with pytest.raises(NoSpace, match=r"no space left while writing .*generations/00000002.* MB free|needs about"):
            sync.synchronise()
        assert directory.current() is first
        assert [kept.name for kept in (directory.path / "generations").iterdir()] == [first.id]
        (place / "other data").unlink()
        assert sync.synchronise().sequence_number == first.sequence_number
        assert sync.state.error is None


@pytest.mark.parametrize(("seconds", "pause"), [(0.1, 0.1), (1.5, 1.5), (2.0, 1.0), (2.4, 0.6), (4.0, 1.0)])
def test_the_pause_between_updates_meets_the_target_delay(seconds: float, pause: float) -> None:
    assert pause_between_updates(seconds, interval=5.0) == pytest.approx(pause)
