"""Manages processes that outlive the command that started them: pid files, termination, and ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 180
"""Seconds within which a server must listen."""


def pid_of(directory: Path) -> int | None:
    """The pid in a directory's pid file; None when there is none."""
    try:
        return int((directory / "pid").read_text())
    except (OSError, ValueError):
        return None


def is_running(pid: int, word: str) -> bool:
    """Whether the process runs and its command line contains `word`, since a pid may be reused."""
    try:
        return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def end(pid: int, how: signal.Signals, running: Callable[[], bool]) -> None:
    """Sends a process the signal that ends it, and waits until it does not run."""
    os.kill(pid, how)
    while running():
        time.sleep(0.1)


def listens(address: tuple[str, int]) -> bool:
    """Whether anything listens there."""
    with socket.socket() as probe:
        return probe.connect_ex((socket.gethostbyname(address[0]), address[1])) == 0


def wait_for_port(name: str, address: tuple[str, int], process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until a process that was just started listens; ends this program when it does not."""
    deadline = time.monotonic() + PATIENCE
    while not listens(address):
        if process.poll() is not None:
            sys.exit(f"{name} ended with exit code {process.returncode} before it listened: see {log}")
        if time.monotonic() > deadline:
            sys.exit(f"{name} does not listen on {address[0]}:{address[1]} after {PATIENCE} s: see {log}")
        time.sleep(0.3)
