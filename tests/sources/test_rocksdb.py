"""A checkpoint's rows, as RocksDB itself has them, whole or with an error."""

from pathlib import Path

import pytest
from rocksdict import AccessType, Options, Rdict, WriteOptions

from ozone_recon.errors import CheckpointError
from ozone_recon.model.columns import Rows
from ozone_recon.sources.rocksdb import Checkpoint

ROWS = {f"/v/b/key-{i:05}".encode(): b"%d" % i * (i % 40) for i in range(4000)}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database of table files, overwritten and deleted rows, and rows that are in the write-ahead log alone."""
    path = tmp_path / "om.db"
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    db = Rdict(str(path), options, column_families={"keyTable": options, "emptyTable": options})
    table = db.get_column_family("keyTable")
    for key in ROWS:
        table[key] = b"old"
    table[b"/v/b/gone"] = b"x"
    table.flush()
    unlogged = WriteOptions()
    for key, value in list(ROWS.items())[:3500]:
        table.put(key, value, unlogged)
    table.flush()
    for key, value in list(ROWS.items())[3500:]:
        table[key] = value
    del table[b"/v/b/gone"]
    (tmp_path / "copy").mkdir()
    for file in path.iterdir():
        (tmp_path / "copy" / file.name).write_bytes(file.read_bytes())
    db.close()
    return tmp_path / "copy"


def pairs(rows: Rows) -> list[tuple[bytes, bytes]]:
    return list(zip(rows.keys.items(), rows.values.items(), strict=True))


@pytest.mark.parametrize("batch_bytes", [1, 5000, 8 << 20])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_row_once_in_key_order(database: Path, batch_bytes: int, threads: int) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in database.iterdir()}
    with Checkpoint.open(database) as checkpoint:
        batches = checkpoint.scan("keyTable", pairs, threads=threads, batch_bytes=batch_bytes)
        assert [pair for batch in batches for pair in batch] == sorted(ROWS.items())
        assert list(checkpoint.scan("emptyTable", pairs)) == []
        assert set(checkpoint.column_families) == {"keyTable", "emptyTable"}
    assert {file.name: file.stat().st_mtime_ns for file in database.iterdir()} == before


def test_one_row(database: Path) -> None:
    with Checkpoint.open(database) as checkpoint:
        assert checkpoint.get("keyTable", b"/v/b/key-00042") == ROWS[b"/v/b/key-00042"]
        assert checkpoint.get("keyTable", b"/v/b/gone") is None


def test_sequence_number_counts_every_write(database: Path) -> None:
    with (
        Rdict(
            str(database),
            Options(raw_mode=True),
            {name: Options(raw_mode=True) for name in ("default", "keyTable", "emptyTable")},
            AccessType.read_only(False),
        ) as db,
        Checkpoint.open(database) as checkpoint,
    ):
        assert checkpoint.sequence_number == db.latest_sequence_number() == 4000 + 1 + 4000 + 1


def test_a_damaged_block_is_an_error_never_an_early_end(database: Path) -> None:
    file = max(database.glob("*.sst"), key=lambda found: found.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    with Checkpoint.open(database) as checkpoint, pytest.raises(CheckpointError, match="keyTable"):
        list(checkpoint.scan("keyTable", len))


@pytest.mark.parametrize("broken", ["CURRENT", "MANIFEST", "sst"])
def test_a_missing_file_is_an_error(database: Path, broken: str) -> None:
    for file in list(database.iterdir()):
        if broken in file.name:
            file.unlink()
    with pytest.raises(CheckpointError), Checkpoint.open(database) as checkpoint:
        list(checkpoint.scan("keyTable", len))
