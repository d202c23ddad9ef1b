"""Starts the worker processes, sends them updates and collects their metrics.

A Python process uses one CPU. The first process also synchronises with OM; the workers only serve the API. Only `stop`
waits for workers: one that hangs does not delay updates to the others, and is replaced (`processes.child`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from ozone_recon.api.middleware.metrics import RequestMetrics
from ozone_recon.model.requests import ClusterRequest, ReplyMessage, RequestMessage
from ozone_recon.processes.channel import pack
from ozone_recon.processes.child import ChildProcess, Program
from ozone_recon.processes.status import ProcessState
from ozone_recon.server.http import GRACE
from ozone_recon.server.worker import ClusterUpdate, OmUpdate, WorkerJob, WorkerReport

RequestForwarder = Callable[[ClusterRequest[Any]], Future[Any]]


class Workers:
    """`count` worker processes, from the first `send` until `stop`."""

    def __init__(
        self, count: int, job: WorkerJob, trigger: Callable[[bool], bool], ask: RequestForwarder | None = None
    ) -> None:
        """`ask` forwards the workers' requests to the process that follows the cluster."""
        self._job = job
        self._trigger = trigger
        self._ask = ask
        self._cluster = ClusterUpdate(None, None)
        self._update: OmUpdate | None = None
        self._reports: dict[int, WorkerReport] = {}
        """The last report of each running worker."""
        self._ended = RequestMetrics()
        """Metrics of workers that have ended."""
        self._lock = threading.Lock()
        """Never held while sending: a child sends its greeting under a lock of its own, and takes this one for it."""
        self._children = [self._child(number) for number in range(count)]

    @property
    def states(self) -> tuple[ProcessState, ...]:
        """The workers' states."""
        return tuple(child.state for child in self._children)

    def send(self, update: OmUpdate) -> None:
        """Sends an update to all workers, without waiting for them; the first call starts them."""
        with self._lock:
            previous, self._update = self._update, update
        if previous is None:
            for child in self._children:
                child.start()
        elif update != previous:
            for number, child in enumerate(self._children):
                others = update.metrics.plus(self.metrics(exclude=number))
                with suppress(BrokenPipeError):  # Its replacement gets the update in its greeting.
                    child.send(update._replace(metrics=others))

    def send_cluster(self, update: ClusterUpdate) -> None:
        """Sends a cluster update to all workers."""
        with self._lock:
            last = self._cluster
            self._cluster = ClusterUpdate(update.cluster or last.cluster, update.generation or last.generation)
        packed = pack(update)
        for child in self._children:
            with suppress(BrokenPipeError):
                child.send_packed(packed)

    def metrics(self, exclude: int = -1) -> RequestMetrics:
        """Sums the metrics of all workers, ended ones included, except number `exclude`."""
        with self._lock:
            return self._ended.plus(*(report.metrics for number, report in self._reports.items() if number != exclude))

    def end(self) -> None:
        """Tells all workers to end after their requests in progress."""
        for child in self._children:
            child.end()

    def stop(self) -> None:
        """Ends all workers, and waits for them."""
        self.end()
        for child in self._children:
            child.stop()

    def _child(self, number: int) -> ChildProcess:
        job = self._job
        return ChildProcess(
            Program(
                f"worker-{number + 1}",
                "ozone_recon.server.worker",
                descriptors=(*(listener for listener, _ in job.listeners), job.counts),
            ),
            partial(self._receive, number),
            greeting=lambda: self._greeting(number),
            ended=lambda _: self._forget(number),
            grace=GRACE + 2,
        )

    def _greeting(self, number: int) -> Iterator[object]:
        """The first messages to a new worker."""
        with self._lock:
            update, cluster = self._update, self._cluster
        yield self._job._replace(number=number + 1)
        yield update
        yield cluster

    def _receive(self, number: int, message: WorkerReport | RequestMessage) -> None:
        if isinstance(message, RequestMessage):
            assert self._ask is not None
            self._ask(message.request).add_done_callback(partial(self._send_reply, number, message.number))
            return
        if message.trigger:
            self._trigger(message.checkpoint)
        with self._lock:
            self._reports[number] = message

    def _send_reply(self, number: int, request: int, future: Future[Any]) -> None:
        """Sends the cluster process's reply to the worker that made the request."""
        with suppress(BrokenPipeError):
            self._children[number].send(ReplyMessage(request, None if future.exception() else future.result()))

    def _forget(self, number: int) -> None:
        with self._lock:
            if report := self._reports.pop(number, None):
                self._ended = self._ended.plus(report.metrics)
