"""Sums of amounts saturate: every way to sum gives what Python's integers give, or MAX_AMOUNT if that is less."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ozone_recon.columnar.amounts import MAX_AMOUNT, add_sums, clamp, sum_amounts, sum_by, sum_column, sum_runs
from ozone_recon.columnar.amounts_kernel import add_runs
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.model.cluster import StorageTotals, sum_of

amounts = st.integers(0, MAX_AMOUNT) | st.sampled_from([0, 1, 1 << 32, MAX_AMOUNT // 3, MAX_AMOUNT])
some = st.lists(amounts, max_size=9)


def column(numbers: list[int]) -> Int64s:
    return np.array(numbers, np.int64)


def saturated(numbers: list[int]) -> int:
    return min(sum(numbers), MAX_AMOUNT)


@given(st.integers())
def test_a_number_becomes_the_nearest_amount(number: int) -> None:
    assert clamp(number) == sorted((0, number, MAX_AMOUNT))[1]


@given(some)
def test_sums(numbers: list[int]) -> None:
    assert sum_amounts(numbers) == sum_column(column(numbers)) == saturated(numbers)


@given(st.lists(some, max_size=5))
def test_sums_of_runs(runs: list[list[int]]) -> None:
    bounds = np.cumsum([0, *map(len, runs)])
    values = column([number for run in runs for number in run])
    assert sum_runs(values, bounds).tolist() == list(map(saturated, runs))


@settings(deadline=None)  # the kernel may be compiled
@given(st.lists(st.tuples(st.integers(0, 3), amounts)))
def test_sums_by_index(rows: list[tuple[int, int]]) -> None:
    expected = [saturated([number for at, number in rows if at == index]) for index in range(4)]
    index, values = column([at for at, _ in rows]), column([number for _, number in rows])
    assert sum_by(index, values, 4).tolist() == expected
    sums = np.zeros(4, np.int64)
    add_runs(values, np.arange(len(rows)), index, sums)
    assert sums.tolist() == expected


def test_runs_without_a_place_are_skipped() -> None:
    sums = np.zeros(2, np.int64)
    add_runs(column([1, 2, 4, 8]), column([0, 1, 3]), column([1, -1, 1]), sums)
    assert sums.tolist() == [0, 9]


@given(st.lists(st.tuples(amounts, amounts)))
def test_sums_of_sums(pairs: list[tuple[int, int]]) -> None:
    sums = column([one for one, _ in pairs])
    add_sums(sums, column([other for _, other in pairs]))
    assert sums.tolist() == [saturated(list(pair)) for pair in pairs]


@given(st.lists(st.integers(), max_size=4))
def test_disks_of_datanodes(numbers: list[int]) -> None:
    whole = sum_of(StorageTotals(capacity=number, used=number) for number in numbers)
    assert whole == StorageTotals(*(saturated(list(map(clamp, numbers))),) * 2)
