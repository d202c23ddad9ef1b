"""Finds the OM database in a directory, and refuses one that does not prove itself whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ozone_recon.errors import CheckpointError, DecodeError, Unsupported

if TYPE_CHECKING:
    from ozone_recon.wire.rocksdb.manifest import DatabaseManifest

COMPLETE: Final = "OZONE_RATIS_SNAPSHOT_COMPLETE"
"""The empty last entry of the tar that OM's /dbCheckpoint sends: without it the tar broke off."""
_NAMES: Final = ("om.db", "om.snapshot.db_*", "*")
"""What to look for below a given directory: OM's own database before Java Recon's copies, and before anything else."""

TABLES_OF_EVERY_OM: Final = (
    "userTable",
    "volumeTable",
    "bucketTable",
    "keyTable",
    "openKeyTable",
    "deletedTable",
    "multipartInfoTable",
    "prefixTable",
)
"""Column families that an OM of any version makes when it first opens its database."""


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
                listed = ", ".join(str(one.relative_to(path)) for one in found[:3]) + ", …" * (len(found) > 3)
                raise CheckpointError(f"{name} holds more than one database ({listed}): give the path of one of them.")
            if found:
                return found[0]
    raise CheckpointError(f"{name} is not an OM checkpoint: no file CURRENT in it, nor in an om.db below it.")


def check_whole(database: Path, name: str) -> None:
    """Raises CheckpointError unless the database's MANIFEST is that of an OM and all table files it names are there.

    A MANIFEST that only RocksDB reads is left to RocksDB, which looks at the same when it opens the database.
    """
    try:
        manifest = read_manifest_of(database)
    except Unsupported:
        return
    except (OSError, DecodeError) as damaged:
        raise _not_whole(name, str(damaged)) from damaged
    check_tables((family.name for family in manifest.families.values()), name)
    named = {
        table.number: (table.size, family) for family in manifest.families.values() for table in family.files.values()
    }
    for number, (size, family) in named.items():
        file = database / f"{number:06}.sst"
        found = file.stat().st_size if file.is_file() else None
        if found != size:
            what = "is not there" if found is None else f"has {found:,} bytes instead of {size:,}"
            raise _not_whole(name, f"{file.name}, a part of {family.name}, {what}")
    if (database / COMPLETE).exists():
        # In what OM itself sends there is nothing but the database: an unnamed file was named in edits that are lost.
        for file in sorted(database.glob("*.sst")):
            if file.stem.isdecimal() and int(file.stem) not in named:
                raise _not_whole(name, f"the MANIFEST does not name {file.name}, so it is cut short")


def check_tables(names: Iterable[str], name: str) -> None:
    """Raises CheckpointError unless the tables that every OM has are among the column families `names`."""
    held = frozenset(names)
    if missing := [table for table in TABLES_OF_EVERY_OM if table not in held]:
        raise _not_whole(name, f"its MANIFEST names no {', no '.join(missing)}, which every OM has")


def read_manifest_of(database: Path) -> DatabaseManifest:
    """The MANIFEST that CURRENT names; OSError or DecodeError says which of the two is missing or damaged."""
    # Its kernels load when a checkpoint is there, not before OM is asked for one.
    from ozone_recon.wire.rocksdb.manifest import read_manifest

    text = (database / "CURRENT").read_bytes().decode(errors="replace")
    current = text.removesuffix("\n")
    if current == text or not current.startswith("MANIFEST-") or not current.removeprefix("MANIFEST-").isdecimal():
        raise DecodeError(f"CURRENT is damaged: it is {text!r}, and not the name of a MANIFEST and the end of a line")
    if not (database / current).is_file():
        raise DecodeError(f"CURRENT names {current}, which is not there")
    try:
        return read_manifest((database / current).read_bytes())
    except Unsupported:
        raise
    except DecodeError as damaged:
        raise DecodeError(f"{current} is damaged ({damaged})") from damaged


def _not_whole(name: str, reason: str) -> CheckpointError:
    return CheckpointError(f"{name} is not whole: {reason}. Take or copy the checkpoint again.")
