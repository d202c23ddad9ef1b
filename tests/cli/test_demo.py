"""The demo cluster alone: it prints its configuration directory, runs typed commands, and stops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ozone_recon.config import Config
from ozone_recon.sources.checkpoint.fetch import from_om


def test_a_cluster_alone(tmp_path: Path) -> None:
    options = ["--no-recon", "--free-ports", "--held", "--datanodes", "4", "--keys", "200", "--dir", str(tmp_path)]
    command = [sys.executable, "-m", "ozone_recon", "demo", *options, "--recon-port", "1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as cluster:
        assert cluster.stdin
        assert cluster.stdout
        assert cluster.stderr
        assert cluster.stdout.readline() == f"The cluster is ready: {tmp_path / 'conf'}\n"
        config = Config.load(tmp_path / "conf", {}, {})
        checkpoint = from_om(config.om, tmp_path / "checkpoints", lambda _: None)
        assert checkpoint
        cluster.stdin.write("kill dn-2\nkill dn-5\n")
        cluster.stdin.close()
        said = cluster.stderr.read()
        assert cluster.wait(20) == 0
    assert "kill dn-2" in said
    assert "there is no datanode dn-5; the datanodes are dn-1 to dn-4" in said


def test_a_script_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("kill dn-1\n")
    command = [
        sys.executable,
        "-m",
        "ozone_recon",
        "demo",
        "--no-recon",
        "--free-ports",
        "--script",
        str(tmp_path / "script"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "ozone-recon: line 1 of the script is not of the form `HH:MM COMMAND`: 'kill dn-1'\n"
