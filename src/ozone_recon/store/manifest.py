"""What a generation says about itself, and the file it says it in (docs/formats/generation.md)."""

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
FORMAT_VERSION = 2
"""Raised when an older program could misread what a newer one has written; what an older one wrote is built anew."""
BAD_ROWS_KEPT = 100


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One row of `/task/status` (RECON_TASK_STATUS); `timestamp` is ms, `status` 0 (ok) or -1 (failed).

    `message` is what there is to say: why it failed, or was needed.
    """

    name: str
    timestamp: int = 0
    sequence_number: int = 0
    status: int = 0
    running: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """Where a generation's data comes from and how it was built."""

    sequence_number: int = 0
    """RocksDB's sequence number at which the data is true."""
    taken_at: int = 0
    """When the checkpoint was taken, ms since 1970."""
    source: str = ""
    """The source in words, for people."""
    source_identity: str = ""
    """Equal for two checkpoints only when they hold the same data; empty when unknown."""
    last_batch: LastBatch | None = None
    """The WriteBatch that ends with the sequence number, where OM told of it."""
    built_by: str = ""
    """What decides, beside the data, what is in it: the program, and settings."""
    checkpoint: str = ""
    """The directory of the checkpoint, for raw rows that no table keeps."""
    checkpoint_sequence_number: int = 0
    """RocksDB's sequence number of the checkpoint; the data may be further by changes that OM told of."""
    checkpoint_built_at: int = 0
    """When the generation was built that was made from the checkpoint itself, ms since 1970; 0 for that one."""
    node: str = ""
    """The id of the OM whose database it is; sequence numbers and ids of column families mean nothing to another."""
    families: dict[str, int] = field(default_factory=dict)
    """The ids of that database's column families."""
    filesystem_paths: bool = False
    """Whether keys of LEGACY buckets were taken as file system paths (`ozone.om.enable.filesystem.paths`)."""
    built_at: int = 0
    """When the build was finished, ms since 1970."""
    counts: dict[str, int] = field(default_factory=dict)
    """Good and bad rows of every column family of the checkpoint, also of unknown ones."""
    bad_rows: int = 0
    bad_samples: tuple[BadRow, ...] = ()
    """The first `BAD_ROWS_KEPT` of them."""
    tasks: tuple[TaskStatus, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time of each stage of the build."""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A table in the manifest: its columns, its rows, and of each of its files the size in bytes and the checksum."""

    schema: Schema
    rows: int
    files: dict[str, int]
    checksums: dict[str, str]


@dataclass(frozen=True, slots=True)
class GenerationManifest:
    """The whole of a generation's manifest."""

    about: GenerationInfo
    tables: dict[str, TableEntry]


def write_manifest(directory: Path, manifest: GenerationManifest) -> None:
    """Write the manifest durably; from then on the directory holds a whole generation."""
    about = asdict(manifest.about)
    about["bad_samples"] = [asdict(row) | {"key": row.key.hex()} for row in manifest.about.bad_samples]
    tables = {name: asdict(entry) for name, entry in manifest.tables.items()}
    content = {"format": FORMAT_VERSION, "about": about, "tables": tables}
    content["checksum"] = _checksum(content)
    replace_file(directory / FILE, orjson.dumps(content, option=orjson.OPT_INDENT_2))


def read_manifest(directory: Path) -> GenerationManifest:
    """The manifest of the generation in `directory`; StoreError when it is missing, damaged or of another format."""
    path = directory / FILE
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
        version = content["format"]
        if version > FORMAT_VERSION:
            raise StoreError(
                f"{path} has format version {version} and this program knows up to {FORMAT_VERSION}: "
                "start the newer program that wrote it, or use another data directory"
            )
        if version < FORMAT_VERSION:
            raise StoreError(
                f"{path} has format version {version} and this program reads {FORMAT_VERSION}: it must be built anew"
            )
        if content.pop("checksum") != _checksum(content):
            raise ValueError("it does not match its checksum")
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
        raise StoreError(f"{path} is not a whole manifest ({problem}): delete {directory} and rebuild") from problem


def _checksum(content: dict[str, Any]) -> str:
    return xxhash.xxh3_64_hexdigest(orjson.dumps(content))


def is_newer(directory: Path) -> bool:
    """Whether the generation in `directory` was written by a newer program than this one."""
    try:
        version = orjson.loads((directory / FILE).read_bytes())["format"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    return isinstance(version, int) and version > FORMAT_VERSION
