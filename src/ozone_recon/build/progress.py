"""What a running build says about how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units ("bytes", "rows" or "steps") of a stage; `total` is 0 when it is not known."""

    stage: str
    done: int
    total: int
    unit: str


Report = Callable[[Progress], None]
"""Receives progress, from the thread that builds; it must not take long."""
