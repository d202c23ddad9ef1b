"""The data directory: locks it, publishes generations and removes obsolete ones.

LOCK                    locked (flock) by the one process that uses the directory; contains its pid
CURRENT                 the name of the current generation
generations/<name>/     complete if it has a manifest.json; all except the current one are removed at startup
kernels/                compiled kernels, if they are cached here (`store.compiled`)
checkpoints/<name>/     unpacked checkpoints; all except the current generation's are removed at startup
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import zlib
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import BinaryIO, Self

from ozone_recon.errors import DataDirectoryBusy, GenerationRemoved, StoreError
from ozone_recon.store.disk import replace_file, require_space, sync, writing
from ozone_recon.store.generation import MEMORY_LIMIT, Generation, GenerationBuild
from ozone_recon.store.lease import remove_unless_leased
from ozone_recon.store.manifest import FILE as MANIFEST
from ozone_recon.store.manifest import is_newer

REMOVE_RETRY = 0.5
"""Seconds between attempts to remove a generation that another process is still reading."""
_LOG = logging.getLogger(__name__)


class DataDirectory:
    """A locked data directory. One thread builds and publishes; `current` may be called from any thread."""

    def __init__(self, path: Path, checkpoints: Path, lock: BinaryIO) -> None:
        self.path = path
        self.checkpoints = checkpoints
        """The directory of unpacked checkpoints; everything in it except the current generation's is removed."""
        self.damage: str | None = None
        """Why the generation that was current at startup was rejected, so that it must be rebuilt; otherwise None."""
        self._lock = lock
        self._generations = path / "generations"
        self._current: Generation | None = None
        self._retired: SimpleQueue[list[Path] | None] = SimpleQueue()
        self._remover = threading.Thread(target=self._remove_retired, name="store-remover", daemon=True)

    @classmethod
    def lock(cls, path: Path | str, checkpoints: Path | None = None) -> DataDirectory:
        """Locks the directory for this process, creating it if necessary; opens and verifies the current generation.

        Checkpoints are unpacked in it or, if `checkpoints` is given, in a subdirectory of that named after this one.
        Removes the remains of killed builds. Raises DataDirectoryBusy if another process has locked it, and StoreError
        if its generation was written by a newer program. A generation that is incomplete, fails its checksums or was
        written by an older program is rejected: `current` is then None and `damage` says why.
        """
        path = Path(path).absolute()
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        lock = _lock_file(path / "LOCK")
        try:
            directory = cls(path, _checkpoints_directory(path, checkpoints), lock)
            directory._open()
        except BaseException:
            lock.close()
            raise
        return directory

    def current(self) -> Generation | None:
        """Returns the current generation, or None before the first. Use one and the same for a whole request."""
        return self._current

    def build(
        self,
        *,
        expected_bytes: int = 0,
        memory_limit: int = MEMORY_LIMIT,
        threads: int | None = None,
        filesystem_paths: bool = False,
    ) -> GenerationBuild:
        """Starts a new generation beside the current one; NoSpace if fewer than `expected_bytes` are free."""
        return GenerationBuild(
            self.reserve(expected_bytes),
            memory_limit=memory_limit,
            threads=threads or os.cpu_count() or 1,
            filesystem_paths=filesystem_paths,
            publish=self.publish,
        )

    @property
    def scratch_directory(self) -> Path:
        """A directory for temporary files: whatever a killed process leaves in it is removed at the next startup."""
        return self._generations

    def reserve(self, expected_bytes: int = 0) -> Path:
        """Creates an empty directory for a new generation; NoSpace if fewer than `expected_bytes` are free."""
        require_space(self.path, expected_bytes)
        last = max(
            (int(directory.name) for directory in self._generations.iterdir() if directory.name.isdigit()), default=0
        )
        directory = self._generations / f"{last + 1:08d}"
        with writing(directory):
            directory.mkdir()
        return directory

    def publish(self, directory: Path) -> Generation:
        """Makes the sealed generation in `directory` current; removes the old one when its last reader releases it."""
        generation = Generation.open(directory)
        sync(self._generations)
        replace_file(self.path / "CURRENT", f"{directory.name}\n".encode())
        old, self._current = self._current, generation
        if old is not None:
            self._retire(old, generation)
        return generation

    def close(self) -> None:
        """Unlocks the directory."""
        self._current = None
        self._retired.put(None)
        self._remover.join()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _open(self) -> None:
        for directory in (self._generations, self.checkpoints):
            with writing(directory):
                directory.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            name = (self.path / "CURRENT").read_text("ascii", "replace").strip()
            if is_newer(self._generations / name):
                Generation.open(self._generations / name)
            try:
                self._current = _verified(self._generations / name)
            except StoreError as damage:
                self.damage = str(damage)
        if self.damage:
            (self.path / "CURRENT").unlink()
            _LOG.warning("the current generation cannot be used and will be rebuilt: %s", self.damage)
        used = {self._current.path, Path(self._current.about.checkpoint)} if self._current else set()
        for directory in (*self._generations.iterdir(), *self.checkpoints.iterdir()):
            if directory not in used:
                remove_unless_leased(directory / MANIFEST, [directory])
        self._remover.start()

    def _retire(self, old: Generation, new: Generation) -> None:
        unused = [old.path]
        checkpoint = Path(old.about.checkpoint)
        if checkpoint.parent == self.checkpoints and checkpoint != Path(new.about.checkpoint):
            unused.append(checkpoint)
        old.lease.on_release(partial(self._retired.put, unused))

    def _remove_retired(self) -> None:
        in_use: list[list[Path]] = []
        while True:
            # Retries generations that another process is still reading, even if no further swap follows.
            with contextlib.suppress(Empty):
                directories = self._retired.get(timeout=REMOVE_RETRY if in_use else None)
                if directories is None:
                    return
                in_use.append(directories)
            in_use = [left for left in in_use if not remove_unless_leased(left[0] / MANIFEST, left)]


def _verified(path: Path) -> Generation:
    generation = Generation.open(path)
    generation.verify()
    return generation


def current_generation(path: Path) -> Generation | None:
    """Opens the current generation of a data directory that another process may have locked; None if there is none.

    Raises StoreError if it is incomplete.
    """
    while True:
        try:
            name = (path / "CURRENT").read_text("ascii", "replace").strip()
        except FileNotFoundError:
            return None
        try:
            return Generation.open(path / "generations" / name)
        except GenerationRemoved:
            # It may have been replaced since CURRENT was read.
            if (path / "CURRENT").read_text("ascii", "replace").strip() == name:
                raise


def _checkpoints_directory(path: Path, elsewhere: Path | None) -> Path:
    if elsewhere is None:
        return path / "checkpoints"
    return elsewhere.absolute() / f"ozone-recon-{zlib.crc32(bytes(path)):08x}"


def _lock_file(path: Path) -> BinaryIO:
    """Opens and locks the lock file and writes our pid to it; DataDirectoryBusy if another process has locked it."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "a+b", buffering=0))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(32).decode("ascii", "replace").strip() or "unknown"
            raise DataDirectoryBusy(
                f"{path.parent} is in use by process {holder}: stop it, or use another data directory"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        stack.pop_all()
        return file
