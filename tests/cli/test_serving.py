"""`serve` and `open` as separate processes, on the sample."""

import gzip
import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from tests.conftest import SAMPLE
from tests.server.serving import rest, running, wait_until_ready
from tests.sources.om_stand_in import chunked, om, status

from ozone_recon.cli.main import main


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_open_serves_what_it_has_built_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    with running("open", SAMPLE, "--data-dir", tmp_path, "--port", 0) as (address, process):
        wait_until_ready(address)
        asked = CliRunner().invoke(main, ["volumes", "--server", address, "--json"])
        assert (asked.exit_code, asked.stdout) == (0, local(tmp_path, "volumes"))
        code, said = rest(process, number)
    assert code == 0
    assert "Built a generation at sequence number" in said
    assert "Traceback" not in said


def local(data_dir: Path, *arguments: str) -> str:
    return CliRunner().invoke(main, [*arguments, "--data-dir", str(data_dir), "--json"]).stdout


def test_with_json_each_line_is_an_object(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ozone_recon", "open", str(SAMPLE), "--data-dir", str(tmp_path), "--port", "0"]
    keys = ("-D", "ozone.recon.log.format=json", "-D", "ozone.recon.http.process.count=2")
    with subprocess.Popen([*command, *keys], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        serving = json.loads(process.stderr.readline())
        address = serving["message"].removeprefix("serving on ")
        wait_until_ready(address)
        code, said = rest(process, signal.SIGINT)
    messages = [json.loads(line)["message"] for line in said.splitlines()]
    assert code == 0
    assert serving["level"] == "INFO"
    assert any(one.startswith("Built a generation at sequence number") for one in messages)


def test_a_second_start_builds_nothing(tmp_path: Path) -> None:
    CliRunner().invoke(main, ["open", str(SAMPLE), "--data-dir", str(tmp_path), "--no-serve"])
    with running("open", SAMPLE, "--data-dir", tmp_path, "--port", 0) as (address, process):
        wait_until_ready(address)
        assert rest(process, signal.SIGINT) == (0, "")


def test_serve_takes_its_data_from_the_leading_om(tmp_path: Path) -> None:
    tar = gzip.decompress(SAMPLE.read_bytes())
    with om(status("503 Service Unavailable")) as follower, om(chunked(tar[:10_000], b""), chunked(tar)) as leader:
        (tmp_path / "conf").mkdir()
        # Not the default port, on which the machine's own OM may listen.
        with socket.create_server(("127.0.0.1", 0)) as free:
            nobody = f"127.0.0.1:{free.getsockname()[1]}"
        keys = {
            "ozone.om.service.ids": "om",
            "ozone.om.nodes.om": "a,b",
            "ozone.om.address.om.a": nobody,
            "ozone.om.address.om.b": nobody,
            "ozone.om.http-address.om.a": follower.address.removeprefix("http://"),
            "ozone.om.http-address.om.b": leader.address.removeprefix("http://"),
            "ozone.recon.db.dir": tmp_path / "data",
            "ozone.recon.om.checkpoint.retry.pause": "1ms",
            "ozone.recon.om.snapshot.task.interval.delay": "10h",
            "ozone.recon.http-bind-host": "127.0.0.1",
        }
        rows = "".join(f"<property><name>{key}</name><value>{value}</value></property>" for key, value in keys.items())
        (tmp_path / "conf" / "ozone-site.xml").write_text(f"<configuration>{rows}</configuration>")
        with running("serve", "--conf-dir", tmp_path / "conf", "--port", 0) as (address, process):
            wait_until_ready(address)
            asked = CliRunner().invoke(main, ["volumes", "--json"], env={"OZONE_RECON_SERVER": address})
            assert '"totalCount": 5' in asked.stdout
            assert rest(process, signal.SIGTERM)[0] == 0
        assert len(leader.requests) == 2
    assert CliRunner().invoke(main, ["volumes", "--conf-dir", str(tmp_path / "conf")]).exit_code == 0


def test_a_checkpoint_that_cannot_be_built_ends_the_server(tmp_path: Path) -> None:
    (tmp_path / "not-a-checkpoint.tar").write_bytes(b"hello")
    with running("open", tmp_path / "not-a-checkpoint.tar", "--data-dir", tmp_path / "data", "--port", 0) as (
        _,
        process,
    ):
        assert process.stderr
        said = process.stderr.read()
        assert process.wait() == 6
    assert said.count("is not a tar") == 1


@pytest.mark.parametrize("arguments", [["--port", "99999"], ["-D", "ozone.http.policy=HTTPS_ONLY"], ["-D", "x"], []])
def test_what_cannot_be_served_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    data = ["--data-dir", str(tmp_path)] if arguments else []
    assert CliRunner().invoke(main, ["serve", *data, *arguments]).exit_code == 2


@pytest.mark.parametrize(("name", "told"), [("nothing", "no such file or directory"), ("", "not an OM checkpoint")])
def test_open_listens_only_if_there_is_a_checkpoint(tmp_path: Path, name: str, told: str) -> None:
    command = [sys.executable, "-m", "ozone_recon", "open", str(tmp_path / name), "--data-dir", str(tmp_path / "data")]
    done = subprocess.run([*command, "--port", "0"], capture_output=True, text=True)
    assert done.returncode == 6
    assert told in done.stderr
    assert "Serving" not in done.stderr


def test_serve_refuses_a_checkpoint_with_an_empty_manifest(tmp_path: Path, sample_checkpoint: Path) -> None:
    """It would be served as an empty cluster."""
    shutil.copytree(sample_checkpoint, tmp_path / "broken")
    for manifest in (tmp_path / "broken").glob("MANIFEST-*"):
        manifest.write_bytes(b"")
    broken = io.BytesIO()
    with tarfile.open(fileobj=broken, mode="w") as tar:
        tar.add(tmp_path / "broken", arcname="")
    with om(*[chunked(broken.getvalue())] * 20) as leader:
        keys = {
            "ozone.om.http-address": leader.address.removeprefix("http://"),
            "ozone.recon.om.checkpoint.retry.pause": "1ms",
            "ozone.recon.http-bind-host": "127.0.0.1",
        }
        flags = [part for key, value in keys.items() for part in ("-D", f"{key}={value}")]
        with running("serve", "--data-dir", tmp_path / "data", "--port", 0, *flags) as (address, process):
            assert process.stderr
            assert "the MANIFEST is empty or truncated" in next(line for line in process.stderr if "MANIFEST" in line)
            assert httpx.get(address + "ready").status_code == 503
        assert not (tmp_path / "data" / "CURRENT").exists()


def test_without_a_web_server_the_data_is_kept_current_all_the_same(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "ozone_recon", "open", SAMPLE, "--data-dir", tmp_path, "--port", port]
        keys = ("-D", "ozone.recon.http.enabled=false", "-D", "ozone.http.policy=HTTP_AND_HTTPS")
        with subprocess.Popen([*map(str, command), *keys], stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr
            assert "no port (ozone.recon.http.enabled=false)" in process.stderr.readline()
            assert any("Built a generation" in line for line in process.stderr)
            assert rest(process, signal.SIGTERM) == (0, "")
