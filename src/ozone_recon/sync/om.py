"""Keeps the served generation up to date with its origin: gets a checkpoint, builds, swaps; again when asked or due."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ozone_recon.errors import ReconError
from ozone_recon.sources.checkpoint import Retry, Transfer
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.disk import remove_tree
from ozone_recon.store.generation import MEMORY_LIMIT, Generation, TaskStatus
from ozone_recon.sync import tasks
from ozone_recon.sync.builder import Builder
from ozone_recon.sync.job import BuildJob
from ozone_recon.sync.origin import Origin, build_identity
from ozone_recon.sync.progress import Progress

BUILD_SHARE: Final = 3.0
"""Bytes that a generation may take for each byte of its checkpoint, with a margin."""
FIRST_PAUSE: Final = 10.0
"""Seconds from a failure to the next attempt; doubles with each further one up to `LONGEST_PAUSE`."""
LONGEST_PAUSE: Final = 600.0
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """How to keep up. `memory_limit` is bytes; `threads` 0 means one for each CPU; times are seconds."""

    memory_limit: int = MEMORY_LIMIT
    threads: int = 0
    filesystem_paths: bool = False
    initial_delay: float = 0.0
    interval: float = 600.0
    """From the end of a synchronisation to the next one, for an origin that changes."""


@dataclass(frozen=True, slots=True)
class SyncState:
    """What the synchronisation is doing now: `doing` is "idle", "checkpoint" or "build"."""

    doing: str = "idle"
    at: Progress | Transfer | Retry | None = None
    """How far it is."""
    error: Exception | None = None
    """Why the last one failed; None when it did not."""
    failures: int = 0
    """In a row."""
    built: int = 0
    """Generations, since the start."""
    snapshot: TaskStatus = field(default_factory=lambda: TaskStatus(tasks.SNAPSHOT))
    reprocess: TaskStatus = field(default_factory=lambda: TaskStatus(tasks.REPROCESS))


class OmSync:
    """Synchronises a data directory with an origin, in a thread of its own once started.

    `serve` is called, in that thread, with each generation that is to be answered from.
    """

    def __init__(
        self, directory: DataDirectory, origin: Origin, settings: Settings, serve: Callable[[Generation], None]
    ) -> None:
        self.state = SyncState()
        self._directory = directory
        self._origin = origin
        self._settings = settings
        self._serve = serve
        self._builder = Builder()
        self._wake = threading.Event()
        self._stopping = False
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
        with self._turn, self._builder.ready():
            try:
                generation = self._build(self._get())
            except Exception as failure:
                self._fail(failure)
                raise
            self._note(generation, built=1)
            self._serve(generation)
            return generation

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
        self._builder.stop()
        if self._thread.is_alive():
            self._thread.join()

    def tasks(self) -> tuple[TaskStatus, ...]:
        """The rows of `/task/status`."""
        state, generation = self.state, self._directory.current()
        built = generation.about.tasks if generation else ()
        building = state.doing == "build"
        return (state.snapshot, state.reprocess, *(replace(task, running=building) for task in built))

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
        try:
            self.synchronise()
        except ReconError as failure:
            if self._origin.changes and not self._stopping:
                _LOG.warning("%s", failure)
        except Exception:
            _LOG.exception("synchronising with %s failed", self._origin.description)

    def _pause(self) -> float | None:
        failures = self.state.failures
        if not self._origin.changes:
            return None
        if failures:
            return min(FIRST_PAUSE * float(2 ** min(failures - 1, 16)), LONGEST_PAUSE)
        return self._settings.interval

    def _get(self) -> Path:
        self._begin("checkpoint", snapshot=True)
        return self._origin.get(self._directory.checkpoints, self._at, self._size_of_last())

    def _size_of_last(self) -> int:
        current = self._directory.current()
        return _size(Path(current.about.checkpoint)) if current else 0

    def _build(self, checkpoint: Path) -> Generation:
        self._begin("build", snapshot=False)
        try:
            job = BuildJob(
                checkpoint,
                self._directory.reserve(int(_size(checkpoint) * BUILD_SHARE)),
                self._origin.description,
                build_identity(self._origin, filesystem_paths=self._settings.filesystem_paths),
                self._settings.memory_limit,
                self._settings.threads,
                self._settings.filesystem_paths,
            )
            self._builder.run(job, self._at)
            return self._directory.publish(job.place)
        except BaseException:
            if checkpoint.parent == self._directory.checkpoints:
                remove_tree(checkpoint)
            raise

    def _at(self, progress: Progress | Transfer | Retry) -> None:
        if self._stopping:
            raise ReconError("the synchronisation was stopped")
        self.state = replace(self.state, at=progress)

    def _begin(self, doing: str, *, snapshot: bool) -> None:
        state = self.state
        self.state = replace(
            state,
            doing=doing,
            at=None,
            snapshot=_touched(state.snapshot, running=True) if snapshot else state.snapshot,
            reprocess=state.reprocess if snapshot else _touched(state.reprocess, running=True),
        )

    def _fail(self, error: Exception) -> None:
        state = self.state
        snapshot, reprocess = _touched(state.snapshot, running=False, status=-1), state.reprocess
        if state.doing == "build":
            reprocess = _touched(reprocess, running=False, status=-1)
        self.state = SyncState(
            error=error, failures=state.failures + 1, built=state.built, snapshot=snapshot, reprocess=reprocess
        )

    def _note(self, generation: Generation, built: int = 0) -> None:
        about = generation.about
        self.state = SyncState(
            built=self.state.built + built,
            snapshot=TaskStatus(tasks.SNAPSHOT, about.built_at, about.sequence_number),
            reprocess=TaskStatus(tasks.REPROCESS, about.built_at, about.sequence_number),
        )


def _touched(task: TaskStatus, *, running: bool, status: int | None = None) -> TaskStatus:
    now = time.time_ns() // 1_000_000
    return replace(task, timestamp=now, running=running, status=task.status if status is None else status)


def _size(directory: Path) -> int:
    """Bytes of the files directly in a directory; 0 when it is gone."""
    if not directory.is_dir():
        return 0
    return sum(file.stat().st_size for file in directory.iterdir() if file.is_file())
