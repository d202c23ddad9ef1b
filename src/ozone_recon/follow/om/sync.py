"""Keeps the served generation current: applies OM's changes or builds from a new checkpoint, then publishes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ozone_recon.build.changes_file import write_changes
from ozone_recon.build.client import Builder
from ozone_recon.build.job import BuildJob, DeltaJob
from ozone_recon.build.progress import Progress
from ozone_recon.errors import CheckpointCause, CheckpointNeeded, NoLeader, ReconError
from ozone_recon.follow.om.changes import ChangeSource, OmChangesRead
from ozone_recon.follow.om.origin import DataOrigin, Taken, build_identity, built_by
from ozone_recon.follow.om.state import OmSyncState
from ozone_recon.sources.checkpoint.fetch import Retry, Transfer
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.disk import described, remove_tree
from ozone_recon.store.generation import MEMORY_LIMIT, Generation, TaskStatus
from ozone_recon.store.schema import CHANGED

BUILD_SHARE: Final = 3.0
"""Upper estimate of a generation's size relative to its checkpoint."""
FIRST_PAUSE: Final = 10.0
"""Seconds from a failure to the next attempt; doubles with each further failure, up to `LONGEST_PAUSE`."""
ELECTION_PAUSE: Final = 1.0
"""The same while the OMs have no leader: an election takes seconds."""
LONGEST_PAUSE: Final = 600.0
POLLS: Final = 4
"""Number of polls per interval while the origin is idle."""
_CHECKPOINT_EVERY: Final = 4
"""During consecutive failures, every attempt of this number takes a checkpoint instead of changes."""
MAX_CHANGED_SHARE: Final = 0.5
"""Changed raw rows above this share of the checkpoint's size require a new checkpoint."""
MIN_CHANGED_BYTES: Final = 64 << 20
"""Changed raw rows up to this number of bytes never do."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OmSyncSettings:
    """Settings of OmSync. `memory_limit` is bytes; `threads` 0 means one per CPU; times are seconds."""

    memory_limit: int = MEMORY_LIMIT
    threads: int = 0
    filesystem_paths: bool = False
    initial_delay: float = 0.0
    interval: float = 5.0
    """Target delay until a change is served, for a running OM."""


class OmSync:
    """Synchronises a data directory with an origin, in a thread of its own after `start`.

    `serve` is called in that thread with each generation to serve. Without `changes`, every synchronisation takes a
    checkpoint.
    """

    def __init__(
        self,
        directory: DataDirectory,
        origin: DataOrigin,
        settings: OmSyncSettings,
        serve: Callable[[Generation], None],
        changes: ChangeSource | None = None,
    ) -> None:
        self.state = OmSyncState()
        self._directory = directory
        self._origin = origin
        self._settings = settings
        self._serve = serve
        self._changes = changes
        self._fallbacks = 0
        """Number of consecutive checkpoints to which OM's changes could not be applied."""
        self.builder = Builder(directory.scratch_directory)
        self._builder_lease = ExitStack()
        """Keeps the build process alive between updates: the first update in a process takes twice as long."""
        self._wake = threading.Event()
        self._checkpoint_requested = False
        self._stopping = False
        self._update_seconds = 0.0
        """Seconds that the last update took; 0 when OM was idle since."""
        self._running = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="om-sync")

    def reuse(self) -> bool:
        """Serves the current generation if it is from the origin; returns True if it is known to be current."""
        generation = self._directory.current()
        if generation is None or generation.about.source != self._origin.description:
            return False
        self._record(generation)
        self._serve(generation)
        identity = build_identity(self._origin, filesystem_paths=self._settings.filesystem_paths)
        return identity != "" and identity == generation.about.source_identity

    def synchronise(self) -> Generation:
        """Gets a checkpoint, builds a generation and serves it; raises the failure, which is also in `state.error`."""
        # The build process loads while the checkpoint is fetched.
        self._builder_lease.close()
        with self._running, self.builder.ready():
            try:
                generation = self._build(self._get())
            except Exception as failure:
                self.state = self.state.failed(failure)
                raise
            self._record(generation, built=1)
            self._serve(generation)
            return generation

    def follow(self) -> Generation:
        """Applies OM's changes to the current generation and serves the result.

        Raises CheckpointNeeded if they cannot be applied, and any other failure.
        """
        assert self._changes is not None
        with self._running:
            generation = self._base_generation()
            try:
                while True:
                    self._begin("changes")
                    read = self._changes.since(generation.about)
                    if read.changes.last_sequence != generation.sequence_number:
                        generation = self._apply(generation, read)
                        self._record(generation, built=1, applied=1)
                        self._serve(generation)
                    else:
                        self._keep_builder_alive()
                        self._update_seconds = 0.0
                    self.state = self.state.checked(generation.about, read)
                    if read.complete:
                        self._fallbacks = 0
                        return generation
            except BaseException as failure:
                self._builder_lease.close()
                if not isinstance(failure, CheckpointNeeded):
                    self.state = self.state.failed(failure)
                raise

    def start(self) -> None:
        """Starts the thread: it serves the current generation, then synchronises."""
        self._thread.start()

    def trigger(self, checkpoint: bool = False) -> bool:
        """Requests a synchronisation now, with `checkpoint` from a new checkpoint; returns False if one is running."""
        if self._running.locked() or self._wake.is_set():
            return False
        self._checkpoint_requested = checkpoint
        self._wake.set()
        return True

    def stop(self) -> None:
        """Stops the thread, also during a build."""
        self._stopping = True
        self._wake.set()
        self.builder.stop()
        if self._changes:
            self._changes.close()
        if self._thread.is_alive():
            self._thread.join()
        self._builder_lease.close()

    def tasks(self) -> tuple[TaskStatus, ...]:
        """The rows of `/task/status`."""
        state, generation = self.state, self._directory.current()
        built = generation.about.tasks if generation else ()
        building = state.doing == "build"
        following = (self._delta_status(self._changes.problem),) if self._changes else ()
        return (state.snapshot, *following, state.reprocess, *(replace(task, running=building) for task in built))

    def _delta_status(self, problem: str) -> TaskStatus:
        """The status of following OM; during a poll, its message is the reason for a delay."""
        delta = self.state.delta
        return replace(delta, message=problem) if delta.running and problem else delta

    def _run(self) -> None:
        if not self.reuse():
            self._wake.wait(self._settings.initial_delay)
            self._attempt()
        while not self._stopping:
            self._wake.wait(self._pause())
            self._attempt()

    def _attempt(self) -> None:
        self._wake.clear()
        if self._stopping:
            return
        failures = self.state.failures
        try:
            self._catch_up()
            if failures:
                _LOG.info("synchronised with %s again after %s failures", self._origin.description, failures)
        except (ReconError, CancelledError) as failure:  # `stop` cancels a call to OM.
            if self._origin.changes and not self._stopping:
                _LOG.warning("%s", failure, extra={"failures": self.state.failures})
        except OSError as failure:
            _LOG.warning("%s", described(failure), extra={"failures": self.state.failures})
        except Exception:
            _LOG.exception("synchronising with %s failed", self._origin.description)

    def _catch_up(self) -> None:
        # A failed request is not repeated: OM's changes are followed from the current generation instead.
        requested, self._checkpoint_requested = self._checkpoint_requested, False
        if self._changes and self._directory.current() and not requested:
            try:
                if self.state.failures % _CHECKPOINT_EVERY == _CHECKPOINT_EVERY - 1:
                    raise CheckpointNeeded(CheckpointCause.NO_RESPONSE, f"cannot read OM's changes: {self.state.error}")
                self.follow()
                return
            except CheckpointNeeded as reason:
                self._prepare_fallback(reason)
        if not self._stopping:
            self.synchronise()

    def _prepare_fallback(self, reason: CheckpointNeeded) -> None:
        """Records why a checkpoint is needed; waits if changes could not be applied to the last one either."""
        _LOG.warning("a new checkpoint is needed: %s", reason, extra={"cause": reason.cause.value})
        self.state = self.state.checkpoint_required(reason)
        if self._fallbacks:
            self._wake.wait(_backoff(FIRST_PAUSE, self._fallbacks))
        self._fallbacks += 1

    def _pause(self) -> float | None:
        failures = self.state.failures
        if not self._origin.changes:
            return None
        if failures:
            return _backoff(ELECTION_PAUSE if isinstance(self.state.error, NoLeader) else FIRST_PAUSE, failures)
        interval = self._settings.interval
        return pause_between_updates(self._update_seconds, interval) if self._update_seconds else interval / POLLS

    def _base_generation(self) -> Generation:
        """Returns the current generation; raises CheckpointNeeded if changes cannot be applied to it."""
        generation = self._directory.current()
        if generation is None or generation.about.source != self._origin.description:
            raise CheckpointNeeded(CheckpointCause.NO_DATA, "the data directory has no data of this OM")
        about = generation.about
        if about.built_by != built_by(filesystem_paths=self._settings.filesystem_paths):
            raise CheckpointNeeded(
                CheckpointCause.SETTINGS, "the data was built by another version or with other settings"
            )
        changed = sum(generation.table(name).size for name in generation.tables if name.startswith(CHANGED))
        if changed > max(MIN_CHANGED_BYTES, MAX_CHANGED_SHARE * _size(Path(about.checkpoint))):
            raise CheckpointNeeded(
                CheckpointCause.MANY_CHANGES, f"{changed:,} bytes of rows have changed since the last checkpoint"
            )
        return generation

    def _apply(self, base: Generation, read: OmChangesRead) -> Generation:
        self._begin("apply")
        began = time.monotonic()
        self._keep_builder_alive()
        changes_directory = self._directory.reserve(read.changes.size)
        try:
            write_changes(changes_directory, read.changes, read.read_at)
            about = base.about
            job = self._job(Taken(Path(about.checkpoint), about.node), base.size + 2 * read.changes.size)
            self.builder.run(replace(job, delta=DeltaJob(base.path, changes_directory)), self._report)
            return self._directory.publish(job.directory)
        finally:
            remove_tree(changes_directory)
            self._update_seconds = time.monotonic() - began

    def _keep_builder_alive(self) -> None:
        if not self.builder.waiting:
            self._builder_lease.close()
            self._builder_lease.enter_context(self.builder.ready())

    def _get(self) -> Taken:
        self._begin("checkpoint")
        leader = self._changes.leader if self._changes else ""
        return self._origin.get(self._directory.checkpoints, self._report, self._last_size(), leader)

    def _last_size(self) -> int:
        current = self._directory.current()
        return _size(Path(current.about.checkpoint)) if current else 0

    def _build(self, taken: Taken) -> Generation:
        self._begin("build")
        try:
            job = self._job(taken, int(_size(taken.path) * BUILD_SHARE))
            self.builder.run(job, self._report)
            return self._directory.publish(job.directory)
        except BaseException:
            if taken.path.parent == self._directory.checkpoints:
                remove_tree(taken.path)
            raise

    def _job(self, taken: Taken, expected: int) -> BuildJob:
        """Describes a build from a checkpoint, in a directory with room for `expected` bytes."""
        settings = self._settings
        return BuildJob(
            taken.path,
            self._directory.reserve(expected),
            self._origin.description,
            build_identity(self._origin, filesystem_paths=settings.filesystem_paths),
            settings.memory_limit,
            settings.threads,
            settings.filesystem_paths,
            built_by(filesystem_paths=settings.filesystem_paths),
            taken.node,
        )

    def _report(self, progress: Progress | Transfer | Retry) -> None:
        if self._stopping:
            raise ReconError("the synchronisation was stopped")
        self.state = replace(self.state, at=progress)

    def _begin(self, doing: str) -> None:
        self.state = self.state.began(doing)

    def _record(self, generation: Generation, built: int = 0, applied: int = 0) -> None:
        self.state = self.state.serving(generation.about, built, applied)


def pause_between_updates(update_seconds: float, interval: float) -> float:
    """Seconds to pause between updates that take `update_seconds` each.

    A change that just misses an update is served after a pause and two updates. The pause is chosen so that this is at
    most `interval`, but is at least a quarter of an update, and at most as long as one.
    """
    return max(min(update_seconds, interval - 2 * update_seconds), update_seconds / 4)


def _backoff(first: float, times: int) -> float:
    """Seconds to wait after `times` consecutive failures: `first`, doubled with each further one."""
    return min(first * float(2 ** min(times - 1, 16)), LONGEST_PAUSE)


def _size(directory: Path) -> int:
    """Total size in bytes of the files directly in a directory; 0 if it does not exist."""
    if not directory.is_dir():
        return 0
    return sum(file.stat().st_size for file in directory.iterdir() if file.is_file())
