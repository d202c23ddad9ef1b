"""When the state of the cluster becomes a generation, and how: written, judged, made the current one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ozone_recon.config.cluster_settings import ClusterSettings
from ozone_recon.errors import StoreError
from ozone_recon.follow.cluster.generation import restore_state, write_state
from ozone_recon.follow.cluster.state import ChangeCounts, ClusterState
from ozone_recon.insights.cluster.tables import CONTAINERS
from ozone_recon.insights.containers.health import build as container_health
from ozone_recon.model.cluster import CONTAINER_HEALTH, CONTAINER_SIZES, Cluster, ClusterTask
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.generation import Generation

LEAST_PAUSE: Final = 2.0
"""Seconds between two generations."""
SHARE: Final = 5.0
"""How many times as long as the writing of a generation took, the next one is away, at most."""
PAUSE_AFTER_FAILURE: Final = 10.0
_LOG: Final = logging.getLogger(__name__)


class ClusterPublisher:
    """Makes generations of a state in a data directory. Times are seconds that never go back."""

    def __init__(self, state: ClusterState, directory: DataDirectory, settings: ClusterSettings) -> None:
        self.published = 0
        """Generations, since the start."""
        self.seconds = 0.0
        """How long the last one took."""
        self._state = state
        self._directory = directory
        self._settings = settings
        self._health = ClusterTask(CONTAINER_HEALTH)
        self._done, self._owed = ChangeCounts(-1, -1), False
        self._started, self._ended = 0.0, float("-inf")

    def restore(self, now: float) -> Generation | None:
        """Has the state begin with what was published last; None when there is none, or it cannot be read any more."""
        self._started = now
        former = self._directory.current()
        if former is None:
            return None
        try:
            restore_state(self._state, former, now)
        except StoreError as error:
            _LOG.warning("what was known of the cluster before is of no use: %s", error)
            return None
        return former

    def tasks(self) -> tuple[ClusterTask, ...]:
        """How the judging of containers fares, and the counting by size, which is part of it."""
        return self._health, replace(self._health, name=CONTAINER_SIZES)

    def due(self, now: float) -> bool:
        """Whether there is something new to publish, and time for it.

        There is not before SCM has told of all containers, and, where there are judgements from before, not before
        all datanodes have said what they have.
        """
        if not self._state.complete or (self._is_early(now) and self._judged() is not None):
            return False
        changes, since = self._state.changes, now - self._ended
        pause = max(LEAST_PAUSE, min(SHARE * self.seconds, self._settings.evaluation_delay))
        if self._health.error:
            pause = max(pause, PAUSE_AFTER_FAILURE)
        if changes.urgent == self._done.urgent and (not self._owed or self._is_early(now)):
            return changes.sizes != self._done.sizes and since >= max(self._settings.sizes, pause)
        return since >= pause

    @property
    def is_current(self) -> bool:
        """Whether what was published last is all that is known."""
        return self._state.changes == self._done

    def publish(self, cluster: Callable[[], Cluster]) -> Generation:
        """Writes a generation of what `cluster` and the state say now, and makes it the current one."""
        began = time.monotonic()
        done, early = replace(self._state.changes), self._is_early(began)
        before, current = self._judged(), self._directory.current()
        now = cluster()
        self._health = replace(self._health, timestamp=now.at, began=now.at, running=not early)
        try:
            with self._directory.build(expected_bytes=current.size if current else 0) as build:
                write_state(self._state, now, build)
                if early:
                    for name, schema in container_health.TABLES.items():
                        build.create(name, schema).close()
                else:
                    container_health.rebuild(build, before, self._settings.rules, now.at)
                generation = build.finish()
        except BaseException as error:
            self._health = replace(self._health, running=False, error=str(error) or repr(error))
            raise
        finally:
            self._ended = time.monotonic()
            self.seconds = self._ended - began
        self._health = replace(self._health, timestamp=time.time_ns() // 1_000_000, running=False, error="")
        self.published += 1
        self._done, self._owed = done, early
        return generation

    def _judged(self) -> Generation | None:
        """The current generation, if its containers were judged."""
        current = self._directory.current()
        verdicts = container_health.VERDICTS
        if current and verdicts in current and current.table(verdicts).rows == current.table(CONTAINERS).rows:
            return current
        return None

    def _is_early(self, now: float) -> bool:
        """Whether it is too early to judge containers: datanodes have still to say what they have."""
        return now - self._started < self._settings.report_wait and bool(self._state.late())
