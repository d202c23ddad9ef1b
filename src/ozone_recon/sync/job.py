"""What a build process is told to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import orjson


@dataclass(frozen=True, slots=True)
class BuildJob:
    """Build the generation in the empty directory `place` from the checkpoint in `checkpoint`.

    `source` and `identity` are what the generation says of where it came from. `memory_limit` is bytes.
    """

    checkpoint: Path
    place: Path
    source: str
    identity: str
    memory_limit: int
    threads: int
    filesystem_paths: bool

    def line(self) -> bytes:
        """The job as a line of JSON."""
        return orjson.dumps(asdict(self), default=str) + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Self:
        """The job that `line` wrote."""
        fields = orjson.loads(line)
        return cls(**fields | {name: Path(fields[name]) for name in ("checkpoint", "place")})
