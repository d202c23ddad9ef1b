"""Rows of a real OM 2.2.0 in tables that are empty in the other sample decode, and say what was done."""

from pathlib import Path
from typing import Any

import pytest
from tests.conftest import SAMPLE
from tests.decode.om.om_tables import TABLES

from ozone_recon.decode.om.keys import encode_text
from ozone_recon.model.om import CompactionLogEntry, S3Secret, TenantAccessId, TenantState
from ozone_recon.sources.checkpoint.fetch import from_path
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.store.schema import OM_TABLES

Database = dict[str, list[tuple[bytes, bytes]]]
EMPTY_IN_BOTH = {"dTokenTable", "multipartPartsTable"}


def database_of(path: Path) -> Database:
    with Checkpoint.open(path) as checkpoint:
        return {
            name: [
                row
                for rows in checkpoint.scan(name, lambda rows: list(zip(rows.keys, rows.values, strict=True)))
                for row in rows
            ]
            for name in OM_TABLES
        }


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    sample = SAMPLE.with_name("rare-om.tar.gz")
    return database_of(from_path(sample, tmp_path_factory.mktemp("checkpoints"), lambda _: None))


def decoded(database: Database, table: str) -> dict[Any, Any]:
    codec = TABLES[table]
    return {codec.decode_key(key): codec.decode_value(value) for key, value in database[table]}


def test_every_table_has_a_row_in_one_of_the_samples(database: Database, sample_checkpoint: Path) -> None:
    other = database_of(sample_checkpoint)
    assert {table for table in OM_TABLES if not database[table] and not other[table]} == EMPTY_IN_BOTH


@pytest.mark.parametrize("table", OM_TABLES)
def test_every_row_decodes_and_its_key_formats_back(database: Database, table: str) -> None:
    for key, value in database[table]:
        parts: Any = TABLES[table].decode_key(key)
        assert (parts.format() if hasattr(parts, "parse") else encode_text(parts)) == key
        TABLES[table].decode_value(value)


def test_whose_secrets_there_are_and_not_which(database: Database) -> None:
    rows = decoded(database, "s3SecretTable")
    names = ["acme$alice", "acme$bob", "alice", "beta$alice", "bob/admin@EXAMPLE.COM"]
    assert rows == {name: S3Secret(name) for name in names}
    assert b"a secret of his own" in dict(database["s3SecretTable"])[b"bob/admin@EXAMPLE.COM"]


def test_tenants_and_who_may_use_them(database: Database) -> None:
    policies = ("UserRole", "AdminRole", "VolumeAccess", "BucketAccess")
    assert decoded(database, "tenantStateTable") == {
        name: TenantState(name, name, *(f"{name}-{policy}" for policy in policies)) for name in ("acme", "beta")
    }
    assert decoded(database, "tenantAccessIdTable") == {
        "acme$alice": TenantAccessId("alice", "acme", is_admin=False, is_delegated_admin=False),
        "acme$bob": TenantAccessId("bob", "acme", is_admin=True, is_delegated_admin=True),
        "beta$alice": TenantAccessId("alice", "beta", is_admin=False, is_delegated_admin=False),
    }
    held = {user: set(one.access_ids) for user, one in decoded(database, "principalToAccessIdsTable").items()}
    assert held == {"alice": {"acme$alice", "beta$alice"}, "bob": {"acme$bob"}}


def test_compactions_are_noted_with_the_files_that_went_in_and_came_out(database: Database) -> None:
    rows = decoded(database, "compactionLogTable")
    assert rows
    for key, entry in rows.items():
        assert isinstance(entry, CompactionLogEntry)
        assert (key.sequence_number, key.time) == (entry.db_sequence_number, entry.compaction_time)
        assert len(entry.inputs) > 1
        assert entry.outputs
        for file in (*entry.inputs, *entry.outputs):
            assert file.column_family == "fileTable"
            assert (file.start_key or "~") <= (file.end_key or "")


def test_the_layout_version_of_a_finalized_upgrade(database: Database) -> None:
    assert decoded(database, "metaTable") == {"#LAYOUTVERSION": "9"}
