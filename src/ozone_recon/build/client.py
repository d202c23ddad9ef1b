"""Runs a build in a process of its own: answers go on undisturbed, and its memory is given back when it is done."""

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
    # Batches of columns come and go on several threads. By default glibc and numpy map and unmap each of them: a fifth
    # of a build's time went into the kernel's zeroing of pages. Set by the user, these stay as they are.
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
    """One build at a time; `stop`, from another thread, ends it."""

    def __init__(self, scratch_directory: Path) -> None:
        """`scratch_directory` is where its process may rehearse."""
        self._child = ChildProcess(
            Program(
                "build",
                "ozone_recon.build.process",
                (str(scratch_directory),),
                # What is left of a temporary file is removed at the next start there; nothing else may be writable.
                environment=_ENVIRONMENT | {"TMPDIR": str(scratch_directory)},
                # Sessions may share the CPUs evenly, however low what runs in them ranks.
                own_session=False,
            ),
            lambda message: self._messages.put(message),
            ended=self._note_end,
            replaced=False,
        )
        self._messages: SimpleQueue[Progress | BuildLog | BuildFailed | BuildDone | _Ended] = SimpleQueue()
        self._held = False
        self._running = False
        self._stopped = threading.Event()

    @property
    def state(self) -> ProcessState:
        """How its process fares."""
        return self._child.state

    @property
    def waiting(self) -> bool:
        """Whether there is a process for the next job that has not ended."""
        return self._child.running

    @contextmanager
    def ready(self) -> Iterator[ChildProcess]:
        """A process for the next jobs, started now, so that it has loaded by the time there is one; `run` takes it."""
        if self._held:
            yield self._child
            return
        self._held = True
        self._messages = SimpleQueue()
        self._child.start()
        try:
            yield self._child
        finally:
            self._child.stop()
            self._held = False

    def run(self, job: BuildJob, report: Report) -> None:
        """Do the job in a process; its directory then holds a sealed generation, or is gone if this raises.

        Raises what the build raised, and ReconError when its process broke down, hung or was killed.
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
        """End the running build, and refuse any later one."""
        self._stopped.set()
        self._child.end()

    def _follow(self, job: BuildJob, report: Report) -> None:
        if self._stopped.is_set():
            raise ReconError("the build was stopped")
        with suppress(BrokenPipeError):  # What became of the process is said below.
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
                case _Ended(fate):
                    if self._stopped.is_set():
                        raise ReconError("the build was stopped")
                    raise ReconError(f"the build process {fate}; it is started again with the next attempt")

    def _note_end(self, fate: str) -> None:
        self._messages.put(_Ended(fate))
        if not self._running and not self._child.stopping:
            _LOG.warning("the build process %s; another one is started with the next build", fate)


class _Ended(NamedTuple):
    """The process has ended."""

    fate: str
