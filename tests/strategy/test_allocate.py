"""Plans: best value, never beyond a limit, the same whatever the order of rows."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import PLANS
from marketing_ds.strategy import Limits, allocate, expected_costs, treat_all, treat_random
from marketing_ds.strategy.allocate import dual_value, optimise
from marketing_ds.strategy.limits import Constraints


def exact(net: np.ndarray, usage: np.ndarray, limit: np.ndarray) -> float:
    """The best value by an integer programme written independently, one variable a pair."""
    a, i = np.nonzero(net > 0)
    if not len(i):
        return 0.0
    one = np.zeros((net.shape[1], len(i)))
    one[i, np.arange(len(i))] = 1
    found = milp(
        -net[a, i],
        integrality=np.ones(len(i), dtype=int),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(usage[:, a], ub=limit), LinearConstraint(one, ub=1)],
        options={"mip_rel_gap": 0.0},
    )
    return -found.fun


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, Constraints]:
    """Small random allocations with a budget, an overall cap and a capacity."""
    n = draw(st.integers(1, 14))
    n_offers = draw(st.integers(1, 3))
    cents = st.integers(-500, 3000)
    net = np.array(draw(st.lists(cents, min_size=n * n_offers, max_size=n * n_offers))) / 100
    net = net.reshape(n_offers, n)
    net = np.where(net > 0, net, -np.inf)
    cost = np.array(draw(st.lists(st.integers(0, 400), min_size=n_offers, max_size=n_offers))) / 100
    first = np.eye(n_offers)[0]
    limit = np.array(
        [draw(st.integers(0, 2000)) / 100, draw(st.integers(0, n)), draw(st.integers(0, n))], float
    )
    usage = np.array([cost, np.ones(n_offers), first])
    return net, Constraints(("budget_cny", "max_customers", "capacity:a"), usage, limit)


def value_of(choice: np.ndarray, net: np.ndarray) -> float:
    given = np.flatnonzero(choice >= 0)
    return float(net[choice[given], given].sum())


def counts(choice: np.ndarray, n_offers: int) -> np.ndarray:
    return np.bincount(choice[choice >= 0], minlength=n_offers)


@settings(max_examples=60)
@given(problems())
def test_few_customers_get_the_exact_optimum(problem: tuple[np.ndarray, Constraints]) -> None:
    net, rows = problem
    solution = optimise(net, rows)
    best = exact(net, rows.usage, rows.limit)
    assert value_of(solution.choice, net) == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert (rows.usage @ counts(solution.choice, len(net)) <= rows.limit + 1e-6).all()


@settings(max_examples=30)
@given(problems())
def test_prices_bound_every_plan_and_rounding_loses_at_most_one_customer_a_limit(
    problem: tuple[np.ndarray, Constraints],
) -> None:
    net, rows = problem
    solution = optimise(net, rows, exact_up_to=2)  # the way that large problems go
    best = exact(net, rows.usage, rows.limit)
    found = value_of(solution.choice, net)
    assert (rows.usage @ counts(solution.choice, len(net)) <= rows.limit + 1e-6).all()
    assert dual_value(net, rows, solution.prices) >= best * (1 - 1e-9)
    assert best - found <= len(rows.limit) * max(net.max(), 0.0) + 1e-9


def test_without_limits_everyone_gets_the_best_offer(make_scores, offers, draw_uplift) -> None:
    uplift = draw_uplift(300)
    plan = allocate(make_scores(uplift), offers)
    net = uplift * offers["value_cny"].to_numpy() - np.array([0.1, 2.05, 8.0])
    frame = plan.to_frame()
    assert len(frame) == (net.max(axis=1) > 0).sum()
    assert plan.certificate.objective_cny == pytest.approx(np.maximum(net.max(axis=1), 0).sum())
    assert plan.certificate.gap == pytest.approx(0, abs=1e-12)
    assert frame["net_value_cny"].sum() == pytest.approx(plan.certificate.objective_cny)


def test_the_plan_has_the_contract_s_columns(make_scores, offers, draw_uplift) -> None:
    frame = allocate(make_scores(draw_uplift(50)), offers, Limits(budget_cny=20)).to_frame()
    assert tuple(frame.columns) == PLANS.column_names
    assert frame["customer_id"].is_unique
    assert set(frame["as_of"].astype(str)) == {"2026-06-30"}


@pytest.mark.parametrize("n", [150, 3_000, 30_000])
def test_all_limits_hold_and_the_gap_is_small(n, make_scores, offers, draw_uplift) -> None:
    limits = Limits(
        budget_cny=0.2 * n,
        capacity={"phone": 0.01 * n, "coupon": 0.05 * n, "sms": 0.2 * n},
        max_customers=0.22 * n,
    )
    plan = allocate(make_scores(draw_uplift(n)), offers, limits)
    frame = plan.to_frame()
    given = frame["offer"].value_counts()
    assert frame["expected_cost_cny"].sum() <= 0.2 * n + 1e-6
    assert given.get("call", 0) <= int(0.01 * n)
    assert given.get("coupon", 0) <= int(0.05 * n)
    assert given.get("message", 0) <= int(0.2 * n)
    assert len(frame) <= int(0.22 * n)
    assert plan.certificate.feasible
    assert 0 <= plan.certificate.gap < 5e-3 if n < 3_000 else plan.certificate.gap < 2e-4


def test_shadow_prices_tell_what_one_more_unit_brings(make_scores, offers, draw_uplift) -> None:
    n = 20_000
    scores = make_scores(draw_uplift(n, seed=1))

    def value(budget: float) -> float:
        plan = allocate(scores, offers, Limits(budget_cny=budget, max_customers=n))
        return plan.certificate.objective_cny

    plan = allocate(scores, offers, Limits(budget_cny=4_000, max_customers=n))
    brought = (value(4_100) - value(3_900)) / 200
    assert plan.shadow_prices["budget_cny"] == pytest.approx(brought, rel=0.03)
    assert plan.shadow_prices["max_customers"] == 0


def test_the_order_of_rows_does_not_matter(make_scores, offers, draw_uplift) -> None:
    scores = make_scores(draw_uplift(2_000))
    limits = Limits(budget_cny=300, capacity={"app": 60})
    shuffled = scores.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        allocate(scores, offers, limits).to_frame(), allocate(shuffled, offers, limits).to_frame()
    )


@pytest.mark.parametrize("n", [100, 5_000])
def test_among_equals_the_smaller_ids_come_first(n, make_scores, offers) -> None:
    scores = make_scores(np.full((n, 1), 0.05)).sample(frac=1, random_state=1)
    plan = allocate(scores, offers.iloc[:1], Limits(max_customers=n // 3))
    assert plan.to_frame()["customer_id"].tolist() == [f"c{i:07d}" for i in range(n // 3)]
    assert plan.certificate.gap < 1e-6


def test_an_exact_budget_of_awkward_cents_is_used_up(make_scores, offers) -> None:
    plan = allocate(make_scores(np.full((5, 1), 0.05)), offers.iloc[:1], Limits(budget_cny=0.3))
    assert len(plan.to_frame()) == 3  # 3 × 0.1 > 0.3 in floating point


def test_a_customer_without_a_score_for_an_offer_cannot_get_it(make_scores, offers) -> None:
    uplift = np.array([[0.01, 0.9, np.nan], [np.nan, 0.9, 0.2]])
    plan = allocate(make_scores(uplift), offers, Limits(capacity={"coupon": 1}))
    assert dict(plan.to_frame()[["customer_id", "offer"]].to_numpy().tolist()) == {
        "c0000000": "coupon",
        "c0000001": "call",
    }


def test_reasons_say_what_stood_in_the_way(make_scores, offers) -> None:
    uplift = np.array([[0.01, 0.9, np.nan], [np.nan, 0.9, 0.2]])
    reasons = allocate(make_scores(uplift), offers, Limits(capacity={"coupon": 1})).to_frame()
    assert reasons["reason"].tolist() == [
        "highest net value of 2 offers for this customer",
        "'coupon' is worth more to this customer, but the capacity of 'coupon' went to others",
    ]


def test_least_net_value_and_offers_own_capacity_are_kept(make_scores, offers, draw_uplift) -> None:
    own = offers.assign(capacity=[5, np.nan, 2])
    frame = allocate(
        make_scores(draw_uplift(500)), own, Limits(min_net_value_cny=3, capacity={"message": 9})
    ).to_frame()
    assert frame["net_value_cny"].min() >= 3
    assert (frame["offer"] == "message").sum() == 5
    assert (frame["offer"] == "call").sum() <= 2


def test_nothing_may_be_used_or_nothing_is_worth_it(make_scores, offers, draw_uplift) -> None:
    scores = make_scores(draw_uplift(100))
    none = allocate(scores, offers, Limits(budget_cny=0))
    assert none.to_frame().empty
    assert tuple(none.to_frame().columns) == PLANS.column_names
    worthless = allocate(make_scores(-np.ones((4, 3))), offers)
    assert worthless.to_frame().empty
    assert worthless.certificate.gap == 0


def test_ibis_tables_give_the_same_plan(make_scores, offers, draw_uplift) -> None:
    scores = make_scores(draw_uplift(80))
    tables = [ibis.memtable(pa.Table.from_pandas(f)) for f in (scores, offers)]
    pd.testing.assert_frame_equal(
        allocate(*tables, Limits(budget_cny=10)).to_frame(),
        allocate(scores, offers, Limits(budget_cny=10)).to_frame(),
    )


def test_offers_that_cost_and_bring_the_same_are_divided(make_scores, offers, draw_uplift) -> None:
    uplift = np.repeat(draw_uplift(1_000)[:, :1], 2, axis=1)
    twins = pd.concat([offers.iloc[:1]] * 2).assign(offer=["one", "two"])
    plan = allocate(make_scores(uplift, ["one", "two"]), twins, Limits(capacity={"one": 50}))
    assert plan.certificate.gap < 1e-6
    assert (plan.to_frame()["offer"] == "one").sum() <= 50


def test_summary_and_html(make_scores, offers, draw_uplift) -> None:
    plan = allocate(make_scores(draw_uplift(80)), offers, Limits(budget_cny=10))
    assert plan.summary()["customers"].sum() == len(plan.to_frame())
    assert "of 80 customers" in plan._repr_html_()
    assert "budget_cny" in plan._repr_html_()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.assign(kind="propensity"), "kind of scores must be 'uplift'"),
        (lambda s: s.drop(columns="score"), "scores must have the column"),
        (lambda s: s.assign(score=np.inf), "score of scores must be finite"),
        (lambda s: s.assign(arm="mesage"), "did you mean 'message'"),
        (lambda s: pd.concat([s, s]), "one row per customer and arm"),
        (lambda s: s.assign(as_of=["2026-06-30"] * (len(s) - 1) + ["2026-05-31"]), "one as_of"),
        (lambda s: s.assign(customer_id=None), "customer_id of scores must not be null"),
        (lambda s: s.iloc[:0], "scores must have at least one row"),
    ],
)
def test_bad_scores_are_refused(change, words, make_scores, offers, draw_uplift) -> None:
    with pytest.raises(InvalidInput, match=words):
        allocate(change(make_scores(draw_uplift(5))), offers)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda o: o.drop(columns="channel"), "offers must have the column"),
        (lambda o: o.iloc[:0], "offers must have at least one row"),
        (lambda o: pd.concat([o, o]), "name each offer once"),
        (lambda o: o.assign(offer=["message", "coupon", "control"]), "must not contain 'control'"),
        (lambda o: o.assign(channel="fax"), "channel of offers must be one of"),
        (lambda o: o.assign(value_cny=-1.0), "value_cny of offers must be"),
        (lambda o: o.assign(redeem_rate=30.0), "a share, not a percentage"),
        (lambda o: o.assign(capacity=-1), "capacity of offers must be at least 0"),
    ],
)
def test_bad_offers_are_refused(change, words, make_scores, offers, draw_uplift) -> None:
    with pytest.raises(InvalidInput, match=words):
        allocate(make_scores(draw_uplift(5)), change(offers))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"budget_cny": -1}, "budget_cny must be at least 0"),
        ({"min_net_value_cny": -1}, "min_net_value_cny must be at least 0"),
        ({"capacity": {"app": float("nan")}}, "capacity of 'app' must be at least 0"),
        ({"max_customers": "many"}, "max_customers must be a number"),
    ],
)
def test_bad_limits_are_refused(limits, words) -> None:
    with pytest.raises(InvalidInput, match=words):
        Limits(**limits)


def test_unknown_or_ambiguous_capacity_is_refused(make_scores, offers, draw_uplift) -> None:
    scores = make_scores(draw_uplift(5))
    with pytest.raises(InvalidInput, match="did you mean 'coupon'"):
        allocate(scores, offers, Limits(capacity={"cupon": 3}))
    clash = offers.assign(channel=["sms", "sms", "phone"], offer=["message", "coupon", "sms"])
    with pytest.raises(InvalidInput, match="ambiguous"):
        allocate(make_scores(draw_uplift(5), clash["offer"]), clash, Limits(capacity={"sms": 3}))


def test_infinite_limits_are_no_limits(make_scores, offers, draw_uplift) -> None:
    plan = allocate(make_scores(draw_uplift(5)), offers, Limits(budget_cny=float("inf")))
    assert plan.shadow_prices == {}


def test_treat_all_gives_the_offer_to_everyone(make_scores, offers, draw_uplift) -> None:
    plan = treat_all(make_scores(draw_uplift(20)), offers, "coupon")
    assert set(plan.to_frame()["offer"]) == {"coupon"}
    assert len(plan.to_frame()) == 20
    with pytest.raises(InvalidInput, match="offer must be one of"):
        treat_all(make_scores(draw_uplift(20)), offers, "cupon")


def test_treat_random_keeps_limits_and_its_seed(make_scores, offers, draw_uplift) -> None:
    scores = make_scores(draw_uplift(2_000))
    limits = Limits(budget_cny=900, capacity={"phone": 50})
    plan = treat_random(scores, offers, limits, seed=4)
    frame = plan.to_frame()
    assert 0.9 * 900 < frame["expected_cost_cny"].sum() <= 900
    assert 0 < (frame["channel"] == "phone").sum() <= 50
    again = treat_random(scores.sample(frac=1, random_state=0), offers, limits, seed=4)
    pd.testing.assert_frame_equal(frame, again.to_frame())
    assert not frame.equals(treat_random(scores, offers, limits, seed=5).to_frame())
    best = allocate(scores, offers, limits)
    assert plan.certificate.objective_cny < best.certificate.objective_cny
    assert plan.certificate.feasible


def test_expected_costs_count_the_benefit_only_when_redeemed(offers) -> None:
    assert expected_costs(offers) == pytest.approx({"message": 0.1, "coupon": 2.05, "call": 8.0})
