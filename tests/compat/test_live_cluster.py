"""In Java Recon's place: real datanodes report to ours, which follows a real SCM and OM through their troubles.

In the end Java Recon takes its place again, and shows the same. It takes some ten minutes.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.compat.datanode_usage import ask_usage
from tests.compat.live_answers import (
    containers,
    datanodes,
    healthy,
    missing_containers,
    registrations,
    seen_first,
    settled,
    shown,
    task,
    unhealthy,
    until_healed,
)
from tests.compat.real_recon import JAVA, OURS, PORT, of
from tests.compat.said_by_scm import only_copies, open_of, records_by_id, replicas_by_id, role_of, with_too_many
from tests.decode.cluster.container_records import records
from tests.eventually import eventually
from tests.real_cluster import needs_cluster
from tools.capture.scm import ask_everything, of_scm
from tools.cluster.real import RealCluster

from ozone_recon.decode.cluster.scm import decode_pipeline
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.sources.scm import Call, ScmClient

BUCKETS = ("three", "one", "ec-2-1")
SETTINGS = (
    "--set=all:ozone.replication.allowed-configs=.*",
    "--set=scm:hdds.scm.replication.thread.interval=10s",
    "--set=scm:hdds.scm.replication.under.replicated.interval=5s",
    "--set=scm:hdds.scm.replication.over.replicated.interval=5s",
    "--set=scm:hdds.scm.replication.event.timeout=60s",
    "--set=scm:hdds.scm.replication.event.timeout.datanode.offset=30s",
    "--set=scm:ozone.scm.datanode.admin.monitor.interval=5s",
    "--set=scm:ozone.scm.pipeline.creation.interval=10s",
)
KEYS = """
sh volume create /vol1
sh bucket create /vol1/three --layout OBJECT_STORE
sh bucket create /vol1/one --layout OBJECT_STORE --type RATIS --replication ONE
sh bucket create /vol1/ec-2-1 --layout OBJECT_STORE --type EC --replication rs-2-1-1024k
"""

pytestmark = needs_cluster()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """Three datanodes and keys in containers of all kinds of replication."""
    home = tmp_path_factory.mktemp("ozone")
    ozone = RealCluster(home)
    (home / "large").write_bytes(bytes(5_000_000))
    try:
        ozone("up", "--datanodes", "3", *SETTINGS)
        lines = KEYS.strip().splitlines()
        puts = [f"sh key put /vol1/{bucket}/key{n} {home / 'large'}" for bucket in BUCKETS for n in (1, 2)]
        eventually(can_write, "datanodes take keys")
        ozone.shell([*lines, *puts])
        yield ozone
    finally:
        ozone("down", "--wipe")


def can_write() -> bool:
    """Whether there is a pipeline for three replicas."""

    async def pipelines(call: Call) -> tuple[bytes, ...]:
        return await ScmClient(call).pipelines()

    found = map(decode_pipeline, of_scm(pipelines))
    return any(one.state == "OPEN" and one.replication == ReplicationConfig("RATIS", 3) for one in found)


class Recon:
    """Ours, with the cluster's own configuration, and the datanodes' word in its ear."""

    def __init__(self, cluster: RealCluster, data: Path) -> None:
        place = ["--data-dir", str(data), "--port", str(PORT)]
        serve = ["serve", "--conf-dir", str(cluster.home / "cli" / "conf"), *place]
        self.command = [sys.executable, "-m", "ozone_recon", *serve]
        self.process = subprocess.Popen(self.command)

    def kill(self) -> None:
        """With -9, and starts it again on what it left behind."""
        self.process.kill()
        self.process.wait()
        eventually(lambda: not listens(), "the processes that it had started have ended too")
        self.process = subprocess.Popen(self.command)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


def listens() -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("localhost", PORT)) == 0


@pytest.fixture(scope="module")
def recon(cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recon]:
    ours = Recon(cluster, tmp_path_factory.mktemp("recon"))
    try:
        eventually(lambda: len(healthy()) == 3, "three datanodes have reported")
        yield ours
    finally:
        ours.stop()


def test_what_we_show_is_what_scm_has(cluster: RealCluster, recon: object) -> None:
    said = of_scm(ask_everything)
    infos = [one for page in said.pages for one in records(page)]
    still_open = sum(one.state == "OPEN" for one in infos)
    eventually(lambda: of(OURS, "/clusterState")["openContainers"] == still_open, "all containers are known")
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
        assert row["containers"] == sum(info.pipeline_id == uuid for info in open_of(said).values())
    usages = of_scm(ask_usage)
    for row in datanodes():
        usage = usages[row["uuid"]]
        assert (row["containers"], row["opState"]) == (usage.containers, "IN_SERVICE")
        assert row["storageReport"]["capacity"] == usage.capacity
    eventually(lambda: of(OURS, "/containers/unhealthy") is not None, "containers have been judged for the first time")
    assert not unhealthy()
    for one in infos:
        history = of(OURS, f"/containers/{one.container_id}/replicaHistory")
        assert {row["datanodeUuid"] for row in history} == {
            replica.datanode.uuid for replica in said.replicas[one.container_id]
        }


def test_closing_is_seen_within_seconds(cluster: RealCluster, recon: object) -> None:
    before = of(OURS, "/clusterState")["openContainers"]
    cluster.shell(["admin container close 1"])
    eventually(lambda: of(OURS, "/clusterState")["openContainers"] < before, "the container is not open any more", 60)
    said = of_scm(ask_everything)
    eventually(lambda: containers()[1] == records_by_id(said)[1].number_of_keys, "its blocks are counted", 60)


def test_a_kill_of_the_process_that_follows_is_survived(cluster: RealCluster, recon: Recon) -> None:
    known = containers()
    (follower,) = followers(recon.process.pid)
    killed_at = time.time() * 1000
    os.kill(follower, signal.SIGKILL)
    assert containers() == known, "what was published last is still there"
    eventually(lambda: task("ContainerHealthTask")["lastUpdatedTimestamp"] > killed_at, "another process evaluates")
    eventually(lambda: registrations() >= 3, "datanodes have registered again")
    assert followers(recon.process.pid) != {follower}
    assert containers().keys() >= known.keys()
    assert not unhealthy()
    assert len(healthy()) == 3


def test_kills_at_random_moments_are_survived(cluster: RealCluster, recon: Recon) -> None:
    """All of ours at once, while keys are written and a container is closed."""
    first_seen = {one: seen_first(one) for one in containers()}
    assert all(first_seen.values())
    still_open = list(open_of(of_scm(ask_everything)))
    large = cluster.home / "large"
    changes = [f"sh key put /vol1/{bucket}/during-kills{n} {large}" for n in range(2) for bucket in BUCKETS]
    with ThreadPoolExecutor() as pool:
        changing = pool.submit(cluster.shell, [*changes, f"admin container close {still_open[0]}", "sleep 30"])
        moments = random.Random(1)
        while not changing.done():
            time.sleep(moments.uniform(0.2, 12))
            recon.kill()
        changing.result()
    eventually(lambda: len(healthy()) == 3, "three datanodes have reported again")
    said = of_scm(ask_everything)
    eventually(lambda: of(OURS, "/containers/unhealthy") is not None, "containers are judged")
    assert still_open[0] not in open_of(said)
    eventually(lambda: of(OURS, "/clusterState")["openContainers"] == len(open_of(said)), "all that happened is known")
    assert containers().keys() == records_by_id(said).keys()
    eventually(lambda: of(OURS, "/clusterState")["keys"] == len(BUCKETS) * 4, "so are all keys")
    until_healed("none has suffered")
    for one, times in first_seen.items():
        assert times.items() <= seen_first(one).items(), "when a replica was seen first is not forgotten"


def followers(pid: int) -> set[int]:
    """The process that follows the cluster."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    pids = {int(child) for held in found for child in held.read_text().split()}
    return {child for child in pids if b"cluster.process" in Path(f"/proc/{child}/cmdline").read_bytes()}


def test_scm_away_and_back(cluster: RealCluster, recon: object) -> None:
    """What it has told is still answered, the cause is shown, and it is followed again when it is back."""
    known = containers()
    cluster("stop", "scm")
    eventually(lambda: task("PipelineSyncTask")["lastTaskRunStatus"] == -1, "the task reports that SCM fails")
    assert containers() == known
    assert len(healthy()) == 3
    cluster("start", "scm")
    eventually(lambda: task("PipelineSyncTask")["lastTaskRunStatus"] == 0, "SCM is read again")
    assert containers().keys() >= known.keys()


def test_a_datanode_dies_and_comes_back(cluster: RealCluster, recon: Recon) -> None:
    cluster.shell([f"admin container close {one}" for one in open_of(of_scm(ask_everything))])
    eventually(lambda: of(OURS, "/clusterState")["openContainers"] == 0, "all containers are closed")
    said = of_scm(ask_everything)
    infos = records_by_id(said)
    three = {one for one, info in infos.items() if info.replication.required_nodes == 3 and info.number_of_keys}
    holder = {
        one: said.replicas[one][0].datanode
        for one, info in infos.items()
        if info.replication.required_nodes == 1 and info.number_of_keys
    }
    victim = next(iter(holder.values()))
    lost = {one for one, datanode in holder.items() if datanode.uuid == victim.uuid}
    stopped_at = time.time() * 1000
    cluster("stop", role_of(victim))
    eventually(lambda: sorted(one["state"] for one in datanodes()) == ["DEAD", "HEALTHY", "HEALTHY"], "one is dead")
    eventually(
        lambda: three <= {one for one, states in unhealthy().items() if "UNDER_REPLICATED" in states}, "it is missed"
    )
    for row in of(OURS, "/containers/unhealthy/UNDER_REPLICATED?limit=100")["containers"]:
        assert (row["expectedReplicaCount"], row["actualReplicaCount"], row["replicaDeltaCount"]) == (3, 2, -1)
    missing = missing_containers()
    assert missing.keys() == lost
    for one, row in missing.items():
        assert row["missingSince"] >= stopped_at
        assert [replica["datanodeUuid"] for replica in row["replicas"]] == [victim.uuid]
        paths = [key["CompletePath"] for key in of(OURS, f"/containers/{one}/keys")["keys"]]
        assert paths
        assert all(path.startswith("vol1/one/") for path in paths)
    recon.kill()
    eventually(lambda: len(healthy()) == 2, "those that live have reported again")
    eventually(lambda: of(OURS, "/containers/missing") is not None, "what was judged before is answered")
    assert missing_containers() == missing, "since the same time"
    eventually(
        lambda: sorted(one["state"] for one in datanodes()) == ["DEAD", "HEALTHY", "HEALTHY"], "it is still dead"
    )
    assert missing_containers() == missing
    cluster("start", role_of(victim))
    eventually(lambda: len(healthy()) == 3, "it is back")
    until_healed("nothing is missed any more")


def test_copies_made_meanwhile_are_too_many_when_a_datanode_comes_back(cluster: RealCluster, recon: object) -> None:
    eventually(lambda: all(replicas_by_id(of_scm(ask_everything)).values()), "SCM has heard of all replicas, too")
    said = of_scm(ask_everything)
    stopped = min((one.datanode for one in said.nodes.values()), key=lambda one: len(only_copies(said, one.uuid)))
    lost, victim = only_copies(said, stopped.uuid), role_of(stopped)
    cluster("up", "--datanodes", "4", *SETTINGS)
    eventually(lambda: [one["state"] for one in datanodes()] == ["HEALTHY"] * 4, "the fourth datanode has come")
    cluster("stop", victim)
    eventually(lambda: any("UNDER_REPLICATED" in states for states in unhealthy().values()), "replicas are missed", 300)
    until_healed("the fourth datanode has copies", but=lost)
    cluster.shell(["admin replicationmanager stop"])
    cluster("start", victim)
    eventually(lambda: len(healthy()) == 4, "it is back", 300)
    eventually(lambda: bool(with_too_many(of_scm(ask_everything))), "SCM has heard of its replicas")

    def as_scm_has_it() -> bool:
        too_many = {one for one, states in unhealthy().items() if "OVER_REPLICATED" in states}
        return too_many == with_too_many(of_scm(ask_everything))

    eventually(as_scm_has_it, "they are too many")
    cluster.shell(["admin replicationmanager start"])
    eventually(lambda: not with_too_many(of_scm(ask_everything)), "some are deleted", 300)
    until_healed("all have as many as they should")


def test_a_datanode_leaves(cluster: RealCluster, recon: object) -> None:
    (first,) = (uuid for uuid, one in of_scm(ask_everything).nodes.items() if role_of(one.datanode) == "dn1")

    def op_state() -> str:
        return next(str(one["opState"]) for one in datanodes() if one["uuid"] == first)

    def waits_for() -> list[str]:
        rows = of(OURS, "/datanodes/decommission/info")["DatanodesDecommissionInfo"]
        return [row["datanodeDetails"]["id"]["uuid"] for row in rows]

    cluster.shell(["admin datanode decommission localhost:10011"])
    eventually(lambda: op_state() == "DECOMMISSIONING" and waits_for() == [first], "it is on its way out", 120)
    eventually(lambda: op_state() == "DECOMMISSIONED", "others have what it has", 300)
    assert of_scm(ask_everything).nodes[first].op_state == "DECOMMISSIONED"
    eventually(lambda: waits_for() == [], "nobody leaves any more")
    until_healed("what it had is where it should be")
    assert of(OURS, "/clusterState")["healthyDatanodes"] == 3


def test_java_recon_shows_the_same_in_our_place(cluster: RealCluster, recon: Recon) -> None:
    ours = settled()
    recon.stop()
    cluster("up", "--datanodes", str(len(ours["datanodes"])), "--recon", *SETTINGS)
    end = time.monotonic() + 300
    while shown(JAVA) != ours and time.monotonic() < end:
        time.sleep(1)
    assert shown(JAVA) == ours
