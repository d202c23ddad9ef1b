"""The README's first command: `./run` in a fresh clone sets everything up and shows a cluster that lives."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.eventually import eventually
from tests.golden.captured import captured

ADDRESS = "http://127.0.0.1:9888/"
DATANODES = 12
KEYS = 20_000
QUESTION = "/keys/open/summary"
PATIENCE = 300
"""Seconds: at the first start all that is compiled once is compiled."""


def state() -> dict[str, Any]:
    """What is shown of the cluster; nothing as long as nothing is known."""
    answer = httpx.get(f"{ADDRESS}api/v1/clusterState", timeout=60)
    known: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return known


@contextmanager
def running(*command: str | Path) -> Iterator[list[str]]:
    """What the command says up to the line that says where it serves, and, once it was interrupted, to its end."""
    said: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            while not any(line.startswith("Serving on") for line in said):
                said.append(process.stderr.readline())
                assert said[-1], f"it ended before it served:\n{''.join(said)}"
            yield said
            process.send_signal(signal.SIGINT)
            said += process.stderr.readlines()
            assert process.wait(60) == 0
            assert "Traceback" not in "".join(said)
        finally:
            process.kill()


def watch() -> None:
    """Waits until the whole cluster is seen, and then that something has happened in it."""

    def whole() -> bool:
        return state().get("totalDatanodes") == DATANODES and state()["keys"] >= KEYS

    eventually(whole, "the whole cluster is seen", PATIENCE)
    before = state()
    assert before["healthyDatanodes"] > DATANODES / 2
    eventually(lambda: state()["keys"] != before["keys"], "keys are written and deleted", PATIENCE)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_fresh_clone_shows_a_cluster_and_installs_only_once(tmp_path: Path) -> None:
    socket.create_server(("127.0.0.1", 9888)).close()  # Says so when something else listens there.
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", Path(__file__).parents[1], clone], check=True)
    with running(clone / "run") as said:
        watch()
    assert "Installing" in "".join(said)
    with running(clone / "run") as said:
        watch()
    assert said[0] == "Creating the demo cluster\n"
    sample = (str(clone / "tests/data/sample-om.tar.gz"), "--data-dir", str(clone / "data/sample"))
    built = set((clone / "data" / "sample" / "generations").iterdir())
    with running(clone / "run", "open", *sample, "--port", "9888") as said:
        assert httpx.get(f"{ADDRESS}ready").status_code == 200
        (java,) = (answer.body for answer in captured() if answer.path == QUESTION)
        assert httpx.get(f"{ADDRESS}api/v1{QUESTION}").json() == java
    assert said == [f"Serving on {ADDRESS} (Ctrl-C stops)\n"]
    assert set((clone / "data" / "sample" / "generations").iterdir()) == built, "nothing is built again"
