from fastapi import FastAPI
from tests.api.asking import ask

from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context
from ozone_recon.config import Config
from ozone_recon.store.manifest import TaskStatus


def app(**settings: str) -> FastAPI:
    config = Config.load(flags={f"hdds.prometheus.endpoint.{name}": value for name, value in settings.items()})
    return create_app(Context(config, lambda: [TaskStatus("NSSummaryTask", 1700, 42)], lambda: True))


def test_prom_counts_answers_by_route_and_status() -> None:
    mine = app()
    for path in ("/clusterState", "/clusterState", "/metrics/query", "/nothing"):
        ask(mine, "/api/v1" + path)
    text = ask(mine, "/prom").text
    counts = 'ozone_recon_http_request_seconds_count{route="%s",status="%d"} %d\n'
    assert counts % ("/api/v1/clusterState", 200, 2) in text
    assert counts % ("/api/v1/metrics/{api}", 502, 1) in text
    assert counts % ("none", 404, 1) in text
    assert 'recon_task_status_metrics_last_updated_seq_number{type="NSSummaryTask"} 42\n' in text


def test_prom_asks_for_its_token_and_can_be_off() -> None:
    assert ask(app(enabled="false"), "/prom").status_code == 404
    guarded = app(token="secret")
    assert ask(guarded, "/prom").status_code == 403
    assert ask(guarded, "/prom", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert ask(guarded, "/prom", headers={"Authorization": "Bearer secret"}).status_code == 200
