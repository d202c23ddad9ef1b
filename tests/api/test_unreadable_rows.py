"""Rows that cannot be decoded are left out of a listing, and never end it: a client stops at an empty page."""

from pathlib import Path

import pytest
from tests.api.asking import ask
from tests.api.om_answers import served_from
from tests.insights.om_samples import RandomDatabase


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
