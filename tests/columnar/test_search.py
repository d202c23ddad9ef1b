"""Binary search in sorted columns gives the answers of a linear search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from ozone_recon.columnar.search import lookup

NUMBERS = st.lists(st.integers(-5, 5), max_size=8)


@pytest.mark.parametrize("kind", [np.int8, np.int64])
@settings(deadline=None)
@given(ascending=NUMBERS.map(sorted), wanted=NUMBERS)
def test_numbers_are_looked_up_in_an_ascending_column(kind: DTypeLike, ascending: list[int], wanted: list[int]) -> None:
    present, at = lookup(np.array(ascending, kind), np.array(wanted, np.int64))
    assert present.tolist() == [number in ascending for number in wanted]
    assert at.tolist() == [sum(one < number for one in ascending) for number in wanted]


def test_largest_numbers_do_not_wrap() -> None:
    low, high = -(1 << 63), (1 << 63) - 1
    present, at = lookup(np.array([low, high]), np.array([high, 0, low]))
    assert (present.tolist(), at.tolist()) == ([True, False, True], [1, 1, 0])
