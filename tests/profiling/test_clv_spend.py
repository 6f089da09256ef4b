"""Gamma-Gamma: published values, exact derivatives, laws, intervals that hold, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import load_cdnow
from marketing_ds.profiling import GammaGamma, NotConverged, purchase_summary
from marketing_ds.profiling._clv_likelihood import GammaGammaLikelihood

PUBLISHED = json.loads((Path(__file__).parents[1] / "reference/cdnow.json").read_text("utf-8"))
TRUE = GammaGamma(5.0, 4.0, 20.0)
positive = st.floats(0.1, 20)


def drawn(n: int, seed: int) -> pd.DataFrame:
    """Repeat buyers of the true model."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 9, n)
    rate = rng.gamma(TRUE.q, 1 / TRUE.v, n)
    mean = rng.gamma(TRUE.p * x, 1 / (rate * x))
    return pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(n)], "frequency": x, "monetary_value": mean}
    )


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    return purchase_summary(load_cdnow().purchases, "1997-09-30").to_frame()


@pytest.fixture(scope="module")
def model(cdnow: pd.DataFrame) -> GammaGamma:
    return GammaGamma.fit(cdnow)


def test_published_parameters(model: GammaGamma) -> None:
    found = dict(zip(["p", "q", "v"], np.round(model.parameters, 2), strict=True))
    assert found == PUBLISHED["gamma_gamma"]["parameters"]
    assert model.fitted is not None
    assert model.fitted.customers == PUBLISHED["repeat_buyers"]
    assert model.correlation == pytest.approx(0.114, abs=5e-4)


def test_published_expectations(model: GammaGamma, cdnow: pd.DataFrame) -> None:
    found = model.predict(cdnow.head(10))["expected_value_cny"].round(2).tolist()
    assert found == PUBLISHED["gamma_gamma"]["expected_value_of_first_ten"]


@pytest.mark.filterwarnings("ignore")
def test_peer_finds_the_same_parameters_errors_and_expectations(
    cdnow: pd.DataFrame, model: GammaGamma
) -> None:
    lifetimes = pytest.importorskip("lifetimes")
    back = cdnow[cdnow["frequency"] > 0]
    peer = lifetimes.GammaGammaFitter().fit(back["frequency"], back["monetary_value"])
    ours = model.to_frame()
    assert ours["estimate"].to_numpy() == pytest.approx(peer.summary["coef"].to_numpy(), rel=1e-5)
    assert ours["se"].to_numpy() == pytest.approx(peer.summary["se(coef)"].to_numpy(), rel=1e-3)
    same = GammaGamma(*peer.params_.tolist())
    expected = peer.conditional_expected_average_profit(back["frequency"], back["monetary_value"])
    found = same.expected_value(back["frequency"], back["monetary_value"])
    assert found == pytest.approx(expected.to_numpy(), rel=1e-9)


@settings(max_examples=30)
@given(st.tuples(positive, positive, positive))
def test_derivatives_are_exact(theta: tuple[float, ...]) -> None:
    likelihood = GammaGammaLikelihood(np.array([1.0, 1, 2, 30]), np.array([0.5, 3.0, 1.0, 2.0]))
    at = np.array(theta)
    _, gradient, hessian = likelihood(at)
    for axis, step in enumerate(np.eye(3) * 1e-6):
        up, down = likelihood(at * (1 + step)), likelihood(at * (1 - step))
        width = 2e-6 * at[axis]
        rounding = 1e-9 * (abs(up[0]) + 1) / width
        assert (up[0] - down[0]) / width == pytest.approx(gradient[axis], rel=1e-5, abs=rounding)
        change = (up[1] - down[1]) / width
        assert change == pytest.approx(hessian[axis], rel=1e-4, abs=1e-5 * np.abs(hessian).max())


def test_the_likelihood_is_that_of_the_formula() -> None:
    p, q, v, x, mean = 6.0, 4.0, 15.0, 3, 30.0
    rates = np.linspace(1e-6, 4, 400_001)
    # The mean of x gamma values is gamma with shape px and rate nx.
    density = stats.gamma.pdf(rates, q, scale=1 / v) * stats.gamma.pdf(
        mean, p * x, scale=1 / np.maximum(rates * x, 1e-9)
    )
    found = GammaGammaLikelihood(np.array([float(x)]), np.array([mean]))(np.array([p, q, v]))[0]
    assert found == pytest.approx(np.log(np.trapezoid(density, rates)), rel=1e-6)


def test_the_order_of_rows_changes_nothing() -> None:
    rows = drawn(500, 1)
    assert (
        GammaGamma.fit(rows).parameters
        == GammaGamma.fit(rows.sample(frac=1, random_state=2)).parameters
    )


def test_customers_without_repeat_purchases_change_nothing() -> None:
    rows = drawn(500, 1)
    once = pd.DataFrame(
        {"customer_id": ["a", "b", "c"], "frequency": 0, "monetary_value": [np.nan, 0.0, 7.0]}
    )
    assert GammaGamma.fit(pd.concat([rows, once])).parameters == GammaGamma.fit(rows).parameters


def test_another_currency_changes_only_the_scale() -> None:
    rows = drawn(500, 1)
    cents = GammaGamma.fit(rows.assign(monetary_value=rows["monetary_value"] * 100))
    p, q, v = cents.parameters
    assert (p, q, v / 100) == pytest.approx(GammaGamma.fit(rows).parameters, rel=1e-6)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth = np.array(TRUE.parameters)
    inside, scores = [], []
    for seed in range(60):
        found = GammaGamma.fit(drawn(1000, seed)).to_frame()
        inside.append((found["estimate_ci_lower"] <= truth) & (truth <= found["estimate_ci_upper"]))
        scores.append(np.log(found["estimate"] / truth) / (found["se"] / found["estimate"]))
    assert np.sum(inside, axis=0).min() >= 50
    assert np.std(scores, axis=0).min() > 0.7
    assert np.std(scores, axis=0).max() < 1.35


@given(st.integers(0, 100), st.floats(0.01, 1e4))
def test_an_expectation_lies_between_the_customers_mean_and_everybodys(x: int, mean: float) -> None:
    everybody = TRUE.expected_value(0, 0)[0]
    assert everybody == pytest.approx(TRUE.p * TRUE.v / (TRUE.q - 1))
    found = TRUE.expected_value(x, mean)[0]
    low, high = sorted([everybody, mean if x else everybody])
    assert low * (1 - 1e-12) <= found <= high * (1 + 1e-12)


def test_predictions_come_with_intervals_only_after_a_fit(
    model: GammaGamma, cdnow: pd.DataFrame
) -> None:
    found = model.predict(cdnow)
    assert (found["expected_value_cny_ci_lower"] < found["expected_value_cny"]).all()
    assert (found["expected_value_cny"] < found["expected_value_cny_ci_upper"]).all()
    assert list(TRUE.predict(cdnow)) == ["customer_id", "expected_value_cny"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"monetary_value": 0.0},
            "monetary_value must be positive where frequency is above 0, got 0 in row 2 ",
        ),
        ({"monetary_value": -3.0}, "monetary_value must be positive"),
        ({"monetary_value": np.nan}, "monetary_value must be positive"),
        ({"monetary_value": np.inf}, "monetary_value must be positive"),
        ({"frequency": -1}, "frequency must be a whole number"),
        ({"frequency": 1.5}, "frequency must be a whole number"),
        ({"frequency": np.nan}, "frequency must be a whole number"),
    ],
)
def test_impossible_values_are_refused(change: dict[str, Any], words: str) -> None:
    good = {"customer_id": "c", "frequency": 2, "monetary_value": 9.0}
    with pytest.raises(InvalidInput, match=words):
        GammaGamma.fit(pd.DataFrame([good] * 2 + [good | change] + [good] * 60))


def test_too_few_repeat_buyers_are_refused() -> None:
    few = drawn(49, 0)
    with pytest.raises(
        InvalidInput, match=r"at least 50 customers with repeat purchases .* got 49"
    ):
        GammaGamma.fit(few)


def test_where_all_come_equally_often_nothing_is_correlated() -> None:
    assert GammaGamma.fit(drawn(500, 1).assign(frequency=2)).correlation == 0


def test_customers_who_all_spend_alike_leave_it_undetermined() -> None:
    alike = pd.DataFrame({"frequency": [2] * 100, "monetary_value": [10.0] * 100})
    with pytest.raises(NotConverged, match="must have a maximum"):
        GammaGamma.fit(alike)


def test_a_mean_that_is_infinite_is_refused(cdnow: pd.DataFrame) -> None:
    endless = GammaGamma(5.0, 0.9, 20.0)
    for ask in (lambda: endless.expected_value(1, 2.0), lambda: endless.predict(cdnow)):
        with pytest.raises(InvalidInput, match=r"q must be above 1 .* got 0\.9"):
            ask()
    with pytest.raises(InvalidInput, match="q must be between 0 and"):
        GammaGamma(1.0, -1.0, 1.0)
