"""Sizes of arms within groups: hand counts, scipy's binomial, faults found, false alarms rare."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import binom

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.checks import check_experiment
from marketing_ds.evaluation.checks.ratios import arm_counts, binomial_p, group_check, group_ratios


def table_of(rows: dict[str, list[object]]) -> ibis.Table:
    return ibis.memtable(pa.table(rows))


def counts_of(cells: dict[tuple[str, str], int]) -> pd.DataFrame:
    return pd.DataFrame([(g, a, n) for (g, a), n in cells.items()], columns=["group", "arm", "n"])


@pytest.mark.parametrize(("count", "size", "share"), [(0, 7, 0.5), (7, 7, 0.5), (3, 40, 0.2)])
def test_p_values_are_scipy_s_with_half_of_what_was_found(count, size, share) -> None:
    here = binom.pmf(count, size, share)
    below = binom.cdf(count, size, share) - here / 2
    above = binom.sf(count, size, share) + here / 2
    found = binomial_p(np.array([float(count)]), np.array([float(size)]), np.array([share]))
    assert found[0] == pytest.approx(min(1, 2 * below, 2 * above), rel=1e-10)


def test_counts_are_by_arm_and_group_and_nulls_are_a_group() -> None:
    table = table_of(
        {"arm": ["control", "mail", "mail", "control"], "region": ["n", "n", None, "s"]}
    )
    found = arm_counts(table, "arm", {"all": None, "region": table.region}, None)
    assert found["all"].set_index("arm")["n"].to_dict() == {"control": 2, "mail": 2}
    region = found["region"].set_index(["group", "arm"])["n"].to_dict()
    assert region == {
        ("missing", "mail"): 1,
        ("n", "control"): 1,
        ("n", "mail"): 1,
        ("s", "control"): 1,
    }


def test_counts_with_probability_sum_the_weights() -> None:
    table = table_of({"arm": ["a", "a", "b"], "p": [0.5, 0.25, 1.0]})
    found = arm_counts(table, "arm", {"all": None}, "p")["all"].set_index("arm")
    assert found.loc["a", ["low", "high", "weight"]].tolist() == [0.25, 0.5, 6.0]
    assert found.loc["a", "variance"] == pytest.approx(4 + 16 - 6)


def test_groups_are_named_worst_first_with_the_arm_that_is_off() -> None:
    counts = counts_of(
        {("n", "control"): 500, ("n", "mail"): 510, ("s", "control"): 500, ("s", "mail"): 350}
    )
    check = group_check("region", counts, None, 0.001)
    assert check.passed is False
    assert check.blocks
    assert "1 of 2 groups of 'region'" in check.finding
    assert "customers of 's'" in check.finding
    frame = check.to_frame()
    assert frame["group"].tolist()[:2] == ["s", "s"]
    assert frame.loc[0, "expected"] == 425
    alone = binomial_p(np.array([350.0]), np.array([850.0]), np.array([0.5]))[0]
    assert frame.loc[0, "p_adjusted"] == pytest.approx(2 * alone)  # Holm over two groups


def test_an_arm_that_a_group_lacks_is_held_against_its_share() -> None:
    counts = counts_of({("n", "control"): 40, ("s", "control"): 20, ("s", "mail"): 20})
    frame = group_ratios(counts, {"control": 1, "mail": 1}).set_index(["group", "arm"])
    assert frame.loc[("n", "mail"), "customers"] == 0
    assert frame.loc[("n", "mail"), "p_adjusted"] < 1e-9


def test_chances_may_differ_between_groups() -> None:
    """Seven in ten get mail in the north, three in ten in the south: as designed."""
    arms = ["control"] * 30 + ["mail"] * 70 + ["control"] * 70 + ["mail"] * 30
    chance = [0.3] * 30 + [0.7] * 70 + [0.7] * 70 + [0.3] * 30
    table = table_of({"arm": arms, "p": chance, "region": ["n"] * 100 + ["s"] * 100})
    counts = arm_counts(table, "arm", {"region": table.region}, "p")["region"]
    frame = group_ratios(counts, None)
    assert frame["expected"].tolist() == frame["customers"].tolist()
    assert frame["p_adjusted"].min() == 1
    assert group_ratios(counts, {"control": 1, "mail": 1})["p_adjusted"].max() < 0.001


def test_chances_that_differ_within_a_group_are_weighted_and_small_groups_pooled() -> None:
    rng = np.random.default_rng(3)
    n = 6_000
    chance = np.where(rng.random(n) < 0.4, 0.7, 0.2)
    mailed = rng.random(n) < chance
    data = pd.DataFrame(
        {
            "arm": np.where(mailed, "mail", "control"),
            "p": np.where(mailed, chance, 1 - chance),
            "branch": np.where(rng.random(n) < 0.9, "large", rng.integers(0, 30, n).astype(str)),
        }
    )
    sound = check_experiment(data, probability="p", by=["branch"])["sample ratio by branch"]
    assert sound.passed
    assert set(sound.to_frame()["group"]) == {"large", "(small groups)"}
    lost = data.drop(data.index[mailed & (data["branch"] != "large") & (rng.random(n) < 0.6)])
    found = check_experiment(lost, probability="p", by=["branch"])["sample ratio by branch"]
    assert found.passed is False
    assert found.to_frame().loc[0, "group"] == "(small groups)"


@pytest.mark.parametrize("alpha", [0.05, 0.001])
@pytest.mark.parametrize(("size", "share"), [(300, 0.5), (300, 0.2), (5_000, 0.02)])
def test_p_values_fall_below_alpha_as_often_as_alpha_says(size, share, alpha) -> None:
    counts = np.arange(size + 1.0)
    p = binomial_p(counts, np.full(size + 1, float(size)), np.full(size + 1, share))
    alarms = binom.pmf(counts, size, share)[p < alpha].sum()
    assert 0.7 * alpha < alarms < 1.35 * alpha  # counts are whole: no test of them is exact


@pytest.mark.parametrize("shares", [{"control": 1, "mail": 1}, {"control": 5, "mail": 3, "sms": 2}])
def test_false_alarms_by_day_come_as_often_as_alpha_says(shares) -> None:
    rng, repetitions, days, alpha = np.random.default_rng(4), 60, 10, 0.2
    arms, chance = list(shares), np.array(list(shares.values())) / sum(shares.values())
    alarms = 0
    for _ in range(repetitions):
        sizes = rng.multinomial(rng.poisson(300, days), chance)
        counts = counts_of(
            {(f"d{d}", arm): int(sizes[d, i]) for d in range(days) for i, arm in enumerate(arms)}
        )
        alarms += group_check("day", counts, shares, alpha).passed is False
    low, high = binom.ppf([0.001, 0.999], repetitions, alpha)
    assert low <= alarms <= high


@pytest.mark.parametrize(
    ("rows", "probability", "words"),
    [
        ({"arm": ["control", None, "mail"]}, None, "every customer must have an arm, got 1"),
        ({"arm": ["control", "mail"], "p": [0.5, 1.5]}, "p", r"'p' must be in \(0, 1\]"),
        ({"arm": ["control", "mail"], "p": [0.5, None]}, "p", r"'p' must be in \(0, 1\]"),
    ],
)
def test_bad_rows_are_refused(rows, probability, words) -> None:
    with pytest.raises(InvalidInput, match=words):
        arm_counts(table_of(rows), "arm", {"all": None}, probability)


def test_an_id_is_no_segment() -> None:
    ids = [f"c{i}" for i in range(10_001)]
    table = table_of({"arm": ["control", *["mail"] * 10_000], "id": ids})
    with pytest.raises(InvalidInput, match="at most 10,000 groups, got more in 'id'"):
        arm_counts(table, "arm", {"id": table.id}, None)
