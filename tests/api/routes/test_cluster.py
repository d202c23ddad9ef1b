"""/clusterState and /task/status."""

from pathlib import Path

from tests.api.asking import ask
from tests.api.cluster_answers import following, java, lacking
from tests.api.cluster_records import AT, cluster_of
from tests.insights.cluster_samples import Container, cluster_generation
from tests.insights.om_samples import RandomDatabase, generation_of

from ozone_recon.insights.om.tables import table_counts
from ozone_recon.model.cluster import Cluster, ClusterTask
from ozone_recon.model.container_health import UnhealthyContainer, UnhealthyState
from ozone_recon.model.scm import ContainerState

DATANODES = java("datanodes")["datanodes"]
OPEN, CLOSED, DELETING, DELETED = (ContainerState[name] for name in ("OPEN", "CLOSED", "DELETING", "DELETED"))


def test_the_cluster_in_numbers(tmp_path: Path) -> None:
    states = (OPEN, OPEN, CLOSED, DELETING, DELETED, 0)
    listed = (UnhealthyState.MISSING, UnhealthyState.UNDER_REPLICATED)
    tables = cluster_generation(
        tmp_path / "scm",
        [Container(number, state) for number, state in enumerate(states, 1)],
        unhealthy=[UnhealthyContainer(3, state, 1, 3, 0) for state in listed],
    )
    om = generation_of(RandomDatabase(10).tables, tmp_path / "om")
    sick, dead = DATANODES[0] | {"state": "STALE"}, DATANODES[0] | {"state": "DEAD"}
    leaving = DATANODES[1] | {"opState": "DECOMMISSIONING", "state": "HEALTHY_READONLY"}
    cluster = cluster_of([*DATANODES, sick, dead, leaving], java("pipelines")["pipelines"])
    found = ask(following(tables, cluster, om), "/api/v1/clusterState").json()
    assert not lacking(java("clusterState"), found)
    counts = ("containers", "openContainers", "deletedContainers", "missingContainers", "pipelines")
    assert [found[name] for name in counts] == [4, 2, 1, 1, 2]
    assert (found["totalDatanodes"], found["healthyDatanodes"]) == (5, 2)
    assert found["volumes"] == table_counts(om, "volumeTable").rows > 0
    living = [row["storageReport"] for row in (*DATANODES, sick, leaving)]
    assert found["storageReport"] == {
        name: sum(report[name] for report in living) for name in java("clusterState")["storageReport"]
    } | {"failedVolumes": 0}


def test_what_is_not_known_is_0(tmp_path: Path) -> None:
    om = generation_of(RandomDatabase(10).tables, tmp_path / "om")
    nothing = ask(following(), "/api/v1/clusterState").json()
    assert not lacking(java("clusterState"), nothing)
    assert not any(value for name, value in nothing.items() if name != "storageReport")
    assert not any(nothing["storageReport"].values())
    of_om = ask(following(om=om), "/api/v1/clusterState").json()
    assert of_om["containers"] == om.table("containers").rows > 0
    unevaluated = cluster_generation(tmp_path / "scm", [Container(1)])
    assert ask(following(unevaluated), "/api/v1/clusterState").json()["missingContainers"] == 0


def test_tasks() -> None:
    tasks = (
        ClusterTask("PipelineSyncTask", timestamp=7, began=5, error="SCM does not answer"),
        ClusterTask("ContainerHealthTask", timestamp=9, running=True),
    )
    app = following(cluster=Cluster(at=AT, tasks=tasks))
    found = ask(app, "/api/v1/task/status").json()
    assert not lacking(java("task_status"), found)
    assert found == [
        {
            "taskName": "PipelineSyncTask",
            "lastUpdatedTimestamp": 7,
            "lastUpdatedSeqNumber": 0,
            "lastTaskRunStatus": -1,
            "isCurrentTaskRunning": 0,
            "message": "SCM does not answer",
        },
        {
            "taskName": "ContainerHealthTask",
            "lastUpdatedTimestamp": 9,
            "lastUpdatedSeqNumber": 0,
            "lastTaskRunStatus": 0,
            "isCurrentTaskRunning": 1,
        },
    ]


def test_a_task_says_why_it_failed_or_what_it_found() -> None:
    tasks = (ClusterTask("A"), ClusterTask("B", finding="+3 CLOSED"), ClusterTask("C", error="away", finding="old"))
    rows = ask(following(cluster=Cluster(at=AT, tasks=tasks)), "/api/v1/task/status").json()
    assert [row.get("message") for row in rows] == [None, "+3 CLOSED", "away"]
    assert [row["lastTaskRunStatus"] for row in rows] == [0, 0, -1]
