"""Unpacks a checkpoint's tar from a stream straight into a directory, taking nothing that could lead out of it.

Only regular files with relative names are taken, and hard links to a file of the same tar (GNU tar writes one when
`om.db` shares a file with a snapshot). Symbolic links, devices, sparse files, absolute names and `..` are refused by
name. The stream may be plain, or packed with gzip, zstd, bzip2 or xz: its first bytes tell.

A tar may come from anywhere. The memory that it takes is bounded: by `HEADERS`, what tarfile reads between the content
of two files, where an extended header for a name or a time may announce any length; by `XZ_MEMORY`, what xz unpacks
with; and nothing is kept of a member once it is taken. Whatever is wrong with it is a CheckpointError.
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
"""Bytes moved at a time: tarfile's own 10 KiB and what no longer fits a cache (1 MiB) both double the work."""
HEADERS: Final = 1 << 20
"""Bytes of headers between the content of two files; tarfile reads a block at a time, and a few too many."""
XZ_MEMORY: Final = 256 << 20
"""`xz -9` wants 65 MiB to unpack; a file may ask for 4 GiB."""
LATEST: Final = 1 << 33
"""Seconds since 1970, in the year 2242: no file is younger."""
LONGEST_NAME: Final = 4096
"""Bytes of a path that Linux takes."""
SHOWN: Final = 100
"""Characters of a name that a message shows."""
_BROKEN: Final = (tarfile.TarError, EOFError, zlib.error, zstandard.ZstdError, lzma.LZMAError, gzip.BadGzipFile)
_NONSENSE: Final = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError, struct.error)
"""What tarfile lets through of headers that make no sense."""
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
        plain = _Bounded(_unpacked(stream), name)
        for tar, member in _members(plain):
            _check(member, name)
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
    except OSError as broken:
        # bz2 has no error of its own.
        if broken.errno is None:
            raise _torn(name, broken) from broken
        raise CheckpointError(f"{name} cannot be unpacked: {broken}.") from broken


def _members(plain: _Bounded) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Each member of the tar in turn; nothing is kept of one when the next is asked for."""
    with _making_sense():
        tar = tarfile.open(fileobj=cast("IO[bytes]", plain), mode="r|", bufsize=BLOCK)  # noqa: SIM115 - holds nothing
    while True:
        with _making_sense():
            member = tar.next()
        plain.left = None
        if member is None:
            return
        yield tar, member
        cast("list[tarfile.TarInfo]", vars(tar)["members"]).clear()
        tar.pax_headers = {}
        plain.left = HEADERS


@contextmanager
def _making_sense() -> Iterator[None]:
    try:
        yield
    except _NONSENSE as nonsense:
        raise tarfile.HeaderError(f"a header makes no sense: {nonsense}") from nonsense


class _Bounded:
    """A stream of which `left` bytes may still be read; None: any number."""

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
                    f"{self._name}: a name or another header has more than {HEADERS:,} bytes; no tar of an om.db has."
                )
        return data


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
        return _Xz(packed)
    return whole


class _Xz:
    """An xz file, one stream after another; LZMAFile would let it have as much memory as it asks for."""

    def __init__(self, packed: io.BufferedReader[_Rejoined]) -> None:
        self._packed = packed
        self._part = lzma.LZMADecompressor(memlimit=XZ_MEMORY)

    def read(self, size: int, /) -> bytes:
        while True:
            rest = b""
            if self._part.needs_input and not self._part.eof and not (rest := self._packed.read1(BLOCK)):
                raise EOFError("it ends before the end of what is packed")
            if self._part.eof:
                # Between streams there may be zeros.
                rest = self._part.unused_data.lstrip(b"\0")
                while not rest:
                    if not (rest := self._packed.read1(BLOCK)):
                        return b""
                    rest = rest.lstrip(b"\0")
                self._part = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
            if data := self._part.decompress(rest, size):
                return data


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


def _check(member: tarfile.TarInfo, name: str) -> None:
    """Raises CheckpointError for what no tar of an om.db holds."""
    longest = max(len(member.name), len(member.linkname))
    if longest > LONGEST_NAME:
        raise CheckpointError(f"{name}: a name has {longest:,} characters; no file's has.")
    if member.issparse():
        raise CheckpointError(f"{name}: {_shown(member.name)} is a sparse file; make the tar without --sparse.")
    if not 0 <= member.mtime < LATEST:
        raise CheckpointError(f"{name}: {_shown(member.name)} has a time that no file has ({member.mtime:.9g}).")


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
                f"{name}: {_shown(member.name)} cannot be written ({refused.strerror}): it is not a tar of one om.db."
            ) from refused
        raise


def _link(member: tarfile.TarInfo, source: Path, path: Path, name: str) -> None:
    if not source.is_file():
        raise CheckpointError(
            f"{name}: {_shown(member.name)} is a hard link to {_shown(member.linkname)}, "
            "which is not in the tar before it."
        )
    os.link(source, path)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, name: str) -> None:
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise CheckpointError(f"{name}: {_shown(member.name)} is not a regular file; a checkpoint holds nothing else.")
    free = shutil.disk_usage(path.parent).free
    if member.size > free:
        raise no_space(path.parent, free, member.size)
    with path.open("xb", buffering=0) as out:
        shutil.copyfileobj(content, out, BLOCK)
    # The age of the files is the age of the data.
    os.utime(path, (member.mtime, member.mtime))


def _shown(member: str) -> str:
    """A name for a message, where it is to be one line and not a long one."""
    return repr(member if len(member) <= SHOWN else member[:SHOWN] + "…")


def _safe(member: str, name: str) -> PurePosixPath:
    """The relative path a member of the tar may be written to."""
    path = PurePosixPath(member)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in member:
        raise CheckpointError(
            f"{name}: {_shown(member)} would be written outside of the checkpoint; nothing of it was kept."
        )
    return path


def no_space(path: Path, free: int, needed: int) -> NoSpace:
    """The error that says how many bytes a checkpoint under `path` needs and how many are free."""
    return NoSpace(
        f"{path}: a checkpoint needs {needed:,} bytes more and {free:,} are free. "
        "Free some space or choose another --data-dir."
    )
