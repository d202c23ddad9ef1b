"""Runs a build in a process of its own: answers go on undisturbed, and its memory is given back when it is done."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from ozone_recon import errors
from ozone_recon.errors import ReconError
from ozone_recon.store.disk import ending, remove_tree
from ozone_recon.sync.job import BuildJob
from ozone_recon.sync.progress import Progress, Report

_COMMAND: Final = (sys.executable, "-P", "-m", "ozone_recon.sync.build_process")
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


class Builder:
    """One build at a time; `stop`, from another thread, ends it."""

    def __init__(self, workshop: Path) -> None:
        """`workshop` is where its process may rehearse."""
        self._command = (*_COMMAND, str(workshop))
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    @property
    def waiting(self) -> bool:
        """Whether there is a process for the next job that has not ended."""
        return self._process is not None and self._process.poll() is None

    @contextmanager
    def ready(self) -> Iterator[subprocess.Popen[bytes]]:
        """A process for the next jobs, started now, so that it has loaded by the time there is one; `run` takes it."""
        if self._process is not None:
            yield self._process
            return
        with subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is not for it. Sessions may share the CPUs evenly, however low what runs in them ranks.
            process_group=0,
            env=_ENVIRONMENT | os.environ,
        ) as process:
            self._process = process
            try:
                yield process
            finally:
                process.kill()
                self._process = None

    def run(self, job: BuildJob, report: Report) -> None:
        """Do the job in a process; its directory then holds a sealed generation, or is gone if this raises.

        Raises what the build raised, and ReconError when its process broke down or was killed.
        """
        try:
            with self.ready() as process:
                self._follow(process, job, report)
        except BaseException:
            if self._process:
                self._process.kill()
            remove_tree(job.place)
            raise

    def stop(self) -> None:
        """End the running build, and refuse any later one."""
        self._stopped.set()
        if process := self._process:
            process.kill()

    def _follow(self, process: subprocess.Popen[bytes], job: BuildJob, report: Report) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        if self._stopped.is_set():
            raise ReconError("the build was stopped")
        try:
            process.stdin.write(job.line())
            process.stdin.flush()
        except BrokenPipeError:
            raise self._broken_down(process) from None
        for line in process.stdout:
            match orjson.loads(line):
                case {"progress": progress}:
                    report(Progress(**progress))
                case {"log": text, "level": level, "logger": name}:
                    logging.getLogger(name).log(level, "%s", text)
                case {"failed": kind, "text": text}:
                    raise _ERRORS.get(kind, ReconError)(text)
                case {"done": True}:
                    return
        raise self._broken_down(process)

    def _broken_down(self, process: subprocess.Popen[bytes]) -> ReconError:
        code = process.wait()
        if self._stopped.is_set():
            return ReconError("the build was stopped")
        if code >= 0:
            return ReconError(f"the build process ended early with exit code {code}; see what it printed")
        return ReconError(f"the build process {ending(code)}; try again")
