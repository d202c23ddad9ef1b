"""The data directory: who may use it, which generation is current, and what may be removed.

LOCK                    held (flock) by the one process that uses the directory; its pid for people to read
CURRENT                 the name of the current generation
generations/<name>/     whole when it has a manifest.json; anything that CURRENT does not name is removed at start
kernels/                compiled code, if it is kept here (`store.compiled`)
checkpoints/<name>/     checkpoints that were unpacked; all but the current generation's is removed at start
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
from ozone_recon.store.lease import remove_unless_held
from ozone_recon.store.manifest import FILE as MANIFEST
from ozone_recon.store.manifest import is_newer

REMOVE_AGAIN = 0.5
"""Seconds until what another process reads is tried again to be removed."""
_LOG = logging.getLogger(__name__)


class DataDirectory:
    """A locked data directory. One thread builds and publishes; any thread may ask for the current generation."""

    def __init__(self, path: Path, checkpoints: Path, lock: BinaryIO) -> None:
        self.path = path
        self.checkpoints = checkpoints
        """Where checkpoints are unpacked: ours alone, and all but that of the current generation is removed."""
        self.damage: str | None = None
        """Why the generation that was current at start could not be used and must be rebuilt, if that is so."""
        self._lock = lock
        self._generations = path / "generations"
        self._current: Generation | None = None
        self._retired: SimpleQueue[list[Path] | None] = SimpleQueue()
        self._remover = threading.Thread(target=self._remove_retired, name="store-remover", daemon=True)

    @classmethod
    def lock(cls, path: Path | str, checkpoints: Path | None = None) -> DataDirectory:
        """Take the directory for this process, making it if need be, and open its current generation.

        Checkpoints are unpacked in it, or, when `checkpoints` is given, in a directory below that, named for this one.
        What killed builds have left is removed. Raises DataDirectoryBusy when another process has it, StoreError
        when its generation was written by a newer program. A generation that is torn, was written by an older program
        or has a byte that is not as it was written counts as none (see `damage`): all of it is read to know.
        """
        path = Path(path).absolute()
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        held = _take(path / "LOCK")
        try:
            directory = cls(path, _place_of_checkpoints(path, checkpoints), held)
            directory._open()
        except BaseException:
            held.close()
            raise
        return directory

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

    @property
    def scratch_directory(self) -> Path:
        """A directory for what is not to outlive its process: what a kill leaves there is removed at the next start."""
        return self._generations

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
            self._retire(old, generation)
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
        for place in (self._generations, self.checkpoints):
            with writing(place):
                place.mkdir(parents=True, exist_ok=True)
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
            _LOG.warning("what was built before cannot be used, and is built anew: %s", self.damage)
        used = {self._current.path, Path(self._current.about.checkpoint)} if self._current else set()
        for place in (*self._generations.iterdir(), *self.checkpoints.iterdir()):
            if place not in used:
                remove_unless_held(place / MANIFEST, [place])
        self._remover.start()

    def _retire(self, old: Generation, new: Generation) -> None:
        unused = [old.path]
        checkpoint = Path(old.about.checkpoint)
        if checkpoint.parent == self.checkpoints and checkpoint != Path(new.about.checkpoint):
            unused.append(checkpoint)
        old.held.afterwards(partial(self._retired.put, unused))

    def _remove_retired(self) -> None:
        held: list[list[Path]] = []
        while True:
            # What another process still reads is tried again soon, also when no other swap follows.
            with contextlib.suppress(Empty):
                places = self._retired.get(timeout=REMOVE_AGAIN if held else None)
                if places is None:
                    return
                held.append(places)
            held = [left for left in held if not remove_unless_held(left[0] / MANIFEST, left)]


def _verified(path: Path) -> Generation:
    generation = Generation.open(path)
    generation.verify()
    return generation


def current_generation(path: Path) -> Generation | None:
    """The current generation of a data directory that another process may hold; None when there is none.

    StoreError when it is torn.
    """
    while True:
        try:
            name = (path / "CURRENT").read_text("ascii", "replace").strip()
        except FileNotFoundError:
            return None
        try:
            return Generation.open(path / "generations" / name)
        except GenerationRemoved:
            # Since its name was read.
            if (path / "CURRENT").read_text("ascii", "replace").strip() == name:
                raise


def _place_of_checkpoints(path: Path, elsewhere: Path | None) -> Path:
    if elsewhere is None:
        return path / "checkpoints"
    return elsewhere.absolute() / f"ozone-recon-{zlib.crc32(bytes(path)):08x}"


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
