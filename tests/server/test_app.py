"""The whole server as a process of its own, on the sample."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.conftest import SAMPLE
from tests.server.serving import wait_until_ready

from ozone_recon.config import Config
from ozone_recon.errors import ConfigError, DataDirectoryBusy, ReconError
from ozone_recon.follow.om.origin import GivenPath
from ozone_recon.server.app import serve
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.generation import Generation

ROOT = Path(__file__).parents[2]


def config(port: int, data: Path) -> Config:
    return Config.load(
        flags={
            "ozone.recon.http-bind-host": "127.0.0.1",
            "ozone.recon.http-address": f"127.0.0.1:{port}",
            "ozone.recon.db.dir": str(data),
        }
    )


def serve_path(data: str, checkpoint: str) -> None:
    """What the server's process does."""
    serve(config(0, Path(data)), GivenPath(Path(checkpoint)), lambda url, _: print(url, flush=True))


@contextmanager
def running(data: Path, checkpoint: Path) -> Iterator[tuple[httpx.Client, "subprocess.Popen[str]"]]:
    program = "import sys; from tests.server.test_app import serve_path; serve_path(*sys.argv[1:])"
    command = [sys.executable, "-c", program, str(data), str(checkpoint)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            with httpx.Client(base_url=process.stdout.readline().strip(), timeout=30) as client:
                yield client, process
        finally:
            process.kill()


def stopped(process: "subprocess.Popen[str]", number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(20)


def test_it_answers_before_it_has_built(tmp_path: Path) -> None:
    pipe = tmp_path / "om.db.tar.gz"
    os.mkfifo(pipe)
    with running(tmp_path / "data", pipe) as (client, process):
        first = client.get("/api/v1/clusterState")
        assert first.status_code == 200
        assert first.headers["x-recon-generation"] == "none"
        pipe.write_bytes(SAMPLE.read_bytes())
        wait_until_ready(str(client.base_url))
        assert client.get("/api/v1/clusterState").json()["volumes"] > 0
        assert client.head("/api/v1/clusterState").content == b""
        with pytest.raises(DataDirectoryBusy):
            DataDirectory.lock(tmp_path / "data")
        assert stopped(process, signal.SIGINT) == 0


@pytest.mark.slow
def test_a_restart_and_a_swap_are_not_noticed(tmp_path: Path, sample_checkpoint: Path) -> None:
    with running(tmp_path / "data", sample_checkpoint) as (client, process):
        wait_until_ready(str(client.base_url))
        before = client.get("/api/v1/clusterState")
        assert stopped(process, signal.SIGTERM) == 0
    with running(tmp_path / "data", sample_checkpoint) as (client, process):
        wait_until_ready(str(client.base_url))
        assert client.get("/api/v1/clusterState").headers["etag"] == before.headers["etag"]
        assert client.get("/api/v1/triggerdbsync/om").json() is True
        etags: set[str] = set()
        while len(etags) < 2:
            answer = client.get("/api/v1/clusterState")
            assert answer.json() == before.json()
            etags.add(answer.headers["etag"])
        assert stopped(process, signal.SIGTERM) == 0


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            serve(config(port, tmp_path / "data"), GivenPath(tmp_path), lambda *_: None)


def test_a_path_that_is_no_checkpoint_ends_it(tmp_path: Path) -> None:
    with pytest.raises(ReconError, match="nowhere"):
        serve(config(0, tmp_path / "data"), GivenPath(tmp_path / "nowhere"), lambda *_: None)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_it_does_not_go_on_without_hearing_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(generation: Generation) -> None:
        raise MemoryError(generation.id)

    monkeypatch.setattr("ozone_recon.server.app.served_from", broken)
    with pytest.raises(MemoryError, match="0001"):
        serve(config(0, tmp_path / "data"), GivenPath(SAMPLE), lambda *_: None)
