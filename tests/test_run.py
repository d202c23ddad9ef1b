"""The README's first command: `./run` in a fresh clone sets everything up and serves; the next start builds nothing."""

import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from tests.golden.captured import captured

ADDRESS = "http://127.0.0.1:9888/"
QUESTION = "/keys/open/summary"


def served_until_interrupted(clone: Path) -> tuple[str, str]:
    """The name of what `./run` serves, and what it said."""
    with subprocess.Popen([clone / "run"], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            said = ""
            while f"Serving on {ADDRESS}" not in said:
                line = process.stderr.readline()
                assert line, f"./run ended before it served:\n{said}"
                said += line
            while (ready := httpx.get(ADDRESS + "ready")).status_code != 200:
                time.sleep(0.1)
            (java,) = (answer.body for answer in captured() if answer.path == QUESTION)
            assert httpx.get(f"{ADDRESS}api/v1{QUESTION}").json() == java
            process.send_signal(signal.SIGINT)
            said += process.stderr.read()
            assert process.wait() == 0
        finally:
            process.kill()
    return ready.json()["generation"], said


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_fresh_clone_runs_and_a_second_start_reuses_what_is_there(tmp_path: Path) -> None:
    socket.create_server(("127.0.0.1", 9888)).close()  # Says so when something else listens there.
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", Path(__file__).parents[1], clone], check=True)
    first, said = served_until_interrupted(clone)
    assert "Installing" in said
    second, said = served_until_interrupted(clone)
    assert second == first
    assert said == f"Serving on {ADDRESS} (Ctrl-C stops)\n"
