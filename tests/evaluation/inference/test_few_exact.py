"""Exact coverage of score intervals of few events, from all counts that may come."""

from __future__ import annotations

import pytest
from scipy.special import ndtri
from scipy.stats import poisson

from marketing_ds.evaluation.inference.proportions import FewEvents

BOUND = -float(ndtri(0.025))


def missed(expected: float, n: int, m: int) -> tuple[float, float]:
    """How often the truth is below and above the interval: n customers and m, of one rate."""
    rate, below, above = expected / n, 0.0, 0.0
    for x in range(12):
        for y in range(int(3 * rate * m) + 12):
            chance = float(poisson.pmf(x, rate * n) * poisson.pmf(y, rate * m))
            if chance < 1e-7 or x + y == 0:
                continue
            z = FewEvents(x, n, y, m, x / n, y / m, 1.0).from_difference(0.0)
            below, above = below + chance * (z > BOUND), above + chance * (z < -BOUND)
    return below, above


@pytest.mark.parametrize("expected", [1.0, 2.0])
def test_two_events_or_fewer_are_not_missed_on_the_side_of_none(expected: float) -> None:
    below, above = missed(expected, 1_000, 9_000)
    assert poisson.pmf(0, expected) > 0.05
    assert below < 0.005
    assert 0.02 < above < 0.03


def test_from_three_on_both_sides_err_as_often_as_said() -> None:
    below, above = missed(3.2, 1_000, 9_000)
    assert 0.93 < 1 - below - above < 0.97
