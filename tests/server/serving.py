"""Runs `ozone-recon` as a process, waits until it is ready, and stops it."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_server

import httpx
from tests.conftest import SAMPLE
from tests.eventually import eventually


def free_ports(number: int) -> list[int]:
    """Different ports that nothing listens on."""
    with ExitStack() as stack:
        return [stack.enter_context(create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(number)]


def free_port() -> int:
    """A port that nothing listens on."""
    return free_ports(1)[0]


@contextmanager
def running(*arguments: object, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Runs a command; yields the address that it says it serves on, and the process."""
    command = [sys.executable, "-m", "ozone_recon", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | environment) as process:
        try:
            assert process.stderr
            first = next(line for line in process.stderr if line.startswith("Serving on http"))
            yield first.split()[2], process
        finally:
            process.kill()


def opened(data: Path, keys: Mapping[str, object]) -> list[object]:
    """The arguments of `ozone-recon open` on the sample with these keys."""
    flags = [word for key, value in keys.items() for word in ("-D", f"{key}={value}")]
    return ["open", SAMPLE, "--data-dir", data, *flags]


@contextmanager
def serving_sample(data: Path, keys: Mapping[str, object] | None = None) -> Iterator[str]:
    """Serves the sample with these keys; yields the address once it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "ozone_recon", *map(str, opened(data, keys or {})), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until_ready(f"http://localhost:{port}", process=process)
            yield f"http://localhost:{port}"
        finally:
            process.terminate()
            process.wait(30)


def ready(address: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether the server at an address answers that it is ready."""
    try:
        return httpx.get(f"{address.rstrip('/')}/ready", verify=tls or True, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def wait_until_ready(
    address: str, tls: ssl.SSLContext | None = None, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Waits for this; fails if the process ends."""

    def is_ready() -> bool:
        assert process is None or process.poll() is None, f"the server ended with exit code {process.returncode}"
        return ready(address, tls)

    eventually(is_ready, f"{address} is ready")


def rest(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """The exit code after a signal, and what was still written to standard error."""
    assert process.stderr
    process.send_signal(number)
    said = process.stderr.read()
    return process.wait(), said


def fresh(url: str) -> httpx.Response:
    """The answer on a connection of its own: the processes are free to choose who takes it."""
    return httpx.get(url, headers={"Connection": "close"})
