"""What a build process is told to do, and what it says besides its Progress."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class DeltaJob:
    """Build from the generation in `base` and the changes that `build.changes_file` wrote to `changes`."""

    base: Path
    changes: Path


@dataclass(frozen=True, slots=True)
class BuildJob:
    """Build a generation in the empty directory `place`: from the checkpoint in `checkpoint`, or as `fold` says.

    `source`, `identity`, `built_by` and `node` are what the generation says of itself. `memory_limit` is bytes.
    """

    checkpoint: Path
    directory: Path
    source: str
    identity: str
    memory_limit: int
    threads: int
    filesystem_paths: bool
    built_by: str = ""
    node: str = ""
    delta: DeltaJob | None = None


class BuildDone(NamedTuple):
    """The generation is sealed."""


class BuildFailed(NamedTuple):
    """The build failed with this class of errors.py; "" for a fault of ours, whose text is its stack trace."""

    error: str
    text: str


class BuildLog(NamedTuple):
    """A line to log in the name of `logger`."""

    logger: str
    level: int
    text: str
