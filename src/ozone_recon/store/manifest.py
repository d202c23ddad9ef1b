"""The manifest of a generation: its origin, its tables and their checksums (docs/formats/generation.md)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
import xxhash

from ozone_recon.columnar.changes import LastBatch
from ozone_recon.errors import StoreError
from ozone_recon.model.key_columns import BadRow
from ozone_recon.store.disk import replace_file
from ozone_recon.store.schema import Schema

FILE = "manifest.json"
FORMAT_VERSION = 3
"""Increased by every incompatible change of the format. Generations of an older version are rebuilt."""
BAD_SAMPLES = 100
"""The most bad rows that a manifest lists."""


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One row of `/task/status` (RECON_TASK_STATUS); `timestamp` is ms, `status` 0 (ok) or -1 (failed).

    `message` says why the task failed, or why it was necessary.
    """

    name: str
    timestamp: int = 0
    sequence_number: int = 0
    status: int = 0
    running: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """The origin of a generation's data and the facts of its build."""

    sequence_number: int = 0
    """The RocksDB sequence number of the data."""
    taken_at: int = 0
    """When the checkpoint was taken, ms since 1970."""
    source: str = ""
    """A description of the source for people."""
    source_identity: str = ""
    """Equal for two checkpoints only if their data is the same; empty if unknown."""
    last_batch: LastBatch | None = None
    """The WriteBatch that ends with the sequence number, if it came from OM's changes."""
    built_by: str = ""
    """The program version and settings that determine the content together with the data."""
    checkpoint: str = ""
    """The directory of the checkpoint, which is read for raw rows that no table stores."""
    checkpoint_sequence_number: int = 0
    """The RocksDB sequence number of the checkpoint; the data is newer if OM's changes have been applied."""
    checkpoint_built_at: int = 0
    """When the checkpoint's own generation was built, ms since 1970; 0 in that generation."""
    node: str = ""
    """The node id of the OM; its sequence numbers and column family ids are valid for this OM only."""
    families: dict[str, int] = field(default_factory=dict)
    """The ids of the column families in that OM's database."""
    filesystem_paths: bool = False
    """Whether keys of LEGACY buckets are file system paths (`ozone.om.enable.filesystem.paths`)."""
    built_at: int = 0
    """When the build finished, ms since 1970."""
    counts: dict[str, int] = field(default_factory=dict)
    """The number of rows, good and bad, of every column family, including unknown ones."""
    bad_rows: int = 0
    """The number of rows that could not be decoded."""
    bad_samples: tuple[BadRow, ...] = ()
    """The first `BAD_SAMPLES` of them."""
    tasks: tuple[TaskStatus, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time of each stage of the build."""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A table in the manifest: its columns, its number of rows, and each file's size in bytes and checksum."""

    schema: Schema
    rows: int
    files: dict[str, int]
    checksums: dict[str, str]


@dataclass(frozen=True, slots=True)
class GenerationManifest:
    """The content of a manifest."""

    about: GenerationInfo
    tables: dict[str, TableEntry]


def write_manifest(directory: Path, manifest: GenerationManifest) -> None:
    """Writes the manifest durably; this completes the generation."""
    about = asdict(manifest.about)
    about["bad_samples"] = [asdict(row) | {"key": row.key.hex()} for row in manifest.about.bad_samples]
    tables = {name: asdict(entry) for name, entry in manifest.tables.items()}
    content = {"format": FORMAT_VERSION, "about": about, "tables": tables}
    content["checksum"] = _checksum(content)
    replace_file(directory / FILE, orjson.dumps(content, option=orjson.OPT_INDENT_2))


def read_manifest(directory: Path) -> GenerationManifest:
    """Reads the manifest of a generation; StoreError if it is missing, damaged or of another format version."""
    path = directory / FILE
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
        version = content["format"]
        if version > FORMAT_VERSION:
            raise StoreError(
                f"{path} has format version {version}, but this program reads up to {FORMAT_VERSION}: "
                "start the newer program that wrote it, or use another data directory"
            )
        if version < FORMAT_VERSION:
            raise StoreError(
                f"{path} has format version {version}, but this program reads {FORMAT_VERSION}: it must be rebuilt"
            )
        if content.pop("checksum") != _checksum(content):
            raise ValueError("checksum mismatch")
        about = content["about"]
        about["tasks"] = tuple(TaskStatus(**task) for task in about["tasks"])
        if batch := about.get("last_batch"):
            about["last_batch"] = LastBatch(**batch)
        about["bad_samples"] = tuple(
            BadRow(row["table"], bytes.fromhex(row["key"]), row["reason"]) for row in about["bad_samples"]
        )
        return GenerationManifest(
            GenerationInfo(**about), {name: TableEntry(**entry) for name, entry in content["tables"].items()}
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError) as problem:
        raise StoreError(f"{path} is not a valid manifest ({problem}): delete {directory} and rebuild") from problem


def _checksum(content: dict[str, Any]) -> str:
    return xxhash.xxh3_64_hexdigest(orjson.dumps(content))


def is_newer(directory: Path) -> bool:
    """Whether a newer program than this one wrote the generation in `directory`."""
    try:
        version = orjson.loads((directory / FILE).read_bytes())["format"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    return isinstance(version, int) and version > FORMAT_VERSION
