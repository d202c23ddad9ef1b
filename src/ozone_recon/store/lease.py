"""Keeps the files of a generation that is being read, by this process or another, from being removed."""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from ozone_recon.errors import GenerationRemoved
from ozone_recon.store.disk import remove_tree


class GenerationLease:
    """A shared lock on a generation's manifest for as long as anything refers to this object."""

    def __init__(self, manifest: Path) -> None:
        """GenerationRemoved when there is no manifest, or its generation is being removed."""
        self._afterwards: list[Callable[[], None]] = []
        try:
            file = open(manifest, "rb", buffering=0)  # noqa: SIM115 - closed with this object
            weakref.finalize(self, _release, file, self._afterwards).atexit = False
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_nlink == 0:
                raise FileNotFoundError(manifest)
        except (FileNotFoundError, BlockingIOError):
            raise GenerationRemoved(
                f"{manifest.parent} has been removed: ask for the current generation again, "
                "and if that is this one, delete it and rebuild"
            ) from None

    def afterwards(self, call: Callable[[], None]) -> None:
        """Have `call` called when nothing refers to this object any more; it must not block."""
        self._afterwards.append(call)


def _release(manifest: FileIO, afterwards: list[Callable[[], None]]) -> None:
    manifest.close()
    for call in afterwards:
        call()


def remove_unless_held(manifest: Path, places: list[Path]) -> bool:
    """Remove `places`, which belong to the generation with this manifest; False when somebody still reads it."""
    try:
        file = open(manifest, "rb", buffering=0)  # noqa: SIM115 - closed below
    except FileNotFoundError:
        file = None
    try:
        if file is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for place in places:
            remove_tree(place)
    except BlockingIOError:
        return False
    finally:
        if file is not None:
            file.close()
    return True
