"""The data directory: who may use it, which generation is current, and what may be removed.

LOCK                    held (flock) by the one process that uses the directory; its pid for people to read
CURRENT                 the name of the current generation
generations/<name>/     whole when it has a manifest.json; anything that CURRENT does not name is removed at start
checkpoints/            where a checkpoint that is not a local directory is unpacked
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import weakref
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import BinaryIO, Self

from ozone_recon.errors import DataDirectoryBusy, StoreError
from ozone_recon.store.disk import remove_tree, replace_file, require_space, sync, writing
from ozone_recon.store.generation import MEMORY_LIMIT, Generation, GenerationBuild
from ozone_recon.store.manifest import is_newer


class DataDirectory:
    """A locked data directory. One thread builds and publishes; any thread may ask for the current generation."""

    def __init__(self, path: Path, lock: BinaryIO) -> None:
        self.path = path
        self.damage: StoreError | None = None
        """Why the generation that was current at start could not be used and must be rebuilt, if that is so."""
        self._lock = lock
        self._generations = path / "generations"
        self._current: Generation | None = None
        self._retired: SimpleQueue[Path | None] = SimpleQueue()
        self._remover = threading.Thread(target=self._remove_retired, name="store-remover", daemon=True)

    @classmethod
    def lock(cls, path: Path | str) -> DataDirectory:
        """Take the directory for this process, making it if need be, and open its current generation.

        What killed builds have left is removed. Raises DataDirectoryBusy when another process has it, StoreError
        when its generation was written by a newer program. A torn generation counts as none (see `damage`).
        """
        path = Path(path).absolute()
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        held = _take(path / "LOCK")
        try:
            directory = cls(path, held)
            directory._open()
        except BaseException:
            held.close()
            raise
        return directory

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints may be unpacked; made when it is asked for."""
        place = self.path / "checkpoints"
        with writing(place):
            place.mkdir(exist_ok=True)
        return place

    def current(self) -> Generation | None:
        """The current generation, None when there is none yet. Hold on to it for as long as one question takes."""
        return self._current

    def build(
        self,
        *,
        expected_bytes: int = 0,
        memory_limit: int = MEMORY_LIMIT,
        threads: int | None = None,
        filesystem_paths: bool = False,
    ) -> GenerationBuild:
        """Begin a generation beside the current one; NoSpace when `expected_bytes` are not free."""
        return GenerationBuild(
            self.reserve(expected_bytes),
            memory_limit=memory_limit,
            threads=threads or os.cpu_count() or 1,
            filesystem_paths=filesystem_paths,
            publish=self.publish,
        )

    def reserve(self, expected_bytes: int = 0) -> Path:
        """An empty directory for a new generation, which some process is going to fill."""
        require_space(self.path, expected_bytes)
        last = max((int(place.name) for place in self._generations.iterdir() if place.name.isdigit()), default=0)
        place = self._generations / f"{last + 1:08d}"
        with writing(place):
            place.mkdir()
        return place

    def publish(self, place: Path) -> Generation:
        """Make the sealed generation in `place` the current one; the old one goes when its last reader lets go."""
        generation = Generation.open(place)
        sync(self._generations)
        replace_file(self.path / "CURRENT", f"{place.name}\n".encode())
        old, self._current = self._current, generation
        if old is not None:
            weakref.finalize(old.held, self._retired.put, old.path).atexit = False
        return generation

    def close(self) -> None:
        """Let another process have the directory."""
        self._current = None
        self._retired.put(None)
        self._remover.join()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _open(self) -> None:
        with writing(self._generations):
            self._generations.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            name = (self.path / "CURRENT").read_text("ascii", "replace").strip()
            if is_newer(self._generations / name):
                Generation.open(self._generations / name)
            try:
                self._current = Generation.open(self._generations / name)
            except StoreError as damage:
                self.damage = damage
        for place in self._generations.iterdir():
            if self._current is None or place != self._current.path:
                remove_tree(place)
        self._remover.start()

    def _remove_retired(self) -> None:
        while path := self._retired.get():
            remove_tree(path)


def _take(path: Path) -> BinaryIO:
    """The lock file, locked, with our pid in it."""
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
