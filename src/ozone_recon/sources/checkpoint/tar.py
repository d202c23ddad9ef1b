"""Unpacks a checkpoint's tar from a stream into a directory; no entry can be written outside of that directory.

It accepts regular files with relative names, and hard links to an earlier file of the same tar (GNU tar writes one when
`om.db` shares a file with a snapshot). Symbolic links, devices, sparse files, absolute names and `..` are refused, and
the error names the entry. The compression (none, gzip, zstd, bzip2 or xz) is detected from the first bytes.

A tar is untrusted input, so its memory is bounded: `HEADERS` limits the bytes that tarfile reads between the contents
of two files, where an extended header may announce any length; `XZ_MEMORY` limits the xz decoder; and a member is
dropped once it is unpacked. Every fault of the tar is a CheckpointError.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import shutil
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final, Protocol, cast

import zstandard

from ozone_recon.errors import CheckpointError, NoSpace

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK: Final = 1 << 16
"""Bytes per read: both tarfile's default (10 KiB) and 1 MiB, which exceeds the cache, take twice the time."""
HEADERS: Final = 1 << 20
"""Limit of header bytes between the contents of two files; tarfile reads whole blocks, so it reads a few more."""
XZ_MEMORY: Final = 256 << 20
"""Bytes for the xz decoder: `xz -9` needs 65 MiB, but a file may request 4 GiB."""
LATEST: Final = 1 << 33
"""Limit of a modification time: seconds since 1970, in the year 2242."""
LONGEST_NAME: Final = 4096
"""Linux's limit of a path, in bytes."""
SHOWN: Final = 100
"""Characters of a name to show in a message."""
_BROKEN: Final = (tarfile.TarError, EOFError, zlib.error, zstandard.ZstdError, lzma.LZMAError, gzip.BadGzipFile)
_MALFORMED: Final = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError, struct.error)
"""Exceptions that tarfile lets escape on malformed headers."""
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_BAD_NAME: Final = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


class Stream(Protocol):
    """Source of a tar's bytes: a file, a pipe, the body of an HTTP response."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


def unpack(stream: Stream, target: Path, name: str, entered: Callable[[str], None]) -> None:
    """Unpacks the tar in `stream` into the directory `target`; calls `entered` with each file's name first.

    `name` is for error messages. The stream is read to its end, so that the checksum of a compressed tar is verified
    too. Raises CheckpointError for a truncated or malformed tar and for a refused entry, NoSpace for a full disk, and
    passes on the errors of `stream`.
    """
    try:
        plain = _Bounded(_decompressed(stream), name)
        for tar, member in _members(plain):
            _check(member, name)
            entered(member.name)
            _take(tar, member, target, name)
        while plain.read(BLOCK):
            pass
    except tarfile.ReadError as broken:
        if not any(target.iterdir()):
            raise CheckpointError(f"{name} is not a tar: {broken}. Give a tar of an OM's om.db directory.") from broken
        raise _damaged(name, broken) from broken
    except _BROKEN as broken:
        raise _damaged(name, broken) from broken
    except OSError as broken:
        # bz2 raises a plain OSError.
        if broken.errno is None:
            raise _damaged(name, broken) from broken
        raise CheckpointError(f"{name} cannot be unpacked: {broken}.") from broken


def _members(plain: _Bounded) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yields each member of the tar; drops it when the next one is requested."""
    with _header_errors():
        tar = tarfile.open(fileobj=cast("IO[bytes]", plain), mode="r|", bufsize=BLOCK)  # noqa: SIM115 - holds nothing
    while True:
        with _header_errors():
            member = tar.next()
        plain.left = None
        if member is None:
            return
        yield tar, member
        cast("list[tarfile.TarInfo]", vars(tar)["members"]).clear()
        tar.pax_headers = {}
        plain.left = HEADERS


@contextmanager
def _header_errors() -> Iterator[None]:
    try:
        yield
    except _MALFORMED as malformed:
        raise tarfile.HeaderError(f"malformed header: {malformed}") from malformed


class _Bounded:
    """A stream that allows `left` more bytes to be read; None: no limit."""

    def __init__(self, stream: Stream, name: str) -> None:
        self.left: int | None = HEADERS
        self._stream = stream
        self._name = name

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                raise CheckpointError(
                    f"{self._name}: a header has more than {HEADERS:,} bytes; the tar of an om.db has none that long."
                )
        return data


def _damaged(name: str, broken: Exception) -> CheckpointError:
    return CheckpointError(f"{name} is truncated or damaged ({broken}): take or copy the checkpoint again.")


def _decompressed(stream: Stream) -> Stream:
    """The decompressed stream."""
    head = b""
    while len(head) < 6 and (more := stream.read(6 - len(head))):
        head += more
    plain = _Rejoined(head, stream)
    packed = io.BufferedReader(plain, BLOCK)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=packed)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().stream_reader(packed, read_size=BLOCK, read_across_frames=True)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(packed)
    if head.startswith(b"\xfd7zXZ\x00"):
        return _Xz(packed)
    return plain


class _Xz:
    """Decoder of an xz file with several streams and a memory limit, which LZMAFile lacks."""

    def __init__(self, packed: io.BufferedReader[_Rejoined]) -> None:
        self._packed = packed
        self._part = lzma.LZMADecompressor(memlimit=XZ_MEMORY)

    def read(self, size: int, /) -> bytes:
        while True:
            rest = b""
            if self._part.needs_input and not self._part.eof and not (rest := self._packed.read1(BLOCK)):
                raise EOFError("the compressed data is truncated")
            if self._part.eof:
                # Padding between streams: zeros.
                rest = self._part.unused_data.lstrip(b"\0")
                while not rest:
                    if not (rest := self._packed.read1(BLOCK)):
                        return b""
                    rest = rest.lstrip(b"\0")
                self._part = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
            if data := self._part.decompress(rest, size):
                return data


class _Rejoined(io.RawIOBase):
    """A stream preceded by the bytes that were read ahead from it."""

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


def _check(member: tarfile.TarInfo, name: str) -> None:
    """Raises CheckpointError for an entry that no tar of an om.db contains."""
    longest = max(len(member.name), len(member.linkname))
    if longest > LONGEST_NAME:
        raise CheckpointError(f"{name}: a name has {longest:,} characters, over the limit of {LONGEST_NAME:,}.")
    if member.issparse():
        raise CheckpointError(f"{name}: {_shown(member.name)} is a sparse file; make the tar without --sparse.")
    if not 0 <= member.mtime < LATEST:
        raise CheckpointError(
            f"{name}: {_shown(member.name)} has an impossible modification time ({member.mtime:.9g})."
        )


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
                f"{name}: {_shown(member.name)} cannot be written ({refused.strerror}): not the tar of a single om.db."
            ) from refused
        raise


def _link(member: tarfile.TarInfo, source: Path, path: Path, name: str) -> None:
    if not source.is_file():
        raise CheckpointError(
            f"{name}: {_shown(member.name)} is a hard link to {_shown(member.linkname)}, "
            "which does not precede it in the tar."
        )
    os.link(source, path)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, name: str) -> None:
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise CheckpointError(f"{name}: {_shown(member.name)} is not a regular file, as all files of a checkpoint are.")
    free = shutil.disk_usage(path.parent).free
    if member.size > free:
        raise no_space(path.parent, free, member.size)
    with path.open("xb", buffering=0) as out:
        shutil.copyfileobj(content, out, BLOCK)
    # The modification time of the files tells the age of the data.
    os.utime(path, (member.mtime, member.mtime))


def _shown(member: str) -> str:
    """A name quoted on one line and shortened, for a message."""
    return repr(member if len(member) <= SHOWN else member[:SHOWN] + "…")


def _safe(member: str, name: str) -> PurePosixPath:
    """The relative path of a member; CheckpointError when it would leave the directory."""
    path = PurePosixPath(member)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in member:
        raise CheckpointError(
            f"{name}: {_shown(member)} would be written outside of the checkpoint directory; nothing was kept."
        )
    return path


def no_space(path: Path, free: int, needed: int) -> NoSpace:
    """The error for a disk with too little space: bytes needed under `path`, and bytes free."""
    return NoSpace(
        f"{path}: the checkpoint needs {needed:,} more bytes, but only {free:,} are free. "
        "Free some space or choose another --data-dir."
    )
