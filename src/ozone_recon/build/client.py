"""Runs builds in a child process, so that they do not slow down requests and their memory is freed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

from ozone_recon import errors
from ozone_recon.build.job import BuildDone, BuildFailed, BuildJob, BuildLog
from ozone_recon.build.progress import Progress, Report
from ozone_recon.errors import ReconError
from ozone_recon.processes.child import ChildProcess, Program
from ozone_recon.processes.status import ProcessState
from ozone_recon.store.disk import remove_tree

_ENVIRONMENT: Final = {
    # By default glibc and numpy map and unmap every batch of columns, and the kernel's zeroing of pages takes a fifth
    # of a build's time. The user's own values take precedence.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(16 << 20),
    "NUMPY_MADVISE_HUGEPAGE": "0",
}
_ERRORS: Final = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, ReconError)
}
_LOG: Final = logging.getLogger(__name__)


class Builder:
    """Runs one build at a time. `stop` may be called from another thread."""

    def __init__(self, scratch_directory: Path) -> None:
        """The process warms up and keeps its temporary files in `scratch_directory`."""
        self._child = ChildProcess(
            Program(
                "build",
                "ozone_recon.build.process",
                (str(scratch_directory),),
                # Leftover temporary files are removed there at the next startup; other directories may be read-only.
                environment=_ENVIRONMENT | {"TMPDIR": str(scratch_directory)},
                # The kernel may schedule sessions fairly (autogroup), which would defeat the process's nice value.
                own_session=False,
            ),
            lambda message: self._messages.put(message),
            ended=self._note_end,
            replaced=False,
        )
        self._messages: SimpleQueue[Progress | BuildLog | BuildFailed | BuildDone | _Ended] = SimpleQueue()
        self._reserved = False
        self._running = False
        self._stopped = threading.Event()

    @property
    def state(self) -> ProcessState:
        """The state of the child process."""
        return self._child.state

    @property
    def waiting(self) -> bool:
        """Whether a process for the next job is running."""
        return self._child.running

    @contextmanager
    def ready(self) -> Iterator[ChildProcess]:
        """Starts a process for the next jobs in advance, so that it has warmed up by then; `run` uses it."""
        if self._reserved:
            yield self._child
            return
        self._reserved = True
        self._messages = SimpleQueue()
        self._child.start()
        try:
            yield self._child
        finally:
            self._child.stop()
            self._reserved = False

    def run(self, job: BuildJob, report: Report) -> None:
        """Runs the job. Its directory then has a sealed generation; if this raises, the directory is removed.

        Raises the build's error, or ReconError if the process crashed, hung or was killed.
        """
        self._running = True
        try:
            with self.ready():
                self._follow(job, report)
        except BaseException:
            self._child.stop()
            remove_tree(job.directory)
            raise
        finally:
            self._running = False

    def stop(self) -> None:
        """Ends the running build and refuses later ones."""
        self._stopped.set()
        self._child.end()

    def _follow(self, job: BuildJob, report: Report) -> None:
        if self._stopped.is_set():
            raise ReconError("the build was stopped")
        with suppress(BrokenPipeError):  # The end of the process is reported below.
            self._child.send(job)
        while True:
            match self._messages.get():
                case Progress() as progress:
                    report(progress)
                case BuildLog(name, level, text):
                    logging.getLogger(name).log(level, "%s", text)
                case BuildFailed(kind, text):
                    raise _ERRORS.get(kind, ReconError)(text)
                case BuildDone():
                    return
                case _Ended(outcome):
                    if self._stopped.is_set():
                        raise ReconError("the build was stopped")
                    raise ReconError(f"the build process {outcome}: the next attempt starts a new one")

    def _note_end(self, outcome: str) -> None:
        self._messages.put(_Ended(outcome))
        if not self._running and not self._child.stopping:
            _LOG.warning("the build process %s: the next build starts a new one", outcome)


class _Ended(NamedTuple):
    """The process has ended."""

    outcome: str
