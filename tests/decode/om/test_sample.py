"""Every row of a real OM 2.2.0's database decodes, and its keys and values say the same."""

from pathlib import Path
from typing import Any

import pytest
from rocksdict import AccessType, Options, Rdict
from tests.decode.om.batches import plain, rows_of
from tests.decode.om.om_tables import TABLES

from ozone_recon.decode.om import key_columns, key_columns_reference
from ozone_recon.decode.om.key_columns_reference import KeyTable
from ozone_recon.decode.om.keys import encode_text
from ozone_recon.store.schema import OM_TABLES

Database = dict[str, list[tuple[bytes, bytes]]]


@pytest.fixture(scope="module")
def database(sample_checkpoint: Path) -> Database:
    path = str(sample_checkpoint)
    options = Options(raw_mode=True)
    families = dict.fromkeys(Rdict.list_cf(path, options), options)
    opened = Rdict(path, options, column_families=families, access_type=AccessType.read_only())
    rows: Database = {
        name: [(key, value) for key, value in opened.get_column_family(name).items() if isinstance(key, bytes)]
        for name in families
    }
    opened.close()
    return rows


def decoded(database: Database, table: str) -> list[tuple[Any, Any]]:
    codec = TABLES[table]
    return [(codec.decode_key(key), codec.decode_value(value)) for key, value in database[table]]


def test_every_table_has_a_codec() -> None:
    assert set(TABLES) == set(OM_TABLES)


@pytest.mark.parametrize("table", OM_TABLES)
def test_every_row_decodes_and_its_key_formats_back(database: Database, table: str) -> None:
    for (key, _), (parts, _) in zip(database[table], decoded(database, table), strict=True):
        assert (parts.format() if hasattr(parts, "parse") else encode_text(parts)) == key


@pytest.mark.parametrize("table", ["keyTable", "openKeyTable", "multipartInfoTable"])
def test_names_in_keys_and_values_are_the_same(database: Database, table: str) -> None:
    rows = decoded(database, table)
    assert rows
    for key, value in rows:
        if value.volume is not None:
            assert (key.volume, key.bucket) == (value.volume, value.bucket)
            assert key.key == value.key


@pytest.mark.parametrize("table", ["fileTable", "openFileTable", "directoryTable"])
def test_parents_in_keys_and_values_are_the_same(database: Database, table: str) -> None:
    rows = decoded(database, table)
    assert rows
    for key, value in rows:
        assert key.parent_id == value.parent_id


def test_ids_link_volumes_buckets_directories_and_files(database: Database) -> None:
    volumes = {value.object_id for _, value in decoded(database, "volumeTable")}
    buckets = {value.object_id for _, value in decoded(database, "bucketTable")}
    directories = {value.object_id for _, value in decoded(database, "directoryTable")}
    for key, _ in decoded(database, "directoryTable") + decoded(database, "fileTable"):
        assert key.volume_id in volumes
        assert key.bucket_id in buckets
    deleted = {key.object_id for key, _ in decoded(database, "deletedDirectoryTable")}
    for key, _ in decoded(database, "fileTable"):
        assert key.parent_id in buckets | directories | deleted


def test_deleted_rows_keep_the_names_and_ids_of_their_values(database: Database) -> None:
    directories = decoded(database, "deletedDirectoryTable")
    assert directories
    for key, value in directories:
        assert (key.object_id, key.parent_id) == (value.object_id, value.parent_id)
    rows = decoded(database, "deletedTable")
    for key, value in rows:
        assert {key.path} == {f"/{one.volume}/{one.bucket}/{one.key}" for one in value.keys}
    assert any(key.number == one.object_id for key, value in rows for one in value.keys)


def test_parts_belong_to_uploads(database: Database) -> None:
    uploads = decoded(database, "multipartInfoTable")
    assert all(key.upload_id == value.upload_id for key, value in uploads)
    for key, value in decoded(database, "multipartPartsTable"):
        assert key.upload_id in {upload.upload_id for upload, _ in uploads}
        assert key.part_number == value.number


def test_snapshots_are_named_in_their_keys(database: Database) -> None:
    rows = decoded(database, "snapshotInfoTable")
    assert rows
    for key, value in rows:
        assert (key.volume, key.bucket, key.snapshot) == (value.volume, value.bucket, value.name)
        assert value.created_by is not None


@pytest.mark.parametrize("table", ["keyTable", "fileTable"])
def test_real_keys_decode_alike(database: Database, table: KeyTable) -> None:
    rows = rows_of(database[table])
    columns = key_columns.decode_keys(rows, table)
    assert len(columns) == len(rows) > 0
    assert plain(columns) == plain(key_columns_reference.decode_keys(rows, table))


def test_real_directories_decode_alike(database: Database) -> None:
    rows = rows_of(database["directoryTable"])
    columns = key_columns.decode_directories(rows)
    assert len(columns) == len(rows) > 0
    assert columns.parent_id.tolist() == [value.parent_id for _, value in decoded(database, "directoryTable")]
    assert plain(columns) == plain(key_columns_reference.decode_directories(rows))
