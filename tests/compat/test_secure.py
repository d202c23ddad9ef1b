"""Against a real Kerberized Ozone: ours takes Java Recon's place, lets in the same users, and survives a lost KDC."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.eventually import eventually
from tests.real_cluster import needs_cluster
from tools.cluster.real import RealCluster

OURS = "http://localhost:9888"
API = f"{OURS}/api/v1"
USERS = ("", "testuser", "testuser2", "testuser3", "recon", "dn")
"""Nobody, an administrator of Ozone, one of Recon, and three without rights."""
ACCESS = {
    "/api/v1/clusterState": (401, 200, 200, 403, 403, 403),
    "/api/v1/nothing": (401, 404, 404, 403, 403, 403),
    "/api/v1/cluster/generation": (401, 200, 200, 403, 200, 403),
    "/": (401, 200, 200, 200, 200, 200),
    "/index.html": (401, 200, 200, 200, 200, 200),
    "/prom": (401, 200, 200, 200, 200, 200),
    "/health": (200, 200, 200, 200, 200, 200),
}
"""Statuses by path and user: those of Java Recon, except for paths of our own (docs/compatibility.md)."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A cluster with sealed RPC and tickets of two minutes; the tests take longer than that."""
    ozone = RealCluster(tmp_path_factory.mktemp("secure") / "ozone")
    try:
        up(ozone, "privacy")
        yield ozone
    finally:
        ozone("down", "--wipe")


def up(cluster: RealCluster, protection: str) -> None:
    cluster("up", "--mode", "secure", "--datanodes", "1", "--protection", protection, "--lifetime", "2m")


@contextmanager
def recon(cluster: RealCluster, data: Path) -> Iterator[Path]:
    """Ours in Java Recon's place: with its configuration, unchanged. Yields its log."""
    command = [sys.executable, "-m", "ozone_recon", "serve", "--data-dir", str(data)]
    environment = {**os.environ, "KRB5_CONFIG": str(cluster.home / "kdc" / "krb5.conf")}
    log = data.parent / "recon.log"
    with log.open("ab") as out:
        conf = ["--conf-dir", str(cluster.home / "recon" / "conf")]
        process = subprocess.Popen([*command, *conf], env=environment, stdout=out, stderr=out)
    try:
        yield log
    finally:
        process.terminate()
        process.wait(30)


def curl(cluster: RealCluster, url: str, *options: str, user: str = "testuser") -> str:
    """What curl prints for a user with a ticket, for an anonymous one if `user` is empty; nothing without a server."""
    command = ["curl", "-s", *options, url]
    if user:
        with suppress(subprocess.CalledProcessError):
            return cluster("exec", user, *command, "--negotiate", "-u", ":")
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def status(cluster: RealCluster, path: str, user: str) -> int:
    return int(curl(cluster, OURS + path, "-o", "/dev/null", "-w", "%{http_code}", user=user))


def answer(cluster: RealCluster, path: str) -> dict[str, Any]:
    """The answer to an administrator; an error's message while there is none, or nothing."""
    body = curl(cluster, API + path)
    found: dict[str, Any] = json.loads(body) if body else {}
    return found


def state(cluster: RealCluster) -> dict[str, Any]:
    return answer(cluster, "/clusterState")


def put(cluster: RealCluster, *names: str) -> None:
    """Writes keys."""
    file = cluster.home / "file"
    file.write_bytes(bytes(1000))
    cluster.shell([f"sh key put -t RATIS -r ONE /vol1/bucket1/{name} {file}" for name in names], "testuser")


def message_of_ready(cluster: RealCluster) -> str:
    done = curl(cluster, f"{OURS}/ready", user="")
    return str(json.loads(done).get("message", "")) if done else ""


@pytest.mark.parametrize("scenario", [pytest.param("whole", marks=needs_cluster("secure", 1500))])
def test_ours_takes_java_recons_place(cluster: RealCluster, scenario: str, tmp_path: Path) -> None:
    assert scenario == "whole"
    cluster.shell(["sh volume create /vol1", "sh bucket create /vol1/bucket1"], "testuser")
    put(cluster, "key1", "key2")
    cluster("stop", "kdc")
    with recon(cluster, tmp_path / "data") as log:
        assert eventually(lambda: "KDC" in message_of_ready(cluster), "it says what is wrong, and goes on")
        cluster("start", "kdc")
        assert eventually(lambda: state(cluster).get("keys") == 2)
        assert eventually(lambda: state(cluster).get("healthyDatanodes") == 1)
        found = {path: tuple(status(cluster, path, user) for user in USERS) for path in ACCESS}
        assert found == ACCESS
        put(cluster, "key3")
        assert eventually(lambda: state(cluster).get("keys") == 3)
        assert "Traceback" not in log.read_text()
    for number, protection in enumerate(("integrity", "authentication"), 4):
        for role in ("dn1", "om", "scm"):
            cluster("stop", role)
        up(cluster, protection)
        with recon(cluster, tmp_path / "data"):
            assert eventually(lambda: state(cluster).get("healthyDatanodes") == 1)
            put(cluster, f"key{number}")
            assert eventually(partial(has_keys, cluster, number))
            pending = eventually(lambda: finished_query(cluster))
            assert pending["totalNodeQueriesFailed"] == 0


def has_keys(cluster: RealCluster, number: int) -> bool:
    return state(cluster).get("keys") == number


def finished_query(cluster: RealCluster) -> dict[str, Any]:
    """The datanodes' pending deletions, which need a login at each; empty while they are being asked."""
    found = answer(cluster, "/pendingDeletion?component=dn")
    return found if found.get("status") == "FINISHED" else {}
