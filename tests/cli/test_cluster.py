"""The cluster commands, run against a server that follows a cluster with failures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.server.serving import free_port
from tests.ui.followed import HEALTH, HOSTS, following, tables
from tests.ui.watching import ask

from ozone_recon.cli.main import main
from ozone_recon.store.generation import Generation


@pytest.fixture(scope="module")
def server(sample: Generation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    held = tables(tmp_path_factory.mktemp("cluster") / "tables")
    with following(sample, held, free_port()) as server:
        yield server.address


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def rows(*arguments: str) -> list[list[str]]:
    done = run(*arguments)
    assert done.exit_code == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()[1:]]


@pytest.mark.parametrize(
    ("command", "route"),
    [
        (["unhealthy"], "containers/unhealthy"),
        (["unhealthy", "MISSING"], "containers/unhealthy/MISSING"),
        (["datanodes"], "datanodes"),
    ],
)
def test_json_is_the_routes_answer(server: str, command: list[str], route: str) -> None:
    told: Any = json.loads(run(*command, "--server", server, "--json").stdout)
    assert told == ask(server, route)


def test_unhealthy_containers_have_a_row_each_and_pages_lead_on(server: str) -> None:
    answer = ask(server, "containers/unhealthy")
    told = rows("unhealthy", "--server", server)
    shown = [(int(cells[0]), cells[1]) for cells in told[: len(answer["containers"])]]
    assert shown == [(row["containerID"], row["containerState"]) for row in answer["containers"]]
    assert f"{answer['underReplicatedCount']} under-replicated," in " ".join(told[-2])
    paged: list[int] = []
    after = "0"
    while page := json.loads(run("unhealthy", "--limit", "7", "--after", after, "--server", server, "--json").stdout)[
        "containers"
    ]:
        paged += [row["containerID"] for row in page]
        after = str(paged[-1])
    assert paged == [row["containerID"] for row in answer["containers"]]
    assert any(cells[-2] == "--after" for cells in rows("unhealthy", "--limit", "7", "--server", server))


def test_a_state_that_there_is_not_is_told_by_the_code(server: str) -> None:
    done = run("unhealthy", "TIRED", "--server", server)
    assert done.exit_code == 2
    assert "MISSING" in done.stderr


def test_datanodes_and_pipelines_have_a_row_each(server: str) -> None:
    told = {cells[0]: cells for cells in rows("datanodes", "--server", server)}
    assert set(HOSTS) <= set(told)
    assert {host: told[host][1] for host in HEALTH} == HEALTH
    known = ask(server, "pipelines")["pipelines"]
    shown = rows("pipelines", "--server", server)[: len(known)]
    assert [cells[:2] for cells in shown] == [[one["pipelineId"], one["status"]] for one in known]


def test_without_a_cluster_it_is_said_that_there_is_none(sample_checkpoint: Path, tmp_path: Path) -> None:
    done = run("datanodes", "--checkpoint", str(sample_checkpoint), "--data-dir", str(tmp_path))
    assert done.exit_code == 4
    assert "ozone-recon:" in done.stderr
