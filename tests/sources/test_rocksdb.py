"""A checkpoint's rows, as RocksDB itself has them, whole or with an error."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Literal

import pytest
from rocksdict import (
    AccessType,
    BlockBasedOptions,
    DataBlockIndexType,
    DBCompressionType,
    Options,
    Rdict,
    WriteOptions,
)
from tests.sources.databases import as_ozone_s, pairs
from tests.wire.rocksdb.batches import batch_of, record_of
from tests.wire.rocksdb.samples import log_of

from ozone_recon.errors import CheckpointError
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint, family_ids
from ozone_recon.wire.write_batch.batch import BatchChange, ChangeKind

Reader = Literal["files", "rocksdb"]
READERS: tuple[Reader, ...] = ("files", "rocksdb")
ROWS = {f"/v/b/key-{i:05}".encode(): b"%d" % i * (i % 40) for i in range(4000)}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database of table files, overwritten and deleted rows, and rows that are in the write-ahead log alone."""
    path = tmp_path / "om.db"
    options = as_ozone_s()
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


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("batch_bytes", [1, 5000, 8 << 20])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_row_once_in_key_order(database: Path, batch_bytes: int, threads: int, reader: Reader) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in database.iterdir()}
    with Checkpoint(database, reader) as checkpoint:
        batches = checkpoint.scan("keyTable", pairs, threads=threads, batch_bytes=batch_bytes)
        assert [pair for batch in batches for pair in batch] == sorted(ROWS.items())
        assert [pair for batch in checkpoint.scan("emptyTable", pairs) for pair in batch] == []
        assert set(checkpoint.column_families) == {"keyTable", "emptyTable"}
    assert {file.name: file.stat().st_mtime_ns for file in database.iterdir()} == before


@pytest.mark.parametrize("reader", READERS)
def test_one_row(database: Path, reader: Reader) -> None:
    with Checkpoint(database, reader) as checkpoint:
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


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_block_is_an_error_never_an_early_end(database: Path, reader: Reader) -> None:
    file = max(database.glob("*.sst"), key=lambda found: found.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    with Checkpoint(database, reader) as checkpoint, pytest.raises(CheckpointError, match=r"damaged|checksum"):
        list(checkpoint.scan("keyTable", len))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("broken", ["CURRENT", "MANIFEST", "sst"])
def test_a_missing_file_is_an_error(database: Path, broken: str, reader: Reader) -> None:
    for file in list(database.iterdir()):
        if broken in file.name:
            file.unlink()
    with pytest.raises(CheckpointError), Checkpoint(database, reader) as checkpoint:
        list(checkpoint.scan("keyTable", len))


def filled_at_random(path: Path, seed: int) -> None:
    """Overwrites, deletes, flushes and compactions in two column families; some rows stay in the log."""
    random = Random(seed)
    options = as_ozone_s()
    options.set_compression_type(
        random.choice(
            [DBCompressionType.snappy(), DBCompressionType.none(), DBCompressionType.lz4(), DBCompressionType.zstd()]
        )
    )
    live = path.with_name("live")
    db = Rdict(str(live), options, column_families={"one": options, "two": options})
    names = [b"/v/b/" + b"x" * random.choice([0, 3, 90]) + b"%d" % random.randrange(10**6) for _ in range(600)]
    for _ in range(random.randrange(200, 3000)):
        table = db.get_column_family(random.choice(["one", "two"]))
        key = random.choice(names)
        chance = random.random()
        if chance < 0.65:
            table[key] = random.randbytes(random.choice([0, 5, 300, 40_000 if random.random() < 0.02 else 20]))
        elif chance < 0.98:
            del table[key]
        elif chance < 0.995:
            table.flush()
        else:
            table.compact_range(None, None)
    path.mkdir()
    for file in live.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    db.close()


@pytest.mark.parametrize("seed", range(12))
def test_our_reading_is_rocksdb_s_own(tmp_path: Path, seed: int) -> None:
    filled_at_random(tmp_path / "om.db", seed)
    random = Random(seed)
    with Checkpoint(tmp_path / "om.db", "files") as ours, Checkpoint(tmp_path / "om.db", "rocksdb") as reference:
        assert ours.sequence_number == reference.sequence_number
        for table in ("one", "two"):
            size = random.choice([1, 1000, 50_000, 1 << 30])
            right = [pair for batch in reference.scan(table, pairs) for pair in batch]
            assert [pair for batch in ours.scan(table, pairs, batch_bytes=size) for pair in batch] == right
            there = dict(right)
            for key in [*random.sample(sorted(there), min(20, len(there))), b"", b"/v/b/x", b"\xff"]:
                assert ours.get(table, key) == there.get(key)


def test_what_only_rocksdb_reads_is_left_to_it(tmp_path: Path) -> None:
    options = as_ozone_s()
    db = Rdict(str(tmp_path), options, column_families={"t": options})
    table = db.get_column_family("t")
    for key in (b"a", b"b", b"c"):
        table[key] = key
    table.flush()
    table.delete_range(b"b", b"c")
    table.flush()
    db.close()
    with Checkpoint.open(tmp_path) as checkpoint:
        assert "range deletions" in checkpoint.reader
        assert [pair for batch in checkpoint.scan("t", pairs) for pair in batch] == [(b"a", b"a"), (b"c", b"c")]
    with pytest.raises(CheckpointError, match="range deletions"):
        Checkpoint(tmp_path, "files")


def hashed(path: Path) -> None:
    """Blocks have a hash index."""
    options = as_ozone_s()
    blocks = BlockBasedOptions()
    blocks.set_format_version(5)
    blocks.set_data_block_index_type(DataBlockIndexType.binary_and_hash())
    options.set_block_based_table_factory(blocks)
    db = Rdict(str(path), options)
    for n in range(3000):
        db[b"key-%04d" % n] = b"%d" % n * 9
    db.flush()
    db.close()


def with_a_wide_row(path: Path) -> None:
    """One row towards the end has columns, the default one among them."""
    db = Rdict(str(path), as_ozone_s())
    for n in range(3000):
        db[b"key-%04d" % n] = b"%d" % n * 9
    db.put_entity(b"key-2500", [b"", b"more"], [b"2500" * 9, b"?"])
    db.flush()
    db.close()


@pytest.mark.parametrize(("fill", "why"), [(hashed, "a hash index"), (with_a_wide_row, "a row of type 22")])
@pytest.mark.parametrize("batch_bytes", [1, 5000, 1 << 30])
def test_rows_that_only_rocksdb_reads_are_left_to_it(
    tmp_path: Path, fill: Callable[[Path], None], why: str, batch_bytes: int
) -> None:
    fill(tmp_path)
    rows = [(b"key-%04d" % n, b"%d" % n * 9) for n in range(3000)]
    with Checkpoint.open(tmp_path) as checkpoint:
        assert checkpoint.reader == "files"
        found = checkpoint.scan("default", pairs, batch_bytes=batch_bytes)
        assert [pair for batch in found for pair in batch] == rows
        assert checkpoint.reader.startswith("rocksdb: ")
        assert why in checkpoint.reader
        assert checkpoint.get("default", b"key-2500") == rows[2500][1]
    with Checkpoint(tmp_path, "files") as checkpoint, pytest.raises(CheckpointError, match=f"{why}.*only RocksDB"):
        list(checkpoint.scan("default", pairs, batch_bytes=batch_bytes))


def test_rows_before_those_are_read_by_us(tmp_path: Path) -> None:
    with_a_wide_row(tmp_path)
    with Checkpoint.open(tmp_path) as checkpoint:
        found = checkpoint.scan("default", pairs, threads=1, batch_bytes=5000)
        assert next(found)[0][0] == b"key-0000"
        assert checkpoint.get("default", b"key-0500") == b"500" * 9
        assert checkpoint.reader == "files"
        assert [key for batch in found for key, _ in batch][-1] == b"key-2999"


@pytest.mark.parametrize("reader", ["any", "rocksdb"])
def test_damage_in_rows_that_only_rocksdb_reads(tmp_path: Path, reader: Literal["any", "rocksdb"]) -> None:
    hashed(tmp_path)
    (file,) = tmp_path.glob("*.sst")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    with Checkpoint(tmp_path, reader) as checkpoint, pytest.raises(CheckpointError, match=r"damaged|checksum"):
        list(checkpoint.scan("default", len, batch_bytes=5000))


def test_values_in_files_of_their_own_are_left_to_rocksdb(tmp_path: Path) -> None:
    options = as_ozone_s()
    options.set_enable_blob_files(True)
    db = Rdict(str(tmp_path), options)
    db.create_column_family("keyTable", as_ozone_s())
    for n in range(10):
        db[b"%d" % n] = b"%d" % n * 1000
    db.flush()
    db.close()
    assert family_ids(tmp_path) == {"default": 0, "keyTable": 1}
    with Checkpoint.open(tmp_path) as checkpoint:
        assert [pair for batch in checkpoint.scan("default", pairs) for pair in batch] == [
            (b"%d" % n, b"%d" % n * 1000) for n in range(10)
        ]
        assert checkpoint.reader.startswith("rocksdb: ")


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_is_an_error_or_changes_nothing(database: Path, seed: int) -> None:
    random = Random(seed)
    with Checkpoint(database, "files") as whole:
        right = [pair for batch in whole.scan("keyTable", pairs) for pair in batch]
    file = random.choice(sorted([*database.glob("*.sst"), *database.glob("MANIFEST-*")]))
    data = bytearray(file.read_bytes())
    if seed % 2:
        data = data[: random.randrange(len(data))]
    else:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    file.write_bytes(data)
    try:
        with Checkpoint(database, "files") as damaged:
            assert [pair for batch in damaged.scan("keyTable", pairs) for pair in batch] == right
    except CheckpointError as error:
        assert str(database) in str(error) or file.name in str(error) or "MANIFEST" in str(error)


def test_logs_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    options = as_ozone_s()
    db = Rdict(str(tmp_path / "live"), options)
    db[b"key"] = b"old"
    (log,) = (tmp_path / "live").glob("*.log")
    first = log.read_bytes()
    db[b"key"] = b"new"
    second = log.read_bytes()[len(first) :]
    (tmp_path / "om.db").mkdir()
    for name in ("CURRENT", *(found.name for found in (tmp_path / "live").glob("MANIFEST-*"))):
        (tmp_path / "om.db" / name).write_bytes((tmp_path / "live" / name).read_bytes())
    db.close()
    for name, data in (("999999.log", first), ("1000000.log", second), ("notes.log", b"")):
        (tmp_path / "om.db" / name).write_bytes(data)
    with Checkpoint(tmp_path / "om.db", "files") as checkpoint:
        assert checkpoint.get("default", b"key") == b"new"


def test_a_prepared_transaction_in_a_log_is_left_to_rocksdb(database: Path) -> None:
    put = record_of(BatchChange(0, ChangeKind.PUT, 1, b"/v/b/prepared", b"?"))
    (database / "999999.log").write_bytes(log_of([batch_of(9000, b"\x09", put, b"\x0a\x03xid", count=1)]))
    with pytest.raises(CheckpointError, match=r"999999\.log: a two-phase commit"):
        Checkpoint(database, "files")
