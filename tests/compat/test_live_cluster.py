"""In Java Recon's place: three real datanodes report to ours, which follows a real SCM and OM through their troubles.

OZONE_CLUSTER says where the script is that starts them; it needs Java 17 and Maven. It takes some five minutes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripts.capture_scm import ask_everything, of_scm
from scripts.make_sample import SCRIPT, Cluster, get
from tests.compat.test_cluster import of, until
from tests.decode.test_containers import records

from ozone_recon.decode.scm import decode_pipeline
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.sources.scm import Call, Scm

BUCKETS = ("three", "one", "ec-2-1")
PORT = 9788
OURS = f"http://localhost:{PORT}"
KEYS = """
sh volume create /vol1
sh bucket create /vol1/three --layout OBJECT_STORE
sh bucket create /vol1/one --layout OBJECT_STORE --type RATIS --replication ONE
sh bucket create /vol1/ec-2-1 --layout OBJECT_STORE --type EC --replication rs-2-1-1024k
"""

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not SCRIPT.exists(), reason=f"no {SCRIPT}: say OZONE_CLUSTER=path/to/cluster"),
    pytest.mark.skipif(shutil.which("java") is None, reason="no java"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three datanodes and keys in containers of all kinds of replication."""
    home = tmp_path_factory.mktemp("ozone")
    ozone = Cluster(SCRIPT, home)
    (home / "large").write_bytes(bytes(5_000_000))
    try:
        ozone("up", "--datanodes", "3", "--set=all:ozone.replication.allowed-configs=.*")
        lines = KEYS.strip().splitlines()
        puts = [f"sh key put /vol1/{bucket}/key{n} {home / 'large'}" for bucket in BUCKETS for n in (1, 2)]
        until(can_write, "datanodes take keys")
        ozone.shell([*lines, *puts])
        yield ozone
    finally:
        ozone("down", "--wipe")


def can_write() -> bool:
    """Whether there is a pipeline for three replicas."""

    async def pipelines(call: Call) -> tuple[bytes, ...]:
        return await Scm(call).pipelines()

    found = map(decode_pipeline, of_scm(pipelines))
    return any(one.state == "OPEN" and one.replication == ReplicationConfig("RATIS", 3) for one in found)


@pytest.fixture(scope="module")
def recon(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    """Ours, with the cluster's own configuration, and the datanodes' word in its ear."""
    place = ["--data-dir", str(tmp_path_factory.mktemp("recon")), "--port", str(PORT)]
    command = ["serve", "--conf-dir", str(cluster.home / "cli" / "conf"), *place]
    with subprocess.Popen([sys.executable, "-m", "ozone_recon", *command]) as process:
        try:
            until(lambda: len(healthy()) == 3, "three datanodes have reported")
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def datanodes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (of(OURS, "/datanodes") or {}).get("datanodes", [])
    return found


def healthy() -> list[dict[str, Any]]:
    return [one for one in datanodes() if one["state"] == "HEALTHY" and one.get("version") and one.get("containers")]


def containers() -> dict[int, int]:
    """Blocks of every container, as we show them."""
    rows = of(OURS, "/containers?limit=10000")["data"]["containers"]
    return {row["ContainerID"]: row["NumberOfKeys"] for row in rows}


def unhealthy() -> dict[int, set[str]]:
    """Which lists containers are in."""
    found: dict[int, set[str]] = {}
    for row in of(OURS, "/containers/unhealthy?limit=10000")["containers"]:
        found.setdefault(row["containerID"], set()).add(row["containerState"])
    return found


def test_what_we_show_is_what_scm_has(cluster: Cluster, recon: object) -> None:
    said = of_scm(ask_everything)
    infos = [one for page in said.pages for one in records(page)]
    still_open = sum(one.state == "OPEN" for one in infos)
    until(lambda: of(OURS, "/clusterState")["openContainers"] == still_open, "all containers are known")
    assert set(containers()) == {one.container_id for one in infos}
    state = of(OURS, "/clusterState")
    assert (state["totalDatanodes"], state["healthyDatanodes"], state["missingContainers"]) == (3, 3, 0)
    assert state["storageReport"]["capacity"] > 0
    shown = {row["pipelineId"]: row for row in of(OURS, "/pipelines")["pipelines"]}
    assert set(shown) == set(said.pipelines)
    for uuid, row in shown.items():
        pipeline = said.pipelines[uuid]
        assert (row["status"], row["replicationType"]) == (pipeline.state, pipeline.replication.kind)
        assert {member["id"]["uuid"] for member in row["datanodes"]} == {member.uuid for member in pipeline.members}
    for row in datanodes():
        usage = said.usage[row["uuid"]]
        assert (row["containers"], row["opState"]) == (usage.containers, "IN_SERVICE")
        assert row["storageReport"]["capacity"] == usage.capacity
    assert not unhealthy()
    for one in infos:
        history = of(OURS, f"/containers/{one.container_id}/replicaHistory")
        assert {row["datanodeUuid"] for row in history} == {
            replica.datanode.uuid for replica in said.replicas[one.container_id]
        }


def test_closing_is_seen_within_seconds(cluster: Cluster, recon: object) -> None:
    before = of(OURS, "/clusterState")["openContainers"]
    cluster.shell(["admin container close 1"])
    until(lambda: of(OURS, "/clusterState")["openContainers"] < before, "the container is not open any more", 60)
    said = of_scm(ask_everything)
    until(lambda: containers()[1] == records_by_id(said)[1].number_of_keys, "its blocks are counted", 60)


def records_by_id(said: Any) -> dict[int, Any]:
    return {one.container_id: one for page in said.pages for one in records(page)}


def test_a_kill_is_survived(cluster: Cluster, recon: subprocess.Popen[bytes]) -> None:
    known = containers()
    (follower,) = followers(recon.pid)
    killed_at = time.time() * 1000
    os.kill(follower, signal.SIGKILL)
    assert containers() == known, "what was published last is still there"
    until(lambda: task("ContainerHealthTask")["lastUpdatedTimestamp"] > killed_at, "another process judges containers")
    until(lambda: registrations() >= 3, "datanodes have registered again")
    assert followers(recon.pid) != {follower}
    assert containers().keys() >= known.keys()
    assert not unhealthy()
    assert len(healthy()) == 3


def registrations() -> float:
    _, _, body = get(f"{OURS}/prom")
    rows = [line for line in body.decode().splitlines() if line.startswith("ozone_recon_datanode_registrations_total")]
    return float(rows[0].split()[-1]) if rows else -1.0


def followers(pid: int) -> set[int]:
    """The process that follows the cluster."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    pids = {int(child) for held in found for child in held.read_text().split()}
    return {child for child in pids if b"cluster_process" in Path(f"/proc/{child}/cmdline").read_bytes()}


def test_scm_away_and_back(cluster: Cluster, recon: object) -> None:
    """What it has told is still answered, the cause is shown, and it is followed again when it is back."""
    known = containers()
    cluster("stop", "scm")
    until(lambda: task("PipelineSyncTask")["lastTaskRunStatus"] == -1, "the task that reads SCM says that it cannot")
    assert containers() == known
    assert len(healthy()) == 3
    cluster("start", "scm")
    until(lambda: task("PipelineSyncTask")["lastTaskRunStatus"] == 0, "SCM is read again")
    assert containers().keys() >= known.keys()


def task(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in of(OURS, "/task/status") if row["taskName"] == name)
    return found


def test_a_datanode_dies_and_comes_back(cluster: Cluster, recon: object) -> None:
    still_open = [one for one, info in records_by_id(of_scm(ask_everything)).items() if info.state == "OPEN"]
    cluster.shell([f"admin container close {one}" for one in still_open])
    until(lambda: of(OURS, "/clusterState")["openContainers"] == 0, "all containers are closed")
    cluster("stop", "dn3")
    until(lambda: sorted(one["state"] for one in datanodes()) == ["DEAD", "HEALTHY", "HEALTHY"], "one is dead")
    said = of_scm(ask_everything)
    infos = records_by_id(said)
    three = {one for one, info in infos.items() if info.replication.required_nodes == 3 and info.number_of_keys}
    until(lambda: three <= {one for one, states in unhealthy().items() if "UNDER_REPLICATED" in states}, "it is missed")
    for row in of(OURS, "/containers/unhealthy/UNDER_REPLICATED?limit=100")["containers"]:
        assert (row["expectedReplicaCount"], row["actualReplicaCount"], row["replicaDeltaCount"]) == (3, 2, -1)
    cluster("start", "dn3")
    until(lambda: len(healthy()) == 3, "it is back")
    until(lambda: not unhealthy(), "nothing is missed any more")
