"""Messages out of columns are those that are written one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ozone_recon.demo.message_columns import ChoiceField, VarintField, repeated
from ozone_recon.wire.protobuf.fields import bytes_field, number_field

CHOICES = (b"", bytes_field(13, "origin"), number_field(6, 0) + number_field(7, 0))
longs = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 1 << 20)
rows = st.lists(st.tuples(longs, st.integers(0, 255), st.integers(0, len(CHOICES) - 1), longs), max_size=50)


@given(rows, st.sampled_from([1, 16, 3000]))
def test_messages_out_of_columns(rows: list[tuple[int, int, int, int]], field: int) -> None:
    ids, states, choices, sizes = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns: list[VarintField | ChoiceField] = [
        VarintField(1, np.array(ids, np.int64)),
        VarintField(2, np.array(states, np.uint8)),
        ChoiceField(CHOICES, np.array(choices, np.int64)),
        VarintField(5, 0),
        VarintField(14, np.array(sizes, np.int64)),
    ]
    one_by_one = [
        number_field(1, a) + number_field(2, b) + CHOICES[c] + number_field(5, 0) + number_field(14, d)
        for a, b, c, d in rows
    ]
    assert repeated(field, columns, len(rows)) == b"".join(bytes_field(field, one) for one in one_by_one)
