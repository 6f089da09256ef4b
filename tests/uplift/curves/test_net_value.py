import numpy as np
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import uplift_curve
from marketing_ds.uplift.curves.net_value import net_value_curve
from marketing_ds.uplift.curves.values import pseudo_outcomes

from ..simulate import ranked, ranked_truth


@pytest.fixture
def sample():
    return ranked(np.random.default_rng(3), 4000)


def test_net_value_is_worth_less_cost(sample):
    curve = uplift_curve(*sample)
    money = curve.net_value(value=100, cost=2)
    for share in (0.1, 0.35, 1.0):
        expected = 100 * curve.value_at(share).value - 2 * share
        assert money.at(share).value == pytest.approx(expected)
    assert money.everyone == money.at(1.0)
    assert money.at(0).value == 0


def test_both_ways_give_the_same(sample):
    one = uplift_curve(*sample).net_value(value=100, cost=2)
    two = net_value_curve(*sample, value=100, cost=2)
    np.testing.assert_allclose(two.value, one.value, atol=1e-10)
    np.testing.assert_allclose(two.se[50:], one.se[50:], rtol=1e-6)
    assert two.best.share == one.best.share


def test_a_cost_that_is_the_same_for_all_adds_no_noise_but_that_of_nothing(sample):
    curve = uplift_curve(*sample)
    assert curve.net_value(10, 3).at(0.4).se == pytest.approx(10 * curve.value_at(0.4).se)


def test_redemptions_cost_where_they_happen(sample):
    y, score, treated = sample
    money = net_value_curve(y, score, treated, value=50, cost=1, redeemed=y, redemption_cost=20)
    top = np.argsort(-score)[:1200]
    arm, control = (y[top][treated[top] == code].mean() for code in (1, 0))
    expected = 0.3 * (50 * (arm - control) - 1 - 20 * arm)
    assert money.at(0.3).value == pytest.approx(expected)


def test_amounts_by_customer_and_several_arms(sample):
    y, score, _ = sample
    arm = np.resize(["control", "a", "b"], len(y))
    worth = np.where(np.arange(len(y)) % 2, 30.0, 90.0)
    one = net_value_curve(y, score, arm, arm="a", value=worth, cost=np.ones(len(y)))
    keep = arm != "b"
    two = net_value_curve(y[keep] * worth[keep], score[keep], arm[keep], cost=1)
    np.testing.assert_allclose(two.value, one.value, atol=1e-12)


def test_pseudo_outcomes_in_money(sample):
    y, score, treated = sample
    psi = pseudo_outcomes(y, treated)
    money = net_value_curve(y, score, treated, psi=psi, value=100, cost=2)
    assert money.everyone.value == pytest.approx(100 * psi.mean() - 2)


def test_the_best_share_is_the_top_of_the_curve_and_flatters(sample):
    money = uplift_curve(*sample).net_value(100, 5)
    best = money.best
    assert best.net_value.value == pytest.approx(money.value.max())
    assert best.share_ci_lower <= best.share <= best.share_ci_upper
    assert best.optimism > 0
    assert best.net_value == money.at(best.share)


def test_where_treating_loses_nobody_is_best(sample):
    best = uplift_curve(*sample).net_value(1, 50).best
    assert (best.share, best.net_value.value, best.share_ci_upper) == (0.0, 0.0, 0.0)


def test_the_span_covers_the_best_share_and_optimism_is_what_the_maximum_flatters_by():
    # Effect slope·(s − 0.2) is worth it down to the score where 100·effect = cost: s = 0.5.
    slope, cost = 0.2, 6.0
    best_share = 0.5
    truth = 100 * (slope * (0.8 * best_share - best_share**2 / 2)) - cost * best_share
    covered, flattered, promised = 0, [], []
    for seed in range(120):
        best = (
            uplift_curve(*ranked(np.random.default_rng(seed), 4000, slope=slope))
            .net_value(100, cost)
            .best
        )
        covered += best.share_ci_lower <= best_share <= best.share_ci_upper
        at = best.share
        true = 100 * slope * (0.8 * at - at**2 / 2) - cost * at
        assert true <= truth + 1e-12
        flattered.append(best.net_value.value - true)
        promised.append(best.optimism)
    assert covered / 120 >= 0.95
    assert np.mean(flattered) > 0
    assert np.mean(promised) == pytest.approx(np.mean(flattered), rel=0.35)


def test_intervals_at_a_fixed_share_cover_the_truth():
    hits = 0
    truth = 100 * ranked_truth(0.3)["value_at_50"] - 2.0
    for seed in range(800):
        money = uplift_curve(*ranked(np.random.default_rng(seed), 800, slope=0.3))._sums.affine(
            100, -4
        )
        value, se = money.at(0.5)
        hits += abs(value - truth) <= 1.959964 * se
    assert 0.93 <= hits / 800 <= 0.97


def test_frames(sample):
    money = uplift_curve(*sample).net_value(100, 2)
    assert money.to_frame(4)["targeted_share"].tolist() == [0.25, 0.5, 0.75, 1.0]
    summary = money.summary()
    assert summary["policy"].tolist() == ["best", "everyone"]
    assert summary["optimism"].tolist() == [money.best.optimism, 0.0]
    assert "<table" in money._repr_html_()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": np.nan}, "value must be a finite number"),
        ({"cost": [1.0, 2.0]}, "cost must have one value a row: 4 rows, got 2"),
        ({"value": [1.0, np.inf, 2.0, 3.0]}, "value must be finite"),
        ({"redemption_cost": 3}, "redemption_cost needs redeemed"),
        ({"redeemed": [0, 1, 0, 1], "psi": np.ones(4)}, "redeemed must not be given with psi"),
        ({"y": [1, 0, np.nan, 1]}, "y must be finite"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"y": [0, 1, 1, 0], "score": [1, 2, 3, 4], "treatment": [1, 0, 1, 0], **change}
    with pytest.raises(InvalidInput, match=message):
        net_value_curve(**arguments)


@pytest.mark.parametrize(("value", "cost"), [(0, 1), (-1, 1), (1, np.inf), ("x", 1)])
def test_bad_amounts_are_refused(sample, value, cost):
    with pytest.raises(InvalidInput, match="must be"):
        uplift_curve(*sample).net_value(value, cost)
