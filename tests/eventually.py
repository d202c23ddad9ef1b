"""Waits for a condition that another thread, process or task brings about."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 180.0
"""Seconds: a real cluster on a busy machine needs minutes, and a failing test may take them."""


def pauses(seconds: float, what: str) -> Iterator[float]:
    """Pauses between two looks, growing from a millisecond to a fiftieth of a second; fails after `seconds`."""
    end, pause = time.monotonic() + seconds, 0.001
    while time.monotonic() < end:
        yield pause
        pause = min(pause * 1.5, 0.02)
    raise AssertionError(f"not within {seconds} s: {what or 'the condition'}")


def eventually(condition: Callable[[], T], what: str = "", seconds: float = PATIENCE) -> T:
    """Calls `condition` until its value is true, and returns that value."""
    for pause in pauses(seconds, what):
        if value := condition():
            return value
        time.sleep(pause)
    raise AssertionError(what)


async def until(condition: Callable[[], object], what: str = "", seconds: float = PATIENCE) -> None:
    """Lets the event loop run until `condition` is true."""
    for pause in pauses(seconds, what):
        if condition():
            return
        await asyncio.sleep(pause)
