"""Money that few customers decide: against the means' own intervals, rejection and simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.money import campaign_roi
from tests.benchmarks import roi_coverage

SHARES = {"control": 1, "offer": 9}


def campaign(seed: int, n: int = 5_000, contact: float = 1.0) -> pd.DataFrame:
    """A control of a tenth, 3 and 4 % buyers, log-normal margins; some redeem a coupon."""
    rng = np.random.default_rng(seed)
    offer = rng.random(n) < 0.9
    bought = rng.random(n) < 0.03 + 0.01 * offer
    return pd.DataFrame(
        {
            "arm": np.where(offer, "offer", "control"),
            "bought": bought,
            "margin_cny": bought * rng.lognormal(4.0, 1.5, n),
            "cost_cny": contact * offer + 0.0,
            "redeemed_cny": contact * offer + 20.0 * (offer & bought & (rng.random(n) < 0.5)),
        }
    )


def test_the_margin_is_that_of_the_experiment() -> None:
    data = campaign(1)
    ours = campaign_roi(data, shares=SHARES).total.margin
    row = analyze_experiment(data, ["margin_cny"], shares=SHARES).to_frame().iloc[0]
    assert row["interval"] == "skewed"
    assert ours.value == pytest.approx(row["effect"], rel=1e-9)
    # The third moments of the small arm count a little here and not there.
    width = row["effect_ci_upper"] - row["effect_ci_lower"]
    assert ours.lower == pytest.approx(row["effect_ci_lower"], abs=0.02 * width)
    assert ours.upper == pytest.approx(row["effect_ci_upper"], abs=0.02 * width)


def test_with_a_constant_cost_the_return_is_the_margin_by_the_yuan() -> None:
    found = campaign_roi(campaign(2, contact=2.0), shares=SHARES).total
    assert found.corrected
    assert found.per_cny.shape == "interval"
    assert (found.per_cny.lower, found.per_cny.upper) == pytest.approx(
        (found.margin.lower / 2, found.margin.upper / 2), rel=1e-6
    )
    assert (found.profit.lower, found.profit.upper) == pytest.approx(
        (found.margin.lower - 2, found.margin.upper - 2), rel=1e-6
    )


@pytest.mark.parametrize("seed", [3, 4])
def test_profit_and_return_break_even_together(seed: int) -> None:
    data = campaign(seed)
    found = campaign_roi(data, cost="redeemed_cny", shares=SHARES).total
    assert (1.0 in found.per_cny) == (found.profit.lower <= 0 <= found.profit.upper)
    assert (found.p_value < 0.05) == (not found.profit.lower <= 0 <= found.profit.upper)


def test_a_cost_that_may_be_zero_leaves_a_set_of_two_pieces() -> None:
    data, rng = campaign(5), np.random.default_rng(5)
    offer = (data["arm"] == "offer").to_numpy()
    data["cost_cny"] = rng.gamma(1.0, 30.0, len(data)) + 0.5 * offer
    amounts = rng.gamma(2.0, 30.0, len(data))
    works = data.assign(margin_cny=amounts * (rng.random(len(data)) < 0.03 + 0.09 * offer))
    found = campaign_roi(works, shares=SHARES).total
    assert found.corrected
    assert found.per_cny.shape == "outside"
    assert found.per_cny.bounds == (-math.inf, math.inf)
    assert 0.0 not in found.per_cny
    assert 1e9 in found.per_cny
    assert campaign_roi(data, shares=SHARES).total.per_cny.shape == "everything"


def test_a_small_control_is_held_as_often_as_said() -> None:
    margin, cost = roi_coverage.TRUTH[roi_coverage.skewed]
    rng, trials, held = np.random.default_rng(6), 250, np.zeros(2)
    for _ in range(trials):
        data = roi_coverage.campaign(rng, roi_coverage.skewed, 2_000, 0.9)
        found = roi_coverage.concluded(data)
        held += [
            margin / cost in found.per_cny,
            found.profit.lower <= margin - cost <= found.profit.upper,
        ]
    # Four standard errors of a share of 95 % below it.
    assert min(held) / trials > 0.95 - 4 * 0.0138


def test_always_valid_sets_are_not_corrected() -> None:
    found = campaign_roi(campaign(7), shares=SHARES, sequential=True).total
    assert not found.corrected
    assert found.rough == (abs(found.skewness) > 0.25)


def test_outcomes_have_a_correction_of_their_own() -> None:
    data = campaign(8)
    found = campaign_roi(data, cost="redeemed_cny", outcome="bought", shares=SHARES).total
    assert found.outcome is not None
    assert found.cpio is not None
    assert found.outcome.lower < found.outcome.value < found.outcome.upper
    assert found.cpio.value in found.cpio
