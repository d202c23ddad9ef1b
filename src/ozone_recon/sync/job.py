"""What a build process is told to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import orjson


@dataclass(frozen=True, slots=True)
class Fold:
    """Build from the generation in `base` and the changes that `sync.changes_file` wrote to `changes`."""

    base: Path
    changes: Path


@dataclass(frozen=True, slots=True)
class BuildJob:
    """Build a generation in the empty directory `place`: from the checkpoint in `checkpoint`, or as `fold` says.

    `source`, `identity`, `built_by` and `node` are what the generation says of itself. `memory_limit` is bytes.
    """

    checkpoint: Path
    place: Path
    source: str
    identity: str
    memory_limit: int
    threads: int
    filesystem_paths: bool
    built_by: str = ""
    node: str = ""
    fold: Fold | None = None

    def line(self) -> bytes:
        """The job as a line of JSON."""
        return orjson.dumps(asdict(self), default=str) + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Self:
        """The job that `line` wrote."""
        fields = orjson.loads(line)
        fields |= {name: Path(fields[name]) for name in ("checkpoint", "place")}
        if fold := fields["fold"]:
            fields["fold"] = Fold(Path(fold["base"]), Path(fold["changes"]))
        return cls(**fields)
