"""The MANIFEST and the log format it is in, on what RocksDB itself wrote."""

from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from ozone_recon.errors import DecodeError
from ozone_recon.wire.log_format import BLOCK, records
from ozone_recon.wire.manifest import read_manifest


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
