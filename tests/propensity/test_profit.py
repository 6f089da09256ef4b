"""Profit by hand, by enumeration, and against the truth."""

import numpy as np
import pytest
from scipy.special import expit

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import profit_curve


def draw(rows, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(-2.5, 1, rows)
    return (rng.random(rows) < expit(z)).astype(float), expit(z + rng.normal(0, 0.5, rows))


def test_by_hand():
    found = profit_curve([1, 0, 1, 0, 0], [0.9, 0.8, 0.5, 0.3, 0.1], benefit=10, cost=4)
    # In order: +6, −4, +6, −4, −4.
    assert found.best.value == 8
    assert (found.best_share.value, found.best_least) == (0.6, 0.5)
    assert found.own.value == 8  # probability × 10 > 4: the first three
    assert found.own_least == 0.5
    assert found.everyone.value == 0
    assert found.lost.value == 0
    at = found.curve.set_index("share")
    assert at.loc[[0.2, 0.4, 1.0], "profit_cny"].tolist() == [6, 2, 0]
    assert at.loc[0.4, "profit_per_contact_cny"] == 1
    assert np.isnan(at.loc[0, "profit_per_contact_cny"])


def test_the_best_cut_is_the_best_of_all_cuts():
    y, p = draw(700, 0)
    p = np.round(p, 2)
    found = profit_curve(y, p, benefit=100, cost=15)
    cuts = [(y * 100 - 15)[p >= score].sum() for score in np.unique(p)]
    assert found.best.value == pytest.approx(max(cuts))
    assert found.own.value == pytest.approx((y * 100 - 15)[p > 0.15].sum())
    assert found.lost.value == pytest.approx(found.best.value - found.own.value)
    assert found.own_share.value == pytest.approx((p > 0.15).mean())


def test_benefit_and_cost_of_each_customer_order_by_expected_profit():
    y, p = draw(500, 1)
    rng = np.random.default_rng(0)
    benefit, cost = rng.uniform(20, 300, 500), rng.uniform(5, 20, 500)
    found = profit_curve(y, p, benefit=benefit, cost=cost)
    order = np.argsort(-(p * benefit - cost))
    made = np.cumsum((y * benefit - cost)[order])
    assert found.best.value == pytest.approx(made.max())
    assert found.own.value == pytest.approx((y * benefit - cost)[p * benefit > cost].sum())


def test_the_capacity_is_kept():
    y, p = draw(1000, 2)
    found = profit_curve(y, p, benefit=100, cost=1, capacity=150)
    assert found.own_share.value == pytest.approx(0.15)
    assert found.own.value == pytest.approx((y * 100 - 1)[np.argsort(-p)[:150]].sum())
    assert found.best_share.value <= 0.15
    assert found.best_share.ci_upper <= 0.15
    assert found.everyone.value == pytest.approx((y * 100 - 1).sum())


def test_nobody_is_contacted_where_it_never_pays():
    y, p = draw(300, 3)
    found = profit_curve(y, p, benefit=1, cost=50)
    assert (found.best.value, found.own.value) == (0, 0)
    assert np.isnan(found.best_least)
    assert np.isnan(found.to_frame().loc[0, "profit_per_contact_cny"])


def test_weights_stand_for_customers():
    y, p = draw(300, 4)
    w = np.random.default_rng(0).integers(0, 4, 300)
    amount = np.linspace(50, 150, 300)
    weighted = profit_curve(y, p, benefit=amount, cost=15, sample_weight=w)
    repeated = profit_curve(np.repeat(y, w), np.repeat(p, w), benefit=np.repeat(amount, w), cost=15)
    for one, other in ((weighted.best, repeated.best), (weighted.own, repeated.own)):
        assert one.value == pytest.approx(other.value)
    assert weighted.customers == w.sum()


def test_rows_of_one_customer_are_counted_once():
    y, p = draw(600, 5)
    thrice = profit_curve(
        np.tile(y, 3), np.tile(p, 3), benefit=100, cost=15, groups=np.tile(np.arange(600), 3)
    )
    once = profit_curve(y, p, benefit=100, cost=15)
    assert thrice.own.value == pytest.approx(3 * once.own.value)
    assert thrice.own.se == pytest.approx(3 * once.own.se, rel=0.15)  # other draws


def test_the_frame_has_a_row_a_policy():
    y, p = draw(500, 6)
    found = profit_curve(y, p, benefit=100, cost=15)
    frame = found.to_frame().set_index("policy")
    assert frame.index.tolist() == ["own", "best", "everyone"]
    assert frame.loc["own", "profit_cny"] == found.own.value
    each = frame["profit_cny"] / frame["contacted"]
    assert frame["profit_per_contact_cny"].tolist() == pytest.approx(each.tolist())
    assert "own" in found._repr_html_()


def test_the_curve_and_its_intervals_meet_the_policies():
    y, p = draw(800, 7)
    found = profit_curve(y, p, benefit=100, cost=15, capacity=80)
    tenth = found.curve[np.isclose(found.curve["share"], 0.1)].iloc[0]
    assert tenth["profit_cny"] == pytest.approx(found.own.value)
    assert tenth["profit_cny_ci_upper"] == pytest.approx(found.own.ci_upper)
    last = found.curve.iloc[-1]
    assert last["profit_cny_ci_lower"] == pytest.approx(found.everyone.ci_lower)


def test_intervals_hold_the_truth():
    large = profit_curve(*draw(400_000, 99), benefit=100, cost=15)
    inside = dict.fromkeys(("own", "best", "everyone", "best_share", "lost"), 0)
    for seed in range(60):
        found = profit_curve(*draw(1000, seed), benefit=100, cost=15)
        for name in inside:
            true, here = getattr(large, name), getattr(found, name)
            scale = 1.0 if name == "best_share" else 1000 / 400_000
            inside[name] += here.ci_lower <= true.value * scale <= here.ci_upper
    assert all(count >= 52 for count in inside.values()), inside  # 95 % less three standard errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"benefit": -1, "cost": 1}, "benefit must be finite and at least 0"),
        ({"benefit": 1, "cost": [1, np.nan]}, "cost must be finite and at least 0"),
        ({"benefit": "much", "cost": 1}, "benefit must be an amount"),
        ({"benefit": [1, 2, 3], "cost": 1}, r"benefit must be one amount or one per row \(2\)"),
        ({"benefit": 1, "cost": 1, "capacity": 0}, "capacity must be greater than 0"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        profit_curve([0, 1], [0.1, 0.2], **arguments)
