"""Tars that somebody made to harm, and tars damaged at random: each an error of ours, in little memory."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import random
import resource
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest
import zstandard
from tests.sources.checkpoint.samples import files_of, make_database, tar_of

from ozone_recon.errors import CheckpointError, ReconError
from ozone_recon.sources.checkpoint.fetch import from_tar
from ozone_recon.sources.checkpoint.tar import BLOCK, HEADERS, Stream, unpack

GIB = 1 << 30
PACKERS: list[Callable[[bytes], bytes]] = [
    bytes,
    lambda data: gzip.compress(data, 1),
    zstandard.ZstdCompressor(level=1).compress,
    lambda data: bz2.compress(data, 1),
    lambda data: lzma.compress(data, preset=0),
]
PACKED = ["tar", "gz", "zst", "bz2", "xz"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return files_of(make_database(tmp_path_factory.mktemp("made") / "om.db"))


class Counted:
    """A stream made of pieces; counts what was taken of it."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.taken = 0
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        self.taken += len(data)
        return data


def header(kind: bytes, size: int, name: str = "x", mtime: int = 0) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.mtime = kind, size, mtime
    return member.tobuf(tarfile.GNU_FORMAT)


def pax(**records: str) -> bytes:
    """An extended header with these records, and the file that it is of."""
    member = tarfile.TarInfo("CURRENT")
    member.pax_headers = {name.replace("__", "."): text for name, text in records.items()}
    return member.tobuf(tarfile.PAX_FORMAT)


def zeros(size: int) -> Iterator[bytes]:
    for _ in range(size // BLOCK):
        yield bytes(BLOCK)


def refused(stream: Stream, target: Path, said: str) -> None:
    with pytest.raises(CheckpointError, match=said) as refusal:
        unpack(stream, target, "a tar", lambda _: None)
    assert len(str(refusal.value)) < 600
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("kind", [b"x", b"g", b"X", b"L", b"K"])
def test_a_header_of_gigabytes_is_not_read(tmp_path: Path, kind: bytes) -> None:
    stream = Counted(itertools.chain([header(kind, 3 * GIB)], zeros(3 * GIB)))
    refused(stream, tmp_path, "a header has more than 1,048,576 bytes")
    assert stream.taken < HEADERS + 2 * BLOCK


@pytest.mark.parametrize("kind", [b"x", b"L"])
def test_a_header_of_gigabytes_in_a_small_packed_tar_takes_no_memory(tmp_path: Path, kind: bytes) -> None:
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(header(kind, 3 * GIB)) + b"".join(packer.compress(part) for part in zeros(GIB // 4))
    (tmp_path / "om.tar.gz").write_bytes(packed + packer.flush())
    program = (
        "import sys, pathlib, resource; from ozone_recon.sources.checkpoint.fetch import from_tar\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 28, 1 << 28))\n"
        "from_tar(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), lambda _: None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "om.tar.gz", tmp_path / "c"], capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1].startswith("ozone_recon.errors.CheckpointError: ")
    assert "more than 1,048,576 bytes" in done.stderr


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_header_after_header_has_an_end(tmp_path: Path, kind: bytes) -> None:
    one = header(kind, 512) + b"12 path=abc\n".ljust(512, b"\0")
    stream = Counted(one * 64 for _ in range(10**6))
    refused(stream, tmp_path, "more than 1,048,576 bytes|malformed|truncated")
    assert stream.taken < HEADERS + 2 * BLOCK


def test_a_sparse_map_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    first = bytearray(header(tarfile.GNUTYPE_SPARSE, 0))
    first[482] = 1
    first[148:156] = b"%06o\0 " % (sum(first[:148]) + 256 + sum(first[156:]))
    more = bytes(504) + b"\1" + bytes(7)
    stream = Counted(itertools.chain([bytes(first)], (more * 128 for _ in range(10**6))))
    refused(stream, tmp_path, "more than 1,048,576 bytes")
    assert stream.taken < HEADERS + 2 * BLOCK


def test_nothing_is_kept_of_members_that_were_taken(tmp_path: Path) -> None:
    """A million directories, and a million global headers of other names."""
    kept: list[int] = []

    def pieces() -> Iterator[bytes]:
        for n in range(2000):
            record = b"%d" % n
            text = b"1000 k" + record.rjust(10, b"0") + b"="
            yield header(b"g", 1000) + text.ljust(999, b"v") + b"\n" + bytes(24)
            yield header(tarfile.DIRTYPE, 0, f"d{n}")
            if n == 1000:
                kept.append(sum(isinstance(one, tarfile.TarInfo) for one in gc_objects()))

    before = sum(isinstance(one, tarfile.TarInfo) for one in gc_objects())
    unpack(Counted(pieces()), tmp_path, "a tar", lambda _: None)
    assert kept[0] - before < 20


def gc_objects() -> list[object]:
    import gc

    return gc.get_objects()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (pax(mtime="nan"), "'CURRENT' has an impossible modification time"),
        (pax(mtime="inf"), "'CURRENT' has an impossible modification time"),
        (pax(mtime="-1e300"), "'CURRENT' has an impossible modification time"),
        (pax(mtime="1e300"), "'CURRENT' has an impossible modification time"),
        (header(b"0", 0, "CURRENT", mtime=1 << 80), "'CURRENT' has an impossible modification time"),
        (pax(size="-5"), "a tar"),
        (pax(size="9" * 30), "a tar|needs"),
        (pax(GNU__sparse__map="1,x"), "a tar"),
        (pax(GNU__sparse__map="0,1", GNU__sparse__size="x"), "a tar"),
        (pax(GNU__sparse__major="1", GNU__sparse__minor="0"), "a tar"),
        (pax(GNU__sparse__major="1", GNU__sparse__minor="0") + b"99999\n".ljust(512, b"x"), "a tar"),
        (pax(path="n" * 5000), "a name has 5,000 characters"),
        (pax(path="n" * 300), "'n+…' cannot be written"),
        (pax(path="a\nb/../../x"), "would be written outside"),
        (header(b"x", 512) + b"99999999999999999999 path=x\n".ljust(512, b"\0"), "a tar"),
        (header(b"x", 512) + b"0 path=x\n".ljust(512, b"\0"), "a tar"),
        (header(b"x", 512) + b"30 hdrcharset=NONE\n".ljust(512, b"\0"), "a tar"),
        (header(b"L", 512) + bytes(512) + header(b"0", 0), "would be written outside"),
        (header(b"S", 0), "is a sparse file"),
        (header(b"7", 0), "a tar"),
        (header(b"2", 0), "is not a regular file"),
        (header(b"6", 0), "is not a regular file"),
        (b"BZh9" + b"noise" * 1000, "a tar is truncated or damaged"),
        (b"BZh91AY&SY" + b"noise" * 1000, "a tar is truncated or damaged"),
        (b"\x1f\x8bnoise" * 1000, "a tar is truncated or damaged"),
        (b"\x28\xb5\x2f\xfdnoise" * 1000, "a tar is truncated or damaged"),
        (b"\xfd7zXZ\x00noise" * 1000, "a tar is truncated or damaged"),
        (b"PK\3\4noise" * 1000, "a tar is not a tar"),
        (b"\x04\x22\x4d\x18noise" * 1000, "a tar is not a tar"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(tmp_path: Path, made: bytes, said: str) -> None:
    with pytest.raises(ReconError, match=said) as refusal:
        unpack(Counted([made, bytes(1024)]), tmp_path, "a tar", lambda _: None)
        raise CheckpointError("a tar without files, which is seen when it is unpacked")
    assert len(str(refusal.value)) < 600


def test_xz_does_not_get_the_memory_it_asks_for(tmp_path: Path) -> None:
    packer = lzma.LZMACompressor(filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}])
    packed = bytearray(packer.compress(bytes(4096)) + packer.flush())
    # The dictionary's size is a byte of the block's header, which has a checksum.
    length = (packed[12] + 1) * 4
    at = packed.index(b"\x21\x01", 12) + 2
    packed[at] = 36
    packed[12 + length - 4 : 12 + length] = zlib.crc32(packed[12 : 12 + length - 4]).to_bytes(4, "little")
    refused(Counted([bytes(packed)]), tmp_path, "truncated or damaged .*[Mm]emory")


def test_xz_of_several_streams_is_read_to_its_end(files: dict[str, bytes], tmp_path: Path) -> None:
    tar = tar_of(files)
    path = tmp_path / "om.tar.xz"
    for between in (b"", bytes(8), bytes(4 * BLOCK)):
        path.write_bytes(lzma.compress(tar[:5000]) + between + lzma.compress(tar[5000:]) + between)
        assert files_of(from_tar(path, tmp_path / "checkpoints", lambda _: None)).keys() >= files.keys()


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The same with a few faults: bits turned, bytes set, pieces taken out, doubled or exchanged, an end."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 5)):
        # Headers, and the beginnings of files, are where faults matter.
        at = chance.randrange(len(out)) if chance.random() < 0.3 else chance.randrange(min(len(out), 6000))
        length = chance.choice((1, 1, 8, 512, 1024))
        match chance.randrange(6):
            case 0:
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                out[at : at + length] = bytes([chance.choice(b"\x00\xff9-/x \x80")]) * length
            case 2:
                del out[at : at + length]
            case 3:
                out[at:at] = out[at : at + length]
            case 4:
                other = chance.randrange(len(out))
                out[at : at + length] = out[other : other + length]
            case _:
                del out[max(at, 1) :]
        if not out:
            out = bytearray(b"\0")
    return bytes(out)


def checked_again(tar: bytes) -> bytes:
    """With right checksums in all headers, so that faults get further."""
    out = bytearray(tar)
    for at in range(0, len(out) - 511, 512):
        if out[at + 257 : at + 262] == b"ustar":
            out[at + 148 : at + 156] = b"%06o\0 " % (sum(out[at : at + 148]) + 256 + sum(out[at + 156 : at + 512]))
    return bytes(out)


@pytest.mark.parametrize("pack", range(len(PACKERS)), ids=PACKED)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_no_random_damage_is_more_than_an_error_of_ours(
    files: dict[str, bytes], tmp_path: Path, pack: int, form: int
) -> None:
    chance = random.Random(f"{pack} {form}")
    names = {"a" * 150 + "/" + name: data for name, data in files.items()}
    tar = tar_of(names) if form == tarfile.PAX_FORMAT else gnu_tar_of(names)
    whole = 0
    for _ in range(40):
        damaged = PACKERS[pack](checked_again(mutated(tar, chance)) if chance.random() < 0.7 else tar)
        if damaged == PACKERS[pack](tar) or chance.random() < 0.3:
            damaged = mutated(damaged, chance)
        (tmp_path / "om.tar").write_bytes(damaged)
        try:
            from_tar(tmp_path / "om.tar", tmp_path / "checkpoints", lambda _: None)
            whole += 1
        except ReconError as error:
            assert len(str(error)) < 1200
    assert whole < 40


def gnu_tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def test_too_few_descriptors_are_a_line(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "om.tar").write_bytes(tar_of(files))
    command = [sys.executable, "-m", "ozone_recon", "open", str(tmp_path / "om.tar")]
    for most in (16, 24, 64):
        done = subprocess.run(
            [*command, "--data-dir", str(tmp_path / f"data{most}"), "--no-serve"],
            capture_output=True,
            text=True,
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (most, most)),
        )
        assert "Traceback" not in done.stderr
        assert done.returncode in (0, 1, 6)
