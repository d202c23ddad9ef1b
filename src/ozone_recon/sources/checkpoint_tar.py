"""Unpacks a checkpoint's tar from a stream straight into a directory, taking nothing that could lead out of it.

Only regular files with relative names are taken, and hard links to a file of the same tar (GNU tar writes one when
`om.db` shares a file with a snapshot). Symbolic links, devices, absolute names and `..` are refused by name.
The stream may be plain, or packed with gzip, zstd, bzip2 or xz: its first bytes tell.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final, Protocol, cast

import zstandard

from ozone_recon.errors import CheckpointError, NoSpace

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK: Final = 1 << 16
"""Bytes moved at a time: tarfile's own 10 KiB and what no longer fits a cache (1 MiB) both double the work."""
_BROKEN: Final = (tarfile.TarError, EOFError, zlib.error, zstandard.ZstdError, lzma.LZMAError, gzip.BadGzipFile)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_BAD_NAME: Final = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


class Stream(Protocol):
    """Where the bytes of a tar come from: a file, a pipe, the body of an HTTP answer."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


def unpack(stream: Stream, target: Path, name: str, entered: Callable[[str], None]) -> None:
    """Unpacks the tar in `stream` into the directory `target`; calls `entered` with each file's name as it starts.

    `name` is what errors call the tar. The stream is read to its end, so that a packed tar's checksum is checked too.
    Raises CheckpointError for a tar that is torn, is no tar or holds what we refuse, NoSpace for a full disk, and
    lets through what `stream` itself raises.
    """
    try:
        plain = _unpacked(stream)
        with tarfile.open(fileobj=cast("IO[bytes]", plain), mode="r|", bufsize=BLOCK) as tar:
            for member in tar:
                entered(member.name)
                _take(tar, member, target, name)
        while plain.read(BLOCK):
            pass
    except tarfile.ReadError as broken:
        if not any(target.iterdir()):
            raise CheckpointError(f"{name} is not a tar: {broken}. Give a tar of an OM's om.db directory.") from broken
        raise _torn(name, broken) from broken
    except _BROKEN as broken:
        raise _torn(name, broken) from broken


def _torn(name: str, broken: Exception) -> CheckpointError:
    return CheckpointError(f"{name} is torn or damaged ({broken}): take or copy the checkpoint again.")


def _unpacked(stream: Stream) -> Stream:
    """The stream without its packing."""
    head = b""
    while len(head) < 6 and (more := stream.read(6 - len(head))):
        head += more
    whole = _Rejoined(head, stream)
    packed = io.BufferedReader(whole, BLOCK)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=packed)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().stream_reader(packed, read_size=BLOCK, read_across_frames=True)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(packed)
    if head.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(packed)
    return whole


class _Rejoined(io.RawIOBase):
    """A stream with the bytes that were read ahead put back in front."""

    def __init__(self, head: bytes, rest: Stream) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        size = BLOCK if size < 0 else size
        head, self._head = self._head[:size], self._head[size:]
        return head or self._rest.read(size)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer)
        data = self.read(len(room))
        room[: len(data)] = data
        return len(data)


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, name: str) -> None:
    if member.isdir():
        return
    path = target / _safe(member.name, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.islnk():
            _link(member, target / _safe(member.linkname, name), path, name)
        else:
            _write(tar, member, path, name)
    except OSError as refused:
        if refused.errno in _FULL:
            raise no_space(target, shutil.disk_usage(target).free, member.size) from refused
        if refused.errno in _BAD_NAME:
            raise CheckpointError(
                f"{name}: {member.name!r} cannot be written ({refused.strerror}): it is not a tar of one om.db."
            ) from refused
        raise


def _link(member: tarfile.TarInfo, source: Path, path: Path, name: str) -> None:
    if not source.is_file():
        raise CheckpointError(
            f"{name}: {member.name!r} is a hard link to {member.linkname!r}, which is not in the tar before it."
        )
    os.link(source, path)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, name: str) -> None:
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise CheckpointError(f"{name}: {member.name!r} is not a regular file; a checkpoint holds nothing else.")
    free = shutil.disk_usage(path.parent).free
    if member.size > free:
        raise no_space(path.parent, free, member.size)
    with path.open("xb", buffering=0) as out:
        shutil.copyfileobj(content, out, BLOCK)
    # The age of the files is the age of the data.
    os.utime(path, (member.mtime, member.mtime))


def _safe(member: str, name: str) -> PurePosixPath:
    """The relative path a member of the tar may be written to."""
    path = PurePosixPath(member)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in member:
        raise CheckpointError(f"{name}: {member!r} would be written outside of the checkpoint; nothing of it was kept.")
    return path


def no_space(path: Path, free: int, needed: int) -> NoSpace:
    """The error that says how many bytes a checkpoint under `path` needs and how many are free."""
    return NoSpace(
        f"{path}: a checkpoint needs {needed:,} bytes more and {free:,} are free. "
        "Free some space or choose another --data-dir."
    )
