"""Fixtures: a server on the sample, a server that follows a cluster, and Chromium."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.serving import free_port, serving_sample
from tests.ui.followed import Followed, cluster, following, healthy_tables, tables
from tests.ui.watching import watched

from ozone_recon.store.generation import Generation


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a ready `ozone-recon open` on the sample."""
    with serving_sample(tmp_path_factory.mktemp("data")) as address:
        yield address


@pytest.fixture(scope="session")
def cluster_tables(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """The tables of an unhealthy cluster."""
    return tables(tmp_path_factory.mktemp("cluster") / "tables")


@pytest.fixture(scope="session")
def healthy_cluster_tables(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """The tables of a healthy cluster."""
    return healthy_tables(tmp_path_factory.mktemp("healthy") / "tables")


@pytest.fixture(scope="session")
def cluster_server(sample: Generation, cluster_tables: Generation) -> Iterator[Followed]:
    """A server that follows this cluster, on the sample of an OM."""
    with following(sample, cluster_tables, free_port()) as server:
        yield server


@pytest.fixture
def followed(cluster_server: Followed, cluster_tables: Generation) -> Followed:
    """The same server, reset to its first cluster state."""
    cluster_server.knows(cluster(), cluster_tables)
    return cluster_server


@pytest.fixture
def page(chromium: Any, followed: Followed) -> Iterator[Any]:
    """A page of that server."""
    with watched(chromium, followed.address) as page:
        yield page


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """One Chromium for all tests; without Chromium they are skipped."""
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
