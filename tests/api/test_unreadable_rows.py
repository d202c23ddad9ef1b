"""A listing omits rows that cannot be decoded, and continues after them: a client stops at an empty page."""

from pathlib import Path

import pytest
from tests.api.asking import ask
from tests.api.om_answers import served_from
from tests.decode.om.om_messages import blob, key_info
from tests.insights.om_samples import RandomDatabase

from ozone_recon.columnar.amounts import MAX_AMOUNT


@pytest.mark.parametrize(
    ("table", "question"),
    [
        ("volumeTable", "/volumes?limit=1"),
        ("bucketTable", "/buckets?limit=1"),
        ("openKeyTable", "/keys/open?includeNonFso=true&limit=1"),
        ("openFileTable", "/keys/open?includeFso=true&limit=1"),
        ("deletedTable", "/keys/deletePending?limit=1"),
        ("deletedDirectoryTable", "/keys/deletePending/dirs?limit=1"),
    ],
)
def test_the_first_page_has_the_first_row_that_can_be_read(tmp_path: Path, table: str, question: str) -> None:
    tables = RandomDatabase(10).tables
    *unreadable, (key, value) = tables[table]
    assert unreadable
    tables[table] = [*((other, b"\xff") for other, _ in unreadable), (key, value)]
    answer = ask(served_from(tables, tmp_path), f"/api/v1{question}")
    assert answer.status_code == 200
    assert key.decode().rpartition("/")[2] in answer.text


def test_sums_of_sizes_that_no_disk_has_saturate(tmp_path: Path) -> None:
    tables = RandomDatabase(10).tables
    largest = blob(1, key_info(size=(1 << 63) - 1, factor=1))
    tables["deletedTable"] = [(b"/vol1/bucket1/key%d/1" % row, largest * 3) for row in range(2)]
    answer = ask(served_from(tables, tmp_path), "/api/v1/keys/deletePending").json()
    assert [one["totalSize"] for one in answer["deletedKeyInfo"]] == [{str(MAX_AMOUNT): MAX_AMOUNT}] * 2
    assert answer["replicatedDataSize"] == answer["unreplicatedDataSize"] == MAX_AMOUNT
