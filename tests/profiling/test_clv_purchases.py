"""BG/NBD: published values, exact derivatives, laws, intervals that hold, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import load_cdnow
from marketing_ds.profiling import BetaGeo, NotConverged, frequency_fit, purchase_summary
from marketing_ds.profiling._clv_data import Histories, grouped, read_histories
from marketing_ds.profiling._clv_formulas import Past
from marketing_ds.profiling._clv_likelihood import BetaGeoLikelihood

PUBLISHED = json.loads((Path(__file__).parents[1] / "reference/cdnow.json").read_text("utf-8"))[
    "bg_nbd"
]
TRUE = BetaGeo(0.5, 6.0, 0.8, 2.5)
positive = st.floats(0.05, 20)


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    return purchase_summary(load_cdnow().purchases, "1997-09-30").to_frame()


@pytest.fixture(scope="module")
def model(cdnow: pd.DataFrame) -> BetaGeo:
    return BetaGeo.fit(cdnow)


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return TRUE.simulate(np.linspace(1, 100, 3000), random_state=4)


class TestPublished:
    def test_parameters(self, model: BetaGeo) -> None:
        found = dict(zip(["r", "alpha", "a", "b"], np.round(model.parameters, 3), strict=True))
        assert found == PUBLISHED["parameters"]

    def test_log_likelihood(self, model: BetaGeo) -> None:
        assert model.fitted is not None
        assert round(model.fitted.log_likelihood, 1) == PUBLISHED["log_likelihood"]
        assert model.fitted.customers == 2357

    def test_conditional_expectation(self, model: BetaGeo) -> None:
        case = dict(PUBLISHED["conditional_expectation"])
        value = case.pop("value")
        assert model.expected_purchases(**case).round(3).tolist() == [value]

    def test_mean_purchases_of_new_customers(self, model: BetaGeo) -> None:
        case = PUBLISHED["mean_purchases"]
        assert model.mean_purchases(case["t"]).round(4).tolist() == case["value"]

    def test_histogram_of_frequencies(self, model: BetaGeo, cdnow: pd.DataFrame) -> None:
        fit = frequency_fit(model, cdnow)
        assert round(fit.chi2, 2) == PUBLISHED["chi2"]
        assert fit.degrees == PUBLISHED["chi2_degrees"]
        assert round(fit.p_value, 2) == PUBLISHED["chi2_p_value"]


@pytest.mark.filterwarnings("ignore")
def test_peer_finds_the_same_parameters_errors_and_expectations(
    cdnow: pd.DataFrame, model: BetaGeo
) -> None:
    lifetimes = pytest.importorskip("lifetimes")
    past = cdnow["frequency"], cdnow["recency"], cdnow["T"]
    peer = lifetimes.BetaGeoFitter().fit(*past)
    ours = model.to_frame()
    assert ours["estimate"].to_numpy() == pytest.approx(peer.summary["coef"].to_numpy(), rel=1e-5)
    assert ours["se"].to_numpy() == pytest.approx(peer.summary["se(coef)"].to_numpy(), rel=1e-3)
    same = BetaGeo(*peer.params_.tolist())
    alive = np.asarray(peer.conditional_probability_alive(*past))
    assert same.p_alive(*past) == pytest.approx(alive, rel=1e-9)
    expected = np.asarray(peer.predict(20.0, *past))
    assert same.expected_purchases(*past, horizon=20.0) == pytest.approx(expected, rel=1e-7)


class TestLikelihood:
    @settings(max_examples=30)
    @given(st.tuples(positive, positive, positive, positive))
    def test_derivatives_are_exact(self, theta: tuple[float, ...]) -> None:
        frequency = np.array([0.0, 0, 1, 2, 2, 7, 300])
        recency = np.array([0.0, 0, 0.3, 1.9, 0.1, 2.0, 2.0])
        of = Histories(frequency, recency, np.full(7, 2.0), np.array([3.0, 1, 1, 2, 1, 1, 1]))
        likelihood = BetaGeoLikelihood(of)
        at = np.array(theta)
        _, gradient, hessian = likelihood(at)
        for axis, step in enumerate(np.eye(4) * 1e-6):
            up, down = likelihood(at * (1 + step)), likelihood(at * (1 - step))
            width = 2e-6 * at[axis]
            scale = np.abs(gradient).max() + abs(up[0]) * 1e-3
            assert (up[0] - down[0]) / width == pytest.approx(
                gradient[axis], abs=1e-6 * scale / at[axis] + 1e-5
            )
            change = (up[1] - down[1]) / width
            assert change == pytest.approx(
                hessian[axis], rel=1e-4, abs=1e-5 * np.abs(hessian).max()
            )

    def test_the_likelihood_is_that_of_the_formula(self) -> None:
        r, alpha, a, b, x, tx, age = 0.7, 3.0, 0.9, 2.0, 2, 5.0, 8.0
        # P(the two purchases, then alive or not), integrated over rates and chances on a grid.
        rates, chances = np.meshgrid(np.linspace(1e-4, 12, 2001), np.linspace(5e-5, 1 - 5e-5, 1001))
        density = rates ** (r - 1) * np.exp(-alpha * rates) * alpha**r / 1.2980553326475577
        density *= chances ** (a - 1) * (1 - chances) ** (b - 1) / np.exp(betaln(a, b))
        alive = (1 - chances) ** x * rates**x * np.exp(-rates * age)
        gone = chances * (1 - chances) ** (x - 1) * rates**x * np.exp(-rates * tx)
        by_hand = np.trapezoid(
            np.trapezoid(density * (alive + gone), rates[0], axis=1), chances[:, 0]
        )
        one = Histories(*(np.array([v], dtype=float) for v in (x, tx, age, 1)))
        found = BetaGeoLikelihood(one)(np.array([r, alpha, a, b]))[0]
        assert found == pytest.approx(np.log(by_hand), rel=2e-3)

    def test_a_thousand_purchases_do_not_underflow(self) -> None:
        of = Histories(*(np.array([v]) for v in (5000.0, 99.0, 100.0, 1.0)))
        assert np.isfinite(BetaGeoLikelihood(of)(np.array([0.2, 4.0, 0.8, 2.4]))[0])

    def test_alike_customers_together_say_the_same(self, customers: pd.DataFrame) -> None:
        rounded = customers.assign(T=np.ceil(customers["T"] / 5) * 5)
        rounded["recency"] = np.minimum(np.ceil(rounded["recency"] / 5) * 5, rounded["T"])
        rounded = rounded[(rounded["frequency"] == 0) | (rounded["recency"] > 0)]
        of = read_histories(rounded)
        together = grouped(of)
        assert len(together.T) < len(of.T) / 2
        assert together.customers == of.customers
        theta = np.array(TRUE.parameters)
        alone = BetaGeoLikelihood(of)(theta)
        for one, other in zip(alone, BetaGeoLikelihood(together)(theta), strict=True):
            assert one == pytest.approx(other, rel=1e-10)


class TestFit:
    def test_the_order_of_rows_changes_nothing(self, customers: pd.DataFrame) -> None:
        shuffled = customers.sample(frac=1, random_state=1)
        assert BetaGeo.fit(customers).parameters == BetaGeo.fit(shuffled).parameters

    def test_days_and_weeks_tell_the_same_story(self, customers: pd.DataFrame) -> None:
        weeks = BetaGeo.fit(customers)
        days = BetaGeo.fit(
            customers.assign(recency=customers["recency"] * 7, T=customers["T"] * 7), unit="day"
        )
        assert days.unit == "day"
        r, alpha, a, b = days.parameters
        assert (r, alpha / 7, a, b) == pytest.approx(weeks.parameters, rel=1e-6)
        repeats = customers["frequency"].sum()
        assert weeks.fitted is not None
        assert days.fitted is not None
        shift = weeks.fitted.log_likelihood - days.fitted.log_likelihood
        assert shift == pytest.approx(repeats * np.log(7), rel=1e-9)

    def test_no_other_parameters_nearby_are_likelier(
        self, model: BetaGeo, cdnow: pd.DataFrame
    ) -> None:
        likelihood = BetaGeoLikelihood(grouped(read_histories(cdnow)))
        best = np.array(model.parameters)
        for factor in (0.98, 1.02):
            for axis in range(4):
                other = best.copy()
                other[axis] *= factor
                assert likelihood(other)[0] < likelihood(best)[0]

    def test_customers_of_the_last_day_change_nothing(self, customers: pd.DataFrame) -> None:
        new = pd.DataFrame({"customer_id": ["n1", "n2"], "frequency": 0, "recency": 0.0, "T": 0.0})
        both = BetaGeo.fit(pd.concat([customers, new]))
        assert both.parameters == pytest.approx(BetaGeo.fit(customers).parameters, rel=1e-6)

    def test_an_ibis_table_is_read_as_a_frame_is(self, customers: pd.DataFrame) -> None:
        table = ibis.memtable(pa.Table.from_pandas(customers, preserve_index=False))
        assert BetaGeo.fit(table).parameters == BetaGeo.fit(customers).parameters

    def test_intervals_hold_the_truth_about_as_often_as_they_say(self) -> None:
        times = np.tile(np.linspace(20, 80, 300), 5)
        truth = np.array(TRUE.parameters)
        inside, scores = [], []
        for seed in range(60):
            found = BetaGeo.fit(TRUE.simulate(times, random_state=seed)).to_frame()
            inside.append(
                (found["estimate_ci_lower"] <= truth) & (truth <= found["estimate_ci_upper"])
            )
            scores.append(np.log(found["estimate"] / truth) / (found["se"] / found["estimate"]))
        # 60 draws at 95 %: fewer than 50 hits have a chance of one in 10,000.
        assert np.sum(inside, axis=0).min() >= 50
        assert np.std(scores, axis=0).min() > 0.7
        assert np.std(scores, axis=0).max() < 1.35

    def test_customers_who_never_leave_leave_it_undetermined(self) -> None:
        rng = np.random.default_rng(0)
        x = rng.poisson(8, 500)
        never = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 10.0, 0), "T": 10.0})
        with pytest.raises(NotConverged, match=r"500 customers.*without end.*longer history"):
            BetaGeo.fit(never)


class TestExpectations:
    @pytest.mark.parametrize("a", [0.3, 0.79, 0.99999, 1.0, 1.00003, 2.0, 8.0])
    @pytest.mark.parametrize(
        ("x", "age", "horizon"),
        [
            (0, 0, 10),
            (0, 50, 52),
            (1, 30, 5000),
            (3, 50, 0.1),
            (60, 60, 52),
            (900, 100, 400),
            (20_000, 300, 52),
        ],
    )
    def test_they_are_the_integrals_of_the_model(
        self, a: float, x: int, age: float, horizon: float
    ) -> None:
        r, alpha, b = 0.25, 4.4, 2.4
        # Over the chance of leaving, in its logit: panels of Gauss-Legendre.
        nodes, weights = np.polynomial.legendre.leggauss(40)
        half = 0.5
        logit = (np.arange(-150, 150) + half)[:, None] + half * nodes
        log_p, log_stay = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        density = np.exp(a * log_p + (b + x) * log_stay - betaln(a, b + x)) * half * weights
        p = np.exp(log_p)
        purchases = -np.expm1(-(r + x) * np.log1p(p * horizon / (alpha + age))) / p
        past = Past(*(np.array([float(v)]) for v in (x, age, age)))
        while_alive = past.expected((r, alpha, a, b), [horizon])[0] / past.p_alive((r, alpha, a, b))
        assert while_alive == pytest.approx((density * purchases).sum(), rel=1e-6)

    @settings(max_examples=50)
    @given(
        st.tuples(positive, positive, positive, positive),
        st.integers(0, 50),
        st.floats(0.1, 99),
        st.floats(0, 100),
    )
    def test_laws(self, theta: tuple[float, ...], x: int, tx: float, idle: float) -> None:
        model = BetaGeo(*theta)
        recency = tx if x else 0.0
        alive, later = model.p_alive(x, recency, [recency + idle, recency + idle + 1])
        assert 0 <= later <= alive <= 1
        if x == 0:
            assert alive == 1
        soon, late = (
            model.expected_purchases(x, recency, recency + idle, horizon=h)[0] for h in (5, 9)
        )
        assert 0 <= soon <= late * (1 + 1e-9)
        assert model.expected_purchases(x, recency, recency + idle, horizon=0)[0] == pytest.approx(
            0, abs=1e-7
        )

    def test_chances_of_frequencies_sum_to_one_and_to_the_mean(self) -> None:
        times = np.array([0.0, 1.0, 10.0])
        chances = TRUE.frequency_chances(times, 400)
        assert chances.sum(axis=1) == pytest.approx(1, abs=1e-12)
        assert chances @ np.arange(402) == pytest.approx(TRUE.mean_purchases(times), abs=1e-6)
        assert chances[0, 0] == 1

    def test_simulated_customers_follow_the_model(self) -> None:
        drawn = TRUE.simulate(np.full(200_000, 30.0), random_state=3)
        chances = TRUE.frequency_chances(30.0, 20)[0]
        counts = np.bincount(np.minimum(drawn["frequency"], 21), minlength=22)
        chi2 = ((counts - 200_000 * chances) ** 2 / (200_000 * chances)).sum()
        assert chi2 < 49  # 21 degrees of freedom: one in 2,000
        idle = drawn[drawn["frequency"] == 3]
        expected = TRUE.p_alive(idle["frequency"], idle["recency"], idle["T"])
        assert 0 < expected.min() < expected.max() < 1
        assert (drawn["recency"] <= drawn["T"]).all()

    def test_what_is_expected_of_them_is_what_they_do(self) -> None:
        early = TRUE.simulate(np.full(100_000, 20.0), random_state=6)
        past = early["frequency"], early["recency"], early["T"]
        expected = TRUE.expected_purchases(*past, horizon=20.0).mean()
        more = TRUE.mean_purchases(40.0) - TRUE.mean_purchases(20.0)
        assert expected == pytest.approx(more, rel=0.02)


class TestPredict:
    def test_rows_keep_the_order_of_the_frame(self, model: BetaGeo, cdnow: pd.DataFrame) -> None:
        backwards = cdnow.iloc[::-1]
        found = model.predict(backwards, horizon=39)
        assert found["customer_id"].tolist() == backwards["customer_id"].tolist()
        one = found[found["customer_id"] == "0001"].iloc[0]
        assert one["expected_purchases"] == pytest.approx(1.226, abs=0.001)
        assert one["expected_purchases_ci_lower"] < 1.226 < one["expected_purchases_ci_upper"]

    def test_rows_of_a_table_come_by_customer(self, model: BetaGeo, cdnow: pd.DataFrame) -> None:
        table = ibis.memtable(pa.Table.from_pandas(cdnow.iloc[::-1], preserve_index=False))
        found = model.predict(table, horizon=10)
        assert found["customer_id"].is_monotonic_increasing
        pd.testing.assert_frame_equal(found, model.predict(cdnow, horizon=10))

    def test_its_intervals_hold_the_truth_about_as_often_as_they_say(self) -> None:
        times = np.tile(np.linspace(20, 80, 300), 5)
        who = pd.DataFrame(
            {
                "customer_id": ["u", "v"],
                "frequency": [0, 4],
                "recency": [0.0, 30.0],
                "T": [40.0, 40.0],
            }
        )
        truth = TRUE.predict(who, horizon=26)["expected_purchases"].to_numpy()
        hits = np.zeros(2)
        for seed in range(40):
            found = BetaGeo.fit(TRUE.simulate(times, random_state=100 + seed)).predict(
                who, horizon=26
            )
            hits += (found["expected_purchases_ci_lower"] <= truth) & (
                truth <= found["expected_purchases_ci_upper"]
            )
        assert hits.min() >= 33  # of 40 at 95 %: one in 5,000

    def test_a_model_from_parameters_has_no_intervals(self, cdnow: pd.DataFrame) -> None:
        given = BetaGeo(0.243, 4.414, 0.793, 2.426)
        assert list(given.predict(cdnow, horizon=4)) == [
            "customer_id",
            "p_alive",
            "expected_purchases",
        ]
        assert list(given.to_frame()) == ["parameter", "estimate", "meaning"]

    def test_a_customer_twice_is_refused(self, model: BetaGeo, cdnow: pd.DataFrame) -> None:
        with pytest.raises(InvalidInput, match="one row a customer, got '0001' more than once"):
            model.predict(pd.concat([cdnow, cdnow.head(1)]), horizon=4)


GOOD = {"customer_id": "c", "frequency": 1, "recency": 2.0, "T": 5.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frequency": -1}, "frequency must be at least 0, got -1 in row 3 "),
        ({"frequency": 1.5}, "frequency must be a whole number, of repeat purchases, got 1.5"),
        ({"frequency": np.nan}, "frequency must be a finite number, got nan"),
        ({"recency": 6.0}, "recency must be at most T"),
        ({"recency": -1.0}, "recency must be at least 0"),
        ({"recency": np.inf}, "recency must be a finite number"),
        ({"T": np.nan}, "T must be a finite number"),
        ({"frequency": 0}, "recency must be 0 where frequency is 0"),
        ({"recency": 0.0}, "frequency must be 0 where recency is 0"),
        ({"T": 0.0}, "recency must be at most T"),
    ],
)
def test_impossible_histories_are_refused(change: dict[str, Any], words: str) -> None:
    rows = pd.DataFrame([GOOD] * 3 + [GOOD | change] + [GOOD] * 60)
    with pytest.raises(InvalidInput, match=words):
        BetaGeo.fit(rows)
    with pytest.raises(InvalidInput, match=words):
        BetaGeo(1, 1, 1, 1).predict(rows.assign(customer_id=rows.index.astype(str)), horizon=1)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pd.DataFrame([GOOD] * 49), "at least 50 customers to fit four parameters, got 49"),
        (
            pd.DataFrame([GOOD | {"frequency": 0, "recency": 0.0}] * 60),
            "customers who came back, got 60 with",
        ),
        (pd.DataFrame([GOOD]).iloc[:0], "at least one customer, got none"),
        (pd.DataFrame([GOOD] * 60).astype({"T": str}), "T must hold numbers"),
        (pd.DataFrame([GOOD] * 60).drop(columns="T"), r"summary must have the column\(s\) 'T'"),
        ([GOOD] * 60, "summary must be what purchase_summary gives, .* got list"),
    ],
)
def test_what_cannot_be_fitted_is_refused(rows: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        BetaGeo.fit(rows)


def test_arguments_are_checked(cdnow: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match=r"alpha must be between 0 and .* got 0"):
        BetaGeo(1, 0, 1, 1)
    with pytest.raises(InvalidInput, match="unit must be one of 'day', 'week', got 'month'"):
        BetaGeo(1, 1, 1, 1, unit="month")
    with pytest.raises(InvalidInput, match="horizon must be between 0"):
        TRUE.predict(cdnow, horizon=-1)
    with pytest.raises(InvalidInput, match="horizon must be between 0"):
        TRUE.expected_purchases(0, 0, 1, horizon=float("nan"))
    with pytest.raises(InvalidInput, match="level must be between 0 and 1"):
        TRUE.to_frame(level=95)
    with pytest.raises(InvalidInput, match="times must be finite and at least 0"):
        TRUE.mean_purchases([1.0, -1.0])
    summary = purchase_summary(load_cdnow().purchases, "1997-09-30", unit="day")
    with pytest.raises(InvalidInput, match="unit must be that of the summary, 'day', got 'week'"):
        BetaGeo.fit(summary, unit="week")
    with pytest.raises(InvalidInput, match="unit must be that of the summary"):
        TRUE.predict(summary, horizon=1)


def test_a_summary_says_its_own_unit(model: BetaGeo) -> None:
    days = BetaGeo.fit(purchase_summary(load_cdnow().purchases, "1997-09-30", unit="day"))
    assert days.unit == "day"
    assert days.alpha == pytest.approx(7 * model.alpha, rel=1e-6)
