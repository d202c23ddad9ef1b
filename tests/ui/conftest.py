"""A real server on the sample, and a real Chromium before it."""

import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ui.followed import Followed, cluster, following, tables, well_tables
from tests.ui.watching import free_port, watched

from ozone_recon.store.generation import Generation

SAMPLE = Path(__file__).parents[1] / "data" / "sample-om.tar.gz"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `ozone-recon open` on the sample, ready to answer."""
    port = free_port()
    data = tmp_path_factory.mktemp("data")
    command = [sys.executable, "-m", "ozone_recon", "open", str(SAMPLE), "--data-dir", str(data), "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                assert process.poll() is None, f"the server ended with {process.returncode}"
                try:
                    with urllib.request.urlopen(f"{address}/ready", timeout=5) as answer:
                        if answer.status == 200:
                            break
                except OSError:
                    time.sleep(0.2)
            else:
                pytest.fail("the server was not ready within two minutes")
            yield address
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="session")
def held(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """The tables of a cluster in trouble."""
    return tables(tmp_path_factory.mktemp("cluster") / "tables")


@pytest.fixture(scope="session")
def held_well(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """The tables of a cluster in which nothing is wrong."""
    return well_tables(tmp_path_factory.mktemp("well") / "tables")


@pytest.fixture(scope="session")
def cluster_server(sample: Generation, held: Generation) -> Iterator[Followed]:
    """A server that follows this cluster, on the sample of an OM."""
    with following(sample, held, free_port()) as server:
        yield server


@pytest.fixture
def followed(cluster_server: Followed, held: Generation) -> Followed:
    """The same, knowing of the cluster what it knew at first."""
    cluster_server.knows(cluster(), held)
    return cluster_server


@pytest.fixture
def page(chromium: Any, followed: Followed) -> Iterator[Any]:
    """A page before that server."""
    with watched(chromium, followed.address) as page:
        yield page


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """One Chromium for all tests; where there is none, on a user's machine, they are skipped and say so."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-sync",
                "--disable-background-networking",
                "--disable-component-update",
            ],
        )
        yield browser
        browser.close()
