"""How the synchronisation with an OM fares: what it is doing, what it has done, what went wrong."""

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
    """What the synchronisation is doing now: `doing` is "idle", "changes", "fold", "checkpoint" or "build"."""

    doing: str = "idle"
    at: Progress | Transfer | Retry | None = None
    """How far it is."""
    error: BaseException | None = None
    """Why the last one failed; None when it did not."""
    failures: int = 0
    """In a row."""
    disk_full: int = 0
    """How often the disk was too full, since the start."""
    built: int = 0
    """Generations, since the start."""
    folded: int = 0
    """Of these, from changes."""
    needed: Counter[CheckpointCause] = field(default_factory=Counter)
    """Checkpoints, because changes did not lead on."""
    cause: str = ""
    """Why, the last time."""
    lag: int = 0
    """How many changes OM had more, when it was last asked."""
    checked_at: int = 0
    """When OM last had nothing that is not served, ms since 1970."""
    snapshot: TaskStatus = field(default_factory=lambda: TaskStatus(tasks.SNAPSHOT))
    delta: TaskStatus = field(default_factory=lambda: TaskStatus(tasks.DELTA))
    reprocess: TaskStatus = field(default_factory=lambda: TaskStatus(tasks.REPROCESS))

    def began(self, doing: str) -> Self:
        """It begins to do this."""
        state = replace(self, doing=doing, at=None)
        match doing:
            case "checkpoint":
                return replace(state, snapshot=_touched(self.snapshot, running=True))
            case "build":
                return replace(state, reprocess=_touched(self.reprocess, running=True))
            case _:
                return replace(state, delta=_touched(self.delta, running=True))

    def failed(self, error: BaseException) -> Self:
        """What it was doing ends with this."""
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
        """Changes do not lead on: a checkpoint is to follow."""
        return replace(
            self,
            doing="idle",
            needed=self.needed + Counter([reason.cause]),
            cause=str(reason),
            delta=_failed(self.delta, reason),
        )

    def checked(self, about: GenerationInfo, found: OmChangesRead) -> Self:
        """OM was asked, and this is served by now."""
        lag = max(0, found.latest - about.sequence_number)
        return replace(
            self,
            doing="idle",
            error=None,
            failures=0,
            lag=lag,
            delta=TaskStatus(tasks.DELTA, found.read_at, about.sequence_number),
            checked_at=found.read_at if found.complete and not lag else self.checked_at,
        )

    def has(self, about: GenerationInfo, built: int = 0, folded: int = 0) -> Self:
        """There is this now, and nothing stands in the way of more."""
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
            folded=self.folded + folded,
            checked_at=about.taken_at,
            snapshot=TaskStatus(tasks.SNAPSHOT, first_at, about.sequence_number, message=why),
            delta=TaskStatus(tasks.DELTA, about.taken_at, about.sequence_number),
            reprocess=TaskStatus(tasks.REPROCESS, first_at, first),
        )


def _touched(task: TaskStatus, *, running: bool) -> TaskStatus:
    return replace(task, timestamp=time.time_ns() // 1_000_000, running=running)


def _failed(task: TaskStatus, error: BaseException) -> TaskStatus:
    return replace(_touched(task, running=False), status=-1, message=str(error))
