"""Has a process follow the cluster: hears it, asks it, and has another started when it ends or hangs."""

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
"""Seconds for the process to end that is told to."""


class ClusterSupervisor:
    """One process, from `start` to `stop`."""

    def __init__(self, job: ClusterJob, told: Callable[[Cluster | Path], object]) -> None:
        """`told` is called, in a thread, with what is known now, and with the directory of each new generation."""
        self._told = told
        self._child = ChildProcess(
            Program("cluster", "ozone_recon.follow.cluster.process"),
            self._receive,
            greeting=lambda: [job],
            ended=lambda _: self._answers.give_up(),
            grace=GRACE,
        )
        self._answers = PendingRequests(self._child.send)

    @property
    def state(self) -> ProcessState:
        """How the process fares."""
        return self._child.state

    def start(self) -> None:
        """Begin."""
        self._child.start()

    def ask(self, request: ClusterRequest[A]) -> Future[A]:
        """Has it answered; NotReady when the process ends before."""
        return self._answers.ask(request)

    def stop(self) -> None:
        """End it."""
        self._child.stop()

    def _receive(self, message: Cluster | Path | ReplyMessage) -> None:
        match message:
            case ReplyMessage() as answered:
                self._answers.settle(answered)
            case news:
                self._told(news)
