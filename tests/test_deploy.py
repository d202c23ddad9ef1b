"""The alert rules and the dashboard select existing metrics, and docs/operations.md documents all of them."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.api.asking import ask
from tests.api.everything import full_context

from ozone_recon.api.application import create_app
from ozone_recon.errors import CheckpointCause
from ozone_recon.model.metrics import METRICS

ROOT = Path(__file__).parents[1]
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((ROOT / "deploy/alerts.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "deploy/dashboard.json").read_text())
LINES = [(panel["title"], line) for panel in DASHBOARD["panels"] for line in panel.get("targets", ())]
OPERATIONS = (ROOT / "docs/operations.md").read_text()
OF_PROMETHEUS = {"instance": "recon:9888"}
"""Labels that Prometheus adds."""

Labels = dict[str, str]


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Labels]]:
    """The labels of each sample of a server with a value for every metric, by metric name."""
    app = create_app(full_context(tmp_path_factory.mktemp("everything")))
    for path in ("/api/v1/volumes", "/api/v1/containers/no-number/keys"):
        ask(app, path)
    labels: dict[str, list[Labels]] = {}
    for family in text_string_to_metric_families(ask(app, "/prom").text):
        for sample in family.samples:
            labels.setdefault(sample.name, []).append(sample.labels | OF_PROMETHEUS)
    return labels


def selectors(expression: str) -> Iterator[promql_parser.VectorSelector]:
    """The selectors of a PromQL expression."""
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.MatrixSelector):
            node = node.vector_selector
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), pre_visit=visit)
    assert found
    return iter(found)


def matches(selector: promql_parser.VectorSelector, labels: Labels) -> bool:
    """Whether a sample with these labels is selected."""
    for matcher in selector.matchers.matchers:
        value = labels[matcher.name]
        if matcher.op == promql_parser.MatchOp.Re:
            if not re.fullmatch(matcher.value, value):
                return False
        elif matcher.op != promql_parser.MatchOp.Equal or matcher.value != value:
            return False
    return True


def unmatched(expression: str, exposed: dict[str, list[Labels]]) -> list[str]:
    """The selectors of an expression that match no sample."""
    return [
        str(one)
        for one in selectors(expression)
        if not any(matches(one, labels) for labels in exposed.get(one.name or "", ()))
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_select_existing_metrics(rule: dict[str, Any], exposed: dict[str, list[Labels]]) -> None:
    exposed = exposed | {"ozone_recon_http_request_seconds_count": [{"status": "500", "route": "/any"}]}
    assert unmatched(rule["expr"], exposed) == []
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    metric = next(selectors(rule["expr"])).name or ""
    assert named <= {"instance", *METRICS[re.sub("_(count|bucket)$", "", metric)].labels}


@pytest.mark.parametrize(("title", "line"), LINES, ids=[f"{title} {line['refId']}" for title, line in LINES])
def test_the_dashboard_selects_existing_metrics(
    title: str, line: dict[str, str], exposed: dict[str, list[Labels]]
) -> None:
    assert unmatched(line["expr"].replace("$instance", ".*"), exposed) == []
    named = set(re.findall(r"{{(\w+)}}", line["legendFormat"]))
    metric = next(selectors(line["expr"].replace("$instance", ".*"))).name or ""
    assert named <= set(METRICS[re.sub("_(count|sum|bucket)$", "", metric)].labels), title


def test_the_dashboard_is_generated() -> None:
    generated = runpy.run_path(str(ROOT / "deploy/dashboard.py"))["dashboard"]()
    assert (ROOT / "deploy/dashboard.json").read_text() == generated, "run: python deploy/dashboard.py"


def test_panels_do_not_overlap_and_have_unique_ids() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        squares = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not squares & taken
        assert max(x for x, _ in squares) < 24
        taken |= squares
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_no_external_urls() -> None:
    for name in ("alerts.yml", "dashboard.json"):
        assert "://" not in (ROOT / "deploy" / name).read_text()


def test_every_metric_is_used() -> None:
    """All metrics of our own are in the dashboard or an alert, except those listed here."""
    asked = {
        re.sub("_(count|sum|bucket)$", "", one.name or "")
        for expression in [rule["expr"] for rule in RULES] + [line["expr"] for _, line in LINES]
        for one in selectors(expression.replace("$instance", ".*"))
    }
    unused = {name for name in METRICS.keys() - asked if name.startswith("ozone_recon_")}
    assert unused == {
        "ozone_recon_scm_data_age_seconds",
        "ozone_recon_datanodes_awaited",
        "ozone_recon_datanodes_unknown",
        "ozone_recon_datanode_reports_waiting",
        "ozone_recon_cluster_generations_total",
        "ozone_recon_cluster_generation_seconds",
    }


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_documented(name: str) -> None:
    about = METRICS[name]
    labels = ", ".join(f"`{label}`" for label in about.labels)
    row = f"| `{name}` | {about.kind} | {labels} | {about.meaning} |"
    assert row in OPERATIONS.splitlines(), row


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_has_its_cause_and_remedy(rule: dict[str, Any]) -> None:
    assert re.search(rf"^### {rule['alert']}\n\n", OPERATIONS, re.MULTILINE)


def test_every_cause_of_a_checkpoint_is_documented() -> None:
    for cause in CheckpointCause:
        assert f"| {cause.value} |" in OPERATIONS
