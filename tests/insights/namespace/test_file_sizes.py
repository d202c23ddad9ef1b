"""Size bins of whole columns; counts by bin are held against brute force in test_namespace.py."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ozone_recon.insights.size_bins import bin_of, bins_of

BORDERS = [(1 << power) + more for power in range(63) for more in (-1, 0, 1)]


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(BORDERS), st.integers(0, (1 << 63) - 1))))
def test_a_column_has_the_bins_of_its_sizes(sizes: list[int]) -> None:
    assert bins_of(np.array(sizes, np.int64)).tolist() == [bin_of(size) for size in sizes]
