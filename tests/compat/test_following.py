"""Against a real OM that is written to, killed and started again, while ours, killed too, follows it by its changes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.build.generations import assert_same, built
from tests.compat.real_recon import of
from tests.eventually import eventually
from tests.real_cluster import needs_cluster
from tools.capture.deltas import BEFORE, BETWEEN, sequence_of, start, take_checkpoint
from tools.capture.sample import HERE
from tools.cluster.real import RealCluster

from ozone_recon.build.contents import CheckpointContents
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.store.data_directory import current_generation

PORT = 9789
OURS = f"http://localhost:{PORT}"
ADDRESSES = ("ozone.om.address=localhost:9862", "ozone.om.http-address=localhost:9874")
QUICK = ("ozone.recon.om.snapshot.task.initial.delay=0s", "ozone.recon.om.snapshot.task.interval.delay=1s")

pytestmark = needs_cluster()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    ozone = RealCluster(tmp_path_factory.mktemp("ozone"))
    try:
        start(ozone)
        yield ozone
    finally:
        ozone("down", "--wipe")


@contextmanager
def recon(data: Path, *, killed_after: list[float] | None = None) -> Iterator[None]:
    """Ours; killed with -9 and started again after each of so many seconds."""
    flags = [word for setting in (*ADDRESSES, *QUICK) for word in ("-D", setting)]
    command = [sys.executable, "-m", "ozone_recon", "serve", "--data-dir", str(data), "--port", str(PORT), *flags]
    done = threading.Event()

    def run() -> None:
        for seconds in [*(killed_after or ()), 3600]:
            with subprocess.Popen(command) as process:
                if done.wait(seconds):
                    process.send_signal(signal.SIGTERM)
                    codes.append(process.wait(30))
                    return
                process.kill()

    codes: list[int] = []
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert codes == [0]


def followed() -> int:
    """The sequence number that ours has followed OM to."""
    rows = {row["taskName"]: row for row in of(OURS, "/task/status") or []}
    return int(rows["OmDeltaRequest"]["lastUpdatedSeqNumber"]) if "OmDeltaRequest" in rows else 0


def test_what_was_followed_is_what_a_new_checkpoint_holds(cluster: RealCluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100))
    cluster.shell(["sleep 15", *BEFORE.replace("PAYLOAD", str(tmp_path / "file")).splitlines()])
    data = tmp_path / "data"
    with recon(data):
        eventually(lambda: followed() > 0, "ours has a checkpoint")
    first = current_generation(data)
    assert first is not None
    pick = random.Random(1)
    with recon(data, killed_after=[pick.uniform(1, 15) for _ in range(5)]):
        changes = BETWEEN.replace("PAYLOAD", str(tmp_path / "file")).splitlines()
        half = len(changes) // 2
        cluster.shell(changes[:half])
        cluster("stop", "om")
        time.sleep(2)
        cluster("start", "om")
        eventually(lambda: bool(cluster.shell(["sh volume list"])), "OM answers")
        cluster.shell(changes[half:])
        cluster.java(HERE / "DeltaKeys.java")
    for attempt in range(20):
        # OM deletes for a while what it was told to delete: it may have gone on since ours was stopped.
        with recon(data):
            time.sleep(15)
        after = take_checkpoint(tmp_path / f"after-{attempt}")
        last = current_generation(data)
        assert last is not None
        if last.sequence_number == sequence_of(after):
            break
    assert last is not None
    with Checkpoint.open(after) as checkpoint:
        assert checkpoint.sequence_number > first.sequence_number
        assert_same(last, built(tmp_path / "built", CheckpointContents(checkpoint, 2)))
    assert last.about.checkpoint == first.about.checkpoint, "changes led all the way"
