"""Every listing of the sample of a real OM 2.2.0, held against a scan of its files."""

from pathlib import Path

import pytest
from tests.insights.containers.listing import listed
from tests.insights.om_samples import texts
from tests.oracle import Oracle

from ozone_recon.decode.om.values import decode_bucket
from ozone_recon.insights.containers.keys import list_containers
from ozone_recon.insights.namespace.view import Namespace
from ozone_recon.insights.om.bucket_accounts import accounts_of
from ozone_recon.insights.om.key_listing import list_keys
from ozone_recon.insights.om.open_keys import list_open_files, list_open_keys
from ozone_recon.insights.om.pending_deletion import list_deleted_directories, list_deleted_keys, pending_bytes
from ozone_recon.insights.om.prefixes import read_prefix, to_db_key
from ozone_recon.insights.om.tables import table_counts
from ozone_recon.store.generation import Generation
from ozone_recon.store.schema import OM_TABLES


@pytest.fixture(scope="module")
def oracle(sample_checkpoint: Path) -> Oracle:
    return Oracle.of(sample_checkpoint)


def test_tables(sample: Generation, oracle: Oracle) -> None:
    for table in OM_TABLES:
        assert table_counts(sample, table)[:4] == oracle.sums(table)
    assert table_counts(sample, "fileTable").rows > 0


def test_containers(sample: Generation, oracle: Oracle) -> None:
    found = list_containers(sample, -1, 1000)
    assert {one.id: (one.blocks, one.pairs, one.keys, one.bytes) for one in found} == oracle.containers()
    for container in oracle.containers():
        wanted = oracle.keys_in(container)
        keys = listed(sample, container, b"", None)
        assert [(db_key.encode(), path, local_ids) for db_key, *_, path, _, local_ids in keys] == [
            (row.db_key, row.path, local_ids) for row, local_ids in wanted
        ]
        for index, (row, _) in enumerate(wanted):
            if row.path is not None:
                after = to_db_key(sample, f"/{row.path}")
                assert [row[0] for row in listed(sample, container, after, 1)] == [
                    other.db_key.decode() for other, _ in wanted[index + 1 : index + 2]
                ]


def test_keys_below_every_directory(sample: Generation, oracle: Oracle) -> None:
    for volume, bucket, _ in oracle.buckets.values():
        keys = [row.path.split("/", 2)[2] for row in oracle.listed(volume, bucket, "") if row.path]
        for rest in {"", *keys, *(key.rpartition("/")[0] for key in keys)}:
            found = list_keys(sample, read_prefix(sample, f"/{volume}/{bucket}/{rest}"), b"", 10_000)
            assert list(zip(texts(found.db_key), texts(found.path), strict=True)) == [
                (row.db_key.decode(), row.path or "") for row in oracle.listed(volume, bucket, rest)
            ]


def test_what_is_open_and_what_waits_for_deletion(sample: Generation, oracle: Oracle) -> None:
    for table, found in (
        ("openKeyTable", texts(list_open_keys(sample, None, b"", None).db_key)),
        ("openFileTable", texts(list_open_files(sample, None, b"", None).db_key)),
        ("deletedTable", texts(list_deleted_keys(sample, b"", b"", None).db_key)),
    ):
        assert found
        assert found == [key.decode() for key, _ in oracle.rows(table)]
    directories = list_deleted_directories(sample, b"", None)
    sizes = [oracle.deleted_size(int(key.rpartition(b"/")[2])) for key, _ in oracle.rows("deletedDirectoryTable")]
    assert list(zip(directories.size.tolist(), directories.replicated_size.tolist(), strict=True)) == sizes
    assert pending_bytes(sample).directories == sum(replicated for _, replicated in sizes)


def test_what_om_charges_is_explained(sample: Generation) -> None:
    keys = 0
    for row, (key, value) in enumerate(
        zip(*(sample.table("om/bucketTable").bytes(column) for column in ("key", "value")), strict=True)
    ):
        bucket, accounts = decode_bucket(value), accounts_of(sample, [row])
        keys += accounts.committed.keys + accounts.deleted.keys + accounts.orphaned.keys
        assert (accounts.used_bytes, accounts.used_namespace) == (bucket.used_bytes, bucket.used_namespace)
        if not bucket.versioning:  # else older versions are charged too
            assert accounts.explained[1:] == (bucket.used_namespace, bucket.used_bytes), key
    assert keys == table_counts(sample, "keyTable").rows + table_counts(sample, "fileTable").rows
    everything = Namespace(sample).accounts(0)
    assert everything.committed.keys + everything.deleted.keys + everything.orphaned.keys == keys
