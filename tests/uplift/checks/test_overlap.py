import datetime as dt
import warnings

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder
from marketing_ds.rules import Rule
from marketing_ds.uplift.arms import read_arms, read_chances
from marketing_ds.uplift.checks.overlap import (
    check_overlap,
    crump_bound,
    overlap_of,
    require_overlap,
)
from marketing_ds.uplift.checks.regions import find_regions


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tags(rng, n=4000):
    age = rng.integers(18, 80, n).astype(float)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "wealth": rng.random(n),
            "channel": rng.choice(["app", "web", "branch"], n),
        }
    )


def by_rule(X, rng, certain):
    """Customers above 60 in a branch are given the arm with probability `certain`."""
    inside = ((X["age"] > 60) & (X["channel"] == "branch")).to_numpy()
    chance = np.where(inside, certain, 0.3 + 0.4 * X["wealth"].to_numpy())
    return np.where(rng.random(len(X)) < chance, "mail", "control"), chance


def required(X, arm, chance):
    encoder = FeatureEncoder()
    encoded = encoder.fit_transform(X)
    arms = read_arms(arm, "control", rows=len(X))
    require_overlap(encoder.columns_, encoded, arms, read_chances(chance, arms))


def test_the_region_without_overlap_is_named(rng):
    X = tags(rng)
    arm, chance = by_rule(X, rng, 1.0)
    stated = np.clip(chance, 0.001, 0.999)
    with pytest.raises(InvalidInput) as caught:
        required(X, arm, pd.DataFrame({"mail": stated, "control": 1 - stated}))
    said = str(caught.value)
    assert "age > 60 and channel == 'branch'" in said
    assert "100.0% 'mail'" in said
    assert "leave out these customers" in said


def test_little_overlap_is_a_warning_with_advice(rng):
    X = tags(rng)
    arm, chance = by_rule(X, rng, 0.99)
    message = (
        r"little overlap of 'mail' and 'control': \d\.\d% .* outside \[0\.0\d, 0\.9\d\], most where "
        r"age > 60 and channel == 'branch' .*Crump's rule would keep"
    )
    with pytest.warns(UserWarning, match=message):
        required(X, arm, pd.DataFrame({"mail": chance, "control": 1 - chance}))


def test_good_overlap_is_silent(rng):
    X = tags(rng)
    arm, chance = by_rule(X, rng, 0.7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        required(X, arm, pd.DataFrame({"mail": chance, "control": 1 - chance}))


def test_an_arm_that_is_rare_everywhere_overlaps(rng):
    X = tags(rng)
    found = check_overlap(
        X, np.where(rng.random(4000) < 0.02, "mail", "control"), {"mail": 0.02, "control": 0.98}
    )
    one = found.arms[0]
    assert one.outside_share == 0
    assert one.regions == ()
    assert one.trimmed_share == 0
    assert one.effective == pytest.approx(one.customers)
    assert found.keep.all()


def test_probabilities_are_estimated_and_weights_balance(rng):
    X = tags(rng)
    arm, _ = by_rule(X, rng, 0.9)
    found = check_overlap(X, arm, n_jobs=1)
    one = found.arms[0]
    assert one.customers + one.control == 4000
    assert one.histogram.sum(axis=1) == pytest.approx([1, 1])
    frame = found.balance.to_frame()
    assert frame["smd"].abs().max() > 0.3
    assert found.balance.worst < 0.12
    again = check_overlap(X, arm, n_jobs=1)
    assert again.to_frame().equals(found.to_frame())


def test_several_arms_are_each_held_against_control(rng):
    X = tags(rng)
    arm, _ = by_rule(X, rng, 0.995)
    arm = np.where((arm == "control") & (rng.random(4000) < 0.4), "call", arm)
    found = check_overlap(X, arm, n_jobs=1)
    assert list(found.to_frame()["arm"]) == ["call", "mail"]
    assert found.arms[0].regions == ()
    assert "channel == 'branch'" in found.arms[1].regions[0].rule
    assert found.regions == found.arms[1].regions
    assert "branch" in found.to_frame()["regions"].iloc[1]
    assert not found.keep.all()
    assert found.keep[arm == "call"].all()


def test_crumps_rule_is_a_fixed_point(rng):
    e = rng.beta(0.7, 1.5, 50_000).clip(1e-4, 1 - 1e-4)
    alpha, trimmed = crump_bound(e)
    kept = e[(e >= alpha) & (e <= 1 - alpha)]
    assert 1 - len(kept) / len(e) == pytest.approx(trimmed, abs=1e-4)
    assert 1 / (alpha * (1 - alpha)) == pytest.approx(
        2 * (1 / (kept * (1 - kept))).mean(), rel=1e-3
    )


def test_probabilities_that_rounding_made_certain_are_trimmed(rng):
    X = tags(rng, 1000)
    encoder = FeatureEncoder()
    encoded = encoder.fit_transform(X)
    arms = read_arms(rng.random(1000) < 0.5, "control", rows=1000)
    chance = np.where(np.arange(1000) < 10, 1.0, 0.5)
    found = overlap_of(encoder.columns_, encoded, arms, np.column_stack([1 - chance, chance]))
    assert found.arms[0].trimmed_share == pytest.approx(0.01)
    np.testing.assert_array_equal(found.keep, chance < 1)


def test_nothing_is_trimmed_of_equal_chances():
    assert crump_bound(np.full(100, 0.03)) == (0.0, 0.0)


def test_the_effective_size_is_kishs(rng):
    X = tags(rng, 500)
    chance = rng.uniform(0.2, 0.8, 500)
    treated = rng.random(500) < chance
    found = check_overlap(X, treated, np.where(treated, chance, 1 - chance)).arms[0]
    weight = 1 / chance[treated]
    assert found.effective == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    assert found.effective_control < found.control


def test_bad_input(rng):
    X = tags(rng, 200)
    with pytest.raises(InvalidInput, match=r"least must be between 0 and 0\.5"):
        check_overlap(X, rng.random(200) < 0.5, least=0.5)
    with pytest.raises(InvalidInput, match="at least 2 customers"):
        check_overlap(X, np.arange(200) == 3)
    with pytest.raises(InvalidInput, match="treatment must have one arm a row"):
        check_overlap(X, [0, 1])


def regions_of(X, treated, least=50):
    encoder = FeatureEncoder(max_categories=3)
    encoded = encoder.fit_transform(X)
    nobody = np.zeros(len(X), dtype=bool)
    return find_regions(
        encoder.columns_, encoded, treated, nobody, arm="a", bounds=(0.05, 0.95), least=least
    )


@pytest.mark.parametrize(
    ("values", "inside", "rule"),
    [
        (lambda i: (i % 60).astype(float), lambda v: v > 40, "t > 40"),
        (lambda i: (i % 60) / 7, lambda v: v < 3, "t <= 2.929"),
        (lambda i: i % 2 == 0, lambda v: v, "t > 0"),
        (lambda i: np.where(i % 5 == 0, np.nan, i % 60), lambda v: v.isna(), "t is null"),
        (lambda i: np.where(i % 5 == 0, np.nan, i % 60), lambda v: v.notna(), "t is not null"),
        (
            lambda i: np.where(i % 5 == 0, np.nan, i % 60),
            lambda v: v.isna() | (v > 40),
            "t > 40 or t is null",
        ),
        (
            lambda i: np.where(i % 5 == 0, np.nan, i % 60),
            lambda v: (v > 20) & (v <= 40),
            "t > 20 and t <= 40",
        ),
        (
            lambda i: pd.Timestamp("2024-01-01") + pd.to_timedelta(i % 60, "D"),
            lambda v: v > pd.Timestamp("2024-02-01"),
            "t > date '2024-02-01'",
        ),
        (
            lambda i: np.array(["x", "y", "z"], dtype=object)[i % 3],
            lambda v: v == "y",
            "t == 'y'",
        ),
        (
            lambda i: np.array(["x", "y", "z"], dtype=object)[i % 3],
            lambda v: v != "y",
            "t != 'y'",
        ),
        (
            lambda i: np.array(["x", "y", None], dtype=object)[i % 3],
            lambda v: v.isna(),
            "t is null",
        ),
        (
            lambda i: np.array(["x", "y", None], dtype=object)[i % 3],
            lambda v: v.notna(),
            "t is not null",
        ),
        (
            lambda i: np.array(["x", "y", None], dtype=object)[i % 3],
            lambda v: v.isna() | (v == "x"),
            "t != 'y' or t is null",
        ),
        (
            lambda i: np.array(list("aaabbbcccdefgh"), dtype=object)[i % 14],
            lambda v: v.isin(list("defgh")),
            "t not in ('a', 'b', 'c')",
        ),
        (
            lambda i: np.array(list("aaabbbcccdefgh"), dtype=object)[i % 14],
            lambda v: v.isin(list("abc")),
            "t in ('a', 'b', 'c')",
        ),
    ],
)
def test_regions_are_rules(rng, values, inside, rule):
    X = pd.DataFrame({"t": values(np.arange(4200)), "noise": rng.normal(size=4200)})
    there = np.asarray(inside(X["t"]), dtype=bool)
    treated = there | (rng.random(4200) < 0.3)
    found = regions_of(X, treated)
    assert [region.rule for region in found] == [rule]
    assert str(Rule.parse(rule)) == rule
    assert found[0].customers == there.sum()
    assert found[0].empty


def test_a_region_of_control_says_so(rng):
    X = pd.DataFrame({"t": np.arange(2000) % 100})
    treated = (X["t"] >= 30).to_numpy() & (rng.random(2000) < 0.6)
    treated[:2] = True
    (region,) = regions_of(X, treated)
    assert str(region) == "t <= 29 (600 customers, 99.7% control)"
    assert not region.empty
    assert region.treated_share == pytest.approx(2 / 600)


def test_leaves_side_by_side_are_one_region(rng):
    X = pd.DataFrame({"t": np.arange(4000) % 100, "u": rng.normal(size=4000)})
    treated = (X["t"] > 50).to_numpy() | (rng.random(4000) < 0.5)
    assert [region.rule for region in regions_of(X, treated)] == ["t > 50"]


def test_the_tree_is_grown_on_a_part_and_judged_on_all(rng):
    X = pd.DataFrame({"t": np.arange(120_000) % 100})
    treated = (X["t"] > 50).to_numpy() | (rng.random(120_000) < 0.5)
    (region,) = regions_of(X, treated, least=1200)
    assert region.customers == 49 * 1200


def test_no_region_where_there_is_nothing_to_tell(rng):
    assert regions_of(pd.DataFrame({"t": np.ones(400)}), rng.random(400) < 0.5) == ()
    assert regions_of(pd.DataFrame({"t": np.arange(80)}), np.arange(80) > 40) == ()


def test_days_count_from_1970():
    from marketing_ds.uplift.checks.balance import day

    assert day(365.0) == dt.date(1971, 1, 1)
