"""Space used in OM and by datanode, and bytes pending deletion on datanodes."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tests.api.asking import ask
from tests.api.cluster_answers import following, java, lacking
from tests.api.cluster_records import AT, cluster_of, details
from tests.insights.cluster_samples import Container, cluster_generation
from tests.insights.om_samples import RandomDatabase, generation_of

from ozone_recon.api.context import AskCluster
from ozone_recon.insights.size_bins import CONTAINER_UPPER_BOUNDS
from ozone_recon.model.cluster import Cluster, Datanode
from ozone_recon.model.requests import ClusterRequest, GetPendingBlocks, PendingBlocks
from ozone_recon.model.scm import ScmInfo

ROWS = java("datanodes")["datanodes"]
DEAD = ROWS[0] | {"state": "DEAD", "uuid": "dead", "hostname": "dead-host"}
CLUSTER = cluster_of([*ROWS, DEAD], scm=ScmInfo('CID-1234"', "scm", ()))
SILENT = Datanode(details("silent", "quiet"), "HEALTHY", "IN_SERVICE")


def saying(pending: PendingBlocks) -> AskCluster:
    async def answer(request: ClusterRequest[Any]) -> Any:
        assert isinstance(request, GetPendingBlocks)
        return pending

    return cast("AskCluster", answer)


def test_distribution(tmp_path: Path) -> None:
    om = generation_of(RandomDatabase(10).tables, tmp_path / "om")
    cluster = replace(CLUSTER, datanodes=(*CLUSTER.datanodes, SILENT))
    app = following(cluster=cluster, om=om)
    found = ask(app, "/api/v1/storageDistribution").json()
    assert not lacking(java("storageDistribution"), found)
    reports = [row["storageReport"] for row in (*ROWS, DEAD)]
    of = {
        name: sum(report[name] for report in reports) for name in reports[0] if "ame" not in name and "Uuid" not in name
    }
    assert found["globalStorage"] == {
        "totalFileSystemCapacity": of["capacity"] + of["reserved"],
        "totalReservedSpace": of["reserved"],
        "totalOzoneCapacity": of["capacity"],
        "totalOzoneUsedSpace": of["used"],
        "totalOzoneFreeSpace": of["remaining"],
        "totalOzoneCommittedSpace": of["committed"],
        "totalMinimumFreeSpace": of["minimumFreeSpace"],
    }
    assert [one["datanodeUuid"] for one in found["dataNodeUsage"]] == [row["uuid"] for row in (*ROWS, DEAD)]
    asked = {path: ask(app, f"/api/v1/{path}").json() for path in OF_OM}
    opened, uploads = (asked[path]["totalReplicatedDataSize"] for path in OF_OM[:2])
    finalized = asked["namespace/usage?path=/&replica=true"]["sizeWithReplica"]
    assert found["usedSpaceBreakdown"] == {
        "openKeyBytes": {
            "openKeyAndFileBytes": opened,
            "multipartOpenKeyBytes": uploads,
            "totalOpenKeyBytes": opened + uploads,
        },
        "finalizedKeyBytes": finalized,
    }
    assert found["globalNamespace"] == {
        "totalUsedSpace": asked["pendingDeletion?component=om"]["totalSize"] + opened + uploads + finalized,
        "totalKeys": asked["clusterState"]["keys"],
    }


OF_OM = (
    "keys/open/summary",
    "keys/open/mpu/summary",
    "namespace/usage?path=/&replica=true",
    "pendingDeletion?component=om",
    "clusterState",
)


def test_distribution_before_om_is_read() -> None:
    found = ask(following(cluster=CLUSTER), "/api/v1/storageDistribution").json()
    assert set(found["globalNamespace"].values()) == {-1}
    assert found["usedSpaceBreakdown"]["finalizedKeyBytes"] == -1
    assert ask(following(), "/api/v1/storageDistribution").status_code == 503


def test_quota_of_the_root_is_the_capacity_of_what_lives(tmp_path: Path) -> None:
    om = generation_of(RandomDatabase(10).tables, tmp_path / "om")
    found = ask(following(cluster=CLUSTER, om=om), "/api/v1/namespace/quota?path=/").json()
    assert found["allowed"] == sum(row["storageReport"]["capacity"] for row in ROWS)
    assert ask(following(om=om), "/api/v1/namespace/quota?path=/").json()["allowed"] == 0


def test_pending_deletion_of_datanodes() -> None:
    path = "/api/v1/pendingDeletion?component=DN"
    pending = PendingBlocks({ROWS[0]["uuid"]: 5, "dead": -1, ROWS[1]["uuid"]: 7}, AT, polling=True)
    app = following(cluster=CLUSTER, ask_cluster=saying(pending))
    found = ask(app, path).json()
    assert found == {
        "status": "FINISHED",
        "totalPendingDeletionSize": 12,
        "pendingDeletionPerDataNode": [
            {"hostName": "localhost", "datanodeUuid": ROWS[1]["uuid"], "pendingBlockSize": 7},
            {"hostName": "localhost", "datanodeUuid": ROWS[0]["uuid"], "pendingBlockSize": 5},
            {"hostName": "dead-host", "datanodeUuid": "dead", "pendingBlockSize": -1},
        ],
        "totalNodesQueried": 3,
        "totalNodeQueriesFailed": 1,
        "collectedAt": AT,
    }
    assert len(ask(app, f"{path}&limit=2").json()["pendingDeletionPerDataNode"]) == 2
    assert ask(app, f"{path}&limit=0").status_code == 400


def test_pending_deletion_before_datanodes_were_asked() -> None:
    nothing = {
        "totalPendingDeletionSize": None,
        "pendingDeletionPerDataNode": None,
        "totalNodesQueried": 0,
        "totalNodeQueriesFailed": 0,
    }
    for asking, status in ((True, "IN_PROGRESS"), (False, "NOT_STARTED")):
        app = following(cluster=CLUSTER, ask_cluster=saying(PendingBlocks(polling=asking)))
        for path in ("pendingDeletion?component=dn", "storageDistribution/download"):
            answer = ask(app, f"/api/v1/{path}")
            assert (answer.status_code, answer.json()) == (202, {"status": status, **nothing})
    for path in ("pendingDeletion?component=dn", "storageDistribution/download"):
        assert ask(following(), f"/api/v1/{path}").status_code == 503


def test_download() -> None:
    strange = replace(SILENT, details=details("silent", 'a,"b'))
    cluster = replace(CLUSTER, datanodes=(*CLUSTER.datanodes, strange))
    pending = PendingBlocks({ROWS[0]["uuid"]: 5, "dead": -1, ROWS[1]["uuid"]: 7}, AT)
    answer = ask(following(cluster=cluster, ask_cluster=saying(pending)), "/api/v1/storageDistribution/download")
    assert answer.headers["content-type"].startswith("text/csv")
    named = r'attachment; filename="Datanode_Insights_CID-1234_\d{8}_\d{4}Z.csv"'
    assert re.fullmatch(named, answer.headers["content-disposition"])
    assert answer.text.count("\r\n") == answer.text.count("\n") == 5
    heading, *rows = csv.reader(answer.text.splitlines())
    assert len(heading) == 12
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("localhost", ROWS[1]["uuid"], "7"),
        ("localhost", ROWS[0]["uuid"], "5"),
        ("dead-host", "dead", "-1"),
        ('a,"b', "silent", "-1"),
    ]
    report = ROWS[1]["storageReport"]
    names = ("filesystemCapacity", "filesystemUsed", "filesystemAvailable", "capacity", "used", "remaining")
    assert rows[0][2:11] == [str(report[name]) for name in (*names, "committed", "reserved", "minimumFreeSpace")]
    assert rows[3][2:] == ["-1"] * 10
    nameless = ask(
        following(cluster=Cluster(at=AT), ask_cluster=saying(pending)), "/api/v1/storageDistribution/download"
    )
    assert "_UnknownCluster_" in nameless.headers["content-disposition"]


def test_containers_by_size(tmp_path: Path) -> None:
    app = following(cluster_generation(tmp_path / "scm", [Container(1)], unhealthy=[]))
    path = "/api/v1/utilization/containerCount"
    counts = [{"containerSize": bound, "count": number % 3} for number, bound in enumerate(CONTAINER_UPPER_BOUNDS)]
    found = ask(app, path).json()
    assert not lacking(java("utilization_containerCount"), found)
    assert found == ask(app, f"{path}?containerSize=0").json() == [row for row in counts if row["count"]]
    for size, number in (
        (1, 1),
        (1 << 29, 1),
        ((1 << 29) + 1, 2),
        (1 << 50, -1),
        ((1 << 63) - 1, -1),
        ((1 << 50) - 1, -2),
    ):
        assert ask(app, f"{path}?containerSize={size}").json() == [counts[number]], size
    assert ask(app, f"{path}?containerSize=-1").status_code == 400
    assert ask(following(), path).status_code == 503
