"""Files that go or are cut short while they are served: the server says so, starts again and answers as before."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from tests.conftest import SAMPLE
from tests.server.harm import cut, flip

ASKED = (
    "keys/listKeys?startPrefix=/vol1/obs&limit=1000",
    "namespace/usage?path=/vol1&files=true",
    "utilization/fileCount",
)


@contextmanager
def running(data: Path, processes: int) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ("--port", str(port), "-D", f"ozone.recon.http.process.count={processes}")
    command = [sys.executable, "-m", "ozone_recon", "open", str(SAMPLE), "--data-dir", str(data), *flags]
    with (data.parent / "said").open("wb") as said, subprocess.Popen(command, stderr=said) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=60) as client:
                yield client, process
        finally:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def answers(client: httpx.Client) -> list[bytes]:
    """What is answered, once all is."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        with suppress(httpx.TransportError):
            found = [client.get(one) for one in ASKED]
            if all(one.status_code == 200 for one in found):
                return [one.content for one in found]
        time.sleep(0.2)
    raise AssertionError("it does not answer")


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("harm", [cut, Path.unlink, flip])
def test_it_recovers_from_files_that_go_or_are_cut_or_change(
    tmp_path: Path, harm: Callable[[Path], None], processes: int
) -> None:
    data, said = tmp_path / "data", tmp_path / "said"
    with running(data, processes) as (client, process):
        before = answers(client)
        for path in data.glob("generations/00000001/**/*.*"):
            if path.suffix != ".json" and path.stat().st_size:
                harm(path)
        with suppress(httpx.TransportError):
            # As nothing else is kept of it.
            client.get("namespace/usage?path=/vol1/obs")
        until = time.monotonic() + 60
        while b"restarting" not in said.read_bytes():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert answers(client) == before
        assert process.poll() is None
    text = said.read_text()
    assert "restarting, the damaged data will be rebuilt" in text
    assert "the current generation cannot be used and will be rebuilt: " in text
    assert "00000001" in text


@pytest.mark.parametrize("times", [1, 2])
def test_a_bus_error_says_why_and_starts_again_but_not_for_ever(tmp_path: Path, times: int) -> None:
    program = (
        "import mmap, os, sys; from ozone_recon.server.restarting import restart_on_bus_error\n"
        "restart_on_bus_error(lambda: 'the file f is truncated')\n"
        "path, times = sys.argv[1], int(sys.argv[2])\n"
        "print('started', flush=True)\n"
        "left = times - int(os.path.exists(path)); open(path, 'wb').write(bytes(9000))\n"
        "mapped = mmap.mmap(os.open(path, os.O_RDONLY), 9000, access=mmap.ACCESS_READ)\n"
        "if left: os.truncate(path, 0)\n"
        "mapped[8000]; print('read')"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "f"), str(times)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "SIGBUS: the file f is truncated: restarting" in done.stderr
    assert "Traceback" not in done.stderr
    if times == 1:
        assert (done.returncode, done.stdout) == (0, "started\nstarted\nread\n")
    else:
        assert (done.returncode, done.stdout) == (1, "started\nstarted\n")
        assert "SIGBUS: the file f is truncated again, after a restart: exiting" in done.stderr
