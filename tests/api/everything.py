"""A server with an OM and a cluster, after failures of every kind, and a parser of its metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as read_text
from tests.api.cluster_answers import java
from tests.api.cluster_records import cluster_of
from tests.insights.cluster_samples import Container, cluster_generation, container
from tests.insights.om_samples import RandomDatabase, generation_of

from ozone_recon.api.context import Context, Served
from ozone_recon.build.insights import ROUNDS
from ozone_recon.config import Config
from ozone_recon.errors import CheckpointCause, CheckpointNeeded, NoSpace
from ozone_recon.follow.om.metrics import om_samples
from ozone_recon.follow.om.state import OmSyncState
from ozone_recon.model.cluster import ClusterTask
from ozone_recon.model.container_health import UnhealthyContainer, UnhealthyState
from ozone_recon.model.metrics import METRICS, MetricSample
from ozone_recon.model.scm import ContainerState
from ozone_recon.processes.status import ProcessState

COUNTERS = tuple(
    MetricSample(name, 3)
    for name in METRICS
    if name.startswith(
        (
            "ozone_recon_datanode_",
            "ozone_recon_datanodes_unknown",
            "ozone_recon_cluster_generation",
            "ozone_recon_scm_containers",
            "ozone_recon_scm_suspect_containers",
        )
    )
)


def full_context(directory: Path) -> Context:
    """Returns the context of a server with an OM and a cluster, after several failures."""
    state = OmSyncState(built=5, applied=3, lag=7).checkpoint_required(CheckpointNeeded(CheckpointCause.GAP, "purged"))
    state = state.began("checkpoint").failed(NoSpace("full"))
    config = Config.load(flags={"ozone.recon.db.dir": str(directory)})
    whole = Context(config, lambda: [state.snapshot], lambda: True, om_metrics=lambda: om_samples(state))
    om = generation_of(RandomDatabase(10).tables, directory / "om", rounds=ROUNDS)
    whole.serve(Served(om, "one", 77, 1, lambda *_: None, lambda: None))
    whole.cluster_generation = cluster_generation(
        directory / "scm",
        [container(1, 0), Container(2, ContainerState.OPEN)],
        unhealthy=[UnhealthyContainer(1, UnhealthyState.MISSING, 1, 3, 0)],
    )
    datanodes = java("datanodes")["datanodes"]
    whole.cluster = cluster_of(
        [*datanodes, datanodes[0] | {"state": "STALE"}],
        java("pipelines")["pipelines"],
        error="SCM is away",
        waiting_for=("dn1",),
        drift={"CLOSED": -2},
        tasks=(ClusterTask("PipelineSyncTask", error="SCM is away"),),
        counters=COUNTERS,
    )
    whole.processes = lambda: [ProcessState("worker-1", "hung", 77, "has not answered for 6 s", hung=1, ended=2)]
    whole.ask_cluster = lambda _: pytest.fail("nobody is asked")
    return whole


def samples(text: str, read: Any = read_text) -> dict[tuple[str, ...], float]:
    """Returns the value of each sample by its name and label values."""
    return {(one.name, *one.labels.values()): one.value for family in read(text) for one in family.samples}
