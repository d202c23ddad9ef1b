"""Finds the OM database in a directory and verifies that it is complete."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ozone_recon.errors import CheckpointError, DecodeError, Unsupported

if TYPE_CHECKING:
    from ozone_recon.wire.rocksdb.manifest import DatabaseManifest

COMPLETE: Final = "OZONE_RATIS_SNAPSHOT_COMPLETE"
"""The empty last entry of a tar from OM's /dbCheckpoint; a tar from OM without it is truncated."""
_NAMES: Final = ("om.db", "om.snapshot.db_*", "*")
"""Directory names to search, in order: OM's own database, Java Recon's copies, anything else."""

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
"""Column families that every version of OM creates when it first opens its database."""


def find_database(path: Path, name: str, depth: int = 4) -> Path:
    """The database directory that `path` is or holds, at most `depth` levels below it; `name` is for error messages.

    Raises CheckpointError when there is no database, or more than one.
    """
    if (path / "CURRENT").is_file():
        return path
    if (path / "hardLinkFile").is_file():
        raise CheckpointError(
            f"{name}: the files are named by inode, as in a tar from /v2/dbCheckpoint: take it from /dbCheckpoint."
        )
    for pattern in _NAMES:
        for level in range(depth):
            databases = sorted(file.parent for file in path.glob("*/" * level + pattern + "/CURRENT"))
            if len(databases) > 1:
                listed = ", ".join(str(one.relative_to(path)) for one in databases[:3]) + ", …" * (len(databases) > 3)
                raise CheckpointError(f"{name} holds more than one database ({listed}): give the path of one of them.")
            if databases:
                return databases[0]
    raise CheckpointError(f"{name} is not an OM checkpoint: it contains no CURRENT file, and no om.db with one.")


def check_whole(database: Path, name: str) -> None:
    """Raises CheckpointError unless the MANIFEST is that of an OM and every table file that it names is complete.

    A MANIFEST that only RocksDB can read is not checked here: RocksDB makes the same checks when it opens the database.
    """
    try:
        manifest = read_manifest_of(database)
    except Unsupported:
        return
    except (OSError, DecodeError) as damaged:
        raise _incomplete(name, str(damaged)) from damaged
    check_tables((family.name for family in manifest.families.values()), name)
    named = {
        table.number: (table.size, family) for family in manifest.families.values() for table in family.files.values()
    }
    for number, (size, family) in named.items():
        file = database / f"{number:06}.sst"
        actual = file.stat().st_size if file.is_file() else None
        if actual != size:
            fault = "is missing" if actual is None else f"has {actual:,} bytes instead of {size:,}"
            raise _incomplete(name, f"{file.name}, a table file of {family.name}, {fault}")
    if (database / COMPLETE).exists():
        # A tar from OM holds the database only: a table file that the MANIFEST does not name means that edits are lost.
        for file in sorted(database.glob("*.sst")):
            if file.stem.isdecimal() and int(file.stem) not in named:
                raise _incomplete(name, f"the MANIFEST is truncated: it does not name {file.name}")


def check_tables(names: Iterable[str], name: str) -> None:
    """Raises CheckpointError unless the column families `names` include all tables that every OM has."""
    families = frozenset(names)
    if missing := [table for table in TABLES_OF_EVERY_OM if table not in families]:
        raise _incomplete(name, f"its MANIFEST lacks {', '.join(missing)}, which every OM has")


def read_manifest_of(database: Path, *, any_files: bool = False) -> DatabaseManifest:
    """Reads the MANIFEST that CURRENT names; OSError or DecodeError names the one that is missing or damaged.

    `any_files` accepts files that only RocksDB reads.
    """
    # Imported here so that its kernels are not loaded before there is a checkpoint.
    from ozone_recon.wire.rocksdb.manifest import read_manifest

    text = (database / "CURRENT").read_bytes().decode(errors="replace")
    current = text.removesuffix("\n")
    if current == text or not current.startswith("MANIFEST-") or not current.removeprefix("MANIFEST-").isdecimal():
        raise DecodeError(f"CURRENT is damaged: it contains {text!r} instead of a MANIFEST's name and a newline")
    if not (database / current).is_file():
        raise DecodeError(f"CURRENT names {current}, which does not exist")
    try:
        return read_manifest((database / current).read_bytes(), any_files=any_files)
    except Unsupported:
        raise
    except DecodeError as damaged:
        raise DecodeError(f"{current} is damaged ({damaged})") from damaged


def _incomplete(name: str, reason: str) -> CheckpointError:
    return CheckpointError(f"{name} is incomplete: {reason}. Take or copy the checkpoint again.")
