"""Has a process follow the cluster: starts it, hears it, asks it, and starts another when it ends."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, TypeVar

from ozone_recon.model.cluster import Cluster
from ozone_recon.model.cluster_requests import Answered, Asked, ClusterRequest
from ozone_recon.store.disk import ending
from ozone_recon.sync.awaited_answers import AwaitedAnswers
from ozone_recon.sync.cluster_settings import ClusterJob

A = TypeVar("A")
PATIENCE: Final = 5.0
"""Seconds before one that ended is started again, and for one to end that is told to."""
_COMMAND: Final = (sys.executable, "-P", "-c", "from ozone_recon.sync.cluster_process import main; main()")
_LOG: Final = logging.getLogger(__name__)


class ClusterWatch:
    """One process, from `start` to `stop`."""

    def __init__(self, job: ClusterJob, told: Callable[[Cluster | Path], object]) -> None:
        """`told` is called, in a thread, with what is known now, and with the directory of each new generation."""
        self._job = job
        self._told = told
        self._connection: Connection[ClusterJob | Asked | None, Cluster | Path | Answered] | None = None
        self._answers = AwaitedAnswers(self._send)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="cluster-watch")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask(self, request: ClusterRequest[A]) -> Future[A]:
        """Has it answered; NotReady when the process ends before."""
        return self._answers.ask(request)

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        with self._lock, suppress(OSError):
            if self._connection is not None:
                self._connection.send(None)
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
            if self._process is not None:
                self._process.kill()
            self._thread.join()

    def _keep(self) -> None:
        while True:
            ours, theirs = Pipe()
            descriptor = theirs.fileno()
            with (
                ours,
                subprocess.Popen(
                    [*_COMMAND, str(descriptor)], pass_fds=(descriptor,), start_new_session=True
                ) as process,
            ):
                theirs.close()
                self._process = process
                self._follow(ours)
                if not self._stopping.is_set():
                    process.kill()
            if self._stopping.is_set():
                return
            _LOG.warning("the process that follows the cluster %s; another one follows", ending(process.returncode))
            if self._stopping.wait(PATIENCE):
                return

    def _follow(self, connection: Connection[ClusterJob | Asked | None, Cluster | Path | Answered]) -> None:
        """Tells a new process what to do, and hears it to its end."""
        with suppress(EOFError, OSError):
            with self._lock:
                connection.send(None if self._stopping.is_set() else self._job)
                self._connection = connection
            while True:
                match connection.recv():
                    case Answered() as answered:
                        self._answers.settle(answered)
                    case news:
                        self._told(news)
        with self._lock:
            self._connection = None
        self._answers.give_up()

    def _send(self, asked: Asked) -> None:
        with self._lock:
            if self._connection is None:
                raise BrokenPipeError
            self._connection.send(asked)
