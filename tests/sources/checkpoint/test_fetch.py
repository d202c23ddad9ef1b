import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from rocksdict import AccessType, Options, Rdict
from tests.sources.checkpoint.samples import MARKER, files_of, make_database, tar_of

from ozone_recon.errors import CheckpointError, NoSpace, ReconError
from ozone_recon.sources.checkpoint.fetch import Retry, Transfer, from_directory, from_path, from_tar


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_database(tmp_path_factory.mktemp("made") / "om.db")


@pytest.fixture
def files(database: Path) -> dict[str, bytes]:
    return files_of(database)


def quiet(_: Transfer | Retry) -> None:
    pass


def unpack(tar: bytes, directory: Path) -> Path:
    path = directory / "om.tar"
    path.write_bytes(tar)
    return from_tar(path, directory / "checkpoints", quiet)


def left_in(checkpoints: Path) -> list[str]:
    return sorted(os.listdir(checkpoints)) if checkpoints.exists() else []


@pytest.mark.parametrize("below", ["", "om.db", "data/metadata/om.db"])
def test_a_directory_is_used_where_it_stands(
    database: Path, files: dict[str, bytes], tmp_path: Path, below: str
) -> None:
    given_path = tmp_path / "given"
    (given_path / below).parent.mkdir(parents=True, exist_ok=True)
    (given_path / below).symlink_to(database)
    found = from_path(given_path, tmp_path / "checkpoints", quiet)
    assert found.samefile(database)
    assert files_of(database) == files
    assert not (tmp_path / "checkpoints").exists()


def test_om_db_wins_over_the_snapshots_beside_it(database: Path, tmp_path: Path) -> None:
    (tmp_path / "om.db").symlink_to(database)
    (tmp_path / "db.snapshots" / "checkpointState").mkdir(parents=True)
    (tmp_path / "db.snapshots" / "checkpointState" / "om.db-1").symlink_to(database)
    assert from_directory(tmp_path) == tmp_path / "om.db"


def test_of_two_databases_none_is_guessed(database: Path, tmp_path: Path) -> None:
    for name in ("om.snapshot.db_1", "om.snapshot.db_2"):
        (tmp_path / name).symlink_to(database)
    with pytest.raises(CheckpointError, match=r"more than one database \(om.snapshot.db_1, om.snapshot.db_2\)"):
        from_directory(tmp_path)


def test_a_directory_without_a_database_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not an OM checkpoint: it contains no CURRENT file"):
        from_directory(tmp_path)
    with pytest.raises(CheckpointError, match="no such file or directory"):
        from_path(tmp_path / "missing", tmp_path / "checkpoints", quiet)


@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, zstandard.ZstdCompressor().compress, bz2.compress, lzma.compress],
    ids=["tar", "gz", "zst", "bz2", "xz"],
)
def test_a_tar_becomes_a_database_that_opens(
    files: dict[str, bytes], tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    made = unpack(pack(tar_of(files)), tmp_path)
    assert files_of(made) == {**files, MARKER: b""}
    assert left_in(tmp_path / "checkpoints") == [made.name]
    assert (made / "CURRENT").stat().st_mtime == pytest.approx(1795458715.783)
    opened = Rdict(str(made), Options(raw_mode=True), access_type=AccessType.read_only(False))
    assert opened[b"b0199"] == b"b" * 50
    opened.close()


@pytest.mark.parametrize(
    "options", [["-C", "{parent}", "om.db"], ["-C", "{db}", "."], ["{db}"]], ids=["name", "dot", "absolute"]
)
def test_what_an_operator_tars_needs_no_marker(
    database: Path, files: dict[str, bytes], tmp_path: Path, options: list[str]
) -> None:
    arguments = [option.format(db=database, parent=database.parent) for option in options]
    packed = tmp_path / "customer.tgz"
    subprocess.run(["tar", "czf", packed, *arguments], check=True, stderr=subprocess.DEVNULL)
    assert files_of(from_tar(packed, tmp_path / "checkpoints", quiet)) == files


def test_a_hard_link_to_a_file_of_the_same_tar_is_followed(
    database: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    meta = tmp_path / "meta"
    (meta / "db.snapshots" / "om.db-1").mkdir(parents=True)
    (meta / "om.db").mkdir()
    for name, data in files.items():
        (meta / "db.snapshots" / "om.db-1" / name).write_bytes(data)
        os.link(meta / "db.snapshots" / "om.db-1" / name, meta / "om.db" / name)
    packed = tmp_path / "meta.tar"
    subprocess.run(["tar", "cf", packed, "-C", meta, "db.snapshots", "om.db"], check=True)
    assert files_of(from_tar(packed, tmp_path / "checkpoints", quiet)) == files


def test_a_pipe_is_read_as_it_comes(files: dict[str, bytes], tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from ozone_recon.sources.checkpoint.fetch import from_path; "
        "print(from_path(pathlib.Path('-'), pathlib.Path(sys.argv[1]), lambda _: None))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], input=gzip.compress(tar_of(files)), capture_output=True, check=True
    )
    assert files_of(Path(done.stdout.decode().strip())) == {**files, MARKER: b""}


def test_every_cut_of_a_tar_is_noticed(files: dict[str, bytes], tmp_path: Path) -> None:
    tar = tar_of(files)
    marker = tar.index(MARKER.encode())
    for cut in [*range(0, marker - 4096, 3001), *range(512, 8192, 512)]:
        with pytest.raises(CheckpointError):
            unpack(tar[:cut], tmp_path)
        assert left_in(tmp_path / "checkpoints") == []


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.ZstdCompressor().compress, lzma.compress], ids=["gz", "zst", "xz"]
)
def test_every_cut_of_a_packed_tar_is_noticed(
    files: dict[str, bytes], tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(tar_of(files))
    for cut in range(0, len(packed) * 9 // 10, len(packed) // 23):
        with pytest.raises(CheckpointError):
            unpack(packed[:cut], tmp_path)
    assert left_in(tmp_path / "checkpoints") == []


def test_a_flipped_bit_in_a_gzip_is_noticed(files: dict[str, bytes], tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(tar_of(files)))
    packed[-6] ^= 1
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        unpack(bytes(packed), tmp_path)


@pytest.mark.parametrize("what", [b"", b"<html>not a tar</html>" * 100, gzip.compress(b"hello")])
def test_what_is_no_tar_is_said_to_be_none(tmp_path: Path, what: bytes) -> None:
    with pytest.raises(CheckpointError, match="is not a tar"):
        unpack(what, tmp_path)


def test_a_tar_of_something_else_is_said_to_be_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not an OM checkpoint"):
        unpack(tar_of({"README": b"hello"}), tmp_path)
    with pytest.raises(CheckpointError, match="from /v2/dbCheckpoint"):
        unpack(tar_of({"12345-67": b"", "hardLinkFile": b"000012.sst\t12345-67\n"}), tmp_path)


def test_a_file_that_is_no_database_file_does_no_harm(files: dict[str, bytes], tmp_path: Path) -> None:
    extra = {"hardLinkFile": b"db.snapshots/om.db-1/000012.sst\t000012.sst\n", "notes.txt": b"x"}
    assert set(extra) < set(files_of(unpack(tar_of({**files, **extra}), tmp_path)))


def tar_with(member: tarfile.TarInfo, files: dict[str, bytes]) -> bytes:
    out = io.BytesIO(tar_of(files, marker=False))
    with tarfile.open(fileobj=out, mode="a") as tar:
        tar.addfile(member, io.BytesIO(bytes(member.size)))
    return out.getvalue()


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "om.db/../../outside", "//x", "a/.."])
def test_names_that_lead_out_are_refused(files: dict[str, bytes], tmp_path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.size = 3
    with pytest.raises(CheckpointError, match=f"'{name}' would be written outside"):
        unpack(tar_with(member, files), tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["checkpoints", "om.tar"]
    assert left_in(tmp_path / "checkpoints") == []


@pytest.mark.parametrize(
    ("kind", "to", "why"),
    [
        (tarfile.SYMTYPE, "/etc/passwd", "'link' is not a regular file"),
        (tarfile.LNKTYPE, "/etc/passwd", "'/etc/passwd' would be written outside"),
        (tarfile.LNKTYPE, "../outside", "'../outside' would be written outside"),
        (tarfile.LNKTYPE, "not-there", "hard link to 'not-there', which does not precede it in the tar"),
        (tarfile.FIFOTYPE, "", "'link' is not a regular file"),
        (tarfile.CHRTYPE, "", "'link' is not a regular file"),
    ],
)
def test_links_and_devices_are_refused(files: dict[str, bytes], tmp_path: Path, kind: bytes, to: str, why: str) -> None:
    member = tarfile.TarInfo("link")
    member.type = kind
    member.linkname = to
    with pytest.raises(CheckpointError, match=why):
        unpack(tar_with(member, files), tmp_path)
    assert left_in(tmp_path / "checkpoints") == []


@pytest.mark.parametrize("name", ["CURRENT", "CURRENT/below", "x" * 300])
def test_names_that_cannot_be_are_refused(files: dict[str, bytes], tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="cannot be written"):
        unpack(tar_with(tarfile.TarInfo(name), files), tmp_path)


def test_a_killed_transfer_leaves_nothing_for_long_and_the_old_checkpoint_stays(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    old = unpack(tar_of(files), tmp_path)
    (tmp_path / "checkpoints" / ".staging-killed").mkdir()
    (tmp_path / "checkpoints" / ".staging-killed" / "CURRENT").write_text("MANIFEST-1")
    with pytest.raises(CheckpointError):
        unpack(tar_of(files)[:5000], tmp_path)
    assert left_in(tmp_path / "checkpoints") == [old.name]
    new = unpack(tar_of(files), tmp_path)
    assert new != old
    assert files_of(old) == files_of(new)


def test_progress_tells_bytes_files_and_what_is_left(files: dict[str, bytes], tmp_path: Path) -> None:
    tar = tar_of(files)
    (tmp_path / "om.tar").write_bytes(tar)
    told: list[Transfer | Retry] = []
    from_tar(tmp_path / "om.tar", tmp_path / "checkpoints", told.append)
    last = told[-1]
    assert isinstance(last, Transfer)
    assert (last.received, last.total, last.files, last.file) == (len(tar), len(tar), len(files) + 1, MARKER)
    assert last.bytes_per_second > 0
    assert last.seconds_left == 0
    half = Transfer("om", received=50, total=200, seconds=5, file="", files=1)
    assert (half.bytes_per_second, half.seconds_left) == (10, 15)
    assert Transfer("om", received=50, total=None, seconds=5, file="", files=1).seconds_left is None


def test_a_full_disk_is_told_with_numbers(files: dict[str, bytes], tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        large = {**files, "000099.sst": bytes(1 << 20)}
        (tmp_path / "om.tar").write_bytes(tar_of(large))
        with pytest.raises(NoSpace, match=r"needs 1,\d\d\d,\d\d\d more bytes, but only \d+,\d\d\d are free"):
            from_tar(tmp_path / "om.tar", small / "checkpoints", quiet)
        (tmp_path / "om.tgz").write_bytes(gzip.compress(tar_of(large)))
        with pytest.raises(NoSpace, match=r"needs 1,048,576 more bytes"):
            from_tar(tmp_path / "om.tgz", small / "checkpoints", quiet)
        assert left_in(small / "checkpoints") == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_missing_or_short_file_is_named(files: dict[str, bytes], tmp_path: Path) -> None:
    table = max(name for name in files if name.endswith(".sst"))
    with pytest.raises(CheckpointError, match=table):
        unpack(tar_of({name: data for name, data in files.items() if name != table}), tmp_path)
    with pytest.raises(CheckpointError, match=table):
        unpack(tar_of({**files, table: files[table][:-1]}), tmp_path)
    manifest = next(name for name in files if name.startswith("MANIFEST"))
    with pytest.raises(CheckpointError, match=manifest):
        unpack(tar_of({name: data for name, data in files.items() if name != manifest}), tmp_path)


@given(data=st.data())
def test_hostile_bytes_end_in_our_own_errors(
    database: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    tar = bytearray(tar_of({name: held[:600] for name, held in files_of(database).items()}))
    for _ in range(data.draw(st.integers(1, 8))):
        tar[data.draw(st.integers(0, len(tar) - 1))] = data.draw(st.integers(0, 255))
    directory = tmp_path_factory.mktemp("hostile")
    with pytest.raises(ReconError):
        unpack(bytes(tar), directory)
    assert left_in(directory / "checkpoints") == []
