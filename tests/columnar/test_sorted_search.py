"""Searches of many sorted strings at once give what bisecting for each one gives, within any bounds."""

from bisect import bisect_left
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.changes import ChangedRows
from ozone_recon.columnar.sorted_search import order_with, search

ITEMS = st.lists(st.binary(max_size=3), unique=True, max_size=30).map(sorted)
ROWS = st.dictionaries(st.binary(max_size=2), st.one_of(st.none(), st.binary(max_size=2)), max_size=20)


def expected(wanted: bytes, items: list[bytes], low: int, high: int) -> int:
    at = bisect_left(items, wanted, low, high)
    return at if at < high and items[at] == wanted else -1 - at


@settings(deadline=None)
@given(ITEMS, ITEMS)
def test_each_is_found_or_where_it_would_stand(wanted: list[bytes], items: list[bytes]) -> None:
    found = search(ByteColumn.of(wanted), ByteColumn.of(items)).tolist()
    assert found == [expected(one, items, 0, len(items)) for one in wanted]
    order = order_with(np.array(found, np.int64), len(items)).tolist()
    both = [*items, *wanted]
    assert [both[number] for number in order] == sorted(both)
    assert sorted(order) == list(range(len(both)))


@settings(deadline=None)
@given(st.lists(st.tuples(ITEMS, ITEMS), max_size=5))
def test_bounds_are_kept_to(groups: list[tuple[list[bytes], list[bytes]]]) -> None:
    items = [item for group, _ in groups for item in group]
    starts = [0, *np.cumsum([len(group) for group, _ in groups]).tolist()]
    asked = [
        (one, low, high) for (_, wanted), (low, high) in zip(groups, pairwise(starts), strict=True) for one in wanted
    ]
    lows, highs = (np.array([bounds[n] for _, *bounds in asked], np.int64) for n in (0, 1))
    found = search(ByteColumn.of(one for one, *_ in asked), ByteColumn.of(items), lows, highs)
    assert found.tolist() == [expected(one, items, low, high) for one, low, high in asked]


def changed(rows: dict[bytes, bytes | None]) -> ChangedRows:
    held = sorted(rows.items())
    gone = np.array([value is None for _, value in held], np.bool_)
    return ChangedRows(ByteColumn.of(key for key, _ in held), ByteColumn.of(value or b"" for _, value in held), gone)


@settings(deadline=None)
@given(ROWS, ROWS)
def test_the_newer_change_of_a_row_is_kept(older: dict[bytes, bytes | None], newer: dict[bytes, bytes | None]) -> None:
    both, wanted = changed(older).followed_by(changed(newer)), changed({**older, **newer})
    assert both.keys.items() == wanted.keys.items()
    assert both.values.items() == wanted.values.items()
    assert both.deleted.tolist() == wanted.deleted.tolist()
