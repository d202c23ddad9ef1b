"""The messages between a build process and its parent: jobs, results and log lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class DeltaJob:
    """Applies the changes that `build.changes_file` wrote to `changes` to the generation in `base`."""

    base: Path
    changes: Path


@dataclass(frozen=True, slots=True)
class BuildJob:
    """Builds a generation in the empty `directory`, from `checkpoint` or, if `delta` is given, from that.

    `source`, `identity`, `built_by` and `node` are stored in the manifest (`GenerationInfo`). `memory_limit` is in
    bytes; `threads` is 0 for one per CPU.
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
    """The build finished; the generation is sealed."""


class BuildFailed(NamedTuple):
    """The build failed. `error` is a class name of errors.py, or "" for a bug; then `text` is the traceback."""

    error: str
    text: str


class BuildLog(NamedTuple):
    """A log record for the parent to log."""

    logger: str
    level: int
    text: str
