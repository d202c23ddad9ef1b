"""What those who run the server watch: /health, /ready, /prom."""

import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from tests.api.asking import ask
from tests.api.everything import full_context, samples

from ozone_recon import __version__
from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context
from ozone_recon.config import Config
from ozone_recon.model.cluster import Cluster
from ozone_recon.model.metrics import METRICS
from ozone_recon.processes.status import ProcessState
from ozone_recon.store.manifest import TaskStatus


def context(**settings: str) -> Context:
    config = Config.load(flags={f"hdds.prometheus.endpoint.{name}": value for name, value in settings.items()})
    return Context(config, lambda: [TaskStatus("NSSummaryTask", 1700, 42)], lambda: True)


def app(**settings: str) -> FastAPI:
    return create_app(context(**settings))


@pytest.fixture
def everything(tmp_path: Path) -> Context:
    return full_context(tmp_path)


def test_prom_counts_answers_by_route_and_status() -> None:
    mine = app()
    for path in ("/clusterState", "/clusterState", "/metrics/query", "/nothing"):
        ask(mine, "/api/v1" + path)
    found = samples(ask(mine, "/prom").text)
    counts = {tuple(labels): value for (name, *labels), value in found.items() if name.endswith("_count")}
    assert counts == {
        ("/api/v1/clusterState", "200"): 2,
        ("/api/v1/metrics/{api}", "502"): 1,
        ("none", "404"): 1,
    }
    assert found["ozone_recon_http_request_seconds_bucket", "+Inf", "none", "404"] == 1
    assert found["ozone_recon_http_request_seconds_sum", "none", "404"] > 0
    assert found["recon_task_status_metrics_last_updated_seq_number", "NSSummaryTask"] == 42


def test_prom_tells_all_there_is(everything: Context) -> None:
    mine = create_app(everything)
    ask(mine, "/api/v1/volumes")
    text = ask(mine, "/prom").text
    families = {family.name: family for family in read_text(text)}
    named = {name.removesuffix("_total"): about for name, about in METRICS.items()}
    assert {name: family.type for name, family in families.items()} == {n: about.kind for n, about in named.items()}
    found = samples(text)
    prefix = "ozone_recon_"
    assert found[prefix + "om_sequence_number",] == 77
    assert found[prefix + "om_lag_changes",] == 7
    assert found[prefix + "om_failures_in_a_row",] == 1
    assert found[prefix + "om_data_age_seconds",] > 1e9
    assert found[prefix + "om_generations_total", "checkpoint"] == 2
    assert found[prefix + "om_generations_total", "changes"] == 3
    assert found[prefix + "om_checkpoints_needed_total", "gap"] == 1
    assert found[prefix + "om_checkpoints_needed_total", "another_om"] == 0
    assert found[prefix + "disk_full_total", "om"] == 1
    assert found[prefix + "task_failed", "OmSnapshotRequest"] == 1
    assert found[prefix + "task_failed", "PipelineSyncTask"] == 1
    assert found[prefix + "scm_unreachable",] == 1
    assert found[prefix + "scm_drift_containers", "CLOSED"] == -2
    assert found[prefix + "datanodes", "STALE", "IN_SERVICE"] == 1
    assert found[prefix + "datanodes_awaited",] == 1
    assert found[prefix + "containers", "OPEN"] == found[prefix + "containers", "CLOSED"] == 1
    assert found[prefix + "unhealthy_containers", "MISSING"] == 1
    assert found[prefix + "unhealthy_containers", "UNDER_REPLICATED"] == 0
    assert found[prefix + "datanode_heartbeats_total",] == 3


def test_prom_speaks_openmetrics_when_asked(everything: Context) -> None:
    answer = ask(create_app(everything), "/prom", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert samples(answer.text, read_openmetrics)["ozone_recon_om_sequence_number",] == 77


def test_prom_asks_for_its_token_and_can_be_off() -> None:
    assert ask(app(enabled="false"), "/prom").status_code == 404
    guarded = app(token="secret")
    assert ask(guarded, "/prom").status_code == 403
    assert ask(guarded, "/prom", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert ask(guarded, "/prom", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    modules = "ozone_recon.server.app, ozone_recon.server.worker, ozone_recon.api.application"
    code = f"import sys, {modules}; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'ozone_recon.api.routes.monitoring.probes'" in loaded
    assert "prometheus_client" not in loaded


def test_ready_says_what_is_missing(everything: Context) -> None:
    answer = ask(create_app(everything), "/ready")
    assert answer.status_code == 200
    assert answer.json()["generation"] == "one"
    assert everything.cluster_generation is not None
    assert answer.json()["clusterGeneration"] == everything.cluster_generation.id

    def missing() -> tuple[int, str]:
        answer = ask(create_app(everything), "/ready")
        return answer.status_code, answer.json()["message"]

    everything.cluster = Cluster(at=1, error="scm:9860 cannot be reached")
    assert missing() == (503, "SCM has not been read yet: retry later. scm:9860 cannot be reached")
    everything.cluster_generation, everything.served = None, None
    everything.activity = lambda: "Synchronising with OM."
    assert missing()[1].startswith("OM has not been read yet: retry later. Synchronising with OM. SCM has not")
    everything.ask_cluster = None
    assert missing()[1].endswith("Synchronising with OM.")


def test_health_says_that_the_process_answers() -> None:
    answer = ask(app(), "/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "OK")


def test_health_says_which_process_of_the_service_hangs_and_the_metrics_count_it(everything: Context) -> None:
    everything.processes = lambda: [
        ProcessState("worker-1", "hung", 77, "has not answered for 6 s", hung=1, ended=2),
        ProcessState("build", "stopped", 0),
    ]
    answer = ask(create_app(everything), "/health")
    assert answer.status_code == 200, "the first process answers, and is not to be restarted for it"
    assert answer.json() == {
        "status": "DEGRADED",
        "version": __version__,
        "processes": [
            {"name": "worker-1", "state": "hung", "pid": 77, "reason": "has not answered for 6 s", "replaced": 3},
            {"name": "build", "state": "stopped", "pid": 0, "reason": "", "replaced": 0},
        ],
    }
    found = samples(ask(create_app(everything), "/prom").text)
    assert found["ozone_recon_process_up", "worker-1"] == 0
    assert found["ozone_recon_process_up", "build"] == 1
    assert {key[:0:-1]: value for key, value in found.items() if key[0] == "ozone_recon_process_replaced_total"} == {
        ("worker-1", "hung"): 1,
        ("worker-1", "ended"): 2,
        ("build", "hung"): 0,
        ("build", "ended"): 0,
    }
