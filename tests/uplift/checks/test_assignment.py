import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder
from marketing_ds.uplift.arms import read_arms, read_chances
from marketing_ds.uplift.checks.assignment import check_assignment
from marketing_ds.uplift.checks.balance import balance_of


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tags(rng, n=4000):
    age = rng.integers(18, 80, n).astype(float)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "wealth": rng.lognormal(size=n),
            "channel": rng.choice(["app", "web", "branch"], n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )


def row(check, start):
    frame = check.to_frame()
    return frame[frame["check"].str.startswith(start)].iloc[0]


def test_an_experiment_passes(rng):
    X = tags(rng)
    arm = rng.choice(["control", "mail", "call"], len(X), p=[0.5, 0.3, 0.2])
    y = rng.random(len(X)) < 0.1
    found = check_assignment(X, arm, {"control": 0.5, "mail": 0.3, "call": 0.2}, y=y)
    assert found.passed
    assert [one.arm for one in found.arms] == ["call", "mail"]
    for one in found.arms:
        assert one.auc.ci_lower < 0.5 < one.auc.ci_upper
    assert found.leaks.found == ()
    assert list(found.expected.values()) == pytest.approx([2000, 800, 1200])
    assert "no tag differs" in row(found, "greatest").finding


def test_the_level_holds_over_experiments(rng):
    X = tags(rng, 600)
    p_values = [
        check_assignment(X, rng.random(600) < 0.5, max_rows=1000).arms[0].p_value for _ in range(40)
    ]
    assert (np.array(p_values) < 0.1).mean() < 0.21
    assert min(p_values) > 0.0001


def test_trees_see_what_sums_do_not(rng):
    X = pd.DataFrame({"a": rng.normal(size=4000), "b": rng.normal(size=4000)})
    arm = rng.random(4000) < np.where((X["a"] > 0) == (X["b"] > 0), 0.65, 0.35)
    found = check_assignment(X, arm)
    assert found.arms[0].joint.p_value > 0.001
    assert found.arms[0].p_auc < 1e-6
    assert not found.passed
    assert "probability='estimate'" in row(found, "AUC").finding


def test_many_slight_differences_are_seen_together(rng):
    X = pd.DataFrame(rng.normal(size=(4000, 30)), columns=[f"t{i}" for i in range(30)])
    arm = rng.random(4000) < 1 / (1 + np.exp(-0.045 * X.sum(axis=1)))
    found = check_assignment(X, arm)
    assert found.arms[0].joint.p_value < 0.001
    assert not found.passed


def test_stated_probabilities_are_not_held_against_it(rng):
    X = tags(rng)
    chance = np.where(X["channel"] == "app", 0.8, 0.3)
    treated = rng.random(len(X)) < chance
    received = np.where(treated, chance, 1 - chance)
    assert not check_assignment(X, treated).passed
    stated = check_assignment(X, treated, received)
    assert stated.passed
    assert stated.p_sizes > 0.001


def test_sizes_are_checked_against_the_design(rng):
    X = tags(rng)
    arm = np.where(rng.random(len(X)) < 0.45, "mail", "control")
    assert np.isnan(check_assignment(X, arm).p_sizes)
    found = check_assignment(X, arm, {"control": 0.5, "mail": 0.5})
    assert found.p_sizes < 1e-6
    assert not found.passed
    assert "expected 2,000 'control', 2,000 'mail'" in row(found, "sizes").finding


def test_sizes_where_probabilities_differ(rng):
    X = tags(rng)
    chance = np.where(X["channel"] == "app", 0.8, 0.3)
    treated = rng.random(len(X)) < chance
    lost = treated & (rng.random(len(X)) < 0.15)
    kept = ~lost
    received = np.where(treated, chance, 1 - chance)
    found = check_assignment(X[kept], treated[kept], received[kept])
    assert found.p_sizes < 1e-4


def test_a_tag_computed_after_the_assignment_is_named(rng):
    X = tags(rng)
    arm = np.where(rng.random(len(X)) < 0.5, "mail", "control")
    X["opened"] = (rng.random(len(X)) < np.where(arm == "mail", 0.3, 0.1)).astype(int)
    found = check_assignment(X, arm)
    assert list(found.suspects["tag"]) == ["opened"]
    assert "opened (+0.45 in 'mail')" in row(found, "greatest").finding
    assert found.balance.to_frame()["tag"].iloc[0] == "opened"


def test_a_tag_that_is_the_outcome_is_named(rng):
    X = tags(rng)
    y = rng.random(len(X)) < 0.2
    X["bought"] = np.where(y, "yes", "no")
    arm = rng.random(len(X)) < 0.5
    found = check_assignment(X, arm, y=y)
    assert [leak.feature for leak in found.leaks.found] == ["bought"]
    assert not found.passed


@pytest.mark.parametrize("y", [np.full(4000, 3.0), np.zeros(4000)])
def test_an_outcome_that_never_varies_has_no_leaks(rng, y):
    assert check_assignment(tags(rng), rng.random(4000) < 0.5, y=y).leaks is None


def test_amounts_that_are_always_above_zero_are_parted_at_their_mean(rng):
    X = tags(rng)
    found = check_assignment(X, rng.random(4000) < 0.5, y=5 + X["wealth"].to_numpy())
    assert [leak.feature for leak in found.leaks.found] == ["wealth"]


def test_tags_that_never_vary_pass(rng):
    found = check_assignment(pd.DataFrame({"a": np.ones(300)}), rng.random(300) < 0.5)
    assert found.passed
    assert found.balance.worst == 0


def test_a_handful_of_customers_says_nothing(rng):
    found = check_assignment(tags(rng, 4), ["a", "control", "a", "control"])
    assert found.passed
    assert found.arms[0].p_value == 1


def test_arrays_have_tags_by_number(rng):
    found = check_assignment(rng.normal(size=(500, 2)), rng.integers(0, 2, 500))
    assert set(found.balance.to_frame()["tag"]) == {"x0", "x1"}


def test_it_shows_itself(rng):
    X = tags(rng, 500)
    found = check_assignment(X, rng.random(500) < 0.5)
    assert "AssignmentCheck" in found._repr_html_()
    assert "AUC of tags" in found._repr_html_()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"max_rows": 10}, "max_rows must be at least 1000"),
        ({"n_jobs": 0}, "n_jobs must be at least 1"),
        ({"y": np.zeros(7)}, "y must have one outcome a row: 500 rows, got 7"),
        ({"treatment": np.zeros(7)}, "treatment must have one arm a row: 500 rows, got 7"),
        ({"treatment": np.zeros(500)}, "at least one arm beside control"),
        ({"probability": np.full(500, 1.0)}, "probability must be between 0 and 1"),
        ({"control": "none"}, "control must be one of the arms"),
    ],
)
def test_bad_input(rng, change, message):
    given = {"treatment": rng.choice(["a", "control"], 500)} | change
    with pytest.raises(InvalidInput, match=message):
        check_assignment(tags(rng, 500), **given)


def test_several_arms_need_probabilities_by_arm(rng):
    arm = rng.choice(["a", "b", "control"], 500)
    with pytest.raises(InvalidInput, match="P\\(each arm\\) where there are several arms"):
        check_assignment(tags(rng, 500), arm, rng.uniform(0.2, 0.4, 500))
    assert check_assignment(tags(rng, 500), arm, np.full(500, 1 / 3)).passed


def balance(X, arm, probability=None, weighted=False):
    encoder = FeatureEncoder()
    encoded = encoder.fit_transform(X)
    arms = read_arms(arm, "control", rows=len(X))
    chance = None if probability is None else read_chances(probability, arms)
    return balance_of(
        encoder.columns_, encoded, arms, probability=chance, weighted=weighted
    ).to_frame()


def test_standardised_differences_are_those_of_the_book(rng):
    X = tags(rng, 300)
    arm = rng.choice(["a", "b", "control"], 300)
    found = balance(X, arm).set_index(["tag", "level", "arm"])
    for tag, level, values in [
        ("age", "", X["age"]),
        ("age", "is null", X["age"].isna().astype(float)),
        ("channel", "web", (X["channel"] == "web").astype(float)),
        ("since", "", (X["since"] - pd.Timestamp("1970-01-01")).dt.days),
    ]:
        for name in ("a", "b"):
            one, other = values[arm == name].dropna(), values[arm == "control"].dropna()
            pooled = np.sqrt((one.var(ddof=0) + other.var(ddof=0)) / 2)
            got = found.loc[(tag, level, name)]
            assert got["smd"] == pytest.approx((one.mean() - other.mean()) / pooled, rel=1e-4)
            assert got["mean_arm"] == pytest.approx(one.mean(), rel=1e-6)
            assert got["mean_control"] == pytest.approx(other.mean(), rel=1e-6)


def test_the_greatest_difference_comes_first(rng):
    found = balance(tags(rng, 300), rng.choice(["a", "control"], 300))
    sizes = found["smd"].abs().to_numpy()
    assert (np.diff(sizes) <= 0).all()


def test_weights_take_the_difference_out(rng):
    X = tags(rng)
    chance = np.where(X["channel"] == "app", 0.8, 0.3)
    arm = np.where(rng.random(len(X)) < chance, "a", "control")
    by_arm = pd.DataFrame({"a": chance, "control": 1 - chance})
    found = balance(X, arm, by_arm, weighted=True).set_index(["tag", "level"])
    assert abs(found.loc[("channel", "app"), "smd"]) > 0.8
    assert found["smd_weighted"].abs().max() < 0.1


def test_arms_that_each_hold_another_value_differ_without_end():
    X = pd.DataFrame({"given": [0.0, 0.0, 1.0, 1.0], "other": [1.0, 2.0, 1.0, 2.0]})
    found = balance(X, ["control", "control", "a", "a"]).set_index("tag")
    assert found.loc["given", "smd"] == np.inf
    assert found.loc["other", "smd"] == 0


def test_rare_levels_stand_together(rng):
    X = pd.DataFrame({"city": [f"c{i % 30}" for i in range(600)]})
    X.loc[::7, "city"] = None
    found = balance(X, rng.choice(["a", "control"], 600))
    assert {"<rare>", "is null"} <= set(found["level"])
    assert len(found) == 22
