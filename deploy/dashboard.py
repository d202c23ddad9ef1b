"""Generates the Grafana dashboard deploy/dashboard.json: `python deploy/dashboard.py`. A test holds it equal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

PATH: Final = Path(__file__).with_suffix(".json")
_OURS: Final = 'instance=~"$instance"'
_SECONDS: Final = "ozone_recon_http_request_seconds"


class Panel(NamedTuple):
    """A graph; `OURS` in an expression becomes the selector of the chosen instances."""

    title: str
    unit: str
    lines: dict[str, str]
    """Expressions by legend; `{{label}}` in a legend is the label's value."""
    about: str = ""


ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Freshness": (
        Panel(
            "Data age",
            "s",
            {
                "OM": "ozone_recon_om_data_age_seconds{OURS}",
                "cluster": "ozone_recon_cluster_data_age_seconds{OURS}",
            },
            "Age of the served data. OM is polled every few seconds.",
        ),
        Panel("Changes behind OM", "short", {"changes": "ozone_recon_om_lag_changes{OURS}"}),
        Panel(
            "Changes applied",
            "short",
            {"per second": "clamp_min(deriv(ozone_recon_om_sequence_number{OURS}[5m]), 0)"},
        ),
        Panel(
            "Checkpoints needed",
            "short",
            {"{{cause}}": "increase(ozone_recon_om_checkpoints_needed_total{OURS}[1h]) > 0"},
            "In the last hour, because OM's changes could not be applied. Investigate more than one or two.",
        ),
        Panel(
            "Generations built", "short", {"from {{source}}": "increase(ozone_recon_om_generations_total{OURS}[5m])"}
        ),
        Panel("Last build", "s", {"{{stage}}": "topk(8, ozone_recon_om_build_seconds{OURS})"}, "Its longest stages."),
        Panel(
            "Failures",
            "short",
            {
                "OM, in a row": "ozone_recon_om_failures_in_a_row{OURS}",
                "SCM unreachable": "ozone_recon_scm_unreachable{OURS}",
                "{{task}}": "ozone_recon_task_failed{OURS} > 0",
                "disk full: {{data}}": "increase(ozone_recon_disk_full_total{OURS}[15m]) > 0",
            },
        ),
        Panel(
            "Rows of OM's database",
            "short",
            {
                "unreadable": "ozone_recon_om_unreadable_rows{OURS}",
                "conflicting": "ozone_recon_om_conflicting_rows{OURS}",
                "orphaned keys": "ozone_recon_om_orphaned_keys{OURS}",
            },
            "Rows that are skipped, directories that are shown empty, and keys that only a snapshot keeps.",
        ),
        Panel("Free disk space", "bytes", {"free": "ozone_recon_data_directory_free_bytes{OURS}"}),
    ),
    "Containers": (
        Panel("Unhealthy", "short", {"{{state}}": "ozone_recon_unhealthy_containers{OURS} > 0"}),
        Panel("All", "short", {"{{state}}": "ozone_recon_containers{OURS} > 0"}),
        Panel("Pipelines", "short", {"{{state}}": "ozone_recon_pipelines{OURS}"}),
        Panel(
            "Difference from SCM",
            "short",
            {
                "{{state}}": "ozone_recon_scm_drift_containers{OURS} != 0",
                "suspect": "ozone_recon_scm_suspect_containers{OURS}",
                "repaired per minute": "60 * rate(ozone_recon_scm_containers_repaired_total{OURS}[5m])",
            },
        ),
    ),
    "Datanodes": (
        Panel("Datanodes", "short", {"{{health}} {{state}}": "ozone_recon_datanodes{OURS}"}),
        Panel(
            "Disks",
            "bytes",
            {"{{what}}": "ozone_recon_storage_bytes{OURS}"},
            "Of the datanodes that are not dead, including replication.",
        ),
        Panel(
            "Datanode traffic",
            "short",
            {
                "heartbeats per second": "rate(ozone_recon_datanode_heartbeats_total{OURS}[5m])",
                "registrations per second": "rate(ozone_recon_datanode_registrations_total{OURS}[5m])",
                "rejected per second": "rate(ozone_recon_datanode_reports_refused_total{OURS}[5m])",
                "dropped per second": "rate(ozone_recon_datanode_heartbeats_dropped_total{OURS}[5m])",
            },
        ),
        Panel("Report queue", "bytes", {"waiting": "ozone_recon_datanode_reports_waiting_bytes{OURS}"}),
    ),
    "HTTP": (
        Panel("Requests per second", "reqps", {"{{status}}": f"sum by (status) (rate({_SECONDS}_count{{OURS}}[5m]))"}),
        Panel(
            "Response time percentiles",
            "s",
            {
                f"{share:.0%}": f"histogram_quantile({share}, sum by (le) (rate({_SECONDS}_bucket{{OURS}}[5m])))"
                for share in (0.5, 0.9, 0.99)
            },
        ),
        Panel(
            "Slowest routes",
            "s",
            {
                "{{route}}": f"topk(8, sum by (route) (rate({_SECONDS}_sum{{OURS}}[5m])) "
                f"/ sum by (route) (rate({_SECONDS}_count{{OURS}}[5m])))"
            },
            "Average response time.",
        ),
        Panel("Version", "short", {"{{version}}": "count by (version) (ozone_recon_build_info{OURS})"}),
    ),
}
_ACROSS, _HIGH = 4, 8
_WIDE: Final = 24 // _ACROSS
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}


def dashboard() -> str:
    """The text of deploy/dashboard.json."""
    variables = [
        {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        {
            "name": "instance",
            "label": "Recon",
            "type": "query",
            "datasource": _SOURCE,
            "query": "label_values(ozone_recon_build_info, instance)",
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "current": {"text": "All", "value": "$__all"},
        },
    ]
    content = {
        "title": "Ozone Recon",
        "uid": "ozone-recon",
        "tags": ["ozone"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": variables},
        "panels": list(_panels()),
    }
    return json.dumps(content, indent=1) + "\n"


def _panels() -> Iterator[dict[str, Any]]:
    numbers, top = count(1), 0
    for title, panels in ROWS.items():
        yield {
            "id": next(numbers),
            "type": "row",
            "title": title,
            "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
            "panels": [],
        }
        top += 1
        for at, panel in enumerate(panels):
            position = {"x": at % _ACROSS * _WIDE, "y": top + at // _ACROSS * _HIGH, "w": _WIDE, "h": _HIGH}
            yield _graph(panel) | {"id": next(numbers), "gridPos": position}
        top += -(-len(panels) // _ACROSS) * _HIGH


def _graph(panel: Panel) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "expr": expression.replace("OURS", _OURS),
                "legendFormat": name,
            }
            for number, (name, expression) in enumerate(panel.lines.items())
        ],
    }


if __name__ == "__main__":
    PATH.write_text(dashboard())
