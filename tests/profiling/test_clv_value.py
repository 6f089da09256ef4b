"""Customer lifetime value: by hand, its interval, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import load_cdnow
from marketing_ds.profiling import (
    BetaGeo,
    GammaGamma,
    LifetimeValue,
    lifetime_value,
    purchase_summary,
)

RATE, SPEND = BetaGeo(0.243, 4.414, 0.793, 2.426), GammaGamma(6.25, 3.74, 15.44)


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return purchase_summary(load_cdnow().purchases, "1997-09-30").to_frame()


@pytest.fixture(scope="module")
def value(summary: pd.DataFrame) -> LifetimeValue:
    return lifetime_value(summary, BetaGeo.fit(summary), GammaGamma.fit(summary), margin=0.3)


def test_it_is_the_discounted_sum_over_months(summary: pd.DataFrame) -> None:
    one = summary.head(1)
    found = (
        lifetime_value(one, RATE, SPEND, months=3, margin=0.2, discount_rate=0.05)
        .to_frame()
        .iloc[0]
    )
    past = (one["frequency"], one["recency"], one["T"])
    month = 365.25 / 12 / 7
    upto = [RATE.expected_purchases(*past, horizon=k * month)[0] for k in range(4)]
    worth = SPEND.expected_value(one["frequency"], one["monetary_value"])[0]
    by_hand = 0.2 * worth * sum((upto[k] - upto[k - 1]) / 1.05**k for k in (1, 2, 3))
    assert found["clv_cny"] == pytest.approx(by_hand, rel=1e-9)
    assert found["expected_purchases"] == pytest.approx(upto[3], rel=1e-9)
    assert found["expected_value_cny"] == pytest.approx(worth)
    assert found["p_alive"] == pytest.approx(RATE.p_alive(*past)[0])


def test_days_give_the_same_value_as_weeks(summary: pd.DataFrame) -> None:
    days = summary.assign(recency=summary["recency"] * 7, T=summary["T"] * 7)
    daily = BetaGeo(RATE.r, RATE.alpha * 7, RATE.a, RATE.b, unit="day")
    one, other = lifetime_value(summary, RATE, SPEND), lifetime_value(days, daily, SPEND)
    assert one.to_frame()["clv_cny"].to_numpy() == pytest.approx(
        other.to_frame()["clv_cny"].to_numpy(), rel=1e-9
    )


def test_the_total_is_the_sum_and_its_interval_is_narrower_than_the_sum_of_intervals(
    value: LifetimeValue,
) -> None:
    rows = value.to_frame()
    assert value.total_cny.value == pytest.approx(rows["clv_cny"].sum())
    assert value.total_cny.ci_lower < value.total_cny.value < value.total_cny.ci_upper
    assert value.total_cny.ci_lower > rows["clv_cny_ci_lower"].sum()
    assert (rows["clv_cny_ci_lower"] <= rows["clv_cny"]).all()


def test_the_interval_of_the_total_holds_the_truth_about_as_often_as_it_says() -> None:
    rate, spend = BetaGeo(0.5, 6.0, 0.8, 2.5), GammaGamma(5.0, 4.0, 20.0)
    times = np.tile(np.linspace(20, 80, 300), 5)

    def customers(seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(1000 + seed)
        rows = rate.simulate(times, random_state=seed)
        x = rows["frequency"].to_numpy()
        mean = rng.gamma(spend.p * np.maximum(x, 1)) / (
            rng.gamma(spend.q, 1 / spend.v, len(x)) * np.maximum(x, 1)
        )
        return rows.assign(monetary_value=np.where(x > 0, mean, np.nan))

    valued = customers(999)
    truth = lifetime_value(valued, rate, spend).total_cny.value
    hits = 0
    for seed in range(40):
        seen = customers(seed)
        found = lifetime_value(valued, BetaGeo.fit(seen), GammaGamma.fit(seen)).total_cny
        hits += found.ci_lower <= truth <= found.ci_upper
    assert hits >= 33  # of 40 at 95 %: one in 5,000


def test_models_from_parameters_give_no_interval(summary: pd.DataFrame) -> None:
    found = lifetime_value(summary, RATE, SPEND)
    assert list(found.to_frame()) == [
        "customer_id",
        "p_alive",
        "expected_purchases",
        "expected_value_cny",
        "clv_cny",
    ]
    assert np.isnan(found.total_cny.se)


def test_more_months_more_value_and_a_higher_rate_less(summary: pd.DataFrame) -> None:
    def total(**options: Any) -> float:
        return lifetime_value(summary, RATE, SPEND, **options).total_cny.value

    assert total(months=24) > total() > total(discount_rate=0.02)
    assert total(margin=0.5) == pytest.approx(total() / 2)
    assert total(margin=0) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"months": 0}, "months must be between 1 and 1200, got 0"),
        ({"months": 1.5}, "months must be a whole number"),
        ({"margin": -0.1}, "margin must be between 0"),
        ({"discount_rate": 1.5}, "discount_rate must be between 0 and 1"),
        ({"level": 1}, "level must be between 0 and 1, both excluded"),
        ({"purchases": SPEND}, "purchases must be a BetaGeo, got GammaGamma"),
        ({"spend": RATE}, "spend must be a GammaGamma, got BetaGeo"),
        ({"spend": GammaGamma(5.0, 0.8, 20.0)}, "q must be above 1"),
    ],
)
def test_arguments_are_checked(summary: pd.DataFrame, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        lifetime_value(summary, **{"purchases": RATE, "spend": SPEND, **options})


def test_it_shows_itself_as_money(value: LifetimeValue) -> None:
    html = value._repr_html_()
    assert "LifetimeValue" in html
    assert "10.89" in html
