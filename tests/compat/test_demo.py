"""Java Recon 2.2.0 follows a simulated cluster, and agrees with it: what it shows is what is there.

It takes some eight minutes, most of them spent waiting for the tasks of Java Recon.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.compat.real_recon import JAVA, of
from tests.decode.om.om_tables import TABLES
from tests.demo.accounts import keys_of
from tests.eventually import eventually
from tests.real_cluster import needs_cluster
from tools.cluster.real import RealCluster

from ozone_recon.demo.plan import Plan
from ozone_recon.demo.running import running
from ozone_recon.demo.script.play import Play
from ozone_recon.demo.site import Ports, settings, write
from ozone_recon.model.scm import ContainerState

T = TypeVar("T")
PLAN = Plan(datanodes=12, keys=5_000, day=240, heartbeat=1, stale=6, dead=12, full_report=20)
_LOG4J = """\
log4j.rootLogger=INFO,A
log4j.appender.A=org.apache.log4j.ConsoleAppender
log4j.appender.A.target=System.err
log4j.appender.A.layout=org.apache.log4j.PatternLayout
log4j.appender.A.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
"""

pytestmark = needs_cluster()


class Stage:
    """A simulated cluster that runs in a thread; all that is done with it is done there."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._up, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.play: Play

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with running(PLAN, self._place, Ports()) as cluster:
            self.play = Play(cluster, PLAN, ())
            self._up.set()
            while not self._ended.is_set():
                self.play.step(time.time())
                await asyncio.sleep(0.1)

    @contextmanager
    def up(self) -> Iterator[Stage]:
        self._thread.start()
        assert self._up.wait(60)
        try:
            yield self
        finally:
            self._ended.set()
            self._thread.join()

    def ask(self, what: Callable[[Play], T]) -> T:
        """What comes of this, done where the cluster is."""
        answer: Future[T] = Future()

        def give() -> None:
            try:
                answer.set_result(what(self.play))
            except BaseException as error:
                answer.set_exception(error)

        self._loop.call_soon_threadsafe(give)
        return answer.result(60)

    def do(self, *lines: str) -> None:
        def do(play: Play) -> None:
            for line in lines:
                play.commands.do(line, time.time())

        self.ask(do)

    def rows(self, table: str) -> list[tuple[Any, Any]]:
        codec = TABLES[table]
        found = self.ask(lambda play: list(play.cluster.database.scan(table, b"")))
        return [(codec.decode_key(key), codec.decode_value(value)) for key, value in found]

    def sequence_number(self) -> int:
        return self.ask(lambda play: play.cluster.database.sequence_number)

    def short_of(self) -> tuple[set[int], set[int]]:
        """Containers that have fewer replicas than they should, and such that have none."""

        def find(play: Play) -> tuple[set[int], set[int]]:
            scm = play.cluster.world.scm
            living = ContainerState.CLOSED, ContainerState.QUASI_CLOSED
            states = {
                one: scm.replication.evaluate(one)
                for one in range(1, len(scm.containers) + 1)
                if scm.containers.state(one) in living
            }
            short = {one for one, found in states.items() if found.missing}
            gone = {one for one in short if not states[one].sources}
            return short - gone, gone

        return self.ask(find)


class JavaRecon(RealCluster):
    """Java Recon with the simulated cluster's configuration."""

    def begin(self) -> None:
        recon = self.home / "recon"
        values = settings(PLAN, Ports()) | {
            "ozone.metadata.dirs": str(recon / "meta"),
            "ozone.recon.db.dir": str(recon / "db"),
            "ozone.recon.om.db.dir": str(recon / "om"),
            "ozone.recon.scm.db.dirs": str(recon / "scm"),
        }
        write(recon / "conf", values)
        (self.home / "log4j.properties").write_text(_LOG4J)
        self("jars")
        self("start", "recon")


@pytest.fixture
def stage(running_stage: Stage) -> Stage:
    """The cluster at rest: what an earlier test has stopped, damaged or switched off is undone."""
    running_stage.do("om start", "scm start", "deletion on", "replication on", "repair")
    running_stage.do(*(f"start dn-{n}" for n in range(1, PLAN.datanodes + 1)))
    running_stage.do(*(f"recommission dn-{n}" for n in range(1, PLAN.datanodes + 1)))
    eventually(lambda: running_stage.short_of() == (set(), set()), "all replicas are there")
    eventually(lambda: synced(running_stage), "Java Recon has read what OM has")
    return running_stage


@pytest.fixture(scope="module")
def running_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("demo")).up() as at_play:
        java = JavaRecon(tmp_path_factory.mktemp("ozone"))
        try:
            java.begin()
            eventually(lambda: synced(at_play), "Java Recon has read what OM has")
            eventually(lambda: (of(JAVA, "/clusterState") or {}).get("healthyDatanodes") == 12, "all nodes are there")
            yield at_play
        finally:
            java("stop", "recon")


def synced(stage: Stage) -> bool:
    """Whether all tasks of Java Recon that read OM's database have seen what there is."""
    tasks = ("ContainerKeyMapper", "FileSizeCount", "NSSummary", "OmTableInsight", "OmDeltaRequest")
    seen = [row["lastUpdatedSeqNumber"] for row in of(JAVA, "/task/status") or [] if row["taskName"].startswith(tasks)]
    return bool(seen) and set(seen) == {stage.sequence_number()}


def agrees(what: str, theirs: Callable[[], Any], ours: Callable[[], Any], seconds: float = 90) -> None:
    """Waits until both are the same; shows both when they never are."""
    end = time.monotonic() + seconds
    while (shown := theirs()) != (there := ours()):
        assert time.monotonic() < end, f"{what}: Java Recon shows {shown}, and there is {there}"
        time.sleep(1)


def sizes(stage: Stage) -> dict[str, int]:
    """Bytes of all keys by bucket, without copies."""
    found: Counter[str] = Counter()
    for table in ("keyTable", "fileTable"):
        for _, key in stage.rows(table):
            found[f"/{key.volume}/{key.bucket}"] += key.size
    return dict(found)


def shown_sizes(stage: Stage) -> dict[str, int]:
    return {bucket: of(JAVA, f"/namespace/usage?path={bucket}")["size"] for bucket in sizes(stage)}


def shown_unhealthy(state: str) -> set[int]:
    return {row["containerID"] for row in of(JAVA, f"/containers/unhealthy/{state}?limit=100000")["containers"]}


def test_what_om_has(stage: Stage) -> None:
    keys = len(stage.rows("keyTable")) + len(stage.rows("fileTable"))

    def shown() -> tuple[int, int, int]:
        state = of(JAVA, "/clusterState")
        return state["volumes"], state["buckets"], state["keys"]

    agrees("volumes, buckets and keys", shown, lambda: (4, 8, keys))
    assert shown_sizes(stage) == sizes(stage)
    buckets = {(row["volumeName"], row["name"]): row for row in of(JAVA, "/buckets")["buckets"]}
    for key, bucket in stage.rows("bucketTable"):
        row = buckets[key.volume, key.bucket]
        assert (row["usedBytes"], row["usedNamespace"], row["bucketLayout"], row["owner"]) == (
            bucket.used_bytes,
            bucket.used_namespace,
            bucket.layout,
            bucket.owner,
        )


def assert_scm_agrees(stage: Stage) -> None:
    def there(play: Play) -> dict[int, int]:
        containers = play.cluster.world.scm.containers
        return {one: containers.blocks(one) for one in range(1, len(containers) + 1)}

    def shown() -> dict[int, int]:
        rows = of(JAVA, "/containers?limit=100000")["data"]["containers"]
        return {row["ContainerID"]: row["NumberOfKeys"] for row in rows}

    agrees("containers and their blocks", shown, lambda: stage.ask(there))
    pipelines = stage.ask(lambda play: {one.pipeline_id for one in play.cluster.world.scm.pipelines})
    assert {row["pipelineId"] for row in of(JAVA, "/pipelines")["pipelines"]} == pipelines


def test_what_scm_has(stage: Stage) -> None:
    assert_scm_agrees(stage)


def assert_datanodes_agree(stage: Stage) -> None:
    def there(play: Play) -> dict[str, tuple[Any, ...]]:
        scm = play.cluster.world.scm
        return {
            one.details.host_name: (
                one.health,
                one.details.op_state,
                len(one.replicas),
                one.rack,
                sorted(one.pipelines),
                one.volume(scm.containers).used,
                one.capacity,
            )
            for one in scm.datanodes
        }

    def shown() -> dict[str, tuple[Any, ...]]:
        return {
            row["hostname"]: (
                row["state"],
                row["opState"],
                row["containers"],
                row["networkLocation"],
                sorted(pipeline["pipelineID"] for pipeline in row["pipelines"]),
                row["storageReport"]["used"],
                row["storageReport"]["capacity"],
            )
            for row in of(JAVA, "/datanodes")["datanodes"]
        }

    agrees("datanodes", shown, lambda: stage.ask(there))


def test_what_datanodes_have(stage: Stage) -> None:
    assert_datanodes_agree(stage)


def assert_all_is_healthy() -> None:
    states = ("MISSING", "UNDER_REPLICATED", "OVER_REPLICATED", "MIS_REPLICATED", "REPLICA_MISMATCH")
    agrees("nothing unhealthy", lambda: [shown_unhealthy(state) for state in states], lambda: [set()] * len(states))


def test_all_is_healthy(stage: Stage) -> None:
    assert_all_is_healthy()


def test_what_changes_is_followed(stage: Stage) -> None:
    stage.do(
        "deletion off",
        "load warehouse/events 60 over 1",
        "load iot/sensors 60 over 1",
        "load home/people 20 over 1",
        "load warehouse/tables 20 over 1 in sales.db/_temporary/now",
        "upload lake/media films/one 3",
        "hsync warehouse/tables logs.db/current",
        "snapshot iot/sensors one",
    )
    time.sleep(20)
    stage.do(
        "rename warehouse/tables sales.db/_temporary/now sales.db/orders/now",
        "remove iot/sensors berlin",
    )
    time.sleep(2)
    agrees("sequence numbers", lambda: synced(stage), lambda: True)
    assert of(JAVA, "/clusterState")["keys"] == len(stage.rows("keyTable")) + len(stage.rows("fileTable"))
    assert shown_sizes(stage) == sizes(stage)
    stage.do("remove warehouse/staging job-000003")
    time.sleep(2)
    agrees("sequence numbers", lambda: synced(stage), lambda: True)
    deleted = [key for _, value in stage.rows("deletedTable") for key in keys_of("deletedTable", value)]
    pending = of(JAVA, "/keys/deletePending/summary")
    assert (pending["totalDeletedKeys"], pending["totalUnreplicatedDataSize"]) == (
        len(deleted),
        sum(key.size for key in deleted),
    )
    opened = of(JAVA, "/keys/open/summary")["totalOpenKeys"]
    assert opened == len(stage.rows("openKeyTable")) + len(stage.rows("openFileTable"))
    assert of(JAVA, "/clusterState")["deletedDirs"] == len(stage.rows("deletedDirectoryTable"))
    stage.do("deletion on")
    time.sleep(4)
    agrees("sequence numbers", lambda: synced(stage), lambda: True)
    assert not stage.rows("deletedDirectoryTable")
    assert shown_sizes(stage) == sizes(stage)
    assert_scm_agrees(stage)


def test_a_forgotten_log_leads_to_a_checkpoint(stage: Stage) -> None:
    def snapshot() -> int:
        (row,) = (row for row in of(JAVA, "/task/status") if row["taskName"] == "OmSnapshotRequest")
        return int(row["lastUpdatedSeqNumber"])

    def write_and_forget(play: Play) -> None:
        keys, bucket = play.cluster.world.keys, play.cluster.world.namespace.buckets["iot/sensors"]
        keys.commit(keys.open(bucket, "unseen", 1000))
        play.cluster.database.forget()

    before = snapshot()
    stage.ask(write_and_forget)
    agrees("sequence numbers", lambda: synced(stage), lambda: True)
    assert before < snapshot() <= stage.sequence_number()
    assert shown_sizes(stage) == sizes(stage)


def test_om_and_scm_away_and_back(stage: Stage) -> None:
    stage.do("om stop", "scm stop", "load iot/sensors 10 over 0.1")
    time.sleep(6)
    stage.do("om start", "scm start")
    time.sleep(10)
    agrees("sequence numbers", lambda: synced(stage), lambda: True)
    assert shown_sizes(stage) == sizes(stage)
    assert_scm_agrees(stage)


def test_a_datanode_dies_and_is_back(stage: Stage) -> None:
    stage.do("replication off", "kill dn-9")
    eventually(lambda: stage.short_of()[0], "SCM has given up the replicas of dn-9")
    agrees("under-replicated", lambda: shown_unhealthy("UNDER_REPLICATED"), lambda: stage.short_of()[0])
    agrees("missing", lambda: shown_unhealthy("MISSING"), lambda: stage.short_of()[1])
    assert_datanodes_agree(stage)
    stage.do("replication on")
    eventually(lambda: not stage.short_of()[0], "all replicas are copied")
    stage.do("replication off", "start dn-9")

    def too_many(play: Play) -> set[int]:
        scm = play.cluster.world.scm
        closed = (one for one in range(1, len(scm.containers) + 1) if scm.containers.state(one).name == "CLOSED")
        return {one for one in closed if scm.replication.evaluate(one).surplus}

    eventually(lambda: stage.ask(too_many), "SCM has the replicas of dn-9 again")
    agrees("over-replicated", lambda: shown_unhealthy("OVER_REPLICATED"), lambda: stage.ask(too_many))
    stage.do("replication on")
    time.sleep(20)
    assert_all_is_healthy()


def test_a_datanode_leaves(stage: Stage) -> None:
    stage.do("replication off", "decommission dn-6")
    time.sleep(6)
    leaving = stage.ask(lambda play: play.cluster.world.scm.datanodes[5])
    (row,) = of(JAVA, "/datanodes/decommission/info")["DatanodesDecommissionInfo"]
    assert row["datanodeDetails"]["hostName"] == leaving.details.host_name
    assert int(row["metrics"]["numOfUnderReplicatedContainers"]) == len(leaving.waits_for)
    assert_datanodes_agree(stage)
    stage.do("replication on")
    time.sleep(40)
    assert_datanodes_agree(stage)
    stage.do("recommission dn-6")
    time.sleep(20)
    assert_datanodes_agree(stage)


def test_replicas_that_are_not_as_they_should_be(stage: Stage) -> None:
    stage.do("replication off", "corrupt 4")
    short, _ = stage.short_of()
    assert len(short) == 4
    agrees("under-replicated", lambda: shown_unhealthy("UNDER_REPLICATED"), lambda: short)
    stage.do("mismatch 5")
    agrees("mismatched", lambda: len(shown_unhealthy("REPLICA_MISMATCH")), lambda: 5)
    stage.do("repair", "replication on")
    time.sleep(20)
    assert_all_is_healthy()
