"""The further processes that answer: starts them, and tells them what changes.

One Python process answers on one CPU. The first one also synchronises; these have nothing but the API. Nothing here
waits for any of them: one that hangs keeps nobody else from what is new, and is replaced (`processes.child`).
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

AskedOn = Callable[[ClusterRequest[Any]], Future[Any]]


class Workers:
    """So many processes, from the first `tell` until `stop`."""

    def __init__(self, count: int, start: WorkerJob, trigger: Callable[[], bool], ask: AskedOn | None = None) -> None:
        """`ask` passes what they are asked on to the process that follows the cluster."""
        self._start = start
        self._trigger = trigger
        self._ask = ask
        self._cluster = ClusterUpdate(None, None)
        self._news: OmUpdate | None = None
        self._said: dict[int, WorkerReport] = {}
        """By those that run."""
        self._ended = RequestMetrics()
        self._lock = threading.Lock()
        """Never held while something is sent: a process that begins is sent what it must know under a lock of its own,
        for which this one is taken."""
        self._children = [self._child(number) for number in range(count)]

    @property
    def states(self) -> tuple[ProcessState, ...]:
        """How they fare."""
        return tuple(child.state for child in self._children)

    def tell(self, news: OmUpdate) -> None:
        """Have them know this; it does not wait until they do."""
        with self._lock:
            before, self._news = self._news, news
        if before is None:
            for child in self._children:
                child.start()
        elif news != before:
            for number, child in enumerate(self._children):
                others = news.measured.plus(self.measured(but=number))
                with suppress(BrokenPipeError):  # The next one is told when it begins.
                    child.send(news._replace(measured=others))

    def tell_cluster(self, news: ClusterUpdate) -> None:
        """Have them know this of the cluster."""
        with self._lock:
            before = self._cluster
            self._cluster = ClusterUpdate(news.cluster or before.cluster, news.generation or before.generation)
        packed = pack(news)
        for child in self._children:
            with suppress(BrokenPipeError):
                child.send_packed(packed)

    def measured(self, but: int = -1) -> RequestMetrics:
        """What they have counted, those that ended included, and without that of number `but`."""
        with self._lock:
            return self._ended.plus(*(said.measured for number, said in self._said.items() if number != but))

    def end(self) -> None:
        """Tell them all to end when what they are answering is answered."""
        for child in self._children:
            child.end()

    def stop(self) -> None:
        """End them all, and wait until they have."""
        self.end()
        for child in self._children:
            child.stop()

    def _child(self, number: int) -> ChildProcess:
        start = self._start
        return ChildProcess(
            Program(f"worker-{number + 1}", "ozone_recon.server.worker", descriptors=(start.listener, start.counts)),
            partial(self._receive, number),
            greeting=lambda: self._greeting(number),
            ended=lambda _: self._forget(number),
            grace=GRACE + 2,
        )

    def _greeting(self, number: int) -> Iterator[object]:
        """What a new process must know."""
        with self._lock:
            news, cluster = self._news, self._cluster
        yield self._start._replace(number=number + 1)
        yield news
        yield cluster

    def _receive(self, number: int, message: WorkerReport | RequestMessage) -> None:
        if isinstance(message, RequestMessage):
            assert self._ask is not None
            self._ask(message.request).add_done_callback(partial(self._pass_back, number, message.number))
            return
        if message.trigger:
            self._trigger()
        with self._lock:
            self._said[number] = message

    def _pass_back(self, number: int, request: int, future: Future[Any]) -> None:
        """Sends an answer of the process that follows the cluster to the one that asked for it."""
        with suppress(BrokenPipeError):
            self._children[number].send(ReplyMessage(request, None if future.exception() else future.result()))

    def _forget(self, number: int) -> None:
        with self._lock:
            if said := self._said.pop(number, None):
                self._ended = self._ended.plus(said.measured)
