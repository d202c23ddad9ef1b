"""Whose files and how old; sums are held against brute force for every place in test_namespace.py."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.insights.namespace.brute_force import built
from tests.insights.namespace_samples import Bucket, Database, Key, Volume

from ozone_recon.insights.namespace.owners_ages import MONTHS, MonthTotals, OwnerTotals, month_of, months_of, owners_of

DECEMBER_2023, JANUARY_2024 = 1704067199999, 1704067200000


def test_owners_come_by_what_they_have_and_months_by_their_time(tmp_path: Path) -> None:
    keys = [
        Key(b"/v/b/", b"1", 10, JANUARY_2024, b"anna"),
        Key(b"/v/b/", b"2", 20, DECEMBER_2023, b"bert", copies=1),
        Key(b"/v/b/", b"3", 10, JANUARY_2024, b"bert"),
        Key(b"/v/b/", b"4", 10, JANUARY_2024, None),
    ]
    generation = built(Database([Volume(b"v", 1)], [Bucket(b"v", b"b", 2)], keys=keys), tmp_path / "g")
    assert owners_of(generation, 0) == [
        OwnerTotals(b"bert", 2, 30, 50),
        OwnerTotals(b"", 1, 10, 30),
        OwnerTotals(b"anna", 1, 10, 30),
    ]
    assert months_of(generation, 0) == [MonthTotals("2023-12", 1, 20, 20), MonthTotals("2024-01", 3, 30, 90)]


@given(st.lists(st.integers(0, 32_503_680_000_000 - 1)))
def test_months_are_those_of_the_calendar(times: list[int]) -> None:
    expected = np.array(times, "M8[ms]").astype("M8[M]").astype(np.int64)
    assert month_of(np.array(times, np.int64)).tolist() == expected.tolist()


def test_times_out_of_all_reason_count_in_the_first_or_last_month() -> None:
    times = np.array([-1, 0, 86_400_000 * 31 - 1, 86_400_000 * 31, 1 << 62, -(1 << 63)])
    assert month_of(times).tolist() == [0, 0, 0, 1, MONTHS - 1, 0]
