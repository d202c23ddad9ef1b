"""Progress reports of a build."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """A stage is at `done` of `total` units ("bytes", "rows" or "steps"); `total` is 0 if unknown."""

    stage: str
    done: int
    total: int
    unit: str


Report = Callable[[Progress], None]
"""A callback for progress reports, called in the building thread; it must return quickly."""
