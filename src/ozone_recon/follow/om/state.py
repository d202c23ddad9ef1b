"""State of the OM synchronisation: its current step, its counters and its last error."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Self

from ozone_recon.build.progress import Progress
from ozone_recon.errors import CheckpointCause, CheckpointNeeded, NoSpace
from ozone_recon.follow.om.changes import OmChangesRead
from ozone_recon.sources.checkpoint.fetch import Retry, Transfer
from ozone_recon.store import tasks
from ozone_recon.store.manifest import GenerationInfo, TaskStatus


@dataclass(frozen=True, slots=True)
class OmSyncState:
    """The current step is `doing`: "idle", "changes" (fetching), "apply", "checkpoint" (fetching) or "build"."""

    doing: str = "idle"
    at: Progress | Transfer | Retry | None = None
    """Progress of the step."""
    error: BaseException | None = None
    """The last synchronisation's error; None if it succeeded."""
    failures: int = 0
    """Number of consecutive failures."""
    disk_full: int = 0
    """Number of failures because of a full disk since the start."""
    built: int = 0
    """Number of generations built since the start."""
    applied: int = 0
    """Number of these built by applying changes."""
    needed: Counter[CheckpointCause] = field(default_factory=Counter)
    """Number of checkpoints needed because changes could not be applied, by cause."""
    cause: str = ""
    """Reason of the last one."""
    lag: int = 0
    """Number of changes by which the data was behind OM at the last poll."""
    checked_at: int = 0
    """When the served data was last known to be current, in ms since 1970."""
    snapshot: TaskStatus = field(default_factory=lambda: TaskStatus(tasks.SNAPSHOT))
    delta: TaskStatus = field(default_factory=lambda: TaskStatus(tasks.DELTA))
    reprocess: TaskStatus = field(default_factory=lambda: TaskStatus(tasks.REPROCESS))

    def began(self, doing: str) -> Self:
        """The state after the step `doing` has begun."""
        state = replace(self, doing=doing, at=None)
        match doing:
            case "checkpoint":
                return replace(state, snapshot=_touched(self.snapshot, running=True))
            case "build":
                return replace(state, reprocess=_touched(self.reprocess, running=True))
            case _:
                return replace(state, delta=_touched(self.delta, running=True))

    def failed(self, error: BaseException) -> Self:
        """The state after the current step has failed."""
        state = replace(
            self,
            doing="idle",
            at=None,
            error=error,
            failures=self.failures + 1,
            disk_full=self.disk_full + isinstance(error, NoSpace),
        )
        match self.doing:
            case "checkpoint":
                return replace(state, snapshot=_failed(self.snapshot, error))
            case "build":
                return replace(state, snapshot=_failed(self.snapshot, error), reprocess=_failed(self.reprocess, error))
            case _:
                return replace(state, delta=_failed(self.delta, error))

    def checkpoint_required(self, reason: CheckpointNeeded) -> Self:
        """The state after changes could not be applied: a checkpoint follows."""
        return replace(
            self,
            doing="idle",
            needed=self.needed + Counter([reason.cause]),
            cause=str(reason),
            delta=_failed(self.delta, reason),
        )

    def checked(self, about: GenerationInfo, read: OmChangesRead) -> Self:
        """The state after a poll of OM whose changes are served."""
        lag = max(0, read.latest - about.sequence_number)
        return replace(
            self,
            doing="idle",
            error=None,
            failures=0,
            lag=lag,
            delta=TaskStatus(tasks.DELTA, read.read_at, about.sequence_number),
            checked_at=read.read_at if read.complete and not lag else self.checked_at,
        )

    def serving(self, about: GenerationInfo, built: int = 0, applied: int = 0) -> Self:
        """The state with the generation `about` in service, and no error."""
        first = about.checkpoint_sequence_number or about.sequence_number
        first_at = about.checkpoint_built_at or about.built_at
        why = f"The last checkpoint was needed: {self.cause}" if self.cause else ""
        return replace(
            self,
            doing="idle",
            at=None,
            error=None,
            failures=0,
            built=self.built + built,
            applied=self.applied + applied,
            checked_at=about.taken_at,
            snapshot=TaskStatus(tasks.SNAPSHOT, first_at, about.sequence_number, message=why),
            delta=TaskStatus(tasks.DELTA, about.taken_at, about.sequence_number),
            reprocess=TaskStatus(tasks.REPROCESS, first_at, first),
        )


def _touched(task: TaskStatus, *, running: bool) -> TaskStatus:
    return replace(task, timestamp=time.time_ns() // 1_000_000, running=running)


def _failed(task: TaskStatus, error: BaseException) -> TaskStatus:
    return replace(_touched(task, running=False), status=-1, message=str(error))
