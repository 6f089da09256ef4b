"""Intervals hold the truth, and equal models are told apart, as often as they say.

`tests/benchmarks/propensity_coverage.py` prints the same in more scenes and draws.
"""

from collections import Counter

import numpy as np
import pytest
from scipy.special import expit, logit

from marketing_ds.propensity import compare_probabilities, evaluate_probabilities

DRAWS = 200


def draw(rng, rows, *, several=False):
    """Two equally good models of log-odds; `several` gives each customer two rows alike."""
    customers = rows // 2 if several else rows
    z = rng.normal(logit(0.1) - 0.4, 1.0, customers)
    y = (rng.random(customers) < expit(z)).astype(float)
    p, rival = (expit(z / 0.8 + 0.2 + rng.normal(0, 0.7, customers)) for _ in range(2))
    if not several:
        return y, p, rival, None
    again = rng.random(customers) < 0.7  # the second row mostly ends as the first
    second = np.where(again, y, rng.random(customers) < expit(z))
    return np.r_[y, second], np.r_[p, p], np.r_[rival, rival], np.tile(np.arange(customers), 2)


@pytest.fixture(scope="module")
def truth():
    """The measures on a large draw; two rows a customer have the same ones."""
    y, p, _, _ = draw(np.random.default_rng(3), 600_000)
    values = evaluate_probabilities(y, p).to_frame().set_index("measure")["value"]
    values["ece"] = values["ece_debiased"]  # either interval is that of the true error
    return values


@pytest.mark.parametrize("several", [False, True], ids=["one row", "two rows a customer"])
def test_intervals_hold_the_truth_as_often_as_they_say(truth, several):
    rng = np.random.default_rng(4)
    held: Counter[str] = Counter()
    for _ in range(DRAWS):
        y, p, _, groups = draw(rng, 1200, several=several)
        frame = evaluate_probabilities(y, p, groups=groups).to_frame().set_index("measure")
        inside = (frame["value_ci_lower"] <= truth) & (truth <= frame["value_ci_upper"])
        held.update(inside[inside].index.tolist())
    # Three standard errors (4.6 points) about 95 %; the calibration error's may hold it more often.
    for measure in truth.index:
        assert held[measure] / DRAWS > 0.904, (measure, held[measure] / DRAWS)
        if not measure.startswith("ece"):
            assert held[measure] / DRAWS < 0.996, (measure, held[measure] / DRAWS)


def test_rows_of_one_customer_are_no_news_where_groups_are_left_out(truth):
    # The same intervals without groups are too narrow: the test above can fail.
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(DRAWS):
        y, p, _, _ = draw(rng, 1200, several=True)
        auc = evaluate_probabilities(y, p).auc
        held += auc.ci_lower <= truth["auc"] <= auc.ci_upper
    assert held / DRAWS < 0.904


@pytest.mark.parametrize("several", [False, True], ids=["one row", "two rows a customer"])
def test_equal_models_are_told_apart_as_often_as_the_test_says(several):
    rng = np.random.default_rng(77)
    alarms: Counter[str] = Counter()
    winners = 0
    for _ in range(300):
        y, p, rival, groups = draw(rng, 1200, several=several)
        found = compare_probabilities(y, p, rival, groups=groups)
        frame = found.to_frame()
        alarms.update(frame.loc[frame["p_value"] < 0.05, "measure"])
        winners += found.winner is not None
    # Three standard errors (3.8 points) about 5 %.
    for measure in frame["measure"]:
        assert 0.012 < alarms[measure] / 300 < 0.088, (measure, alarms[measure])
    assert winners / 300 < 0.088
