"""The further processes that answer: starts them, tells them what changes, and replaces one that ends.

One Python process answers on one CPU. The first one also synchronises; these have nothing but the API.
"""

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
from typing import Any, Final, TypeAlias

from ozone_recon.answerer import ClusterNews, News, Said, Start, Told
from ozone_recon.answering import GRACE
from ozone_recon.api.measured import Measured
from ozone_recon.model.cluster_requests import Answered, Asked, ClusterRequest
from ozone_recon.store.disk import ending

PATIENCE: Final = 2.0
"""Seconds to wait for all to answer from a new generation, and before one that ended is started again."""
_COMMAND: Final = (sys.executable, "-P", "-c", "from ozone_recon.answerer import main; main()")
_LOG: Final = logging.getLogger(__name__)


AskedOn = Callable[[ClusterRequest[Any]], Future[Any]]
_Connection: TypeAlias = "Connection[Start | Told | None, Said | Asked]"


class Answerers:
    """So many processes, from the first `tell` until `stop`."""

    def __init__(self, count: int, start: Start, trigger: Callable[[], bool], ask: AskedOn | None = None) -> None:
        """`ask` passes what they are asked on to the process that follows the cluster."""
        self._start = start
        self._trigger = trigger
        self._ask = ask
        self._cluster = ClusterNews(None, None)
        self._news: News | None = None
        self._connections: dict[int, _Connection] = {}
        self._said: dict[int, Said] = {}
        """By those that run."""
        self._ended = Measured()
        self._changed = threading.Condition(threading.RLock())
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._keep, args=(n,), name=f"answerer-{n}") for n in range(count)]

    def tell(self, news: News) -> None:
        """Have them know this; those that run answer from its generation by the end, unless one is very slow."""
        with self._changed:
            before, self._news = self._news, news
            if before is None:
                for thread in self._threads:
                    thread.start()
            if before is None or news == before:
                return
            for number, connection in self._connections.items():
                others = news.measured.plus(self.measured(but=number))
                with suppress(OSError):  # It has ended, and the next one is told.
                    connection.send(news._replace(measured=others))
            if news.generation != before.generation:
                self._changed.wait_for(
                    lambda: all(said.generation == news.generation for said in self._said.values()), PATIENCE
                )

    def tell_cluster(self, news: ClusterNews) -> None:
        """Have them know this of the cluster."""
        with self._changed:
            before = self._cluster
            self._cluster = ClusterNews(news.cluster or before.cluster, news.generation or before.generation)
            for connection in self._connections.values():
                with suppress(OSError):
                    connection.send(news)

    def measured(self, but: int = -1) -> Measured:
        """What they have counted, those that ended included, and without that of number `but`."""
        with self._changed:
            return self._ended.plus(*(said.measured for number, said in self._said.items() if number != but))

    def stop(self) -> None:
        """End them all, when what they are answering is answered."""
        self._stopping.set()
        with self._changed:
            for connection in self._connections.values():
                with suppress(OSError):
                    connection.send(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _keep(self, number: int) -> None:
        """Has one process run for as long as there are to be some."""
        while True:
            ours, theirs = Pipe()
            descriptors = theirs.fileno(), self._start.listener, self._start.counts
            with (
                ours,
                subprocess.Popen(
                    [*_COMMAND, str(theirs.fileno())], pass_fds=descriptors, start_new_session=True
                ) as process,
            ):
                theirs.close()
                self._follow(number, ours)
                if self._stopping.is_set():
                    _end(process)
                    return
                process.kill()
            _LOG.warning("a process that answers %s; another one follows", ending(process.returncode))
            if self._stopping.wait(PATIENCE):
                return

    def _follow(self, number: int, connection: _Connection) -> None:
        """Tells a new process what it must know, and hears it to its end."""
        with suppress(EOFError, OSError):
            with self._changed:
                connection.send(self._start._replace(number=number + 1))
                connection.send(None if self._stopping.is_set() else self._news)
                connection.send(self._cluster)
                self._connections[number] = connection
            while True:
                said = connection.recv()
                if isinstance(said, Asked):
                    self._pass_on(said, connection)
                    continue
                if said.trigger:
                    self._trigger()
                with self._changed:
                    self._said[number] = said
                    self._changed.notify_all()
        with self._changed:
            self._connections.pop(number, None)
            if number in self._said:
                self._ended = self._ended.plus(self._said.pop(number).measured)
            self._changed.notify_all()

    def _pass_on(self, asked: Asked, connection: _Connection) -> None:
        """Has a request answered, and the answer sent to the process that it came from."""

        def answer(future: Future[Any]) -> None:
            with self._changed, suppress(OSError):
                connection.send(Answered(asked.number, None if future.exception() else future.result()))

        assert self._ask is not None
        self._ask(asked.request).add_done_callback(answer)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Waits for a process that was told to stop."""
    try:
        process.wait(GRACE + PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
