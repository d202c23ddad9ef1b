"""Decommissioning datanodes, blocks pending deletion, and the synchronisation with SCM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from tests.api.asking import ask
from tests.api.cluster_answers import following, java, lacking
from tests.api.cluster_records import AT, details

from ozone_recon.api.context import AskCluster
from ozone_recon.model.cluster import SCM_SYNC, STOPPED, Cluster, ClusterTask, DecommissioningDatanode
from ozone_recon.model.requests import ClusterRequest, StopSynchronising, Synchronise
from ozone_recon.model.scm import DecommissionProgress, DeletedBlocksSummary, PendingContainers

STARTED = 1_795_460_368_000
LEAVING = (
    DecommissioningDatanode(
        replace(details("aaa", "dn-a", "10.0.0.1"), op_state="DECOMMISSIONING"),
        DecommissionProgress("dn-a", STARTED, 3, 2, 1),
        (PendingContainers("UnderReplicated", (1, 4)), PendingContainers("UnClosed", (2,))),
    ),
    DecommissioningDatanode(details("bbb", "dn-b", "10.0.0.2"), None, ()),
)


def decommissioning(query: str = "", cluster: Cluster | None = None) -> Any:
    app = following(cluster=cluster or Cluster(at=AT, scm_at=AT, decommissioning=LEAVING))
    return ask(app, f"/api/v1/datanodes/decommission/info{query}")


def test_datanodes_that_leave() -> None:
    found = decommissioning().json()
    assert not lacking(java("datanodes_decommission_info"), found)
    first, second = found["DatanodesDecommissionInfo"]
    assert first["datanodeDetails"]["hostName"] == "dn-a"
    assert (first["datanodeDetails"]["decommissioned"], second["datanodeDetails"]["decommissioned"]) == (True, False)
    assert first["metrics"] == {
        "decommissionStartTime": "23/11/2026 06:59:28 UTC",
        "decommissionStartedAt": STARTED,
        "numOfUnclosedPipelines": 3,
        "numOfUnderReplicatedContainers": 2.0,
        "numOfUnclosedContainers": 1.0,
    }
    assert isinstance(first["metrics"]["numOfUnclosedContainers"], float)
    assert first["containers"] == {"UnderReplicated": ["#1", "#4"], "UnClosed": ["#2"]}
    assert (second["metrics"], second["containers"]) == (None, {})


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ("uuid=AAA", ["dn-a"]),
        ("uuid=bbb&ipAddress=10.0.0.1", ["dn-b"]),
        ("ipAddress=10.0.0.1", ["dn-a"]),
        ("uuid=&ipAddress=10.0.0.2", ["dn-b"]),
        ("uuid=ccc", []),
        ("ipAddress=dn-a", []),
    ],
)
def test_one_that_leaves(query: str, hosts: list[str]) -> None:
    found = decommissioning(f"/datanode?{query}").json()["DatanodesDecommissionInfo"]
    assert [one["datanodeDetails"]["hostName"] for one in found] == hosts


def test_nobody_leaves_or_nobody_knows() -> None:
    assert decommissioning(cluster=Cluster(at=AT, scm_at=AT)).json() == java("datanodes_decommission_info")
    assert decommissioning("/datanode").status_code == decommissioning("/datanode?uuid=&ipAddress=").status_code == 400
    assert decommissioning(cluster=Cluster(at=AT)).status_code == 503
    assert decommissioning("/datanode?uuid=a", Cluster(at=AT)).status_code == 503


def test_blocks_to_be_deleted() -> None:
    app = following(cluster=Cluster(at=AT, scm_at=AT))
    assert ask(app, "/api/v1/blocks/deletePending").json() == java("blocks_deletePending")
    assert ask(app, "/api/v1/blocks/deletePending?limit=-1").status_code == 406
    assert ask(app, "/api/v1/blocks/deletePending?prevKey=-1").status_code == 406
    assert ask(following(), "/api/v1/blocks/deletePending").status_code == 503


def test_what_scm_has_still_to_delete() -> None:
    path = "/api/v1/pendingDeletion?component=%20ScM"
    summary = DeletedBlocksSummary(3, 5, 100, 300)
    found = ask(following(cluster=Cluster(at=AT, scm_at=AT, deleted_blocks=summary)), path).json()
    assert found == {"totalBlocksize": 100, "totalReplicatedBlockSize": 300, "totalBlocksCount": 5}
    assert found.keys() == java("pendingDeletion_component_scm").keys()
    assert ask(following(cluster=Cluster(at=AT, scm_at=AT)), path).status_code == 204
    unread = ask(following(cluster=Cluster(at=AT)), path).json()
    assert unread == ask(following(), path).json() == dict.fromkeys(found, -1)


READING = ClusterTask(SCM_SYNC, timestamp=AT - 700, began=AT - 700, running=True)


@pytest.mark.parametrize(
    ("task", "status", "phase", "finished", "duration", "error"),
    [
        (None, "IDLE", "NONE", 0, 0, None),
        (ClusterTask(SCM_SYNC), "IDLE", "NONE", 0, 0, None),
        (READING, "IN_PROGRESS", "DOWNLOADING_CHECKPOINT", 0, 700, None),
        (replace(READING, running=False, timestamp=AT - 200), "SUCCESS", "COMPLETED", AT - 200, 500, None),
        (replace(READING, running=False, timestamp=AT, error="no SCM"), "FAILED", "FAILED", AT, 700, "no SCM"),
        (replace(READING, running=False, timestamp=AT, error=STOPPED), "CANCELLED", "CANCELLED", AT, 700, STOPPED),
    ],
)
def test_how_reading_scm_goes(
    task: ClusterTask | None, status: str, phase: str, finished: int, duration: int, error: str | None
) -> None:
    cluster = Cluster(at=AT, tasks=(ClusterTask("Another", 1, 1), *((task,) if task else ())))
    app = following(cluster=cluster, ask_cluster=cast("AskCluster", refusing))
    found = ask(app, "/api/v1/triggerdbsync/scm/snapshot/status").json()
    assert found == {
        "status": status,
        "phase": phase,
        "startedAt": task.began if task else 0,
        "finishedAt": finished,
        "durationMs": duration,
        "cancelAllowed": status == "IN_PROGRESS",
        "lastError": error,
    }
    assert not lacking(java("triggerdbsync_scm_snapshot_status"), found | {"lastError": None})
    cancelled = ask(app, "/api/v1/triggerdbsync/scm/snapshot/cancel", "POST")
    assert (cancelled.status_code, cancelled.json()) == (
        409,
        {
            "cancelled": False,
            "status": status,
            "phase": phase,
            "message": "No SCM DB snapshot sync is running.",
        },
    )


async def refusing(request: ClusterRequest[Any]) -> Any:
    assert isinstance(request, Synchronise | StopSynchronising)
    return False


async def obeying(request: ClusterRequest[Any]) -> Any:
    assert isinstance(request, Synchronise | StopSynchronising)
    return True


def test_having_scm_read() -> None:
    for handler, status, accepted in ((obeying, 202, True), (refusing, 409, False)):
        app = following(cluster=Cluster(at=AT), ask_cluster=cast("AskCluster", handler))
        answer = ask(app, "/api/v1/triggerdbsync/scm/snapshot", "POST")
        assert answer.status_code == status
        assert (answer.json()["accepted"], answer.json()["status"]) == (accepted, "IN_PROGRESS")
        assert answer.json()["message"].startswith("SCM DB s")
    answer = ask(
        following(cluster=Cluster(at=AT), ask_cluster=cast("AskCluster", obeying)),
        "/api/v1/triggerdbsync/scm/snapshot/cancel",
        "POST",
    )
    assert (answer.status_code, answer.json()["cancelled"], answer.json()["phase"]) == (200, True, "CANCELLED")
    for path, method in (("", "POST"), ("/cancel", "POST"), ("/status", "GET")):
        assert ask(following(), f"/api/v1/triggerdbsync/scm/snapshot{path}", method).status_code == 503
