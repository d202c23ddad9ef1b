"""The installed service as docs/operations.md has it run: a user without a home, everything else read-only."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.conftest import SAMPLE
from tests.server.serving import rest, wait_until_ready

import ozone_recon
from ozone_recon.config.settings import user_name

NOBODY = 65534
# A mount namespace of its own, in which nothing but the data directory can be written. The user may read what root may:
# the tests' Python can lie in root's home.
ALONE = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,ro,bind / && mount -t tmpfs -o ro none /dev/shm
shift
exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search "$@"
"""


def unavailable() -> str:
    """Why such a namespace cannot be had."""
    if os.getuid() != 0:
        return "only root can run a service as another user"
    if not shutil.which("setpriv") or not shutil.which("unshare"):
        return "there is no setpriv or unshare (util-linux)"
    tried = subprocess.run(["unshare", "-m", "sh", "-c", "mount --make-rprivate /"], capture_output=True, text=True)
    return tried.stderr


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that any user can enter; those of pytest are root's alone."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_user_without_a_home_on_a_read_only_root_serves(public: Path) -> None:
    if reason := unavailable():
        pytest.skip(reason)
    installed, data = public / "site-packages", public / "data"
    sample = shutil.copy(SAMPLE, public)
    here = Path(ozone_recon.__file__).parent
    shutil.copytree(here, installed / "ozone_recon", ignore=shutil.ignore_patterns("__pycache__"))
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)
    command = ["unshare", "-m", "sh", "-c", ALONE, "sh", str(data), sys.executable, "-m", "ozone_recon", "open"]
    options = [sample, "--data-dir", str(data), "--port", "0", "-D", "ozone.recon.http.process.count=2"]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(installed)}
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True, env=environment, cwd="/") as process:
        try:
            assert process.stderr
            lines: list[str] = []
            while not (line := process.stderr.readline()).startswith("Serving on http://"):
                lines.append(line)
                assert line, "".join(lines)
            address = line.split()[2]
            wait_until_ready(address)
            assert Path(f"/proc/{process.pid}").stat().st_uid == NOBODY
            assert httpx.get(address + "api/v1/namespace/summary?path=/", timeout=300).status_code == 200
            code, said = rest(process, signal.SIGTERM)
        finally:
            process.kill()
    assert (code, "Traceback" in said) == (0, False), said
    assert list((data / "kernels").rglob("*.nbi")), "the next start does not compile again"
    assert not list(installed.rglob("__pycache__"))


def test_a_user_may_have_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 54321")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert user_name() == str(os.getuid())
