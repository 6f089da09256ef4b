"""Paired tests: against the definition, against themselves, and in words."""

import numpy as np
import pytest
from scipy.special import expit

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import compare_probabilities, evaluate_probabilities

from .test_ranking import wins


def draw(seed, rows=1500, noise=(0.7, 0.7)):
    """Labels and two models that see the true log-odds with noise of their own."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-1.5, 1, rows)
    y = (rng.random(rows) < expit(z)).astype(int)
    return y, *(expit(z + rng.normal(0, size, rows)) for size in noise)


def paired_delong(y, a, b):
    """The paired difference's standard error by DeLong's covariances over all pairs."""
    first, second = wins(y, a), wins(y, b)
    of_positives = np.cov(first.mean(axis=1), second.mean(axis=1)) / first.shape[0]
    of_negatives = np.cov(first.mean(axis=0), second.mean(axis=0)) / first.shape[1]
    total = of_positives + of_negatives
    return np.sqrt(total[0, 0] + total[1, 1] - 2 * total[0, 1])


def test_the_auc_is_compared_by_delongs_paired_test():
    y, a, b = draw(0, rows=300)
    found = compare_probabilities(y, np.round(a, 2), np.round(b, 2)).to_frame().iloc[0]
    half = (found["difference_ci_upper"] - found["difference_ci_lower"]) / 2
    assert half == pytest.approx(1.959963985 * paired_delong(y, np.round(a, 2), np.round(b, 2)))


def test_the_log_loss_is_compared_by_a_paired_t_test():
    y, a, b = draw(1)
    found = compare_probabilities(y, a, b).to_frame().set_index("measure").loc["log_loss"]
    gap = -np.log(np.where(y == 1, b, 1 - b)) + np.log(np.where(y == 1, a, 1 - a))
    assert found["difference"] == pytest.approx(gap.mean(), abs=1e-12)
    half = (found["difference_ci_upper"] - found["difference_ci_lower"]) / 2
    assert half == pytest.approx(1.959963985 * gap.std(ddof=1) / np.sqrt(len(gap)))


def test_values_are_those_of_the_evaluation():
    y, a, b = draw(2)
    frame = compare_probabilities(y, a, b).to_frame().set_index("measure")
    for name, p in (("a", a), ("b", b)):
        theirs = evaluate_probabilities(y, p).to_frame().set_index("measure")["value"]
        assert frame[name].tolist() == pytest.approx(theirs[frame.index].tolist(), abs=1e-12)
    assert frame["difference"].tolist() == pytest.approx((frame["b"] - frame["a"]).tolist())


def test_a_model_does_not_differ_from_itself():
    y, a, _ = draw(3)
    found = compare_probabilities(y, a, a)
    frame = found.to_frame()
    assert (frame["difference"] == 0).all()
    assert (frame["p_value"] == 1).all()
    assert frame["better"].isna().all()
    assert found.winner is None
    assert found.better.startswith("Neither is shown to be better (b less a: AUC +0.0000")


def test_swapping_the_models_turns_the_signs():
    y, a, b = draw(4)
    one, other = (
        compare_probabilities(y, a, b).to_frame(),
        compare_probabilities(y, b, a).to_frame(),
    )
    np.testing.assert_allclose(one["difference"], -other["difference"])
    np.testing.assert_allclose(one["p_value"], other["p_value"])


def test_the_better_model_wins_in_words():
    y, a, b = draw(5, noise=(1.5, 0.2))
    found = compare_probabilities(y, a, b, names=("champion", "challenger"))
    assert found.winner == "b"
    assert found.better.startswith("challenger is better (challenger less champion: AUC +0.")
    assert compare_probabilities(y, b, a).winner == "a"
    assert set(found.to_frame()["better"]) == {"b"}


def test_a_contradiction_has_no_winner():
    # The second model orders better, but its probabilities are far too high.
    y, a, b = draw(6, noise=(1.5, 0.2))
    assert compare_probabilities(y, a, expit(np.log(b / (1 - b)) + 3)).winner is None


def test_worse_probabilities_of_the_same_order_lose():
    y, a, _ = draw(7)
    found = compare_probabilities(y, a, a**2)
    assert found.winner == "a"
    frame = found.to_frame().set_index("measure")
    assert frame.loc["auc", "difference"] == pytest.approx(0, abs=1e-12)


def test_rows_of_one_customer_are_counted_once():
    y, a, b = draw(8, rows=400)
    groups = np.tile(np.arange(400), 3)
    thrice = compare_probabilities(*(np.tile(v, 3) for v in (y, a, b)), groups=groups)
    once = compare_probabilities(y, a, b)
    np.testing.assert_allclose(
        thrice.to_frame()["p_value"].astype(float), once.to_frame()["p_value"], rtol=0.02
    )
    assert (thrice.rows, thrice.customers, thrice.positives) == (1200, 400, 3 * once.positives)


def test_weights_stand_for_rows():
    y, a, b = draw(9, rows=300)
    w = np.random.default_rng(0).integers(1, 4, 300)
    weighted = compare_probabilities(y, a, b, sample_weight=w).to_frame()
    repeated = compare_probabilities(*(np.repeat(v, w) for v in (y, a, b))).to_frame()
    np.testing.assert_allclose(weighted["difference"], repeated["difference"], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_b": [0.1, 1.2]}, "p_b must be between 0 and 1"),
        ({"p_a": [0.1]}, "y, p_a and sample_weight must be of one length"),
        ({"names": ("one",)}, "names must be two words"),
        ({"level": 1}, "level must be between 0 and 1"),
    ],
)
def test_refuses(change, message):
    arguments = {"p_a": [0.1, 0.2], "p_b": [0.1, 0.2]} | change
    with pytest.raises(InvalidInput, match=message):
        compare_probabilities([0, 1], **arguments)
