"""Arms before the campaign: scipy's and statsmodels' tests, faults found, false alarms rare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, ttest_ind
from scipy.stats import t as student
from statsmodels.stats.multivariate import test_mvmean_2indep as hotelling

from marketing_ds.evaluation.checks.balance import TOGETHER, balance_check, of_columns
from marketing_ds.evaluation.engine import Chances, Moments


def moments(values: np.ndarray, chances: Chances | None = None) -> Moments:
    n, mean = len(values), values.mean(0)
    scatter = (values - mean).T @ (values - mean)
    return Moments(n, mean, scatter, scatter / (n * (n - 1)), chances)


def drawn(rng: np.random.Generator, n: int, columns: int) -> np.ndarray:
    shared = rng.normal(size=(n, 1))
    return shared + rng.normal(size=(n, columns))


@pytest.fixture
def arms() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    return {"control": drawn(rng, 80, 3), "mail": drawn(rng, 50, 3) + np.eye(3)[0] / 2}


def test_all_together_is_hotelling_s_test_of_statsmodels(arms) -> None:
    found = balance_check({a: moments(x) for a, x in arms.items()}, list("abc"), "control", 0.05)
    row = found.to_frame().set_index("column").loc[TOGETHER]
    assert row["p_value"] == pytest.approx(hotelling(arms["mail"], arms["control"]).pvalue)
    pooled = (79 * np.cov(arms["control"].T) + 49 * np.cov(arms["mail"].T)) / 128
    gap = arms["mail"].mean(0) - arms["control"].mean(0)
    assert row["distance"] == pytest.approx(np.sqrt(gap @ np.linalg.solve(pooled, gap)))


def test_each_column_is_scipy_s_t_test(arms) -> None:
    found = balance_check({a: moments(x) for a, x in arms.items()}, list("abc"), "control", 0.05)
    frame = found.to_frame().set_index("column")
    for i, column in enumerate("abc"):
        test = ttest_ind(arms["mail"][:, i], arms["control"][:, i])
        assert frame.loc[column, "p_value"] == pytest.approx(test.pvalue)
        spread = np.sqrt(
            (79 * arms["control"][:, i].var(ddof=1) + 49 * arms["mail"][:, i].var(ddof=1)) / 128
        )
        gap = arms["mail"][:, i].mean() - arms["control"][:, i].mean()
        assert frame.loc[column, "distance"] == pytest.approx(gap / spread)
        reach = 1.959964 * np.sqrt(1 / 80 + 1 / 50)
        assert frame.loc[column, "distance_ci_upper"] == pytest.approx(
            gap / spread + reach, rel=1e-6
        )


def test_what_differs_a_lot_in_one_column_was_measured_afterwards(arms) -> None:
    rng = np.random.default_rng(8)
    after = {"control": drawn(rng, 4_000, 30), "mail": drawn(rng, 4_000, 30)}
    after["mail"][:, 4] += 1.0
    names = [f"x{i}" for i in range(30)]
    inputs = {a: moments(x) for a, x in after.items()}
    check = balance_check(inputs, names, "control", 0.001)
    assert check.passed is False
    assert check.finding.startswith("'x4' differs too much between the arms to be from before")
    dated = balance_check(inputs, names, "control", 0.001, dated=True)
    assert dated.finding.startswith("before the campaign the arms already differed")


def test_one_broken_column_among_many_is_seen() -> None:
    """All 60 columns together would not show it; by itself, corrected for 60, it does."""
    rng = np.random.default_rng(9)
    inputs = {"control": rng.normal(size=(3_000, 60)), "mail": rng.normal(size=(3_000, 60))}
    inputs["mail"][:, 11] += 0.15
    frame = balance_check(
        {a: moments(x) for a, x in inputs.items()}, [str(i) for i in range(60)], "control", 0.001
    )
    rows = frame.to_frame().set_index("column")
    assert rows.loc[TOGETHER, "p_adjusted"] > 0.001
    assert frame.passed is False
    assert "'11'" in frame.finding


def test_many_small_differences_are_seen_together() -> None:
    rng = np.random.default_rng(10)
    inputs = {"control": rng.normal(size=(3_000, 12)), "mail": rng.normal(size=(3_000, 12)) + 0.05}
    check = balance_check(
        {a: moments(x) for a, x in inputs.items()}, [str(i) for i in range(12)], "control", 0.001
    )
    single = check.to_frame().query("column != @TOGETHER")
    assert single["p_adjusted"].min() > 0.001
    assert check.passed is False


def test_columns_that_repeat_or_do_not_vary_change_nothing(arms) -> None:
    plain = balance_check({a: moments(x) for a, x in arms.items()}, list("abc"), "control", 0.05)
    more = {a: np.c_[x, 2 * x[:, 0] + 1, np.full(len(x), 3.0)] for a, x in arms.items()}
    names = ["a", "b", "c", "again", "three"]
    found = balance_check({a: moments(x) for a, x in more.items()}, names, "control", 0.05)
    together = [check.to_frame().set_index("column").loc[TOGETHER] for check in (plain, found)]
    assert together[1]["p_value"] == pytest.approx(together[0]["p_value"])
    assert "three" not in set(found.to_frame()["column"])


def test_a_column_that_only_the_arm_decides_fails() -> None:
    inputs = {"control": np.zeros((50, 1)), "mail": np.ones((50, 1))}
    check = balance_check({a: moments(x) for a, x in inputs.items()}, ["told"], "control", 0.001)
    assert check.p_value == 0
    assert check.passed is False


def test_nothing_that_varies_is_nothing_to_check_by() -> None:
    inputs = {"control": np.ones((5, 2)), "mail": np.ones((5, 2))}
    check = balance_check({a: moments(x) for a, x in inputs.items()}, ["a", "b"], "control", 0.001)
    assert check.passed is None
    assert np.isnan(check.p_value)


def test_more_columns_than_customers_leave_the_single_tests() -> None:
    rng = np.random.default_rng(11)
    inputs = {"control": rng.normal(size=(3, 6)), "mail": rng.normal(size=(3, 6))}
    frame = balance_check(
        {a: moments(x) for a, x in inputs.items()}, list("abcdef"), "control", 0.001
    ).to_frame()
    assert len(frame) == 7
    assert frame["p_value"].between(0, 1).all()


def test_weights_take_the_covariance_of_the_means(arms) -> None:
    chances = Chances(0.2, 0.6, 100.0, 50.0)
    inputs = {a: moments(x, chances) for a, x in arms.items()}
    frame = balance_check(inputs, list("abc"), "control", 0.05).to_frame().set_index("column")
    welch = ttest_ind(arms["mail"][:, 0], arms["control"][:, 0], equal_var=False)
    error = np.sqrt(inputs["control"].error[0, 0] + inputs["mail"].error[0, 0])
    gap = arms["mail"][:, 0].mean() - arms["control"][:, 0].mean()
    assert gap / error == pytest.approx(welch.statistic)
    assert frame.loc["a", "p_value"] == pytest.approx(2 * student.sf(abs(gap / error), 128))


def test_some_columns_of_moments_are_theirs(arms) -> None:
    whole = {a: moments(x) for a, x in arms.items()}
    part = of_columns(whole, list("abc"), ["c", "a"])
    expected = {a: moments(x[:, [2, 0]]) for a, x in arms.items()}
    for arm in arms:
        np.testing.assert_allclose(part[arm].scatter, expected[arm].scatter)
        np.testing.assert_allclose(part[arm].mean, expected[arm].mean)


@pytest.mark.parametrize(
    "sizes", [{"control": 900, "mail": 300}, {"control": 300, "a": 300, "b": 300}]
)
def test_false_alarms_come_as_often_as_alpha_says(sizes) -> None:
    rng, repetitions, alarms = np.random.default_rng(12), 120, 0
    for _ in range(repetitions):
        inputs = {arm: moments(drawn(rng, n, 4)) for arm, n in sizes.items()}
        alarms += balance_check(inputs, list("abcd"), "control", 0.2).passed is False
    low, high = binom.ppf([0.001, 0.999], repetitions, [0.1, 0.2])
    assert low <= alarms <= high  # twice the smaller of two correlated tests: half at the least


def test_a_skewed_column_of_unequal_arms_is_judged_by_its_longer_side() -> None:
    rng = np.random.default_rng(9)
    rows = {"control": rng.lognormal(0, 1.5, (60, 1)), "mail": rng.lognormal(0, 1.5, (540, 1))}
    for gap in (1.5, -1.5):
        arms = {**rows, "mail": rows["mail"] + gap}
        plain = {arm: moments(x) for arm, x in arms.items()}
        third = {arm: ((x - x.mean(0)) ** 3).mean(0) for arm, x in arms.items()}
        made = {arm: replace(m, third=third[arm]) for arm, m in plain.items()}
        found, before = (balance_check(m, ["a"], "control", 0.01).p_value for m in (made, plain))
        both = (60 * third["control"] + 540 * third["mail"]) / 600
        test = ttest_ind(arms["mail"][:, 0], arms["control"][:, 0])
        error = (arms["mail"].mean() - arms["control"].mean()) / test.statistic
        skewness = float(both[0]) * (1 / 540**2 - 1 / 60**2) / error**3 / 6
        # Cornish and Fisher: the statistic is a normal quantile z, moved by z² − 1.
        z = student.isf(found / 2, 598) * np.sign(test.statistic)
        assert z + skewness * (z**2 - 1) == pytest.approx(test.statistic, rel=1e-6)
        # Control's mean is the one that large amounts may have missed: mail above it is no surprise.
        assert (found > before) == (gap < 0)
