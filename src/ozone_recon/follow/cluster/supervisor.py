"""Supervises the cluster process: starts and restarts it, receives its updates, sends it requests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final, TypeVar

from ozone_recon.follow.cluster.job import ClusterJob
from ozone_recon.follow.cluster.requests import PendingRequests
from ozone_recon.model.cluster import Cluster
from ozone_recon.model.requests import ClusterRequest, ReplyMessage
from ozone_recon.processes.child import ChildProcess, Program
from ozone_recon.processes.status import ProcessState

A = TypeVar("A")
GRACE: Final = 5
"""Seconds for the process to end after it was told to."""


class ClusterSupervisor:
    """Runs one cluster process from `start` to `stop`; it is replaced if it ends or hangs."""

    def __init__(self, job: ClusterJob, on_update: Callable[[Cluster | Path], object]) -> None:
        """`on_update` is called, in a thread, with each new Cluster record and the directory of each new generation."""
        self._on_update = on_update
        self._child = ChildProcess(
            Program("cluster", "ozone_recon.follow.cluster.process"),
            self._receive,
            greeting=lambda: [job],
            ended=lambda _: self._requests.give_up(),
            grace=GRACE,
        )
        self._requests = PendingRequests(self._child.send)

    @property
    def state(self) -> ProcessState:
        """The state of the process."""
        return self._child.state

    def start(self) -> None:
        """Starts the process."""
        self._child.start()

    def ask(self, request: ClusterRequest[A]) -> Future[A]:
        """Sends a request; the future fails with NotReady if the process ends first."""
        return self._requests.ask(request)

    def stop(self) -> None:
        """Ends the process."""
        self._child.stop()

    def _receive(self, message: Cluster | Path | ReplyMessage) -> None:
        match message:
            case ReplyMessage() as reply:
                self._requests.settle(reply)
            case update:
                self._on_update(update)
