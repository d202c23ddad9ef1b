"""Where checkpoints come from: a path that somebody gave, or a running OM; and whether one is known already.

What asks OM is all that this imports at once; the rest loads while OM makes its checkpoint.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ozone_recon import __version__
from ozone_recon.config.connections import OmHttp
from ozone_recon.sources.checkpoint.fetch import Report as TransferReport
from ozone_recon.sources.checkpoint.fetch import from_directory, from_om, from_path, missing


class Taken(NamedTuple):
    """A whole checkpoint: its directory, and the id of the OM that it came from, if it is known."""

    path: Path
    node: str = ""


class DataOrigin(Protocol):
    """A source of checkpoints."""

    @property
    def description(self) -> str:
        """The source in words; generations of one source have the same."""
        ...

    @property
    def changes(self) -> bool:
        """Whether it is worth asking again for a newer checkpoint."""
        ...

    def identity(self) -> str:
        """Differs when the data may differ; empty when only a new checkpoint can tell."""
        ...

    def get(self, checkpoints: Path, report: TransferReport, expected: int) -> Taken:
        """A whole checkpoint, unpacked below `checkpoints` if need be (about `expected` bytes)."""
        ...


@dataclass(frozen=True, slots=True)
class GivenPath:
    """A directory or a tar; `-` is a tar on standard input."""

    path: Path

    @property
    def description(self) -> str:
        """The path."""
        return "standard input" if str(self.path) == "-" else str(self.path.absolute())

    @property
    def changes(self) -> bool:
        """A path is read when it is given, and when somebody asks for it again."""
        return False

    def require(self) -> None:
        """Raises CheckpointError when nothing is there, or a directory that is no checkpoint."""
        if self.path.is_dir():
            from_directory(self.path)
        elif str(self.path) != "-" and not self.path.exists():
            raise missing(self.path)

    def identity(self) -> str:
        """Made of the names, sizes and times of the files, without reading them."""
        if str(self.path) == "-":
            return ""
        path = from_directory(self.path) if self.path.is_dir() else self.path
        if not path.exists():
            return ""
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        known = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        return hashlib.sha256(repr(known).encode()).hexdigest()

    def get(self, checkpoints: Path, report: TransferReport, expected: int) -> Taken:
        """The directory itself, or the tar unpacked."""
        return Taken(from_path(self.path, checkpoints, report).absolute())


@dataclass(frozen=True, slots=True)
class RunningOm:
    """The leader among OMs."""

    om: OmHttp
    nodes: tuple[str, ...] = ("",)
    """The ids of the OMs, in the order of `om.addresses`."""

    @property
    def description(self) -> str:
        """The OMs' addresses."""
        return ", ".join(self.om.addresses)

    @property
    def changes(self) -> bool:
        """A running OM does."""
        return True

    def identity(self) -> str:
        """Nothing is known before it is asked."""
        return ""

    def get(self, checkpoints: Path, report: TransferReport, expected: int) -> Taken:
        """A new checkpoint."""
        path, address = from_om(self.om, checkpoints, report, expected)
        return Taken(path.absolute(), dict(zip(self.om.addresses, self.nodes, strict=True))[address])


def build_identity(origin: DataOrigin, *, filesystem_paths: bool) -> str:
    """What a generation of the origin's data, built by this program with these settings, is known by; or empty."""
    data = origin.identity()
    return data and f"{data}/{built_by(filesystem_paths=filesystem_paths)}"


def built_by(*, filesystem_paths: bool) -> str:
    """What decides, beside the data, what a generation holds: this program, and these settings."""
    from ozone_recon.build.insights import INSIGHTS
    from ozone_recon.store.schema import TABLES

    tables = zlib.crc32(repr((TABLES, [insight.TABLES for insight in INSIGHTS])).encode())
    return f"{__version__}/{tables:08x}/{int(filesystem_paths)}"
