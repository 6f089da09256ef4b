"""Joint estimates of several columns from moments, and sets of their ratios."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marketing_ds.evaluation.engine import FloatArray, Moments
from marketing_ds.evaluation.money.joint import Contrast, contrast, joint_estimates
from marketing_ds.evaluation.money.ratios import RatioSet, ratio_set


def moments(rows: FloatArray) -> Moments:
    """Of (n, p) customers."""
    away = rows - rows.mean(axis=0)
    n = len(rows)
    return Moments(n, rows.mean(axis=0), away.T @ away, away.T @ away / (n * (n - 1)), None)


def made(value: list[float], error: list[list[float]]) -> Contrast:
    part = np.array(error)
    return Contrast(np.array(value), part, ((part, 1e9),))


def test_the_error_counts_that_the_covariates_mean_is_an_estimate() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(2_000):
        x = rng.normal(0, 1, (2, 100))
        y = np.array([[-3.0], [3.0]]) * x + rng.normal(0, 1, (2, 100))
        arms = {name: moments(np.column_stack([y[i], x[i]])) for i, name in enumerate("ca")}
        estimates = joint_estimates(arms, ["y", "x"], ["y"])
        difference = contrast(estimates, {"a": 1.0, "c": -1.0})
        found.append(difference.along(np.ones(1))[:2])
    effects, variances = np.array(found).T
    # Slopes of -3 and 3 make the effect move by 6 with the mean of x: 36 / 200 of the variance.
    assert variances.mean() == pytest.approx(2 / 100 + 36 / 200, rel=0.03)
    assert effects.var(ddof=1) == pytest.approx(variances.mean(), rel=0.1)


def test_without_covariates_it_is_the_plain_difference() -> None:
    rows = {name: np.random.default_rng(i).normal(i, 1, (30, 2)) for i, name in enumerate("ca")}
    found = contrast(
        joint_estimates({k: moments(v) for k, v in rows.items()}, ["m", "c"], ["m", "c"]),
        {"a": 1.0, "c": -1.0},
    )
    assert found.value == pytest.approx(rows["a"].mean(axis=0) - rows["c"].mean(axis=0))
    expected = sum(np.cov(v.T) / 30 for v in rows.values())
    assert found.error == pytest.approx(expected)


def test_a_covariate_that_does_not_vary_changes_nothing() -> None:
    rows = {n: np.random.default_rng(i).normal(i, 1, (30, 1)) for i, n in enumerate("ca")}
    flat = {n: np.column_stack([v, np.full(30, 7.0)]) for n, v in rows.items()}
    plain, beside = (
        contrast(
            joint_estimates({n: moments(v) for n, v in data.items()}, ["y", "x"][: k + 1], ["y"]),
            {"a": 1.0, "c": -1.0},
        ).value[0]
        for k, data in enumerate((rows, flat))
    )
    assert beside == pytest.approx(plain, rel=1e-12)


def test_an_interval_where_the_denominator_is_sure() -> None:
    found = ratio_set(made([6.0, 3.0], [[1.0, 0.0], [0.0, 0.0]]), 0, 1, 2.0)
    assert found == RatioSet(2.0, "interval", pytest.approx(4 / 3), pytest.approx(8 / 3))
    assert 2.0 in found
    assert 3.0 not in found
    assert found.bounds == (found.lower, found.upper)


def test_two_pieces_where_it_may_be_zero_and_the_numerator_is_not() -> None:
    found = ratio_set(made([10.0, 1.0], [[1.0, 0.0], [0.0, 1.0]]), 0, 1, 2.0)
    assert found.shape == "outside"
    assert found.bounds == (-math.inf, math.inf)
    for end in (found.lower, found.upper):
        assert abs(10 - end) / math.sqrt(1 + end**2) == pytest.approx(2.0)
    assert 10.0 in found
    assert -50.0 in found
    assert 0.0 not in found


def test_everything_where_both_may_be_zero() -> None:
    found = ratio_set(made([1.0, 1.0], [[1.0, 0.0], [0.0, 1.0]]), 0, 1, 2.0)
    assert found.shape == "everything"
    assert -1e9 in found
    assert 1e9 in found


def test_infinitely_many_errors_tell_nothing() -> None:
    found = ratio_set(made([6.0, 3.0], [[1.0, 0.0], [0.0, 1.0]]), 0, 1, math.inf)
    assert (found.shape, found.value) == ("everything", 2.0)


def test_before_the_first_look_nothing_is_undefined() -> None:
    found = ratio_set(made([1.0, 0.0], [[1.0, 0.0], [0.0, 0.0]]), 0, 1, math.inf)
    assert found.shape == "everything"


def test_a_denominator_below_zero_is_no_ratio() -> None:
    sure = ratio_set(made([1.0, -5.0], [[1.0, 0.0], [0.0, 0.0]]), 0, 1, 2.0)
    assert sure.shape == "undefined"
    assert math.isnan(sure.bounds[0])
    assert 1.0 not in sure
    likely = ratio_set(made([1.0, -5.0], [[1.0, 0.0], [0.0, 1.0]]), 0, 1, 2.0)
    # It may still be above 0, so the set stays; only the estimate goes.
    assert likely.shape == "interval"
    assert math.isnan(likely.value)
    assert -0.2 in likely
    unsure = ratio_set(made([1.0, -0.5], [[1.0, 0.0], [0.0, 1.0]]), 0, 1, 2.0)
    assert unsure.shape == "everything"
    assert math.isnan(unsure.value)


def test_a_moved_set_holds_the_moved_values() -> None:
    found = ratio_set(made([6.0, 3.0], [[1.0, 0.1], [0.1, 0.2]]), 0, 1, 2.0)
    assert found.upper - 1 in found.moved(-1.0)
    assert found.moved(-1.0).value == found.value - 1
