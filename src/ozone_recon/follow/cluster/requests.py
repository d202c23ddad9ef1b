"""Requests to the process that follows the cluster, until their answers come."""

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
    """May be used from any thread."""

    def __init__(self, send: Callable[[RequestMessage], None]) -> None:
        """`send` has a request go on its way, or raises OSError; it is called by one thread at a time."""
        self._send = send
        self._futures: dict[int, Future[Any]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def ask(self, request: ClusterRequest[A]) -> Future[A]:
        """What will be the answer; NotReady when nobody is there to give one."""
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

    def settle(self, answered: ReplyMessage) -> None:
        """Gives an answer to whoever awaits it."""
        with self._lock:
            future = self._futures.pop(answered.number, None)
        if future is not None:
            _settle(future, answered.answer)

    def give_up(self) -> None:
        """Says that no more answers come to what was asked until now."""
        with self._lock:
            futures, self._futures = self._futures, {}
        for future in futures.values():
            _settle(future, None)


def _settle(future: Future[Any], answer: object) -> None:
    if future.set_running_or_notify_cancel():
        if answer is None:
            future.set_exception(
                NotReady("The process that follows the cluster is not there; ask again in a while, or see the log.")
            )
        else:
            future.set_result(answer)
