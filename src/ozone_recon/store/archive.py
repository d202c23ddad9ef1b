"""Packs a generation into a tar and unpacks it, for another server's data directory.

The manifest is the last file, so that a truncated archive is an incomplete generation. The reader trusts nothing: the
tar is unpacked as a checkpoint's is (`sources.checkpoint.tar`), and every file is verified against its checksum.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ozone_recon.errors import StoreError
from ozone_recon.sources.checkpoint.tar import Stream, unpack
from ozone_recon.store.generation import Generation
from ozone_recon.store.manifest import FILE as MANIFEST

MEDIA_TYPE: Final = "application/x-tar"
_PIECE: Final = 1 << 20
"""Bytes per read."""


def packed(generation: Generation) -> Iterator[bytes]:
    """Yields the tar of a generation's files; hold the generation until the end. StoreError if a file is damaged."""
    for path in (*generation.files(), generation.path / MANIFEST):
        header = tarfile.TarInfo(str(path.relative_to(generation.path)))
        header.size = path.stat().st_size
        yield header.tobuf(tarfile.GNU_FORMAT)
        yield from _pieces(path, header.size)
        yield bytes(-header.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def unpacked(stream: Stream, target: Path, name: str) -> Generation:
    """Unpacks an archive into the empty directory `target`; returns the generation, verified and open.

    `name` is for messages. Raises CheckpointError for a malformed archive, StoreError for a damaged generation, NoSpace
    for a full disk, and passes on the errors of `stream`.
    """
    unpack(stream, target, name, lambda _: None)
    generation = Generation.open(target)
    generation.verify()
    return generation


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    left = size
    with path.open("rb") as file:
        while left and (piece := file.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece
    if left:
        raise StoreError(f"{path} is truncated: {left:,} bytes are missing")
