"""bench/make_om_db.py: its databases are whole, the same for a seed, and both readers of checkpoints agree on them."""

from pathlib import Path

import pytest
from make_om_db import ORDERS, Shape, make

from ozone_recon.decode.om.values import decode_directory, decode_key_info
from ozone_recon.demo.om.values import encode_directory, encode_key_info
from ozone_recon.model.om import KeyInfo
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint

SHAPE = Shape(obs=6_001, fso=5_003, directories=503, buckets=3, pending=20, seed=7)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "om.db"
    rows, _ = make(path, SHAPE)
    assert rows == sum(len(table) for table in rows_of(path).values())
    return path


def rows_of(path: Path, *, library: bool = False) -> dict[str, list[tuple[bytes, bytes]]]:
    with Checkpoint(path, "rocksdb" if library else "files") as checkpoint:
        found: dict[str, list[tuple[bytes, bytes]]] = {}
        for name in checkpoint.column_families:
            batches = checkpoint.scan(name, lambda rows: list(zip(rows.keys, rows.values, strict=True)))
            found[name] = [row for batch in batches for row in batch]
        return found


def test_both_readers_read_the_same(database: Path) -> None:
    assert rows_of(database) == rows_of(database, library=True)


def test_a_seed_gives_the_same_rows_and_another_one_others(database: Path, tmp_path: Path) -> None:
    make(tmp_path / "again", SHAPE)
    assert rows_of(tmp_path / "again") == rows_of(database)


def test_the_kernels_write_what_the_encoder_of_single_values_writes(database: Path) -> None:
    rows = rows_of(database)
    assert [len(rows[table]) for table in ORDERS] == [SHAPE.obs, SHAPE.fso, SHAPE.directories // SHAPE.buckets * 3]
    for _, value in rows["keyTable"] + rows["fileTable"]:
        assert encode_key_info(decode_key_info(value)) == value
    for key, value in rows["directoryTable"]:
        directory = decode_directory(value)
        assert encode_directory(directory) == value
        assert key.endswith(f"/{directory.parent_id}/{directory.name}".encode())


def test_every_row_has_its_parent_and_every_block_is_used_once(database: Path) -> None:
    rows = rows_of(database)
    directories = {decode_directory(value).object_id for _, value in rows["directoryTable"]}
    keys: list[KeyInfo] = [decode_key_info(value) for _, value in rows["keyTable"] + rows["fileTable"]]
    assert all(key.parent_id in directories for key in keys if key.parent_id)
    blocks = sorted(block.local_id for key in keys for version in key.locations for block in version.blocks)
    assert blocks == list(range(blocks[0], blocks[0] + len(blocks)))
    assert {key.replication.kind for key in keys} == {"EC", "RATIS"}
    assert any(len(version.blocks) > 1 for key in keys for version in key.locations)
    assert len({key.object_id for key in keys}) == len(keys)
