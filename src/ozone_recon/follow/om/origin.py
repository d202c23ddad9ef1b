"""Sources of checkpoints: a given path or a running OM, and how to recognise data that is already built.

Imports only what a request to OM needs; the other modules are loaded while OM creates its checkpoint.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from ozone_recon import __version__
from ozone_recon.config.connections import OmHttp
from ozone_recon.sources.checkpoint.fetch import Report as TransferReport
from ozone_recon.sources.checkpoint.fetch import from_directory, from_om, from_path, missing


class Taken(NamedTuple):
    """A complete checkpoint: its directory, and the node id of its OM if known."""

    path: Path
    node: str = ""


class DataOrigin(Protocol):
    """A source of checkpoints."""

    @property
    def description(self) -> str:
        """Describes the source; equal for all generations of one source."""
        ...

    @property
    def changes(self) -> bool:
        """Whether the source may have newer data later."""
        ...

    def identity(self) -> str:
        """Identifies the data: equal only if the data is equal; empty if that needs a new checkpoint."""
        ...

    def get(self, checkpoints: Path, report: TransferReport, expected: int, leader: str = "") -> Taken:
        """Gets a checkpoint, unpacked below `checkpoints` if necessary.

        `expected` is its approximate size in bytes; `leader` is the node id of the OM that leads, if known.
        """
        ...


@dataclass(frozen=True, slots=True)
class GivenPath:
    """A checkpoint directory or tar; `-` is a tar on standard input."""

    path: Path

    @property
    def description(self) -> str:
        """The path."""
        return "standard input" if str(self.path) == "-" else str(self.path.absolute())

    @property
    def changes(self) -> bool:
        """False: a path is read once, and again on request."""
        return False

    def require(self) -> None:
        """Raises CheckpointError if the path does not exist or is a directory without a checkpoint."""
        if self.path.is_dir():
            from_directory(self.path)
        elif str(self.path) != "-" and not self.path.exists():
            raise missing(self.path)

    def identity(self) -> str:
        """A hash of the files' names, sizes and modification times."""
        if str(self.path) == "-":
            return ""
        path = from_directory(self.path) if self.path.is_dir() else self.path
        if not path.exists():
            return ""
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        known = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        return hashlib.sha256(repr(known).encode()).hexdigest()

    def get(self, checkpoints: Path, report: TransferReport, expected: int, leader: str = "") -> Taken:
        """Returns the directory, or unpacks the tar."""
        return Taken(from_path(self.path, checkpoints, report).absolute())


@dataclass(frozen=True, slots=True)
class RunningOm:
    """The leader of an OM service."""

    om: OmHttp
    nodes: tuple[str, ...] = ("",)
    """The OMs' node ids, in the order of `om.addresses`."""

    @property
    def description(self) -> str:
        """The OMs' addresses."""
        return ", ".join(self.om.addresses)

    @property
    def changes(self) -> bool:
        """True."""
        return True

    def identity(self) -> str:
        """Empty: only a new checkpoint can tell."""
        return ""

    def get(self, checkpoints: Path, report: TransferReport, expected: int, leader: str = "") -> Taken:
        """Downloads a new checkpoint; asks the leader first, for another OM may be frozen and cost its time-out."""
        node_of = dict(zip(self.om.addresses, self.nodes, strict=True))
        addresses = tuple(sorted(node_of, key=lambda address: node_of[address] != leader))
        path, address = from_om(replace(self.om, addresses=addresses), checkpoints, report, expected)
        return Taken(path.absolute(), node_of[address])


def build_identity(origin: DataOrigin, *, filesystem_paths: bool) -> str:
    """Identifies a generation of the origin's data built by this version with these settings; empty if unknown."""
    data = origin.identity()
    return data and f"{data}/{built_by(filesystem_paths=filesystem_paths)}"


def built_by(*, filesystem_paths: bool) -> str:
    """Identifies what a generation depends on besides the data: version, table schemas and settings."""
    from ozone_recon.build.insights import INSIGHTS
    from ozone_recon.store.schema import TABLES

    tables = zlib.crc32(repr((TABLES, [insight.TABLES for insight in INSIGHTS])).encode())
    return f"{__version__}/{tables:08x}/{int(filesystem_paths)}"
