"""Publishes the cluster's state as generations: decides when, writes the tables, evaluates container health."""

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
from ozone_recon.insights.containers.health import build as container_health
from ozone_recon.insights.containers.health.pages import is_evaluated
from ozone_recon.model.cluster import CONTAINER_HEALTH, CONTAINER_SIZES, Cluster, ClusterTask
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.disk import remove_tree
from ozone_recon.store.generation import Generation

LEAST_PAUSE: Final = 2.0
"""Minimum seconds between two generations."""
SHARE: Final = 5.0
"""The pause after a generation is this many times its duration, at most `evaluation_interval`."""
PAUSE_AFTER_FAILURE: Final = 10.0
_LOG: Final = logging.getLogger(__name__)


class ClusterPublisher:
    """Publishes generations of a state in a data directory. Times are monotonic seconds."""

    def __init__(self, state: ClusterState, directory: DataDirectory, settings: ClusterSettings) -> None:
        self.published = 0
        """Number of generations published since the start."""
        self.seconds = 0.0
        """Duration of the last publication."""
        self._state = state
        self._directory = directory
        self._settings = settings
        self._health = ClusterTask(CONTAINER_HEALTH)
        self._published_changes, self._evaluation_pending = ChangeCounts(-1, -1), False
        self._started, self._ended = 0.0, float("-inf")
        self._adopted: Generation | None = None

    def restore(self, now: float) -> Generation | None:
        """Restores the state from the last generation; None if there is none or it is unreadable."""
        self._started = now
        former = self._directory.current()
        if former is None:
            return None
        try:
            restore_state(self._state, former, now)
        except StoreError as error:
            _LOG.warning("cannot restore the last cluster generation (%s): starting from an empty state", error)
            return None
        return former

    def adopt(self, copy: Generation) -> None:
        """Makes the next generation continue the peer's: since when containers are unhealthy. Removes it then."""
        former, self._adopted = self._adopted, copy
        if former is not None:
            remove_tree(former.path)

    def tasks(self) -> tuple[ClusterTask, ...]:
        """Returns the status of evaluating container health and of counting containers by size, which is part of it."""
        return self._health, replace(self._health, name=CONTAINER_SIZES)

    def should_publish(self, now: float) -> bool:
        """Whether there are changes to publish and the pause is over.

        Publishes nothing before SCM has listed all containers, nor in safe mode if the current generation has health.
        """
        if not self._state.complete or (self._in_safe_mode(now) and self._evaluated() is not None):
            return False
        changes, since = self._state.changes, now - self._ended
        pause = max(LEAST_PAUSE, min(SHARE * self.seconds, self._settings.evaluation_interval))
        if self._health.error:
            pause = max(pause, PAUSE_AFTER_FAILURE)
        if changes.urgent == self._published_changes.urgent and (
            not self._evaluation_pending or self._in_safe_mode(now)
        ):
            return changes.sizes != self._published_changes.sizes and since >= max(self._settings.sizes_interval, pause)
        return since >= pause

    @property
    def is_current(self) -> bool:
        """Whether the last generation contains all changes."""
        return self._state.changes == self._published_changes

    def publish(self, cluster: Callable[[], Cluster]) -> Generation:
        """Writes a generation of the state and of the record that `cluster` returns, and makes it current."""
        began = time.monotonic()
        changes, in_safe_mode = replace(self._state.changes), self._in_safe_mode(began)
        adopted = self._adopted if self._adopted and is_evaluated(self._adopted) else None
        before, current = adopted or self._evaluated(), self._directory.current()
        record = cluster()
        self._health = replace(self._health, timestamp=record.at, began=record.at, running=not in_safe_mode)
        try:
            with self._directory.build(expected_bytes=current.size if current else 0) as build:
                write_state(self._state, record, build)
                if in_safe_mode:
                    for name, schema in container_health.TABLES.items():
                        build.create(name, schema).close()
                else:
                    container_health.rebuild(build, before, self._settings.rules, record.at)
                generation = build.finish()
        except BaseException as error:
            self._health = replace(self._health, running=False, error=str(error) or repr(error))
            raise
        finally:
            self._ended = time.monotonic()
            self.seconds = self._ended - began
        self._health = replace(self._health, timestamp=time.time_ns() // 1_000_000, running=False, error="")
        self.published += 1
        self._published_changes, self._evaluation_pending = changes, in_safe_mode
        if self._adopted is not None and not in_safe_mode:
            remove_tree(self._adopted.path)
            self._adopted = None
        return generation

    def _evaluated(self) -> Generation | None:
        """Returns the current generation if its containers were evaluated."""
        current = self._directory.current()
        return current if current and is_evaluated(current) else None

    def _in_safe_mode(self, now: float) -> bool:
        """Whether health is not evaluated yet: live datanodes have yet to report, and the time limit has not passed."""
        return now - self._started < self._settings.safe_mode_timeout and bool(self._state.unreported_nodes())
