"""Warms up the build process: builds and merges an empty generation, which loads all compiled kernels.

numba loads a kernel at its first call. Without a warm-up this doubles the time of a first small merge.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from ozone_recon.build.apply import MergedContents
from ozone_recon.build.build import build_generation
from ozone_recon.build.contents import CheckpointContents, Contents
from ozone_recon.columnar.byte_column import ByteColumn, Rows
from ozone_recon.columnar.changes import Changes
from ozone_recon.errors import ReconError
from ozone_recon.store.generation import Generation, GenerationBuild
from ozone_recon.store.schema import OM_TABLES

T = TypeVar("T")
_MEMORY: Final = 1 << 20
_LOG: Final = logging.getLogger(__name__)


class _Empty:
    """A checkpoint without rows."""

    sequence_number = 0
    taken_at = 0
    column_families = tuple(OM_TABLES)

    def scan(self, name: str, use: Callable[[Rows], T], /, *, threads: int) -> Iterator[T]:
        none = ByteColumn.of(())
        yield use(Rows(none, none))


def warm_up(scratch_directory: Path) -> None:
    """Warms up in a temporary directory below this one; if that fails, the first real build takes longer."""
    try:
        with tempfile.TemporaryDirectory(prefix="warm-up-", dir=scratch_directory) as directory:
            base = _built(Path(directory) / "base", CheckpointContents(_Empty(), 1))
            _built(Path(directory) / "merged", MergedContents(base, Changes(1, {}), 0))
    except (OSError, ReconError) as error:
        _LOG.info("cannot warm up the build process (%s): the first build loads the compiled kernels", error)


def _built(directory: Path, contents: Contents) -> Generation:
    directory.mkdir()
    with GenerationBuild(directory, memory_limit=_MEMORY, threads=1) as build:
        build_generation(contents, build, lambda _: None)
        build.seal()
    return Generation.open(directory)
