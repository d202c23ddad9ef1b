"""The REST API as first documented, before 2.2.0: every field of it still exists under its old name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from tests.api.asking import ask
from tests.api.everything import full_context

from ozone_recon.api.application import create_app

REPLICA = "containerId datanodeHost firstReportTimestamp lastReportTimestamp"
UNHEALTHY = (
    "missingCount underReplicatedCount overReplicatedCount misReplicatedCount containers/containerID "
    "containers/containerState containers/unhealthySince containers/expectedReplicaCount "
    "containers/actualReplicaCount containers/replicaDeltaCount containers/reason containers/keys "
    "containers/pipelineID " + " ".join(f"containers/replicas/{name}" for name in REPLICA.split())
)
DOCUMENTED = {
    "/containers?prevKey=0&limit=10": "data/totalCount data/containers/ContainerID data/containers/NumberOfKeys",
    "/containers/1/keys?prevKey=&limit=10": "totalCount keys/Volume keys/Bucket keys/Key keys/DataSize keys/Versions "
    "keys/Blocks keys/CreationTime keys/ModificationTime",
    "/containers/missing": "totalCount containers/containerID containers/missingSince containers/keys "
    "containers/pipelineID " + " ".join(f"containers/replicas/{name}" for name in REPLICA.split()),
    "/containers/1/replicaHistory": REPLICA,
    "/containers/unhealthy?batchNum=1&limit=10": UNHEALTHY,
    "/containers/unhealthy/MISSING?batchNum=1&limit=10": UNHEALTHY,
    "/clusterState": "pipelines totalDatanodes healthyDatanodes storageReport/capacity storageReport/used "
    "storageReport/remaining containers volumes buckets keys",
    "/datanodes": "totalCount datanodes/uuid datanodes/hostname datanodes/state datanodes/lastHeartbeat "
    "datanodes/storageReport/capacity datanodes/storageReport/used datanodes/storageReport/remaining "
    "datanodes/pipelines/pipelineID datanodes/pipelines/replicationType datanodes/pipelines/replicationFactor "
    "datanodes/pipelines/leaderNode datanodes/containers datanodes/leaderCount",
    "/pipelines": "totalCount pipelines/pipelineId pipelines/status pipelines/leaderNode pipelines/datanodes "
    "pipelines/lastLeaderElection pipelines/duration pipelines/leaderElections pipelines/replicationType "
    "pipelines/replicationFactor pipelines/containers",
    "/task/status": "taskName lastUpdatedTimestamp lastUpdatedSeqNumber",
    "/utilization/fileCount": "volume bucket fileSize count",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(full_context(tmp_path_factory.mktemp("everything")))


def named(answer: Any, at: str = "") -> Iterator[str]:
    """Yields the path of every field."""
    if isinstance(answer, list):
        for one in answer:
            yield from named(one, at)
    elif isinstance(answer, dict):
        for name, one in answer.items():
            yield at + name
            yield from named(one, f"{at}{name}/")


@pytest.mark.parametrize("path", DOCUMENTED)
def test_every_field_is_there(app: FastAPI, path: str) -> None:
    answer = ask(app, f"/api/v1{path}")
    assert answer.status_code == 200
    assert set(DOCUMENTED[path].split()) <= set(named(answer.json()))
