"""Finds the OM database in a directory and tells whether all of its files are there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ozone_recon.errors import CheckpointError, DecodeError, Unsupported

COMPLETE: Final = "OZONE_RATIS_SNAPSHOT_COMPLETE"
"""The empty last entry of the tar that OM's /dbCheckpoint sends: without it the tar broke off."""
_NAMES: Final = ("om.db", "om.snapshot.db_*", "*")
"""What to look for below a given directory: OM's own database before Java Recon's copies, and before anything else."""


def find_database(path: Path, name: str, depth: int = 4) -> Path:
    """The database directory that `path` is or holds, down to `depth` levels below it; errors call it `name`.

    Raises CheckpointError when there is none, or more than one.
    """
    if (path / "CURRENT").is_file():
        return path
    if (path / "hardLinkFile").is_file():
        raise CheckpointError(
            f"{name}: its files are named by inodes, so it is from /v2/dbCheckpoint; take it from /dbCheckpoint."
        )
    for pattern in _NAMES:
        for level in range(depth):
            found = sorted(held.parent for held in path.glob("*/" * level + pattern + "/CURRENT"))
            if len(found) > 1:
                listed = ", ".join(str(one.relative_to(path)) for one in found)
                raise CheckpointError(f"{name} holds more than one database ({listed}): give the path of one of them.")
            if found:
                return found[0]
    raise CheckpointError(f"{name} is not an OM checkpoint: no file CURRENT in it, nor in an om.db below it.")


def check_whole(database: Path, name: str) -> None:
    """Raises CheckpointError unless every table file that the database's MANIFEST names is there, in its length.

    A MANIFEST that only RocksDB reads is left to RocksDB, which looks at the same when it opens the database.
    """
    # Its kernels load when a checkpoint is there, not before OM is asked for one.
    from ozone_recon.wire.manifest import read_manifest

    current = (database / "CURRENT").read_bytes().strip().decode(errors="replace")
    if not current.startswith("MANIFEST-") or "/" in current or not (database / current).is_file():
        raise _not_whole(name, f"CURRENT names {current!r}, which is not there")
    try:
        manifest = read_manifest((database / current).read_bytes())
    except Unsupported:
        return
    except DecodeError as damaged:
        raise _not_whole(name, f"{current} is damaged ({damaged})") from damaged
    for family in manifest.families.values():
        for table in family.files.values():
            file = database / f"{table.number:06}.sst"
            found = file.stat().st_size if file.is_file() else None
            if found != table.size:
                what = "is not there" if found is None else f"has {found:,} bytes instead of {table.size:,}"
                raise _not_whole(name, f"{file.name}, a part of {family.name}, {what}")


def _not_whole(name: str, reason: str) -> CheckpointError:
    return CheckpointError(f"{name} is not whole: {reason}. Take or copy the checkpoint again.")
