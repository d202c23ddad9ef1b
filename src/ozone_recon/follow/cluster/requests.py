"""Matches requests to the cluster process with its replies."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ozone_recon.errors import NotReady
from ozone_recon.model.requests import ClusterRequest, ReplyMessage, RequestMessage

A = TypeVar("A")


class PendingRequests:
    """Requests sent and not yet reply. Thread-safe."""

    def __init__(self, send: Callable[[RequestMessage], None]) -> None:
        """`send` sends a request or raises OSError; it is called by one thread at a time."""
        self._send = send
        self._futures: dict[int, Future[Any]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def ask(self, request: ClusterRequest[A]) -> Future[A]:
        """Sends a request; the future fails with NotReady if the process is not running or ends."""
        future: Future[A] = Future()
        with self._lock:
            number = next(self._numbers)
            self._futures[number] = future
            try:
                self._send(RequestMessage(number, request))
            except OSError:
                del self._futures[number]
                _settle(future, None)
        return future

    def settle(self, reply: ReplyMessage) -> None:
        """Completes the request that a reply belongs to."""
        with self._lock:
            future = self._futures.pop(reply.number, None)
        if future is not None:
            _settle(future, reply.answer)

    def give_up(self) -> None:
        """Fails all pending requests: the process has ended."""
        with self._lock:
            futures, self._futures = self._futures, {}
        for future in futures.values():
            _settle(future, None)


def _settle(future: Future[Any], answer: object) -> None:
    if future.set_running_or_notify_cancel():
        if answer is None:
            future.set_exception(
                NotReady("The cluster process is not running: retry in a few seconds; if it persists, see the log.")
            )
        else:
            future.set_result(answer)
