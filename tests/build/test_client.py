"""The build process: its errors arrive as they are, and no death of either side leaves anything behind."""

import os
import platform
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rocksdict import Rdict
from tests.eventually import eventually
from tests.sources.databases import as_ozone_s

from ozone_recon.build import client as builder_module
from ozone_recon.build.client import Builder
from ozone_recon.build.job import BuildJob
from ozone_recon.build.progress import Progress
from ozone_recon.errors import CheckpointError, ReconError
from ozone_recon.processes import child
from ozone_recon.store.data_directory import DataDirectory


def job_for(directory: DataDirectory, checkpoint: Path) -> BuildJob:
    return BuildJob(checkpoint, directory.reserve(), "a source", "an identity", 1 << 28, 2, True)


def generations(directory: DataDirectory) -> list[str]:
    return [place.name for place in (directory.path / "generations").iterdir()]


def test_a_build_is_sealed_and_says_where_it_comes_from(sample_checkpoint: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    with DataDirectory.lock(tmp_path) as directory:
        job = job_for(directory, sample_checkpoint)
        Builder(tmp_path).run(job, seen.append)
        about = directory.publish(job.directory).about
        assert (about.source, about.source_identity) == ("a source", "an identity")
        assert Path(about.checkpoint) == sample_checkpoint
        assert about.filesystem_paths
        assert about.counts["keyTable"] > 0
    assert [at.stage for at in seen][-1] == "disk"
    assert Progress("keyTable", about.counts["keyTable"], 0, "rows") in seen


def test_what_it_logs_is_logged_here(sample_checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint = tmp_path / "om.db"
    shutil.copytree(sample_checkpoint, checkpoint)
    database = Rdict(str(checkpoint), column_families=dict.fromkeys(Rdict.list_cf(str(checkpoint)), as_ozone_s()))
    keys = database.get_column_family("keyTable")
    keys[b"/vol1/obs/unreadable"] = b"\xff"
    keys.delete_range(b"/x", b"/y")
    database.flush()
    keys.flush()
    del keys
    database.close()
    with DataDirectory.lock(tmp_path / "data") as directory:
        job = job_for(directory, checkpoint)
        Builder(tmp_path).run(job, lambda _: None)
    slow, bad = (record for record in caplog.records if record.levelname == "WARNING")
    assert slow.getMessage().startswith("part of the checkpoint was read by RocksDB, which is slower: rocksdb: ")
    assert bad.getMessage().startswith(
        "rows of OM's database cannot be decoded and are skipped: 1; the first: keyTable row b"
    )
    assert bad.name == "ozone_recon.build.process"


def test_a_process_is_there_before_its_job_and_gone_without_one(sample_checkpoint: Path, tmp_path: Path) -> None:
    builder = Builder(tmp_path)
    with DataDirectory.lock(tmp_path) as directory, builder.ready() as process:
        job = job_for(directory, sample_checkpoint)
        builder.run(job, lambda _: None)
        assert builder.state.pid == process.pid
        directory.publish(job.directory)
    with builder.ready() as idle:
        assert idle.running
    assert not idle.running


def test_a_process_does_one_job_after_the_other(sample_checkpoint: Path, tmp_path: Path) -> None:
    builder = Builder(tmp_path)
    (tmp_path / "no checkpoint").mkdir()
    with DataDirectory.lock(tmp_path / "data") as directory, builder.ready() as process:
        for _ in range(2):
            job = job_for(directory, sample_checkpoint)
            builder.run(job, lambda _: None)
            assert directory.publish(job.directory).about.counts["keyTable"] > 0
        assert (builder.waiting, process.returncode) == (True, None)
        with pytest.raises(CheckpointError):
            builder.run(job_for(directory, tmp_path / "no checkpoint"), lambda _: None)
    assert not builder.waiting
    assert process.returncode == -signal.SIGKILL


HOLDER = """
from pathlib import Path
import numpy as np
from ozone_recon.build.process import release_memory

def held():
    return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0])

before = held()
several = [np.ones(1 << 20) for _ in range(16)]
del several
most = held()
release_memory()
print(most - before, held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library gives back what is free by itself")
def test_a_waiting_process_holds_no_memory_of_the_job_before() -> None:
    environment = builder_module._ENVIRONMENT | os.environ
    said = subprocess.run([sys.executable, "-c", HOLDER], env=environment, capture_output=True, check=True).stdout
    most, left = map(int, said.split())
    assert most > 100_000
    assert left < 20_000


def test_a_build_ranks_below_workers_and_is_not_interrupted_with_them(sample_checkpoint: Path, tmp_path: Path) -> None:
    builder = Builder(tmp_path)
    with DataDirectory.lock(tmp_path) as directory, builder.ready() as process:

        def rank() -> int:
            return os.getpriority(os.PRIO_PROCESS, process.pid)

        during: list[int] = []
        builder.run(job_for(directory, sample_checkpoint), lambda _: during.append(rank()))
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        assert set(during) == {max(10, ours)}
        assert os.getpgid(process.pid) != os.getpgid(0)
        assert os.getsid(process.pid) == os.getsid(0), "groups of processes share the CPUs evenly, whatever their rank"


def test_what_stops_a_build_is_raised_here(tmp_path: Path) -> None:
    (tmp_path / "no checkpoint").mkdir()
    with DataDirectory.lock(tmp_path / "data") as directory:
        with pytest.raises(CheckpointError, match="no checkpoint"):
            Builder(tmp_path).run(job_for(directory, tmp_path / "no checkpoint"), lambda _: None)
        assert generations(directory) == []


def test_a_fault_of_ours_is_raised_with_its_traceback(sample_checkpoint: Path, tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        job = job_for(directory, sample_checkpoint)
        with pytest.raises(ReconError, match=r"(?s)Traceback .*TypeError"):
            Builder(tmp_path).run(replace(job, threads="two"), lambda _: None)  # type: ignore[arg-type]
        assert generations(directory) == []


@pytest.mark.parametrize(
    ("death", "reason"),
    [
        (signal.SIGKILL, r"killed by SIGKILL \(possibly out of memory"),
        (signal.SIGBUS, r"killed by SIGBUS \(a memory-mapped file was truncated"),
    ],
)
def test_a_build_that_dies_is_reported_and_removed(
    sample_checkpoint: Path, tmp_path: Path, death: signal.Signals, reason: str
) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        builder = Builder(tmp_path)

        def kill(_: Progress) -> None:
            os.kill(builder.state.pid, death)

        with pytest.raises(ReconError, match=reason):
            builder.run(job_for(directory, sample_checkpoint), kill)
        assert generations(directory) == []


def test_a_hung_build_is_killed_and_removed(
    sample_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "SILENCE", 5)
    with DataDirectory.lock(tmp_path) as directory:
        builder = Builder(tmp_path)

        def hang(_: Progress) -> None:
            os.kill(builder.state.pid, signal.SIGSTOP)

        with pytest.raises(ReconError, match="the build process has not answered for 5 s"):
            builder.run(job_for(directory, sample_checkpoint), hang)
        assert generations(directory) == []
        assert (builder.state.state, builder.state.hung) == ("ended", 1)


def test_the_end_of_an_idle_process_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    builder = Builder(tmp_path)
    with builder.ready():
        os.kill(builder.state.pid, signal.SIGKILL)
        assert eventually(lambda: "SIGKILL" in caplog.text)
        assert eventually(lambda: builder.state.state == "ended")
        assert not builder.waiting
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_stopped_build_is_removed_and_none_begins_after_it(sample_checkpoint: Path, tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        builder = Builder(tmp_path)
        for _ in range(2):
            with pytest.raises(ReconError, match="stopped"):
                builder.run(job_for(directory, sample_checkpoint), lambda _: builder.stop())
            assert generations(directory) == []


def test_a_report_that_raises_ends_the_build(sample_checkpoint: Path, tmp_path: Path) -> None:
    def refuse(_: Progress) -> None:
        raise KeyboardInterrupt

    with DataDirectory.lock(tmp_path) as directory:
        with pytest.raises(KeyboardInterrupt):
            Builder(tmp_path).run(job_for(directory, sample_checkpoint), refuse)
        assert generations(directory) == []


PARENT = """
import os, sys
from pathlib import Path
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.build.client import Builder
from ozone_recon.build.job import BuildJob

directory = DataDirectory.lock(Path(sys.argv[2]))
builder = Builder(directory.scratch_directory)
job = BuildJob(Path(sys.argv[1]), directory.reserve(), "", "", 1 << 28, 1, False)
builder.run(job, lambda _: (print(builder.state.pid, flush=True), sys.stdin.read()))
"""


def test_a_build_dies_with_its_parent(sample_checkpoint: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(sample_checkpoint), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        # Stopped, it cannot finish before its parent is gone.
        os.kill(child, signal.SIGSTOP)
        parent.kill()
    os.kill(child, signal.SIGCONT)
    assert eventually(lambda: ended(child))
    with DataDirectory.lock(tmp_path) as directory:
        assert directory.current() is None
        assert generations(directory) == []


def ended(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return True
    return "\nState:\tZ" in status


def test_builds_leak_no_files(sample_checkpoint: Path, tmp_path: Path) -> None:
    with DataDirectory.lock(tmp_path) as directory:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(2):
            with pytest.raises(CheckpointError):
                Builder(tmp_path).run(job_for(directory, tmp_path), lambda _: None)
        assert len(os.listdir("/proc/self/fd")) == before
