"""Files that survive a crash: durable replacement, syncing beside the work, and a full disk said in plain words."""

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
    """What the system refused, in a sentence, and what to do about it where that is known."""
    where = f"{failure.filename}: " if failure.filename else ""
    advice = {
        errno.EMFILE: "; raise the limit of open files (ulimit -n, or LimitNOFILE= of the service)",
        errno.EIO: "; the disk has failed, see the system's log",
    }.get(failure.errno or 0, "")
    return f"{where}{failure.strerror or failure}{advice}"


def free_bytes(path: Path) -> int:
    """Bytes that this user can still write on the file system of `path`."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def require_space(path: Path, needed: int) -> None:
    """Raise NoSpace when fewer than `needed` bytes are free where `path` is."""
    free = free_bytes(path)
    if free < needed:
        raise NoSpace(
            f"{path} needs about {needed / 1e6:,.0f} MB of free disk space and has {free / 1e6:,.0f} MB; "
            "make room there or choose another data directory"
        )


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk or an exhausted quota, while writing `path`, into NoSpace."""
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
    """Force a file's content, or a directory's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Give `path` this content durably and at once: after a crash it has the old content or the new."""
    aside = path.with_name(path.name + ".new")
    with writing(path):
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync(path.parent)


def remove_tree(path: Path) -> None:
    """Remove a directory and all in it; one that is already gone is fine."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


class BackgroundSync:
    """Syncs finished files in a thread of its own, so that writing the next ones need not wait for the disk."""

    def __init__(self) -> None:
        self._paths: SimpleQueue[Path | None] = SimpleQueue()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="store-sync", daemon=True)
        self._thread.start()

    def add(self, path: Path) -> None:
        """Have `path` synced soon."""
        self._paths.put(path)

    def stop(self) -> None:
        """Return when no more files are being synced; what was not yet begun after a failure is left."""
        self._paths.put(None)
        self._thread.join()

    def wait(self) -> None:
        """Return when every added file is on the disk; raises what a sync raised (NoSpace for a full disk)."""
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
