"""Bins cover every value once, give heavy values a bin, and have labels people can read."""

from __future__ import annotations

import ibis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.profiling._bins import GRID, Bin, make_bins


def _bins(values: list[float], *, whole: bool = False) -> tuple[Bin, ...]:
    return make_bins([float(q) for q in np.quantile(values, GRID)], whole=whole)


def _cells(values: list[float], bins: tuple[Bin, ...]) -> list[list[int]]:
    """For each value: the bins that hold it, heavy values first as in the query."""
    found = []
    for value in values:
        alone = [i for i, b in enumerate(bins) if b.alone and b.low == value]
        ranges = [i for i, b in enumerate(bins) if not b.alone and _in_range(value, b)]
        found.append(alone or ranges)
    return found


def _in_range(value: float, b: Bin) -> bool:
    above = b.low is None or (value > b.low if b.above else value >= b.low)
    return above and (b.high is None or value < b.high)


@settings(max_examples=200)
@given(
    st.one_of(
        st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60),
        st.lists(st.sampled_from([0.0, 1.0, 2.5, 100.0, -3.0]), min_size=1, max_size=60),
    )
)
def test_every_value_is_in_one_bin(values: list[float]) -> None:
    assert all(len(cells) == 1 for cells in _cells(values, _bins(values)))


@settings(max_examples=200)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_every_whole_number_is_in_one_bin(values: list[int]) -> None:
    numbers = [float(v) for v in values]
    assert all(len(cells) == 1 for cells in _cells(numbers, _bins(numbers, whole=True)))


def test_the_query_puts_values_where_the_bins_say() -> None:
    values = [0.0] * 40 + [float(v) for v in range(1, 61)]
    bins = _bins(values)
    table = ibis.memtable({"x": values})
    cell = ibis.cases(*((b.holds(table.x), i) for i, b in enumerate(bins)))
    assert cell.to_pyarrow().to_pylist() == [c[0] for c in _cells(values, bins)]


def test_a_heavy_value_stands_alone_and_the_rest_is_split_evenly() -> None:
    rng = np.random.default_rng(3)
    values = [0.0] * 6000 + list(np.exp(rng.normal(8, 2, 4000)))
    bins = _bins(values)
    assert bins[0] == Bin(0.0, 0.0, alone=True)
    shares = np.bincount([c[0] for c in _cells(values, bins)], minlength=len(bins)) / len(values)
    assert shares[0] == 0.6
    assert len(bins) == 3
    assert (shares[1:] > 0.1).all()


def test_smooth_values_give_about_equal_bins_with_round_edges() -> None:
    values = list(np.random.default_rng(4).normal(1000, 300, 5000))
    bins = _bins(values)
    shares = np.bincount([c[0] for c in _cells(values, bins)]) / len(values)
    assert len(bins) == 5
    assert ((shares > 0.15) & (shares < 0.25)).all()
    assert bins[0].label(whole=False, percent=False, language="en") == "<760"


def test_nothing_is_sought_between_neighbouring_whole_numbers() -> None:
    values = [0.0] * 40 + [1.0] * 40 + [float(v) for v in range(2, 22)]
    bins = _bins(values, whole=True)
    assert [(b.low, b.alone) for b in bins[:2]] == [(0.0, True), (1.0, True)]
    assert bins[2].above


def test_edges_are_rounded_around_zero_too() -> None:
    bins = _bins([float(v) for v in range(-50, 51)])
    assert all(len(c) == 1 for c in _cells([-50.0, 0.0, 50.0], bins))


def test_few_whole_numbers_get_a_bin_each() -> None:
    assert [b.low for b in _bins([1.0, 2.0, 5.0, 5.0], whole=True)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("cell", "whole", "label"),
    [
        (Bin(0.0, 0.0, alone=True), False, "0"),
        (Bin(None, 12_000.0), False, "<12,000"),
        (Bin(12_000.0, None), False, "≥12,000"),
        (Bin(0.0, None, above=True), False, ">0"),
        (Bin(0.0, 500.0, above=True), False, ">0 to <500"),
        (Bin(1.5, 2.25), False, "1.5 to <2.25"),
        (Bin(None, 5.0), True, "≤4"),
        (Bin(5.0, 10.0), True, "5 to 9"),
        (Bin(0.0, 2.0, above=True), True, "1"),
        (Bin(0.0, None, above=True), True, "≥1"),
        (Bin(4.5, 10.5), True, "5 to 10"),
    ],
)
def test_labels(cell: Bin, whole: bool, label: str) -> None:
    assert cell.label(whole=whole, percent=False, language="en") == label


def test_labels_of_shares_and_in_chinese() -> None:
    assert Bin(0.2, 0.5).label(whole=False, percent=True, language="zh") == "20%至<50%"
