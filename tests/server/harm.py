"""Damage to a file that is being served."""

from __future__ import annotations

import os
from pathlib import Path


def cut(path: Path) -> None:
    """Truncates it to nothing."""
    os.truncate(path, 0)


def flip(path: Path) -> None:
    """Changes the first byte, and neither the size nor the inode."""
    with path.open("r+b") as file:
        first = file.read(1)[0]
        file.seek(0)
        file.write(bytes([first ^ 1]))
