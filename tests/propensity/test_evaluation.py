"""Measures against scikit-learn, statsmodels and by definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    d2_brier_score,
    log_loss,
    roc_auc_score,
)

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import evaluate_probabilities

scored = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1, 9), st.integers(1, 3)), min_size=4, max_size=60
).filter(lambda rows: len({y for y, _, _ in rows}) == 2)
SHARES = ("auc", "average_precision", "brier", "ece", "ece_debiased", "ks", "captured_20", "rate")


def columns(rows):
    y, p, w = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return y, p / 10, w


def draw(rows, seed):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, rows)
    return (rng.random(rows) < p).astype(int), p


@given(scored)
@settings(max_examples=40)
def test_measures_agree_with_scikit_learn_with_weights_and_ties(rows):
    y, p, w = columns(rows)
    found = evaluate_probabilities(y, p, sample_weight=w)
    for value, theirs in (
        (found.auc, roc_auc_score),
        (found.average_precision, average_precision_score),
        (found.log_loss, log_loss),
        (found.brier, brier_score_loss),
        (found.brier_skill, d2_brier_score),
    ):
        assert value.value == pytest.approx(theirs(y, p, sample_weight=w), abs=1e-9, rel=1e-9)


@given(scored)
@settings(max_examples=40)
def test_every_interval_holds_its_value_within_the_range(rows):
    y, p, w = columns(rows)
    found = evaluate_probabilities(y, p, sample_weight=w)
    frame = found.to_frame().set_index("measure").dropna()
    assert (frame["value_ci_lower"] <= frame["value"] + 1e-12).all()
    assert (frame["value"] <= frame["value_ci_upper"] + 1e-12).all()
    assert (frame.loc[list(SHARES), "value_ci_lower"] >= 0).all()
    assert (frame.loc[list(SHARES), "value_ci_upper"] <= 1).all()
    gains = found.gains
    for name in ("captured_share", "lift", "rate_share"):
        assert (gains[f"{name}_ci_lower"] <= gains[name] + 1e-12).all()
        assert (gains[name] <= gains[f"{name}_ci_upper"] + 1e-12).all()


@given(scored, st.integers(0, 99))
@settings(max_examples=30)
def test_the_order_of_the_rows_does_not_matter(rows, seed):
    y, p, w = columns(rows)
    place = np.random.default_rng(seed).permutation(len(y))
    one, other = (
        evaluate_probabilities(y[rows], p[rows], sample_weight=w[rows], groups=rows // 2).to_frame()
        for rows in (np.arange(len(y)), place)
    )
    # The draws behind the interval of KS see customers in another order; its value does not.
    ends = one["measure"] != "ks"
    np.testing.assert_allclose(
        one.loc[ends, "value_ci_upper"].astype(float), other.loc[ends, "value_ci_upper"], atol=1e-6
    )
    np.testing.assert_allclose(one["value"].astype(float), other["value"], atol=1e-9)


def test_ks_is_the_two_sample_statistic():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 300)
    p = np.round(rng.random(300) ** (1.5 - y), 2)
    assert evaluate_probabilities(y, p).ks.value == pytest.approx(
        ks_2samp(p[y == 1], p[y == 0]).statistic, abs=1e-12
    )


def test_lift_takes_part_of_a_tied_group():
    # The top tenth (1 of 10) lies within a tie of two, one of them positive.
    y = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    p = [0.9, 0.9, 0.5, 0.4, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
    found = evaluate_probabilities(y, p)
    assert found.lift_10.value == pytest.approx(0.5 / (0.1 * 2))
    assert found.captured_20.value == pytest.approx(0.5)
    assert found.lift_20.value == pytest.approx(2.5)


def test_gains_end_with_everyone_and_agree_with_the_measures():
    y, p = draw(500, 2)
    found = evaluate_probabilities(y, p)
    gains = found.gains
    assert gains["captured_share"].is_monotonic_increasing
    last = gains.iloc[-1]
    assert last[["share", "captured_share", "lift"]].tolist() == [1, 1, 1]
    assert last["rate_share"] == pytest.approx(y.mean())
    tenth = gains[np.isclose(gains["share"], 0.1)].iloc[0]
    assert tenth["lift"] == pytest.approx(found.lift_10.value)
    assert tenth["lift_ci_lower"] == pytest.approx(found.lift_10.ci_lower)
    assert tenth["rate_share"] == pytest.approx(y[np.argsort(-p)[:50]].mean())
    assert tenth["least_probability"] == pytest.approx(np.sort(p)[::-1][50])


def test_gains_have_the_same_intervals_where_each_row_is_a_customer():
    y, p = draw(300, 4)
    p = np.round(p, 2)
    w = np.random.default_rng(0).integers(1, 4, 300)
    one = evaluate_probabilities(y, p, sample_weight=w).gains
    other = evaluate_probabilities(y, p, sample_weight=w, groups=np.arange(300)).gains
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_calibration_error_by_hand():
    y = np.tile([1, 0, 0, 0], 50)
    found = evaluate_probabilities(y, np.full(200, 0.4))
    assert found.ece.value == pytest.approx(0.15)
    assert found.ece_debiased.value == pytest.approx(0.15)  # five standard errors: no chance in it


def test_chance_is_taken_off_the_calibration_error():
    plain, less, covered = [], [], 0
    for seed in range(60):
        found = evaluate_probabilities(*draw(1000, seed))
        plain.append(found.ece.value)
        less.append(found.ece_debiased.value)
        covered += found.ece.ci_lower == found.ece_debiased.ci_lower == 0
    # Nothing is wrong with these probabilities; half of what chance shows is what can be told of it.
    assert np.mean(less) < 0.65 * np.mean(plain)
    assert covered >= 54


def test_calibration_table_counts_everyone():
    rng = np.random.default_rng(3)
    p = rng.random(1003)
    table = evaluate_probabilities(rng.random(1003) < p, p).calibration
    assert table["rows"].sum() == 1003
    assert len(table) == 10
    inside = table["predicted"].between(table["observed_ci_lower"], table["observed_ci_upper"])
    assert inside.sum() >= 8


def test_the_parts_of_the_brier_score_add_up():
    y, p = draw(2000, 5)
    parts = evaluate_probabilities(y, p).brier_parts
    assert parts["brier"] == pytest.approx(brier_score_loss(y, p))
    told = parts["reliability"] - parts["resolution"] + parts["uncertainty"] + parts["within_bins"]
    assert told == pytest.approx(parts["brier"])
    assert abs(parts["within_bins"]) < 0.1 * parts["resolution"]


def test_scores_are_counted_by_class():
    y, p = draw(400, 6)
    scores = evaluate_probabilities(y, p).scores
    assert scores[["negatives_share", "positives_share"]].sum().tolist() == pytest.approx([1, 1])
    some = scores.iloc[3]
    within = (p >= some["from"]) & (p < some["to"]) & (y == 1)
    assert some["positives_share"] == pytest.approx(within.sum() / y.sum())


@pytest.mark.parametrize(
    ("y", "p", "w", "groups", "message"),
    [
        ([0, 1], [0.1], None, None, "of one length"),
        ([0, 2], [0.1, 0.2], None, None, "y must hold 0 and 1 only"),
        (["a", "b"], [0.1, 0.2], None, None, "y must hold numbers"),
        ([0, 1], [0.1, 1.2], None, None, "probability must be between 0 and 1"),
        ([0, 1], [0.1, np.nan], None, None, "probability must be between 0 and 1"),
        ([0, 1], [0.1, 0.2], [1, -1], None, "sample_weight must be finite and at least 0"),
        ([0, 1], [0.1, 0.2], [1, 0], None, "y must hold both classes"),
        ([0, 1], [0.1, 0.2], [0, 0], None, "at least one row with weight above 0"),
        ([0, 1], [0.1, 0.2], None, ["a"], "groups must have one customer per row"),
        ([0, 1], [0.1, 0.2], None, ["a", None], "groups must name the customer of every row"),
        ([0, 1], [0.1, 0.2], None, ["a", "a"], "groups must hold at least two customers"),
    ],
)
def test_refuses(y, p, w, groups, message):
    with pytest.raises(InvalidInput, match=message):
        evaluate_probabilities(y, p, sample_weight=w, groups=groups)


def test_a_row_without_weight_is_no_row():
    y, p = draw(200, 7)
    w = np.r_[np.ones(150), np.zeros(50)]
    groups = np.arange(200) // 2
    with_ = evaluate_probabilities(y, p, sample_weight=w, groups=groups)
    without = evaluate_probabilities(y[:150], p[:150], groups=groups[:150])
    assert with_.to_frame().equals(without.to_frame())
    assert (with_.rows, with_.customers) == (150, 75)


def test_level_widens_the_intervals():
    y, p = draw(500, 0)
    narrow, wide = (evaluate_probabilities(y, p, level=level).auc for level in (0.8, 0.99))
    assert wide.ci_lower < narrow.ci_lower < narrow.ci_upper < wide.ci_upper


def test_certain_and_wrong_costs_much_but_not_infinitely():
    assert 10 < evaluate_probabilities([1, 0, 1, 0], [0.0, 0.1, 0.9, 1.0]).log_loss.value < 40
