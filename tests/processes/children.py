"""Programs of the children in `test_child.py`: the first message names a function here, which gets all others."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import Any

from ozone_recon.logs import LogLevel
from ozone_recon.processes.child import ChildProcess, Program
from ozone_recon.processes.parent import Parent


def main() -> None:
    parent = Parent(stalled=2)
    try:
        globals()[parent.receive()](parent)
    except EOFError:
        parent.send("bye")


def echo(parent: Parent) -> None:
    while True:
        parent.send(parent.receive())


def count_bytes(parent: Parent) -> None:
    while True:
        parent.send(len(parent.receive()))


def stop_at_once(parent: Parent) -> None:
    parent.send("stopping")
    os.kill(os.getpid(), signal.SIGSTOP)


def make_no_progress(parent: Parent) -> None:
    parent.progress()
    parent.send("working")
    time.sleep(3600)


def never_end(parent: Parent) -> None:
    parent.send("working")
    time.sleep(3600)


def die(parent: Parent) -> None:
    how: Any = parent.receive()
    if how < 0:
        os.kill(os.getpid(), -how)
    os._exit(how)


def tell_levels(parent: Parent) -> None:
    while True:
        parent.send(logging.getLogger(parent.receive()).level)


def change_a_level(parent: Parent) -> None:
    parent.send(LogLevel("tests.level", logging.DEBUG))
    parent.receive()


def supervise_one_that_is_stopped(parent: Parent) -> None:
    child = ChildProcess(Program("grandchild", __name__), parent.send, greeting=lambda: ["stop_at_once"])
    child.start()
    parent.send(child.pid)
    time.sleep(3600)
