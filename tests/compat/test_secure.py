"""Against a real Kerberized Ozone: ours takes Java Recon's place, lets in the same users, and survives a lost KDC."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.eventually import eventually
from tests.real_cluster import needs_cluster
from tools.capture.sample import get
from tools.capture.scm import of_scm
from tools.cluster.real import RealCluster

from ozone_recon.errors import SourceError
from ozone_recon.sources.scm import Call, ScmClient

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
    """A cluster with sealed RPC and tickets of three minutes; the tests take longer."""
    ozone = RealCluster(tmp_path_factory.mktemp("secure") / "ozone")
    try:
        up(ozone, "privacy")
        yield ozone
    finally:
        ozone("down", "--wipe")


def up(cluster: RealCluster, protection: str) -> None:
    cluster("up", "--mode", "secure", "--datanodes", "1", "--protection", protection, "--lifetime", "3m")


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
    check_it_is_secure(cluster)
    put(cluster, "key1", "key2")
    cluster("stop", "kdc")
    with recon(cluster, tmp_path / "data") as log:
        assert eventually(lambda: "KDC" in message_of_ready(cluster), "it says what is wrong, and goes on")
        cluster("start", "kdc")
        assert eventually(partial(shows, cluster, "keys", 2))
        assert eventually(partial(shows, cluster, "healthyDatanodes", 1))
        found = {path: tuple(status(cluster, path, user) for user in USERS) for path in ACCESS}
        assert found == ACCESS
        put(cluster, "key3")
        assert eventually(partial(shows, cluster, "keys", 3))
        lose_the_kdc(cluster, tmp_path / "cookies")
        for first in range(14, 303, 100):  # each in a session of its own, for a session ends with its ticket
            put(cluster, *(f"key{number}" for number in range(first, min(first + 100, 303))))
        assert eventually(partial(shows, cluster, "keys", 302))
        for role, healthy in (("dn1", 0), ("om", 1)):
            cluster("stop", role)
            assert eventually(partial(shows, cluster, "healthyDatanodes", healthy))
            cluster("start", role)
            assert eventually(partial(shows, cluster, "healthyDatanodes", 1))
        put(cluster, "key303")
        assert eventually(partial(shows, cluster, "keys", 303), "OM is followed after its restart")
        assert "Traceback" not in log.read_text()
    for number, protection in enumerate(("integrity", "authentication"), 304):
        for role in ("dn1", "om", "scm"):
            cluster("stop", role)
        up(cluster, protection)
        with recon(cluster, tmp_path / "data"):
            assert eventually(partial(shows, cluster, "healthyDatanodes", 1))
            put(cluster, f"key{number}")
            assert eventually(partial(shows, cluster, "keys", number))
            pending = eventually(lambda: finished_query(cluster))
            assert pending["totalNodeQueriesFailed"] == 0


def check_it_is_secure(cluster: RealCluster) -> None:
    """The cluster serves its users, and nobody else."""

    async def information(call: Call) -> bytes:
        return await ScmClient(call).info()

    with pytest.raises(SystemExit, match="sh volume create /vol2"):
        cluster.shell(["sh volume create /vol2"], "testuser3")
    assert "PERMISSION_DENIED" in (cluster.home / "cli" / "err.log").read_text()
    with pytest.raises(SourceError, match="SIMPLE authentication is not enabled"):
        of_scm(information)
    assert get("http://localhost:9874/jmx")[0] == 401


def lose_the_kdc(cluster: RealCluster, cookies: Path) -> None:
    """The KDC stops while a client writes key4 to key13: connections and cookies outlive it."""
    curl(cluster, f"{API}/clusterState", "-c", str(cookies))
    file = cluster.home / "file"
    puts = [f"sh key put -t RATIS -r ONE /vol1/bucket1/key{number} {file}" for number in range(4, 14)]
    with ThreadPoolExecutor() as pool:
        # Without pauses of ten seconds, after which the client would close its connection and need a KDC.
        writing = pool.submit(cluster.shell, [line for put in puts for line in (put, "sleep 3")], "testuser")
        assert eventually(lambda: keys_by_cookie(cookies) > 3)
        cluster("stop", "kdc")
        seen = keys_by_cookie(cookies)
        assert eventually(lambda: keys_by_cookie(cookies) > seen, "OM is followed without a KDC")
        cluster("start", "kdc")
        writing.result()
    assert eventually(lambda: keys_by_cookie(cookies) == 13)


def keys_by_cookie(cookies: Path) -> int:
    """What a client without a ticket sees, by the cookie of an earlier login."""
    body = subprocess.run(["curl", "-s", "-b", cookies, f"{API}/clusterState"], capture_output=True, check=False).stdout
    return int(json.loads(body).get("keys", -1)) if body else -1


def shows(cluster: RealCluster, name: str, number: int) -> bool:
    return state(cluster).get(name) == number


def finished_query(cluster: RealCluster) -> dict[str, Any]:
    """The datanodes' pending deletions, which need a login at each; empty while they are being asked."""
    found = answer(cluster, "/pendingDeletion?component=dn")
    return found if found.get("status") == "FINISHED" else {}
