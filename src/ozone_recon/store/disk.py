"""Crash-safe file operations: atomic replacement, background fsync, and NoSpace errors for a full disk."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

from ozone_recon.errors import NoSpace

_FULL = (errno.ENOSPC, errno.EDQUOT)


def described(failure: OSError) -> str:
    """Describes an OSError in a sentence, with advice for known causes."""
    where = f"{failure.filename}: " if failure.filename else ""
    advice = {
        errno.EMFILE: "; raise the limit of open files (ulimit -n, or LimitNOFILE= of the service)",
        errno.EIO: "; the disk may be failing: see the kernel log",
    }.get(failure.errno or 0, "")
    return f"{where}{failure.strerror or failure}{advice}"


def free_bytes(path: Path) -> int:
    """Returns the bytes available to this user on the file system of `path`."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def require_space(path: Path, needed: int) -> None:
    """Raises NoSpace if fewer than `needed` bytes are available on the file system of `path`."""
    free = free_bytes(path)
    if free < needed:
        raise NoSpace(
            f"{path} needs about {needed / 1e6:,.0f} MB of free disk space and has {free / 1e6:,.0f} MB; "
            "make room there or choose another data directory"
        )


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises NoSpace in place of an OSError for a full disk or an exhausted quota while `path` is written."""
    try:
        yield
    except OSError as failure:
        if failure.errno not in _FULL:
            raise
        free = free_bytes(path.parent) if path.parent.exists() else 0
        raise NoSpace(
            f"no space left while writing {path} ({free / 1e6:,.0f} MB free); "
            "make room there or choose another data directory"
        ) from failure


def sync(path: Path) -> None:
    """Calls fsync on a file or a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Replaces the content of `path` atomically and durably: after a crash it has the old content or the new."""
    aside = path.with_name(path.name + ".new")
    with writing(path):
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync(path.parent)


def remove_tree(path: Path) -> None:
    """Removes a directory tree; does nothing if it does not exist."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


class BackgroundSync:
    """Syncs finished files in a background thread, so that writing the next ones does not wait for the disk."""

    def __init__(self) -> None:
        self._paths: SimpleQueue[Path | None] = SimpleQueue()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="store-sync", daemon=True)
        self._thread.start()

    def add(self, path: Path) -> None:
        """Queues `path` to be synced."""
        self._paths.put(path)

    def stop(self) -> None:
        """Waits for the queue to empty. After a failure the remaining files are skipped."""
        self._paths.put(None)
        self._thread.join()

    def wait(self) -> None:
        """Waits until every added file is on disk; raises the first error of a sync (NoSpace for a full disk)."""
        self.stop()
        if self._failure:
            with writing(Path(self._failure.filename or ".")):
                raise self._failure

    def _run(self) -> None:
        while path := self._paths.get():
            if self._failure is None:
                try:
                    sync(path)
                except OSError as failure:
                    failure.filename = failure.filename or str(path)
                    self._failure = failure
