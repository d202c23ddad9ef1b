"""Finds the OM database in a directory and tells whether all of its files are there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ozone_recon.errors import CheckpointError

COMPLETE: Final = "OZONE_RATIS_SNAPSHOT_COMPLETE"
"""The empty last entry of the tar that OM's /dbCheckpoint sends: without it the tar broke off."""
_NAMES: Final = ("om.db", "om.snapshot.db_*", "*")
"""What to look for below a given directory: OM's own database before Java Recon's copies, and before anything else."""


def find_database(path: Path, depth: int = 4) -> Path:
    """The database directory that `path` is or holds, down to `depth` levels below it.

    Raises CheckpointError when there is none, or more than one.
    """
    if (path / "CURRENT").is_file():
        return path
    if (path / "hardLinkFile").is_file():
        raise CheckpointError(
            f"{path}: its files are named by inodes, so it is from /v2/dbCheckpoint; take it from /dbCheckpoint."
        )
    for name in _NAMES:
        for level in range(depth):
            found = sorted(held.parent for held in path.glob("*/" * level + name + "/CURRENT"))
            if len(found) > 1:
                listed = ", ".join(str(one.relative_to(path)) for one in found)
                raise CheckpointError(f"{path} holds more than one database ({listed}): give the path of one of them.")
            if found:
                return found[0]
    raise CheckpointError(f"{path} is not an OM checkpoint: no file CURRENT in it, nor in an om.db below it.")


def check_whole(database: Path) -> None:
    """Raises CheckpointError unless every file that makes up the database is there, in its length."""
    current = database / "CURRENT"
    name = current.read_bytes().strip().decode(errors="replace")
    manifest = database / name
    if not name.startswith("MANIFEST-") or "/" in name or not manifest.is_file():
        raise CheckpointError(f"{database}: CURRENT names {name!r}, which is not there: the checkpoint is not whole.")
