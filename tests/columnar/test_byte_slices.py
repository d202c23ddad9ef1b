import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import ByteSlices, joined, last_at, same_slices, slices_at, slices_of_texts

ITEMS = st.lists(st.binary(max_size=5), min_size=1, max_size=6)


@settings(deadline=None)
@given(ITEMS, st.data())
def test_parts_are_joined_row_by_row(items: list[bytes], data: st.DataObject) -> None:
    column = ByteColumn.of([b"before", *items, b"after"]).slice(1, len(items) + 1)
    rows = data.draw(st.lists(st.integers(0, len(items) - 1), max_size=8))
    chosen = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    picked = slices_at(column, np.array(rows, np.int64))
    parts: list[ByteSlices | bytes] = [
        b"[",
        picked,
        same_slices(b",", len(rows)),
        b" ",
        b"",
        picked.masked(np.array(chosen, np.bool_)),
        b"]",
    ]
    wanted = [b"[%s, %s]" % (items[row], items[row] if one else b"") for row, one in zip(rows, chosen, strict=True)]
    assert joined(parts).items() == wanted
    assert joined([picked, picked, b"]"]).items() == [2 * items[row] + b"]" for row in rows]
    order = np.arange(len(rows))[::-1]
    assert joined([slices_of_texts(joined(parts)).take(order)]).items() == wanted[::-1]
    assert joined([slices_of_texts(column), same_slices(b"", len(column))]).items() == items


def test_the_last_of_a_byte() -> None:
    cells = slices_of_texts(ByteColumn.of([b"/", b"ab", b"a/b/", b"", b"/c"]).slice(1, 5))
    assert last_at(cells, ord("/")).tolist() == [0, 6, 6, 7]
    assert last_at(slices_of_texts(ByteColumn.of([])), ord("/")).tolist() == []
