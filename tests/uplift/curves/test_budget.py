import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import uplift_curve
from marketing_ds.uplift.curves.budget import budget_curve, compare_budgets
from marketing_ds.uplift.curves.values import pseudo_outcomes

COST = {"call": 5.0, "mail": 1.0}


def campaign(rng, n, *, effect=0.3):
    """Outcome, score matrix (true effects), arm."""
    one, two = rng.random(n), rng.random(n)
    gain = pd.DataFrame({"call": effect * one, "mail": effect * (0.5 * two - 0.1)})
    arm = rng.choice(["control", "call", "mail"], n, p=[0.4, 0.3, 0.3])
    mean = 0.1 + sum(gain[name] * (arm == name) for name in gain)
    return (rng.random(n) < mean).astype(float), gain, arm


@pytest.fixture
def sample():
    return campaign(np.random.default_rng(0), 3000)


def test_one_arm_at_one_price_is_the_uplift_curve():
    rng = np.random.default_rng(1)
    n = 2000
    score, treated = rng.random(n) + 0.1, rng.integers(0, 2, n)
    y = (rng.random(n) < 0.1 + 0.2 * score * treated).astype(float)
    score = np.round(score, 2)
    psi = pseudo_outcomes(y, treated)
    curve = uplift_curve(y, score, treated, psi=psi)
    budget = budget_curve(y, score, treated, cost={"treated": 2.0})
    for share in (0.1, 0.4, 0.85):
        one, two = budget.at(2 * share), curve.value_at(share)
        assert one.value == pytest.approx(two.value, abs=1e-12)
        assert one.se == pytest.approx(two.se, rel=0.02)
    assert budget.at(99).value == pytest.approx(curve.average.value)
    assert budget.at(99).se == pytest.approx(curve.average.se, rel=0.001)


def test_the_whole_budget_gives_everyone_the_best_arm(sample):
    y, gain, arm = sample
    curve = budget_curve(y, gain, arm, cost=COST)
    scores = gain.to_numpy()
    best, psi = scores.argmax(axis=1), pseudo_outcomes(y, arm)
    effect = psi[np.arange(len(y)), best]  # a call always gains: nobody is left without
    assert curve.value[-1] == pytest.approx(effect.mean())
    assert curve.budget[-1] == pytest.approx(np.where(best == 0, 5, 1).mean())
    assert curve.se[-1] == pytest.approx(effect.std() / np.sqrt(len(y)))
    np.testing.assert_allclose(curve.mix[-1], np.bincount(best) / len(y))


def test_budgets_between_are_what_the_money_buys(sample):
    y, gain, arm = sample
    curve = budget_curve(y, gain, arm, cost=COST)
    spent = curve.mix @ [COST["call"], COST["mail"]]
    np.testing.assert_allclose(spent, curve.budget, atol=1e-9)


def test_a_model_of_outcomes_narrows_the_interval():
    rng = np.random.default_rng(3)
    n = 4000
    level, score = rng.normal(0, 3, n), rng.random(n)
    arm = rng.choice(["control", "call", "mail"], n)
    y = level + score * (arm == "call") + rng.normal(size=n)
    scores = np.column_stack([score, 0.1 * score])
    outcome = np.column_stack([level] * 3)
    plain = budget_curve(y, scores, arm, cost=COST)
    robust = budget_curve(y, scores, arm, cost=COST, outcome=outcome)
    assert robust.at(1).se < 0.6 * plain.at(1).se


def test_differences_are_paired_and_intervals_cover():
    truth_rng = np.random.default_rng(0)
    n = 400_000
    one, two = truth_rng.random(n), truth_rng.random(n)
    effects = pd.DataFrame({"call": 0.3 * one, "mail": 0.3 * (0.5 * two - 0.1)})
    noise = 0.1 * truth_rng.normal(size=(n, 2))
    hits = {"value": 0, "difference": 0}
    budgets = (0.4, 1.5)
    truths = [_true_values(effects, scores, budgets) for scores in (effects, effects + noise)]
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y, gain, arm = campaign(rng, 1500)
        noisy = gain + 0.1 * rng.normal(size=(1500, 2))
        found = compare_budgets(y, gain, noisy, arm, cost=COST, budgets=budgets)
        for k, budget in enumerate(budgets):
            at = found.first.at(budget)
            hits["value"] += at.ci_lower <= truths[0][k] <= at.ci_upper
            gap, true = found.differences[k], truths[0][k] - truths[1][k]
            hits["difference"] += gap.ci_lower <= true <= gap.ci_upper
            expected = at.value - found.second.at(budget).value
            # Curves are kept at 10,000 budgets: they differ by part of what one customer brings.
            assert gap.value == pytest.approx(expected, abs=2e-3)
    for name, hit in hits.items():
        assert 0.93 <= hit / 600 <= 0.97, name


def _true_values(effects, scores, budgets):
    from marketing_ds.uplift.curves.hull import steps_of
    from marketing_ds.uplift.curves.spending import Spending

    cost = np.broadcast_to([5.0, 1.0], scores.shape)
    values = np.column_stack([np.zeros(len(effects)), effects])
    spending = Spending(steps_of(scores.to_numpy(), cost), values, cost)
    return [spending.value(budget) for budget in budgets]


def test_a_model_does_as_well_as_itself(sample):
    y, gain, arm = sample
    found = compare_budgets(y, gain, 2 * gain, arm, cost=COST, budgets=[0.3, 99])
    assert [(one.value, one.se, one.p_value) for one in found.differences] == [(0.0, 0.0, 1.0)] * 2
    frame = found.to_frame()
    assert frame["budget"].tolist() == [0.3, 99]
    assert (frame["first"] == frame["second"]).all()


def test_net_value_is_worth_less_what_was_spent(sample):
    y, gain, arm = sample
    curve = budget_curve(y, gain, arm, cost=COST, value=50)
    assert curve.net_value_at(1.0).value == pytest.approx(50 * curve.at(1.0).value - 1)
    last = curve.budget[-1]
    assert curve.net_value_at(99).value == pytest.approx(50 * curve.value[-1] - last)
    frame = curve.to_frame(4)
    assert frame["net_value"].to_numpy() == pytest.approx(
        (50 * frame["value"] - frame["budget"]).to_numpy()
    )
    assert list(frame.filter(like="_share")) == ["call_share", "mail_share"]
    assert "<table" in curve._repr_html_()


def test_costs_may_differ_between_customers(sample):
    y, gain, arm = sample
    same = np.broadcast_to([5.0, 1.0], (len(y), 2))
    one = budget_curve(y, gain, arm, cost=COST)
    two = budget_curve(
        y, gain[["mail", "call"]], arm, cost=pd.DataFrame(same, columns=["call", "mail"])
    )
    np.testing.assert_array_equal(two.value, one.value)
    three = budget_curve(y, gain.to_numpy(), arm, cost=same)
    np.testing.assert_array_equal(three.value, one.value)


def test_scores_that_promise_nothing_spend_nothing(sample):
    y, gain, arm = sample
    curve = budget_curve(y, -gain.abs(), arm, cost=COST)
    assert (curve.budget == 0).all()
    assert (curve.at(3).value, curve.at(3).se) == (0.0, 0.0)


def test_equal_scores_share_the_money_evenly(sample):
    y, _, arm = sample
    curve = budget_curve(y, np.full((len(y), 2), [0.2, 0.01]), arm, cost={"call": 1, "mail": 1})
    call = curve.everyone.set_index("arm").loc["call", "value"]
    np.testing.assert_allclose(curve.value, call * curve.budget, atol=1e-12)
    assert curve.at(0.5).se == pytest.approx(0.5 * curve.at(1).se)


def test_everyone_with_one_arm_is_its_average_effect(sample):
    y, gain, arm = sample
    everyone = budget_curve(y, gain, arm, cost=COST).everyone.set_index("arm")
    means = {name: y[arm == name].mean() for name in ("control", "call", "mail")}
    assert everyone.loc["mail", "value"] == pytest.approx(means["mail"] - means["control"])
    assert everyone["cost"].to_dict() == COST


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.zeros((4, 3))}, r"scores must have .* column for each arm \('a', 'b'\)"),
        ({"scores": np.zeros((3, 2))}, r"\(4, 2\) in all, got \(3, 2\)"),
        ({"scores": np.zeros((4, 2, 1))}, "scores must have a row a customer"),
        ({"scores": np.full((4, 2), np.nan)}, "scores must be finite"),
        ({"scores": pd.DataFrame({"a": [1.0] * 4, "B": 1.0})}, "scores must name .* missing 'b'"),
        ({"cost": {"a": 1.0}}, "cost must name every arm beside control; missing 'b'"),
        ({"cost": {"a": 1.0, "b": -2.0}}, "cost must be at least 0, got -2"),
        ({"value": 0}, "value must be greater than 0"),
        ({"y": [0, 1, np.nan, 0]}, "y must be finite"),
        ({"treatment": ["a"] * 4}, "control must be one of the arms"),
        ({"probability": {"control": 0.5, "a": 0.6, "b": 0.2}}, "add up to at most 1"),
        ({"outcome": np.zeros((4, 2))}, "outcome must have a row a customer"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {
        "y": [0, 1, 1, 0],
        "scores": np.ones((4, 2)),
        "treatment": ["a", "control", "b", "control"],
        "cost": {"a": 1.0, "b": 2.0},
        **change,
    }
    with pytest.raises(InvalidInput, match=message):
        budget_curve(**arguments)


def test_bad_budgets_are_refused(sample):
    y, gain, arm = sample
    with pytest.raises(InvalidInput, match="budget must be at least 0"):
        budget_curve(y, gain, arm, cost=COST).at(-1)
    with pytest.raises(InvalidInput, match="budgets must be greater than 0"):
        compare_budgets(y, gain, gain, arm, cost=COST, budgets=[0.0])
