"""Runs `ozone-recon` as a process, waits until it is ready, and stops it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx


@contextmanager
def running(*arguments: object, **environment: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The command, and the address it says it serves on."""
    command = [sys.executable, "-m", "ozone_recon", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | environment) as process:
        try:
            assert process.stderr
            first = next(line for line in process.stderr if line.startswith("Serving on http://"))
            yield first.split()[2], process
        finally:
            process.kill()


def wait_until_ready(address: str) -> None:
    while httpx.get(address + "ready").status_code != 200:
        time.sleep(0.1)


def rest(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str]:
    """The exit code after a signal, and what was still said."""
    assert process.stderr
    process.send_signal(number)
    said = process.stderr.read()
    return process.wait(), said


def fresh(url: str) -> httpx.Response:
    """The answer on a connection of its own: the processes are free to choose who takes it."""
    return httpx.get(url, headers={"Connection": "close"})
