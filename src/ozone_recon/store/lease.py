"""Leases: a generation's files are not removed while this process or another is reading them.

A reader has a shared flock on the manifest; removal needs the exclusive one.
"""

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
    """A shared lock on a generation's manifest, released when this object is garbage-collected."""

    def __init__(self, manifest: Path) -> None:
        """Raises GenerationRemoved if there is no manifest or its generation is being removed."""
        self._on_release: list[Callable[[], None]] = []
        try:
            file = open(manifest, "rb", buffering=0)  # noqa: SIM115 - closed with this object
            weakref.finalize(self, _release, file, self._on_release).atexit = False
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_nlink == 0:
                raise FileNotFoundError(manifest)
        except (FileNotFoundError, BlockingIOError):
            raise GenerationRemoved(
                f"generation {manifest.parent} has been removed: open the current generation again; "
                "if that is this one, delete it and rebuild"
            ) from None

    def on_release(self, call: Callable[[], None]) -> None:
        """Registers a callback for the release of the lease; it must not block."""
        self._on_release.append(call)


def _release(manifest: FileIO, on_release: list[Callable[[], None]]) -> None:
    manifest.close()
    for call in on_release:
        call()


def remove_unless_leased(manifest: Path, directories: list[Path]) -> bool:
    """Removes the directories of the generation with this manifest; returns False if it is still being read."""
    try:
        file = open(manifest, "rb", buffering=0)  # noqa: SIM115 - closed below
    except FileNotFoundError:
        file = None
    try:
        if file is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for directory in directories:
            remove_tree(directory)
    except BlockingIOError:
        return False
    finally:
        if file is not None:
            file.close()
    return True
