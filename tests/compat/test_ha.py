"""Three OMs whose leader stops, changes and comes back while keys are written: ours follows whoever leads."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.build.generations import assert_same, built
from tests.compat.real_recon import of
from tests.eventually import eventually
from tests.real_cluster import needs_cluster
from tools.capture.sample import get
from tools.cluster.real import RealCluster

from ozone_recon.build.contents import CheckpointContents
from ozone_recon.config import Config
from ozone_recon.sources.checkpoint.fetch import from_om
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.store.data_directory import current_generation

PORT = 9789
OURS = f"http://localhost:{PORT}"
OMS = {"om1", "om2", "om3"}
NEEDED = "ozone_recon_om_checkpoints_needed_total"


@contextmanager
def up(home: Path) -> Iterator[RealCluster]:
    cluster = RealCluster(home)
    try:
        cluster("up", "--mode", "ha", "--scms", "1", "--datanodes", "1")
        yield cluster
    finally:
        cluster("down", "--wipe")
    assert not home.exists()


def states(cluster: RealCluster) -> dict[str, str]:
    """Whether each server runs."""
    return {row.split()[0]: row.split()[1] for row in cluster("status").splitlines()}


def leader(cluster: RealCluster) -> str:
    return cluster("leader", "om").strip()


@contextmanager
def recon(cluster: RealCluster, data: Path) -> Iterator[None]:
    """Ours, with the cluster's own configuration."""
    conf = ["--conf-dir", str(cluster.home / "cli" / "conf")]
    place = ["--data-dir", str(data), "--port", str(PORT)]
    process = subprocess.Popen([sys.executable, "-m", "ozone_recon", "serve", *conf, *place])
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def keys() -> int:
    """How many keys ours shows; -1 without an answer."""
    state = of(OURS, "/clusterState")
    return int(state["keys"]) if state else -1


def checkpoints_needed() -> dict[str, int]:
    """How often ours needed another checkpoint, by cause."""
    lines = get(f"{OURS}/prom")[2].decode().splitlines()
    counted = (line.split('cause="')[1].split('"} ') for line in lines if line.startswith(NEEDED + "{"))
    return {cause: int(float(count)) for cause, count in counted if float(count)}


@pytest.mark.parametrize("scenario", [pytest.param("whole", marks=needs_cluster("ha", 1200))])
def test_ours_follows_whoever_leads(scenario: str, tmp_path: Path) -> None:
    assert scenario == "whole"
    data = tmp_path / "data"
    with up(tmp_path / "ozone") as cluster:
        assert {role for role, state in states(cluster).items() if state == "up"} == {*OMS, "scm", "dn1"}
        assert cluster("leader", "scm").strip() == "scm"
        file = cluster.home / "file"
        file.write_bytes(bytes(100))
        layouts = {"fso": "FILE_SYSTEM_OPTIMIZED", "obs": "OBJECT_STORE"}
        buckets = [f"sh bucket create /vol1/{name} --layout {layout}" for name, layout in layouts.items()]
        cluster.shell(["sh volume create /vol1", *buckets])
        with recon(cluster, data):
            eventually(lambda: keys() == 0, "ours has a checkpoint")
            written = changes = 0
            for how in ("stop", "transfer", "restart"):
                names = [f"key{n}" for n in range(written, written + 20)]
                puts = [f"sh key put -t RATIS -r ONE /vol1/{b}/{name} {file}" for name in names for b in layouts]
                written += len(names)
                first = leader(cluster)
                assert first in OMS
                with ThreadPoolExecutor() as pool:
                    writing = pool.submit(cluster.shell, puts)
                    time.sleep(5)
                    if how == "transfer":
                        cluster("transfer", "om", min(OMS - {first}))
                    else:
                        cluster("stop", first)
                        assert states(cluster)[first] == "down"
                    writing.result()
                eventually(partial(shows_keys, 2 * written), f"ours follows after: {how}")
                changes += leader(cluster) != first
                if how != "transfer":
                    cluster("start", first)
            assert checkpoints_needed().keys() <= {"another_om"}, "no gap"
            assert sum(checkpoints_needed().values()) <= changes
        settle(cluster, data, tmp_path)


def shows_keys(number: int) -> bool:
    return keys() == number


def settle(cluster: RealCluster, data: Path, place: Path) -> None:
    """What ours followed to is what the leader's database holds, row by row."""
    om = Config.load(cluster.home / "cli" / "conf").om
    for attempt in range(20):
        # OM deletes and compacts for a while: it may have gone on since ours was stopped.
        with recon(cluster, data):
            time.sleep(10)
        checkpoint, _ = from_om(om, place / f"checkpoints-{attempt}", lambda _: None)
        ours = current_generation(data)
        with Checkpoint.open(checkpoint) as opened:
            if ours is not None and ours.sequence_number == opened.sequence_number:
                assert_same(ours, built(place / "built", CheckpointContents(opened, 2)))
                return
    raise AssertionError("OM never rested")
