"""Keeps the served generation up to date with its origin: by changes, or else by a checkpoint; builds, swaps."""

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
"""Bytes that a generation may take for each byte of its checkpoint, with a margin."""
FIRST_PAUSE: Final = 10.0
"""Seconds from a failure to the next attempt; doubles with each further one up to `LONGEST_PAUSE`."""
ELECTION_PAUSE: Final = 1.0
"""The same, when no OM leads: they elect one within seconds."""
LONGEST_PAUSE: Final = 600.0
LOOKS: Final = 4
"""Times in an interval that an origin is looked at while it does not change."""
_PATIENCE: Final = 4
"""Every so many failures in a row, a checkpoint is tried instead."""
RAW_SHARE: Final = 0.5
"""Raw rows that have changed since the checkpoint are kept up to this share of it; then a new one is due."""
RAW_LEAST: Final = 64 << 20
"""Bytes of such rows that are always kept."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OmSyncSettings:
    """How to keep up. `memory_limit` is bytes; `threads` 0 means one for each CPU; times are seconds."""

    memory_limit: int = MEMORY_LIMIT
    threads: int = 0
    filesystem_paths: bool = False
    initial_delay: float = 0.0
    interval: float = 5.0
    """In which a change is to be served, for an origin that changes."""


class OmSync:
    """Synchronises a data directory with an origin, in a thread of its own once started.

    `serve` is called, in that thread, with each generation that is to be answered from. `changes` are those of the
    origin; without them it is followed by checkpoints alone.
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
        self._led_astray = 0
        """Checkpoints in a row from which changes did not lead on."""
        self.builder = Builder(directory.scratch_directory)
        self._builder_kept = ExitStack()
        """Has a build process for the next fold: the first one in a process takes twice as long as the others."""
        self._wake = threading.Event()
        self._stopping = False
        self._folding = 0.0
        """Seconds that the last fold took, since when there may be more to fold."""
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="om-sync")

    def reuse(self) -> bool:
        """Serve what is there, if it is the origin's; True when it is known to be all that the origin has."""
        generation = self._directory.current()
        if generation is None or generation.about.source != self._origin.description:
            return False
        self._note(generation)
        self._serve(generation)
        identity = build_identity(self._origin, filesystem_paths=self._settings.filesystem_paths)
        return identity != "" and identity == generation.about.source_identity

    def synchronise(self) -> Generation:
        """Get a checkpoint, build from it, and serve the result; raises what stands in the way (see `state.error`)."""
        # The build's process loads while the checkpoint is fetched.
        self._builder_kept.close()
        with self._turn, self.builder.ready():
            try:
                generation = self._build(self._get())
            except Exception as failure:
                self.state = self.state.failed(failure)
                raise
            self._note(generation, built=1)
            self._serve(generation)
            return generation

    def follow(self) -> Generation:
        """Apply what has changed since the current generation, and serve the result.

        Raises CheckpointNeeded when changes do not lead on from it, and what else stands in the way.
        """
        assert self._changes is not None
        with self._turn:
            generation = self._followable()
            try:
                while True:
                    self._begin("changes")
                    found = self._changes.since(generation.about)
                    if found.changes.last_sequence != generation.sequence_number:
                        generation = self._fold(generation, found)
                        self._note(generation, built=1, folded=1)
                        self._serve(generation)
                    else:
                        self._keep_builder()
                        self._folding = 0.0
                    self.state = self.state.checked(generation.about, found)
                    if found.complete:
                        self._led_astray = 0
                        return generation
            except BaseException as failure:
                self._builder_kept.close()
                if not isinstance(failure, CheckpointNeeded):
                    self.state = self.state.failed(failure)
                raise

    def start(self) -> None:
        """Begin: reuse what is there, then synchronise when there is reason to."""
        self._thread.start()

    def trigger(self) -> bool:
        """Synchronise now; False when it is being done already."""
        if self._turn.locked() or self._wake.is_set():
            return False
        self._wake.set()
        return True

    def stop(self) -> None:
        """End, also in the middle of a build."""
        self._stopping = True
        self._wake.set()
        self.builder.stop()
        if self._changes:
            self._changes.close()
        if self._thread.is_alive():
            self._thread.join()
        self._builder_kept.close()

    def tasks(self) -> tuple[TaskStatus, ...]:
        """The rows of `/task/status`."""
        state, generation = self.state, self._directory.current()
        built = generation.about.tasks if generation else ()
        building = state.doing == "build"
        following = (self._delta(self._changes.trouble),) if self._changes else ()
        return (state.snapshot, *following, state.reprocess, *(replace(task, running=building) for task in built))

    def _delta(self, trouble: str) -> TaskStatus:
        """How following fares; while OM is being asked, what keeps it from answering."""
        delta = self.state.delta
        return replace(delta, message=trouble) if delta.running and trouble else delta

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
                _LOG.info("synchronised with %s again, after %s failures", self._origin.description, failures)
        except (ReconError, CancelledError) as failure:  # A call to OM is cancelled when we stop.
            if self._origin.changes and not self._stopping:
                _LOG.warning("%s", failure, extra={"failures": self.state.failures})
        except OSError as failure:
            _LOG.warning("%s", described(failure), extra={"failures": self.state.failures})
        except Exception:
            _LOG.exception("synchronising with %s failed", self._origin.description)

    def _catch_up(self) -> None:
        if self._changes and self._directory.current():
            try:
                if self.state.failures % _PATIENCE == _PATIENCE - 1:
                    raise CheckpointNeeded(
                        CheckpointCause.NO_RESPONSE, f"OM does not say what has changed: {self.state.error}"
                    )
                self.follow()
                return
            except CheckpointNeeded as reason:
                self._explain(reason)
        if not self._stopping:
            self.synchronise()

    def _explain(self, reason: CheckpointNeeded) -> None:
        """Says why a checkpoint is needed; waits first when the last one has been of no use."""
        _LOG.warning("a new checkpoint is needed: %s", reason, extra={"cause": reason.cause.value})
        self.state = self.state.checkpoint_required(reason)
        if self._led_astray:
            self._wake.wait(_longer(FIRST_PAUSE, self._led_astray))
        self._led_astray += 1

    def _pause(self) -> float | None:
        failures = self.state.failures
        if not self._origin.changes:
            return None
        if failures:
            return _longer(ELECTION_PAUSE if isinstance(self.state.error, NoLeader) else FIRST_PAUSE, failures)
        interval = self._settings.interval
        return rest(self._folding, interval) if self._folding else interval / LOOKS

    def _followable(self) -> Generation:
        """The current generation; CheckpointNeeded when it is not to be changed any more."""
        generation = self._directory.current()
        if generation is None or generation.about.source != self._origin.description:
            raise CheckpointNeeded(CheckpointCause.NO_DATA, "there is no data yet")
        about = generation.about
        if about.built_by != built_by(filesystem_paths=self._settings.filesystem_paths):
            raise CheckpointNeeded(
                CheckpointCause.SETTINGS, "what is there was built by another version, or with other settings"
            )
        kept = sum(generation.table(name).size for name in generation.tables if name.startswith(CHANGED))
        if kept > max(RAW_LEAST, RAW_SHARE * _size(Path(about.checkpoint))):
            raise CheckpointNeeded(
                CheckpointCause.MANY_CHANGES, f"{kept:,} bytes of rows have changed since the last one"
            )
        return generation

    def _fold(self, base: Generation, found: OmChangesRead) -> Generation:
        self._begin("fold")
        began = time.monotonic()
        self._keep_builder()
        aside = self._directory.reserve(found.changes.size)
        try:
            write_changes(aside, found.changes, found.read_at)
            about = base.about
            job = self._job(Taken(Path(about.checkpoint), about.node), base.size + 2 * found.changes.size)
            self.builder.run(replace(job, fold=DeltaJob(base.path, aside)), self._at)
            return self._directory.publish(job.place)
        finally:
            remove_tree(aside)
            self._folding = time.monotonic() - began

    def _keep_builder(self) -> None:
        if not self.builder.waiting:
            self._builder_kept.close()
            self._builder_kept.enter_context(self.builder.ready())

    def _get(self) -> Taken:
        self._begin("checkpoint")
        return self._origin.get(self._directory.checkpoints, self._at, self._size_of_last())

    def _size_of_last(self) -> int:
        current = self._directory.current()
        return _size(Path(current.about.checkpoint)) if current else 0

    def _build(self, taken: Taken) -> Generation:
        self._begin("build")
        try:
            job = self._job(taken, int(_size(taken.path) * BUILD_SHARE))
            self.builder.run(job, self._at)
            return self._directory.publish(job.place)
        except BaseException:
            if taken.path.parent == self._directory.checkpoints:
                remove_tree(taken.path)
            raise

    def _job(self, taken: Taken, expected: int) -> BuildJob:
        """How to build from a checkpoint, in a place with room for `expected` bytes."""
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

    def _at(self, progress: Progress | Transfer | Retry) -> None:
        if self._stopping:
            raise ReconError("the synchronisation was stopped")
        self.state = replace(self.state, at=progress)

    def _begin(self, doing: str) -> None:
        self.state = self.state.began(doing)

    def _note(self, generation: Generation, built: int = 0, folded: int = 0) -> None:
        self.state = self.state.has(generation.about, built, folded)


def rest(folding: float, interval: float) -> float:
    """Seconds left to answers between folds that take `folding` seconds.

    A change may just miss a fold, and is served after a rest and two of them: in the interval, as long as that leaves
    a fifth of the time to rests. No rest is longer than a fold.
    """
    return max(min(folding, interval - 2 * folding), folding / 4)


def _longer(first: float, times: int) -> float:
    """Seconds to wait after `times` failures in a row, of which one alone has `first`."""
    return min(first * float(2 ** min(times - 1, 16)), LONGEST_PAUSE)


def _size(directory: Path) -> int:
    """Bytes of the files directly in a directory; 0 when it is gone."""
    if not directory.is_dir():
        return 0
    return sum(file.stat().st_size for file in directory.iterdir() if file.is_file())
