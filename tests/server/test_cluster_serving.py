"""A server that follows a cluster, with two processes that answer: all of them know what one is told."""

from __future__ import annotations

import gzip
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from tests.conftest import SAMPLE
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE
from tests.eventually import eventually
from tests.follow.cluster_world import World, a_world, registered, say
from tests.server.harm import cut, flip
from tests.server.serving import fresh, rest, running
from tests.sources.om_stand_in import chunked, om

from ozone_recon.cli.main import main


def settings(world: World, om_address: str, datanode_port: int, data: Path) -> list[object]:
    keys = {
        "ozone.om.http-address": om_address.removeprefix("http://"),
        "ozone.scm.client.address": f"127.0.0.1:{world.port}",
        "ozone.recon.datanode.address": f"127.0.0.1:{datanode_port}",
        "ozone.recon.datanode.bind.host": "127.0.0.1",
        "ozone.recon.task.pipelinesync.interval": "1s",
        "ozone.recon.http-bind-host": "127.0.0.1",
        "ozone.recon.http.process.count": 2,
    }
    given = [part for key, value in keys.items() for part in ("-D", f"{key}={value}")]
    return ["serve", "--data-dir", data, "--port", 0, *given]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_cluster_is_seen_and_asked_by_all_processes(tmp_path: Path) -> None:
    with a_world(tmp_path / "unused") as world, om(chunked(gzip.decompress(SAMPLE.read_bytes()))) as leader:
        there = world.settings()
        command = settings(world, leader.address, there.port, tmp_path / "data")
        with running(*command) as (address, process):

            def datanodes() -> Any:
                answer = fresh(address + "api/v1/datanodes")
                return answer.json()["datanodes"] if answer.status_code == 200 else []

            say(there, registered(NODE, 1, 2, 3))
            say(there, registered(OTHER_NODE, 1))
            eventually(lambda: [one.get("containers") for one in datanodes()] == [3, 1])
            eventually(lambda: fresh(address + "api/v1/clusterState").json()["volumes"])
            eventually(lambda: all(len(datanodes()) == 2 for _ in range(20)))
            state = eventually(lambda: (one := fresh(address + "api/v1/clusterState").json())["openContainers"] and one)
            assert (state["containers"], state["totalDatanodes"]) == (3, 2)
            for _ in range(20):
                body = httpx.put(
                    address + "api/v1/datanodes/remove", json=[NODE], headers={"Connection": "close"}
                ).json()
                assert body["datanodesResponseMap"]["failedDatanodes"]["totalCount"] == 1
            assert "datanode_heartbeats_total" in fresh(address + "prom").text
            assert rest(process, signal.SIGTERM)[0] == 0
        assert (tmp_path / "data" / "cluster" / "CURRENT").exists()


def test_a_taken_datanode_port_is_said(tmp_path: Path) -> None:
    with a_world(tmp_path / "unused") as world:
        command = settings(world, "http://localhost:1", world.port, tmp_path / "data")
        said = CliRunner().invoke(main, list(map(str, command)))
        assert said.exit_code == 2
        assert f"cannot listen on 127.0.0.1:{world.port}" in said.stderr
        assert "ozone.recon.datanode.address" in said.stderr


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("harm", [cut, Path.unlink, flip])
def test_it_recovers_from_damage_to_the_cluster_s_generation(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """The program restarts, and the cluster process builds its tables from SCM again."""
    data = tmp_path / "data"
    tar = chunked(gzip.decompress(SAMPLE.read_bytes()))
    with a_world(tmp_path / "unused") as world, om(tar, tar) as leader:
        there = world.settings()
        with running(*settings(world, leader.address, there.port, data)) as (address, process):
            assert process.stderr

            def containers() -> Any:
                with suppress(httpx.TransportError):
                    answer = fresh(address + "api/v1/clusterState")
                    return answer.status_code == 200 and answer.json()["containers"]
                return None

            say(there, registered(NODE, 1, 2, 3))
            eventually(lambda: containers() == 3)
            current = data / "cluster" / "CURRENT"
            eventually(current.exists)
            for path in (data / "cluster" / "generations" / current.read_text().strip()).glob("**/*.*"):
                if path.suffix != ".json" and path.stat().st_size:
                    harm(path)
            next(line for line in process.stderr if "restarting" in line)
            address = next(line for line in process.stderr if line.startswith("Serving on http://")).split()[2]
            eventually(lambda: containers() == 3)
            assert rest(process, signal.SIGTERM)[0] == 0
