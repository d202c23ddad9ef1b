"""The tool that starts real clusters: what its modes ha and secure promise, on small clusters without data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.real_cluster import needs_cluster
from tools.capture.sample import get
from tools.capture.scm import of_scm
from tools.cluster.real import RealCluster

from ozone_recon.errors import SourceError
from ozone_recon.sources.scm import Call, ScmClient

OM_PAGE = "http://localhost:9874/jmx"


@contextmanager
def up(home: Path, *options: str) -> Iterator[RealCluster]:
    cluster = RealCluster(home)
    try:
        cluster("up", *options)
        yield cluster
    finally:
        cluster("down", "--wipe")
    assert not home.exists()


def states(cluster: RealCluster) -> dict[str, str]:
    """Whether each server runs."""
    return {row.split()[0]: row.split()[1] for row in cluster("status").splitlines()}


@pytest.mark.parametrize("datanodes", [pytest.param(3, marks=needs_cluster("ha", 900))])
def test_of_three_oms_one_leads_and_another_can(datanodes: int, tmp_path: Path) -> None:
    with up(tmp_path / "ozone", "--mode", "ha", "--scms", "1", "--datanodes", str(datanodes)) as cluster:
        oms = {"om1", "om2", "om3"}
        servers = {*oms, "scm", *(f"dn{n}" for n in range(1, datanodes + 1))}
        assert {role for role, state in states(cluster).items() if state == "up"} == servers
        cluster.shell(["sh volume create /vol1"])
        first = cluster("leader", "om").strip()
        assert first in oms
        assert cluster("leader", "scm").strip() == "scm"
        cluster("stop", first)
        assert states(cluster)[first] == "down"
        cluster.shell(["sh volume info /vol1"])
        assert cluster("leader", "om").strip() in oms - {first}


@pytest.mark.parametrize("datanodes", [pytest.param(1, marks=needs_cluster("secure", 900))])
def test_a_secure_cluster_serves_its_users_and_nobody_else(datanodes: int, tmp_path: Path) -> None:
    async def information(call: Call) -> bytes:
        return await ScmClient(call).info()

    with up(tmp_path / "ozone", "--mode", "secure", "--datanodes", str(datanodes)) as cluster:
        cluster.shell(["sh volume create /vol1", "sh volume info /vol1"], "testuser")
        with pytest.raises(SystemExit, match="sh volume create /vol2"):
            cluster.shell(["sh volume create /vol2"], "testuser3")
        assert "PERMISSION_DENIED" in (cluster.home / "cli" / "err.log").read_text()
        with pytest.raises(SourceError, match="SIMPLE authentication is not enabled"):
            of_scm(information)
        assert get(OM_PAGE)[0] == 401
