"""Against a real Ozone: OM, SCM, five datanodes and Java Recon, started here; ours follows the OM beside Java's.

It takes some ten minutes.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.compat.datanode_usage import ask_usage
from tests.compat.real_recon import JAVA, OURS, PORT, of
from tests.decode.cluster.container_records import records
from tests.eventually import eventually
from tests.golden.captured import Answer
from tests.golden.differences import ABSENT, Rule, differences
from tests.golden.routes import COMPATIBILITY, served
from tests.golden.rules import RULES, in_our_order
from tests.real_cluster import needs_cluster
from tests.sources.captured_scm import check
from tools.capture.sample import ask, fill, get, index_afresh, start
from tools.capture.scm import ask_everything, of_scm
from tools.cluster.real import RealCluster

TOLD_TO_JAVA_ALONE = re.compile(r"/storageDistribution|/containers/\d+/replicaHistory")
"""What datanodes say, and they report to Java Recon."""

CLUSTER_RULES: tuple[Rule, ...] = (
    Rule(
        "unhealthy-counts",
        r"/containers/unhealthy",
        r"answer\.(emptyMissing|negativeSize)Count",
        lambda java, ours: (java, ours) == (ABSENT, 0),
    ),
    Rule(
        "mismatch",
        r"/containers/mismatch",
        r"answer\.containerDiscrepancyInfo\[\]\.pipelines\[\]\.stateEnterTime",
        lambda java, ours: ours is None,
    ),
    Rule("container-sizes", r"/utilization/containerCount", r"answer", lambda java, ours: java == [] != ours),
)
"""As tests.golden.rules, of what only the server of a living cluster answers."""

pytestmark = needs_cluster()


def sequence_number(server: str) -> int:
    """The OM's sequence number which all tasks of a server have seen; 0 as long as they have not."""
    tasks = ("ContainerKeyMapper", "FileSizeCount", "NSSummary", "OmTableInsight", "OmDeltaRequest")
    rows = [row for row in of(server, "/task/status") or [] if row["taskName"].startswith(tasks)]
    numbers = {row["lastUpdatedSeqNumber"] for row in rows}
    return numbers.pop() if len(numbers) == 1 else 0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A cluster with the sample's data, all of it in Java Recon's index."""
    ozone = RealCluster(tmp_path_factory.mktemp("ozone"))
    try:
        start(ozone)
        fill(ozone)
        index_afresh(ozone, JAVA)
        yield ozone
    finally:
        ozone("down", "--wipe")


@pytest.fixture(scope="module")
def recon(cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Ours, with Java Recon's own configuration but for its port and its directory; up to date."""
    place = ["--data-dir", str(tmp_path_factory.mktemp("recon")), "--port", str(PORT)]
    # Java Recon has the port on which datanodes report.
    elsewhere = ["-D", "ozone.recon.datanode.address=localhost:9791"]
    command = ["serve", "--conf-dir", str(cluster.home / "recon" / "conf"), *place, *elsewhere]
    with subprocess.Popen([sys.executable, "-m", "ozone_recon", *command]) as process:
        try:
            eventually(lambda: sequence_number(OURS) == sequence_number(JAVA) > 0, "ours has seen what Java's has")
            yield OURS
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def test_the_answers_are_javas_but_for_the_rules(recon: str) -> None:
    rules = (*RULES, *CLUSTER_RULES)
    assert all(f"| `{rule.name}` |" in COMPATIBILITY for rule in CLUSTER_RULES)
    unexplained = []
    asked = 0
    answers = [Answer.of(str(line["path"]), int(str(line["status"])), str(line["body"])) for line in ask(JAVA)]
    whole = {java.path: java.body for java in answers}
    for java in answers:
        if not served(java) or TOLD_TO_JAVA_ALONE.match(java.path):
            continue
        status, _, body = get(f"{recon}/api/v1{java.path}")
        ours = Answer.of(java.path, status, body.decode())
        asked += 1
        found = differences(in_our_order(java, ours, whole).compared, ours.compared)
        unexplained += [f"{java.path}: {one}" for one in found if not any(r.allows(java.path, one) for r in rules)]
    assert asked > 500
    assert not unexplained, "\n".join(unexplained[:50])


def test_scm_tells_us_what_java_recon_shows(cluster: RealCluster) -> None:
    said = of_scm(ask_everything)
    check(said)
    shown = {
        row["ContainerID"]: row["NumberOfKeys"] for row in of(JAVA, "/containers?limit=10000")["data"]["containers"]
    }
    assert shown == {one.container_id: one.number_of_keys for page in said.pages for one in records(page)}
    pipelines = {
        row["pipelineId"]: (row["status"], row["replicationType"]) for row in of(JAVA, "/pipelines")["pipelines"]
    }
    assert pipelines == {one.pipeline_id: (one.state, one.replication.kind) for one in said.pipelines.values()}
    usages = of_scm(ask_usage)
    for row in of(JAVA, "/datanodes")["datanodes"]:
        node, usage = said.nodes[row["uuid"]], usages[row["uuid"]]
        assert (row["hostname"], row["networkLocation"]) == (node.datanode.host_name, node.datanode.network_location)
        assert (row["state"], row["opState"], row["containers"]) == (node.health, node.op_state, usage.containers)
        disks = row["storageReport"]
        assert (disks["capacity"], disks["reserved"]) == (usage.capacity, usage.reserved)
        assert (disks["minimumFreeSpace"], disks["filesystemCapacity"]) == (
            usage.minimum_free_space,
            usage.filesystem_capacity,
        )


def test_a_key_is_in_the_containers_that_om_says(cluster: RealCluster, recon: str) -> None:
    keys = [
        "vol1/obs/large",
        "vol1/obs/dir/key2",
        "vol1/fso/a/b/c/d/e/f/deep",
        "vol1/ec-fso/dir/large",
        "vol1/legacy/top",
    ]
    for key, said in zip(keys, cluster.shell([f"sh key info /{key}" for key in keys]), strict=True):
        blocks = [(place["containerID"], place["localID"]) for place in json.loads(said)["ozoneKeyLocations"]]
        for container, block in blocks:
            rows = of(recon, f"/containers/{container}/keys?limit=-1")["keys"]
            found = [row for row in rows if row["CompletePath"] == key]
            assert len(found) == 1, f"{key} in container {container}"
            held = {(one["containerID"], one["localID"]) for places in found[0]["Blocks"].values() for one in places}
            assert (container, block) in held


def test_what_a_bucket_holds_is_what_om_counts(cluster: RealCluster, recon: str) -> None:
    """OM keeps a count of the replicated bytes of a bucket, with those of what waits for deletion."""
    for bucket in ("vol1/ec-obs", "vol1/legacy", "vol1/one-copy", "quota/fso"):
        om = json.loads(cluster.shell([f"sh bucket info /{bucket}"])[0])
        ours = of(recon, f"/namespace/usage?path=/{bucket}&replica=true")
        pending = of(recon, f"/keys/deletePending?limit=-1&startPrefix=/{bucket}/") or {"deletedKeyInfo": []}
        waiting = sum(size for row in pending["deletedKeyInfo"] for size in row["totalSize"].values())
        assert ours["sizeWithReplica"] + waiting == om["usedBytes"], bucket


def test_new_data_is_seen_when_asked_for(cluster: RealCluster, recon: str, tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(b"new")
    said = cluster.shell(
        [
            f"sh key put /vol2/obs/new-key {tmp_path / 'content'}",
            "sh key info /vol2/obs/new-key",
            "sh key delete /vol2/obs/key1",
        ]
    )
    container = json.loads(said[1])["ozoneKeyLocations"][0]["containerID"]

    def seen(server: str) -> tuple[list[int], str, list[str]]:
        """Sizes of the new key in its container, and what has become of the deleted one."""
        rows = of(server, f"/containers/{container}/keys?limit=-1")["keys"]
        pending = of(server, f"/keys/deletePending?startPrefix={quote('/vol2/obs/key1')}") or {"deletedKeyInfo": []}
        return (
            [row["DataSize"] for row in rows if row["CompletePath"] == "vol2/obs/new-key"],
            of(server, "/namespace/summary?path=/vol2/obs/key1")["status"],
            [row["omKeyInfoList"][0]["keyName"] for row in pending["deletedKeyInfo"]],
        )

    # Its first delta may end between the commands: a higher sequence number does not say that all of them are in it.
    expected = ([3], "PATH_NOT_FOUND", ["key1"])
    eventually(lambda: seen(JAVA) == expected, "Java Recon has seen the new key, and that the other is deleted")
    eventually(lambda: of(recon, "/triggerdbsync/om") is True, "ours is not at it already")
    eventually(lambda: sequence_number(recon) >= sequence_number(JAVA) > 0, "ours has seen what Java's has")
    assert seen(recon) == expected


def test_om_away_and_back(cluster: RealCluster, recon: str) -> None:
    """While OM is away, answers go on; when it is back, so is the synchronisation."""
    cluster("stop", "om")
    of(recon, "/triggerdbsync/om")
    time.sleep(5)
    assert of(recon, "/namespace/summary?path=/vol1")["status"] == "OK"
    cluster("start", "om")
    eventually(lambda: bool(cluster.shell(["sh volume list"])), "OM answers")
    cluster.shell(["sh volume create /after-restart"])

    def seen() -> bool:
        of(recon, "/triggerdbsync/om")
        return "after-restart" in {row["name"] for row in of(recon, "/volumes")["volumes"]}

    eventually(seen, "ours follows OM again")
