"""How far promises were kept: pooled ratios against known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marketing_ds.evaluation.money.calibration import calibrate


def test_nothing_measured_says_nothing() -> None:
    found = calibrate([10.0, 0.0], [math.nan, 3.0], [1.0, 1.0], 0.05)
    assert found.offers == 0
    assert math.isnan(found.factor)
    assert found.too_rosy is None
    assert "nothing can be said" in found.sentence()
    assert "无法评价" in found.sentence("zh")


def test_one_offer_is_its_own_ratio_and_a_warning() -> None:
    found = calibrate([100.0], [50.0], [10.0], 0.05)
    assert (found.factor, found.lower) == pytest.approx((0.5, 0.5 - 1.959964 * 0.1))
    assert found.too_rosy is True
    assert "a single one" in found.sentence()
    assert "只有一项" in found.sentence("zh")


def test_offers_that_agree_are_pooled_by_their_variances() -> None:
    found = calibrate([100.0, 100.0], [90.0, 110.0], [10.0, 20.0], 0.05)
    assert found.spread == 0
    assert found.factor == pytest.approx((0.9 / 0.01 + 1.1 / 0.04) / 125)
    # Student's 12.7 of one degree of freedom: two offers tell little.
    scatter = 100 * (0.9 - found.factor) ** 2 + 25 * (1.1 - found.factor) ** 2
    assert found.upper - found.factor == pytest.approx(12.7062 * math.sqrt(scatter / 125), rel=1e-4)
    assert found.too_rosy is None
    assert "does not show" in found.sentence()


def test_offers_that_disagree_widen_the_interval_as_a_textbook_does() -> None:
    ratio, error = np.array([0.2, 0.9, 0.5]), np.array([0.05, 0.05, 0.1])
    found = calibrate([1.0] * 3, ratio.tolist(), error.tolist(), 0.05)
    w = 1 / error**2
    q = float(w @ (ratio - w @ ratio / w.sum()) ** 2)
    tau2 = (q - 2) / (w.sum() - (w**2).sum() / w.sum())
    assert found.spread == pytest.approx(math.sqrt(tau2))
    star = 1 / (error**2 + tau2)
    assert found.factor == pytest.approx(float(star @ ratio / star.sum()))


def test_the_unit_does_not_matter() -> None:
    one = calibrate([10.0, 20.0, 5.0], [8.0, 9.0, 5.0], [1.0, 2.0, 1.0], 0.05)
    two = calibrate([10e3, 20.0, 5.0], [8e3, 9.0, 5.0], [1e3, 2.0, 1.0], 0.05)
    assert (two.factor, two.lower) == pytest.approx((one.factor, one.lower))


def test_promises_may_be_too_modest() -> None:
    found = calibrate([10.0] * 3, [30.0, 31.0, 29.0], [1.0] * 3, 0.05)
    assert found.too_rosy is False
    assert "too modest" in found.sentence()
    assert "偏保守" in found.sentence("zh")
    assert found.to_frame().loc[0, "offers"] == 3


def test_the_interval_covers_with_few_offers() -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(1_000):
        errors = rng.uniform(0.1, 0.5, 4)
        true = rng.normal(0.6, 0.2, 4)
        found = calibrate([1.0] * 4, rng.normal(true, errors).tolist(), errors.tolist(), 0.05)
        hits += found.lower <= 0.6 <= found.upper
    assert 0.93 <= hits / 1_000 <= 0.97
