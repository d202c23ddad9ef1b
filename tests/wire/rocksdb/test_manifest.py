"""The MANIFEST and the log format it is in, on what RocksDB itself wrote."""

from pathlib import Path

import pytest
from rocksdict import Options, Rdict
from tests.wire.rocksdb.samples import log_of
from tests.wire.varints import varint

from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.rocksdb.log import BLOCK, records
from ozone_recon.wire.rocksdb.manifest import BYTEWISE, TableFile, read_manifest


def manifest_of(path: Path) -> bytes:
    return (path / (path / "CURRENT").read_text().strip()).read_bytes()


def test_a_real_om_s_column_families_and_files(sample_checkpoint: Path) -> None:
    manifest = read_manifest(manifest_of(sample_checkpoint))
    names = {family.name: family for family in manifest.families.values()}
    assert {"keyTable", "fileTable", "deletedDirectoryTable", "snapshotInfoTable"} <= set(names)
    files = {file.number: file.size for family in names.values() for file in family.files.values()}
    assert files == {int(file.stem): file.stat().st_size for file in sample_checkpoint.glob("*.sst")}
    for file in names["keyTable"].files.values():
        assert file.smallest <= file.largest
        assert file.smallest.startswith(b"/vol")
    assert manifest.last_sequence > 0


def test_files_that_a_compaction_replaced_are_gone(tmp_path: Path) -> None:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    db = Rdict(str(tmp_path), options)
    for turn in range(5):
        db[b"key"] = b"%d" % turn
        db.flush()
    db.compact_range(None, None)
    live = {int(Path(found["name"]).stem) for found in db.live_files()}
    assert set(read_manifest(manifest_of(tmp_path)).families[0].files) == live
    db.close()


FIRST = b"\x01" + bytes([len(BYTEWISE)]) + BYTEWISE + b"\x02\x00\x03\x02\x04\x00"
"""An edit as every database begins with: order, log number, next file, sequence number."""


def new_file(*fields: tuple[int, bytes]) -> bytes:
    """A MANIFEST whose second edit is this: file 7 on level 0, of 9 bytes, with these fields."""
    bound = blob(b"key" + bytes(8))
    ends = b"".join(varint(tag) + blob(value) for tag, value in fields)
    return log_of([FIRST, varint(103) + bytes([0, 7, 9]) + 2 * bound + bytes([1, 1]) + ends + b"\x01"])


def blob(value: bytes) -> bytes:
    return varint(len(value)) + value


@pytest.mark.parametrize("tag", [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 63, 65, 128])
def test_fields_that_change_no_row_are_skipped(tag: int) -> None:
    files = read_manifest(new_file((tag, b"\1"), (5, b""))).families[0].files
    assert files == {7: TableFile(7, 0, 9, b"key", b"key")}


@pytest.mark.parametrize(("tag", "why"), [(4, "blob files of file 7"), (64, "field 64 of file 7"), (66, "field 66")])
def test_fields_that_must_be_known_are_refused(tag: int, why: str) -> None:
    with pytest.raises(Unsupported, match=f"edit 1 of the MANIFEST: {why}"):
        read_manifest(new_file((5, b""), (tag, b"\1")))


def test_cut_anywhere_it_says_so_or_tells_the_edits_before(sample_checkpoint: Path) -> None:
    data = manifest_of(sample_checkpoint)
    whole = list(records(data, torn_tail=False))
    for end in range(len(data)):
        torn = list(records(data[:end], torn_tail=True))
        assert torn == whole[: len(torn)]
        try:
            assert len(list(records(data[:end], torn_tail=False))) == len(torn)
        except DecodeError:
            assert len(torn) < len(whole)


@pytest.mark.parametrize(
    ("edits", "lacks"),
    [
        ([], "comparator, log number, next file number, sequence number"),
        ([FIRST[:-6]], "log number, next file number, sequence number"),
        ([FIRST[-6:]], "comparator"),
        ([FIRST[:-2]], "sequence number"),
        ([FIRST[:-4], FIRST[-2:]], "next file number"),
    ],
)
def test_edits_that_make_no_database_are_refused(edits: list[bytes], lacks: str) -> None:
    with pytest.raises(DecodeError, match=f"the MANIFEST is empty or truncated: it lacks the {lacks}$"):
        read_manifest(log_of(edits))
    with pytest.raises(DecodeError, match="drops the default column family"):
        read_manifest(log_of([FIRST, varint(202)]))


@pytest.mark.parametrize("at", range(0, 200, 7))
def test_a_flipped_bit_is_noticed(sample_checkpoint: Path, at: int) -> None:
    data = bytearray(manifest_of(sample_checkpoint))
    data[at] ^= 0x10
    with pytest.raises(DecodeError):
        read_manifest(bytes(data))


def test_records_longer_than_a_block(tmp_path: Path) -> None:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    db = Rdict(str(tmp_path), options)
    db[b"k" * 3] = bytes(3 * BLOCK)
    db[b"after"] = b"x"
    (log,) = (file for file in tmp_path.glob("*.log") if file.stat().st_size)
    found = list(records(log.read_bytes(), torn_tail=True, log_number=int(log.stem)))
    db.close()
    assert len(found) == 2
    assert len(found[0]) > 3 * BLOCK
