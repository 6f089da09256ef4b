"""The four classic groups: who is in them, and what they measure."""

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate
from marketing_ds.uplift.explaining.four_groups import (
    CLASSIC,
    classic_groups,
    control_scores,
    judges,
    kind_of,
    mean_of,
)

from ..crossfits import crossfitted

GROUPS = list(CLASSIC)


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"kind": rng.choice(GROUPS, 12_000)})


@pytest.fixture(scope="module")
def cross(X):
    """Each group as the textbook has it."""
    rng = np.random.default_rng(1)
    arm = rng.choice(["control", "coupon"], len(X))
    base = X["kind"].map(
        {"persuadables": 0.2, "sure things": 0.7, "lost causes": 0.05, "sleeping dogs": 0.5}
    )
    lift = X["kind"].map(
        {"persuadables": 0.3, "sure things": 0.0, "lost causes": 0.0, "sleeping dogs": -0.2}
    )
    y = (rng.random(len(X)) < base + lift * (arm == "coupon")).to_numpy(dtype=float)
    return crossfitted(X, y, arm, np.full(2, 0.5))


@pytest.fixture(scope="module")
def found(cross):
    return classic_groups(cross)


def test_customers_are_in_the_group_they_were_made_for(found, X):
    named = np.array(GROUPS, dtype=object)[found.members[:, 0]]
    assert (named == X["kind"]).mean() > 0.93  # a band may hold two kinds


def test_effects_are_measured_by_the_judging_folds(found, cross):
    frame = found.to_frame().set_index("group")
    there = (found.members[:, 0] == 0) & (cross.folds >= 3)
    own = cross.psi[there, 0]
    assert frame.loc["persuadables", "measured"] == there.sum()
    assert frame.loc["persuadables", "effect"] == pytest.approx(own.mean())
    assert frame.loc["persuadables", "customers"] == (found.members[:, 0] == 0).sum()
    assert frame["customer_share"].sum() == pytest.approx(1)
    assert frame.loc["sure things", "control_outcome"] == pytest.approx(0.7, abs=0.05)


def test_verdicts_say_what_was_measured(found):
    verdicts = found.to_frame().set_index("group")["verdict"]
    assert verdicts["persuadables"] == "more act because of it"
    assert verdicts["sleeping dogs"] == "fewer act because of it"
    chinese = found.to_frame(language="zh").set_index("group")["verdict"]
    assert chinese["说服型"] == "显著提升"
    assert chinese["沉睡型（勿扰）"] == "显著下降"


def test_judging_folds_decide_nothing(found, cross):
    turned = np.where((cross.folds >= 3)[:, None], -cross.psi, cross.psi)
    again = classic_groups(type(cross)(**{**vars(cross), "psi": turned}))
    np.testing.assert_array_equal(again.members, found.members)


def test_predictions_that_promise_too_much_are_brought_down(cross):
    loud = type(cross)(**{**vars(cross), "uplift": 10 * cross.uplift})
    np.testing.assert_allclose(classic_groups(loud).effect, classic_groups(cross).effect)


def test_noise_is_not_distinguishable_from_zero(X):
    rng = np.random.default_rng(2)
    arm = rng.choice(["control", "coupon"], len(X))
    y = (rng.random(len(X)) < 0.3).astype(float)
    cross = crossfitted(X, y, arm, np.full(2, 0.5), uplift=rng.standard_normal((len(X), 1)))
    frame = classic_groups(cross).to_frame().set_index("group")
    assert frame.loc[["sure things", "lost causes"], "customer_share"].sum() > 0.85
    assert frame.loc["sure things", "verdict"] == "not distinguishable from zero"


def test_one_prediction_for_all_gives_all_one_effect(X, cross):
    flat = type(cross)(**{**vars(cross), "uplift": np.full_like(cross.uplift, 0.1)})
    found = classic_groups(flat)
    assert np.unique(found.effect).size == 1
    assert found.effect[0, 0] == pytest.approx(cross.psi[cross.folds < 3].mean())


def test_an_effect_worth_having_may_be_asked_for(cross):
    strict = classic_groups(cross, least_effect=0.5).to_frame().set_index("group")
    assert strict.loc["persuadables", "customers"] == 0
    assert np.isnan(strict.loc["persuadables", "effect"])
    assert strict.loc["persuadables", "verdict"] == ""
    by_arm = classic_groups(cross, least_effect={"coupon": 0.5})
    assert by_arm.least_effect == {"coupon": 0.5}


def test_likely_parts_sure_things_from_lost_causes(cross):
    low = classic_groups(cross, likely=0.0).to_frame().set_index("group")
    assert low.loc["lost causes", "customers"] == 0


def test_other_customers_are_classified_by_the_same_rules(found, cross):
    told = found.classify(cross.outcome[:50, 0], cross.uplift[:50, 0])
    assert told.tolist() == [GROUPS[code] for code in found.members[:50, 0]]


def test_several_arms_each_have_groups(X):
    rng = np.random.default_rng(3)
    arm = rng.choice(["a", "b", "control"], len(X))
    y = (rng.random(len(X)) < 0.2 + 0.2 * (arm == "a")).astype(float)
    found = classic_groups(crossfitted(X, y, arm, np.full(3, 1 / 3)))
    assert found.members.shape == (len(X), 2)
    assert found.to_frame()["arm"].tolist() == ["a"] * 4 + ["b"] * 4
    assert found.classify([0.2], [0.2], arm="a").tolist() == ["persuadables"]
    with pytest.raises(InvalidInput, match="arm must be one of 'a', 'b', got None"):
        found.classify([0.2], [0.2])
    with pytest.raises(InvalidInput, match="arm must be one of 'a', 'b', got 'c'"):
        found.classify([0.2], [0.2], arm="c")
    with pytest.raises(InvalidInput, match="shapes"):
        found.classify([0.2, 0.3], [0.2], arm="a")


def test_the_mean_of_control_scores_is_the_outcome_without_us(cross):
    scores = control_scores(cross)
    rows = cross.arms.codes > 0
    np.testing.assert_array_equal(scores[rows], cross.outcome[rows, 0])
    assert scores.mean() == pytest.approx(cross.y[~rows].mean(), abs=0.005)


@pytest.mark.parametrize(
    ("folds", "share", "last"), [(5, 0.4, 2), (3, 0.4, 1), (2, 0.4, 1), (2, 0.9, 1), (10, 0.1, 1)]
)
def test_whole_folds_judge(folds, share, last):
    own = np.arange(folds * 3, dtype=np.int8) % folds
    assert sorted(set(own[judges(own, share)])) == list(range(folds - last, folds))


@pytest.mark.parametrize(
    ("ends", "control", "kind"),
    [
        ((0.1, 0.2), 0.9, "persuadables"),
        ((-0.2, -0.1), 0.9, "sleeping dogs"),
        ((-0.1, 0.1), 0.9, "sure things"),
        ((-0.1, 0.1), 0.1, "lost causes"),
    ],
)
def test_kinds_by_what_was_measured(ends, control, kind):
    assert kind_of(Estimate(np.mean(ends), 0.05, *ends), control, 0.5) == kind


def test_one_customer_measures_nothing():
    assert np.isnan(mean_of(np.array([1.0]), 0.05).value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1}, "alpha must be between"),
        ({"likely": "often"}, "likely must be a number"),
        ({"least_effect": -1}, "least_effect must be at least 0, got -1"),
        ({"least_effect": {"gift": 1.0}}, "least_effect must have one number an arm"),
        ({"measured_share": 0}, "measured_share must be between"),
    ],
)
def test_refuses(cross, options, message):
    with pytest.raises(InvalidInput, match=message):
        classic_groups(cross, **options)
