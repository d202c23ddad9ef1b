from pathlib import Path

import pytest
from tests.decode.om.om_messages import blob, block, ec_config, key_info, location_version
from tests.insights.om_samples import RandomDatabase, generation_of
from tests.oracle import Oracle

from ozone_recon.columnar.byte_column import ByteColumn, Rows
from ozone_recon.decode.om.key_columns_reference import decode_keys
from ozone_recon.decode.om.key_infos import decode_key_infos
from ozone_recon.insights.om.tables import TableCounts, table_counts
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.store.schema import OM_TABLES

SUMMED = ("openKeyTable", "openFileTable", "deletedTable", "deletedDirectoryTable", "multipartInfoTable")


@pytest.mark.parametrize("seed", range(12))
def test_counts_and_sums_are_those_of_a_scan(tmp_path: Path, seed: int) -> None:
    database = RandomDatabase(seed)
    oracle = Oracle(database.tables)
    generation = generation_of(database.tables, tmp_path / "g")
    for table in OM_TABLES:
        counts = table_counts(generation, table)
        assert counts.rows == len(oracle.rows(table)), table
        assert counts.bad == 0
        if table in SUMMED:
            assert counts[:4] == oracle.sums(table), table
        else:
            assert counts[1:4] == (0, 0, 0)


def test_a_row_that_cannot_be_decoded_is_counted_and_sums_nothing(tmp_path: Path) -> None:
    good = key_info(size=1000, factor=3)
    tables = {
        "openKeyTable": [(b"/v/b/a/1", good), (b"/v/b/b/1", good[:-1])],
        "deletedTable": [(b"/v/b/a/1", blob(1, good) + blob(1, good[:-1])), (b"/v/b/b/1", blob(1, good) * 2)],
        "multipartInfoTable": [(b"/v/b/a/1", b"\x08")],
    }
    generation = generation_of(tables, tmp_path / "g")
    assert table_counts(generation, "openKeyTable") == TableCounts(2, 1, 1000, 3000, 1)
    assert table_counts(generation, "deletedTable") == TableCounts(2, 2, 2000, 6000, 1)
    assert table_counts(generation, "multipartInfoTable") == TableCounts(1, 0, 0, 0, 1)


def test_a_table_that_om_does_not_have_has_no_rows(tmp_path: Path) -> None:
    assert table_counts(generation_of({}, tmp_path / "g"), "noSuchTable") == TableCounts()


def test_what_is_cut_is_refused_where_the_reference_refuses_it() -> None:
    whole = key_info(locations=(location_version(1, [block(3, 4, 5)]),), ec=ec_config(), kind=4, factor=None)
    cuts = [whole[:cut] for cut in range(len(whole) + 1)]
    rows = Rows(ByteColumn.of(b"/vol/bucket/%03d" % cut for cut in range(len(cuts))), ByteColumn.of(cuts))
    good = [int(name) for name in decode_keys(rows, "keyTable").names]
    found = decode_key_infos(rows.values)
    assert found.row.tolist() == good
    assert found.bad == len(cuts) - len(good)


def test_what_a_message_says() -> None:
    found = decode_key_infos(
        ByteColumn.of([blob(1, key_info(size=7, kind=2, factor=1, created=3, modified=4, object_id=5)) * 2, b""]),
        repeated=True,
    )
    assert found.row.tolist() == [0, 0]
    assert found.size.tolist() == found.replicated_size.tolist() == [7, 7]
    assert found.creation_time.tolist() == [3, 3]
    assert found.modification_time.tolist() == [4, 4]
    assert found.object_id.tolist() == [5, 5]
    assert found.is_file.tolist() == [1, 1]
    assert found.replication().values == [ReplicationConfig("STAND_ALONE", 1)]
    assert found.replication().indices.tolist() == [0, 0]
