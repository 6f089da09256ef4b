"""Measures against scikit-learn and by definition; intervals by how often they cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import evaluate_probabilities

scored = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1, 9), st.integers(1, 3)), min_size=4, max_size=60
).filter(lambda rows: len({y for y, _, _ in rows}) == 2)


def columns(rows):
    y, p, w = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return y, p / 10, w


@given(scored)
@settings(max_examples=40, deadline=None)
def test_measures_agree_with_scikit_learn_with_weights_and_ties(rows):
    y, p, w = columns(rows)
    found = evaluate_probabilities(y, p, sample_weight=w)
    assert found.auc.value == pytest.approx(roc_auc_score(y, p, sample_weight=w))
    assert found.average_precision.value == pytest.approx(
        average_precision_score(y, p, sample_weight=w)
    )
    assert found.log_loss.value == pytest.approx(log_loss(y, p, sample_weight=w))
    assert found.brier.value == pytest.approx(brier_score_loss(y, p, sample_weight=w))


@given(scored)
@settings(max_examples=40, deadline=None)
def test_every_interval_holds_its_value_within_the_range(rows):
    y, p, w = columns(rows)
    frame = evaluate_probabilities(y, p, sample_weight=w).to_frame().set_index("measure")
    assert (frame["value_ci_lower"] <= frame["value"] + 1e-12).all()
    assert (frame["value"] <= frame["value_ci_upper"] + 1e-12).all()
    assert (frame["value_ci_lower"] >= 0).all()
    assert (frame.drop(["lift_10", "log_loss"])["value_ci_upper"] <= 1).all()


def delong_error(y, p):
    """DeLong's standard error straight from the definition: all pairs."""
    one, zero = p[y == 1], p[y == 0]
    wins = (one[:, None] > zero) + 0.5 * (one[:, None] == zero)
    variance = wins.mean(axis=1).var(ddof=1) / len(one) + wins.mean(axis=0).var(ddof=1) / len(zero)
    return np.sqrt(variance)


def test_the_auc_interval_is_delongs():
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.3).astype(int)
    p = np.round(np.clip(0.3 + 0.15 * y + rng.normal(0, 0.2, 400), 0, 1), 2)
    auc = evaluate_probabilities(y, p).auc
    assert (auc.ci_upper - auc.ci_lower) / 2 == pytest.approx(1.959964 * delong_error(y, p))


def test_ks_is_the_two_sample_statistic():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 300)
    p = np.round(rng.random(300) ** (1.5 - y), 2)
    assert evaluate_probabilities(y, p).ks.value == pytest.approx(
        ks_2samp(p[y == 1], p[y == 0]).statistic
    )


def test_lift_takes_part_of_a_tied_group():
    # The top tenth (1 of 10) lies within a tie of two, one of them positive.
    y = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    p = [0.9, 0.9, 0.5, 0.4, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
    assert evaluate_probabilities(y, p).lift_10.value == pytest.approx(0.5 / (0.1 * 2))


def test_calibration_error_by_hand():
    y = np.tile([1, 0, 0, 0], 50)
    assert evaluate_probabilities(y, np.full(200, 0.4)).ece.value == pytest.approx(0.15)


def test_gains_end_with_everyone():
    rng = np.random.default_rng(2)
    gains = evaluate_probabilities(rng.integers(0, 2, 200), rng.random(200)).gains
    assert gains["captured_share"].is_monotonic_increasing
    assert gains.iloc[-1].tolist() == pytest.approx([1, 1, 1])


def test_calibration_table_counts_everyone():
    rng = np.random.default_rng(3)
    p = rng.random(1003)
    table = evaluate_probabilities(rng.random(1003) < p, p).calibration
    assert table["rows"].sum() == 1003
    assert len(table) == 10
    inside = table["predicted"].between(table["observed_ci_lower"], table["observed_ci_upper"])
    assert inside.sum() >= 8


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    big_y, big_p = draw(400_000, 99)
    truth = evaluate_probabilities(big_y, big_p).to_frame().set_index("measure")["value"]
    covered = dict.fromkeys(truth.index, 0)
    for seed in range(150):
        frame = evaluate_probabilities(*draw(800, seed)).to_frame().set_index("measure")
        for measure, row in frame.iterrows():
            covered[measure] += row["value_ci_lower"] <= truth[measure] <= row["value_ci_upper"]
    # 150 draws at 95 %: 133 is 3.5 standard errors below. The calibration error and KS are largest
    # deviations, which chance can only raise, so their intervals are known to sit too high.
    for measure in ("auc", "average_precision", "log_loss", "brier", "lift_10"):
        assert covered[measure] >= 133, measure


def draw(rows, seed):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, rows)
    return (rng.random(rows) < p).astype(int), p


@pytest.mark.parametrize(
    ("y", "p", "w", "message"),
    [
        ([0, 1], [0.1], None, "of one length"),
        ([0, 2], [0.1, 0.2], None, "y must hold 0 and 1 only"),
        ([0, 1], [0.1, 1.2], None, "probability must be between 0 and 1"),
        ([0, 1], [0.1, np.nan], None, "probability must be between 0 and 1"),
        ([0, 1], [0.1, 0.2], [1, -1], "sample_weight must be finite and at least 0"),
        ([0, 1], [0.1, 0.2], [1, 0], "y must hold both classes"),
    ],
)
def test_refuses(y, p, w, message):
    with pytest.raises(InvalidInput, match=message):
        evaluate_probabilities(y, p, sample_weight=w)


def test_level_widens_the_intervals():
    y, p = draw(500, 0)
    narrow, wide = (evaluate_probabilities(y, p, level=level).auc for level in (0.8, 0.99))
    assert wide.ci_lower < narrow.ci_lower < narrow.ci_upper < wide.ci_upper


def test_certain_and_wrong_costs_much_but_not_infinitely():
    assert 10 < evaluate_probabilities([1, 0, 1, 0], [0.0, 0.1, 0.9, 1.0]).log_loss.value < 40
